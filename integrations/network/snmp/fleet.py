"""The SNMP agents of the estate: one operation on each switch at a time, within its deadline."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Self, TypeVar

from firebreak.domain.estate import SnmpAccess, Switch
from firebreak.errors import CapabilityMissing, OutcomeUnknown, Unreachable
from integrations.network import clock
from integrations.network.snmp.agent import Agent, Line
from integrations.network.snmp.faults import TooLate
from integrations.network.snmp.fence import Fence

Result = TypeVar("Result")
Job = Callable[[Line], Awaitable[Result]]


class SnmpFleet:
    """Runs jobs on agents.

    Reads and writes of one switch take turns, so that two changes never read the same bit string.

    Args:
        switches: as the estate file lists them; those without `snmp` are left out.
        deadline_s: the longest one operation may take, waiting for its turn included.
    """

    def __init__(self, switches: Iterable[Switch], *, deadline_s: float = 20.0) -> None:
        self.deadline_s = deadline_s
        self._closed = False
        self._desks = {s.id: _Desk(s, s.snmp) for s in switches if s.snmp is not None}

    @property
    def switches(self) -> Mapping[str, Switch]:
        """The switches that have an agent, by id."""
        return MappingProxyType({name: desk.agent.switch for name, desk in self._desks.items()})

    def switch(self, switch: str) -> Switch:
        """A switch by id. Raises CapabilityMissing when the estate gives it no agent."""
        return self._desk(switch).agent.switch

    def fence(self, send_by: datetime | None = None) -> Fence:
        """The times of an operation that begins now; without ``send_by`` it may send no SET."""
        now = clock.now()
        window = (send_by - datetime.now(UTC)).total_seconds() if send_by else 0.0
        return Fence(deadline=now + self.deadline_s, send_by=now + window)

    async def run(self, switch: str, job: Job[Result], fence: Fence) -> Result:
        """Run a job in the switch's turn.

        A cancelled caller does not stop a change that was sent: it is brought to its end and read
        back, within the deadline. What was not sent by then never is.

        Raises:
            Unreachable: no answer, and no change was sent.
            OutcomeUnknown: anything went wrong between a SET and its read-back.
            AuthFailed, Rejected, CapabilityMissing, and what the job raises.
        """
        if self._closed:
            raise Unreachable("the SNMP fleet is closed")
        work = asyncio.create_task(self._work(self._desk(switch), job, fence))
        work.add_done_callback(_noticed)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            fence.cancelled = True
            raise

    async def _work(self, desk: "_Desk", job: Job[Result], fence: Fence) -> Result:
        name = desk.agent.switch.id
        await desk.turn(fence)
        try:
            _still_wanted(name, gone=self._closed or fence.cancelled)
            return await job(Line(desk.agent, fence))
        except Exception as error:
            if fence.unsettled and not isinstance(error, OutcomeUnknown):
                raise OutcomeUnknown(
                    f"switch {name}: {error}; a change was sent and not seen since"
                ) from error
            if isinstance(error, (TooLate, Unreachable)):
                raise Unreachable(f"switch {name}: {error}; no change was sent") from error
            raise
        finally:
            desk.lock.release()

    def _desk(self, switch: str) -> "_Desk":
        try:
            return self._desks[switch]
        except KeyError:
            raise CapabilityMissing(
                f"no switch {switch!r} with an `snmp` entry in the estate"
            ) from None

    async def close(self) -> None:
        """Close every engine; an operation under way ends first, within its deadline."""
        self._closed = True
        for desk in self._desks.values():
            async with desk.lock:
                desk.agent.drop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()


class _Desk:
    """An agent, and whose turn it is."""

    def __init__(self, switch: Switch, access: SnmpAccess) -> None:
        self.agent = Agent(switch, access)
        self.lock = asyncio.Lock()

    async def turn(self, fence: Fence) -> None:
        """Wait for the turn. Raises Unreachable at the deadline."""
        try:
            async with asyncio.timeout(fence.left()):
                await self.lock.acquire()
        except TimeoutError as error:
            raise Unreachable(
                f"the SNMP agent of {self.agent.switch.id} was busy until the deadline"
            ) from error


def _still_wanted(switch: str, *, gone: bool) -> None:
    if gone:
        raise Unreachable(f"nobody waits for switch {switch} any more; nothing was sent")


def _noticed(work: "asyncio.Task[object]") -> None:
    """Whoever asked may be gone; an error that nobody awaits is not worth a warning then."""
    if not work.cancelled():
        work.exception()
