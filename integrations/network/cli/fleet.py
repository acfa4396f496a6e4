"""The switches of the estate: blocking sessions behind an async front."""

import asyncio
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Self

from firebreak.domain.estate import Switch
from firebreak.errors import Rejected, Unreachable
from integrations.network import clock
from integrations.network.cli.asked import PortChange, Result
from integrations.network.cli.hostkeys import write_known_hosts
from integrations.network.cli.line import Fence
from integrations.network.cli.session import Session
from integrations.network.cli.turns import Job, Turns
from integrations.network.ports import PortState


class SwitchFleet:
    """Reads and changes switch ports.

    Args:
        switches: as the estate file lists them.
        deadline_s: the longest one operation may take, waiting for its turn included. When it
            has passed, nothing more is sent for it; with the last one of a turn, the connection
            is torn down.
        idle_s: a session that was not used for so long is closed.
        threads: how many switches are worked on at the same time.
        ports_at_once: how many ports of a switch one turn looks at or changes at most.

    Raises:
        DefinitionError: a host key is not a public key.
    """

    def __init__(
        self,
        switches: Iterable[Switch],
        *,
        deadline_s: float = 30.0,
        idle_s: float = 300.0,
        threads: int = 32,
        ports_at_once: int = 48,
    ) -> None:
        self.deadline_s = deadline_s
        self._folder = tempfile.TemporaryDirectory(prefix="firebreak-known-hosts-")
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="switch")
        self._closed = False
        try:
            self._turns = {
                switch.id: Turns(
                    Session(switch, write_known_hosts(switch, Path(self._folder.name))),
                    self._pool,
                    at_once=ports_at_once,
                    idle_s=idle_s,
                )
                for switch in switches
                if switch.cli is not None
            }
        except BaseException:
            self._folder.cleanup()
            raise

    @property
    def switches(self) -> Mapping[str, Switch]:
        """The switches by id."""
        return MappingProxyType({name: turns.session.switch for name, turns in self._turns.items()})

    def session(self, switch: str) -> Session:
        """A switch's session. Raises Rejected when it is not listed."""
        try:
            return self._turns[switch].session
        except KeyError:
            raise Rejected(f"no switch {switch!r} with a `cli` entry in the estate") from None

    def _turns_of(self, switch: str) -> Turns:
        if self._closed:
            raise Unreachable("the switch fleet is closed")
        return self._turns[self.session(switch).switch.id]

    def fence(self, send_by: datetime | None = None) -> Fence:
        """The times of an operation that begins now; without ``send_by`` it may send nothing."""
        now = clock.now()
        window = (send_by - datetime.now(UTC)).total_seconds() if send_by else 0.0
        return Fence(deadline=now + self.deadline_s, send_by=now + window)

    async def run(self, switch: str, job: Job[Result], fence: Fence) -> Result:
        """Run a reading job on a switch; what others want to know shares its turn and answers.

        Raises:
            Unreachable, AuthFailed, Rejected, and what the job raises.
        """
        return await self._turns_of(switch).read(job, fence)

    async def change(self, known: PortState, wanted: PortState, send_by: datetime) -> PortState:
        """Take a port from ``known`` to ``wanted`` and return what is read afterwards.

        Changes of other ports of the switch that wait at the same time travel together. A cancelled
        caller does not stop a change that was sent: it is brought to its end within the deadline.
        What was not sent by then never is.

        Raises:
            StateDrifted: the port is neither; nothing was sent.
            Rejected: the switch refused, and the port is as it was.
            OutcomeUnknown: the change was sent, or a part of it, and not seen in force.
            Unreachable: the line failed, or the time for sending had passed; nothing was sent.
            AuthFailed: the switch, or what claims to be it, did not let us in.
            Busy: the switch may put the port back by itself (Junos); nothing was sent.
        """
        turns = self._turns_of(wanted.switch)
        return await turns.change(PortChange(self.fence(send_by), known, wanted))

    async def close(self) -> None:
        """Close every session; what is under way or waits ends first, within its deadline."""
        self._closed = True
        for turns in self._turns.values():
            await turns.close()
        await asyncio.to_thread(self._pool.shutdown)
        self._folder.cleanup()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()
