"""The switches of the estate: blocking sessions behind an async front, one job each at a time."""

import asyncio
import functools
import tempfile
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Self

from firebreak.domain.estate import Switch
from firebreak.errors import OutcomeUnknown, Rejected, Unreachable
from integrations.network.cli.hostkeys import write_known_hosts
from integrations.network.cli.line import Fence
from integrations.network.cli.session import Job, Result, Session

# What a thread may need, after its line was torn down, to notice it.
_GRACE_S = 2.0


class SwitchFleet:
    """Runs jobs on switches.

    Args:
        switches: as the estate file lists them.
        deadline_s: the longest one operation may take, waiting for its turn included. When it
            passes the connection is torn down, so that nothing can be sent later.
        idle_s: a session that was not used for so long is closed.
        threads: how many switches are worked on at the same time.

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
    ) -> None:
        self.deadline_s = deadline_s
        self._idle_s = idle_s
        self._folder = tempfile.TemporaryDirectory(prefix="firebreak-known-hosts-")
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="switch")
        self._closed = False
        try:
            self._desks = {
                switch.id: _Desk(switch, write_known_hosts(switch, Path(self._folder.name)))
                for switch in switches
                if switch.cli is not None
            }
        except BaseException:
            self._folder.cleanup()
            raise

    @property
    def switches(self) -> Mapping[str, Switch]:
        """The switches by id."""
        return MappingProxyType({name: desk.switch for name, desk in self._desks.items()})

    def session(self, switch: str) -> Session:
        """A switch's session. Raises Rejected when it is not listed."""
        return self._desk(switch).session

    def _desk(self, switch: str) -> "_Desk":
        try:
            return self._desks[switch]
        except KeyError:
            raise Rejected(f"no switch {switch!r} with a `cli` entry in the estate") from None

    def fence(self, send_by: datetime | None = None) -> Fence:
        """The times of an operation that begins now; without ``send_by`` it may send nothing."""
        now = time.monotonic()
        window = (send_by - datetime.now(UTC)).total_seconds() if send_by else 0.0
        return Fence(deadline=now + self.deadline_s, send_by=now + window)

    async def run(self, switch: str, job: Job[Result], fence: Fence) -> Result:
        """Run a job in the switch's turn.

        A cancelled caller does not stop a change that was sent: the thread brings the switch out
        of configuration mode, within the deadline. What was not sent by then never is.

        Raises:
            Unreachable, OutcomeUnknown, AuthFailed, Rejected, and what the job raises.
        """
        if self._closed:
            raise Unreachable("the switch fleet is closed")
        desk = self._desk(switch)
        await desk.turn(fence)
        loop = asyncio.get_running_loop()
        try:
            work = loop.run_in_executor(self._pool, desk.session.run, job, fence)
        except BaseException:
            desk.lock.release()
            raise
        reaper = loop.call_later(fence.left(), desk.session.abort)
        work.add_done_callback(functools.partial(self._done, desk, reaper))
        try:
            async with asyncio.timeout(fence.left() + _GRACE_S):
                return await asyncio.shield(work)
        except TimeoutError as error:
            fence.cancelled = True
            work.cancel()
            if fence.unsettled:
                raise OutcomeUnknown(f"switch {switch}: a change was sent and not seen") from error
            raise Unreachable(f"switch {switch} did not answer; no change was sent") from error
        except asyncio.CancelledError:
            fence.cancelled = True
            raise

    def _done(
        self, desk: "_Desk", reaper: asyncio.TimerHandle, work: "asyncio.Future[object]"
    ) -> None:
        del work
        reaper.cancel()
        desk.lock.release()
        if not self._closed:
            desk.idle_after(self._idle_s, self._pool)

    async def close(self) -> None:
        """Close every session; an operation under way ends first, within its deadline."""
        self._closed = True
        for desk in self._desks.values():
            desk.stop_idling()
            async with desk.lock:
                await asyncio.to_thread(desk.session.drop)
        await asyncio.to_thread(self._pool.shutdown)
        self._folder.cleanup()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()


class _Desk:
    """A switch, its session, and whose turn it is."""

    def __init__(self, switch: Switch, known_hosts: Path) -> None:
        self.switch = switch
        self.session = Session(switch, known_hosts)
        self.lock = asyncio.Lock()
        self._idling: asyncio.TimerHandle | None = None

    async def turn(self, fence: Fence) -> None:
        """Wait for the turn. Raises Unreachable at the deadline."""
        try:
            async with asyncio.timeout(fence.left()):
                await self.lock.acquire()
        except TimeoutError as error:
            raise Unreachable(f"switch {self.switch.id} was busy until the deadline") from error
        self.stop_idling()

    def idle_after(self, seconds: float, pool: ThreadPoolExecutor) -> None:
        """Close the session unless it is used within so many seconds."""
        self.stop_idling()
        loop = asyncio.get_running_loop()
        self._idling = loop.call_later(seconds, self._close_idle, pool)

    def stop_idling(self) -> None:
        """The session is in use, or closing."""
        if self._idling is not None:
            self._idling.cancel()
            self._idling = None

    def _close_idle(self, pool: ThreadPoolExecutor) -> None:
        if not self.lock.locked():
            pool.submit(self.session.drop)
