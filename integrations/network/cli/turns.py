"""Whose turn it is on a switch. What waits while a turn is under way shares the next one.

The first caller goes at once and waits for nobody; those who come meanwhile are taken together.
So a burst travels in a few turns of one session, and a single caller is as fast as he can be.
"""

import asyncio
import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from firebreak.errors import FirebreakError, OutcomeUnknown, Unreachable
from integrations.network.cli.asked import Asked, PortChange, Result
from integrations.network.cli.change import bring
from integrations.network.cli.faults import Refused, TooLate, Unreadable
from integrations.network.cli.line import Fence, LineTime
from integrations.network.cli.platforms.base import Reader
from integrations.network.cli.platforms.gathered import Gathered
from integrations.network.cli.session import Session
from integrations.network.cli.shell import NetmikoShell
from integrations.network.ports import PortState

Job = Callable[[Reader], Result]

# What a thread may need, after its line was torn down, to notice it.
_GRACE_S = 2.0
# How much more time than another a caller may have, to share a turn with him: where a switch takes
# all changes or none, the one with the least time decides for all.
_ALIKE = 2.0


class Reading(Asked[Result]):
    """A caller who wants to know something."""

    def __init__(self, switch: str, fence: Fence, job: Job[Result]) -> None:
        super().__init__(switch, fence)
        self.job = job


Request = Reading[Any] | PortChange


class Turns:
    """One switch's queue.

    Args:
        session: used by one turn at a time.
        pool: the threads in which turns run.
        at_once: how many callers share a turn at most.
        idle_s: a session that was not used for so long is closed.
    """

    def __init__(
        self, session: Session, pool: ThreadPoolExecutor, *, at_once: int, idle_s: float
    ) -> None:
        self.session = session
        self._pool = pool
        self._at_once = at_once
        self._idle_s = idle_s
        self._waiting: list[Request] = []
        self._work: asyncio.Task[None] | None = None
        self._idling: asyncio.TimerHandle | None = None

    async def read(self, job: Job[Result], fence: Fence) -> Result:
        """Run a reading job. Raises Unreachable, AuthFailed, Rejected, and what the job raises."""
        reading = Reading(self.session.switch.id, fence, job)
        await self._wait(reading)
        return reading.result()

    async def change(self, change: PortChange) -> PortState:
        """Bring a change about. Raises Unreachable, AuthFailed, and what change.bring gives."""
        await self._wait(change)
        return change.result()

    async def close(self) -> None:
        """Let those who wait have their turns, then close the session."""
        while self._work is not None:
            await asyncio.wait({self._work})
        self._stop_idling()
        await asyncio.to_thread(self.session.drop)

    async def _wait(self, asked: Request) -> None:
        """Queue up and wait until it is over, or until the caller's own deadline."""
        self._waiting.append(asked)
        if self._work is None:
            self._work = asyncio.create_task(self._serve())
        try:
            await asyncio.wait({asked.over}, timeout=asked.fence.left())
            if asked.begun:
                await asyncio.wait({asked.over}, timeout=_GRACE_S)
        finally:
            asked.fence.cancelled = True  # from here on nobody waits for it
        unsettled = asked.fence.unsettled  # to be looked at before the outcome, see Asked.settle
        if not asked.open:
            return
        where = f"switch {asked.switch}"
        if unsettled:
            raise OutcomeUnknown(f"{where}: a change was sent and not seen")
        if not asked.begun:
            raise Unreachable(f"{where} was busy until the deadline")
        raise Unreachable(f"{where} did not answer; no change was sent")

    async def _serve(self) -> None:
        self._stop_idling()
        try:
            while batch := self._next():
                await self._turn(batch)
        finally:
            self._work = None
        self._idling = asyncio.get_running_loop().call_later(self._idle_s, self._retire)

    def _next(self) -> list[Request]:
        """Who shares the next turn: of one kind with the first, with about as much time.

        Each port is changed once in a turn, and by those who want to change it in their order.
        """
        queue = [a for a in self._waiting if a.fence.left() and not a.fence.cancelled]
        batch: list[Request] = []
        ports: set[str] = set()
        for asked in queue:
            port = asked.port if isinstance(asked, PortChange) else ""
            if len(batch) < self._at_once and _alike(queue[0], asked) and port not in ports:
                asked.begun = True
                batch.append(asked)
            if port:
                ports.add(port)
        self._waiting = [asked for asked in queue if not asked.begun]
        return batch

    async def _turn(self, batch: Sequence[Request]) -> None:
        loop = asyncio.get_running_loop()
        limit = LineTime(deadline=max(asked.fence.deadline for asked in batch))
        reaper = loop.call_later(limit.left(), self.session.abort)  # before a thread shortens it
        work = loop.run_in_executor(self._pool, self._run, batch, limit)
        await asyncio.wait({work})
        reaper.cancel()
        error = work.exception()
        for asked in batch:
            if asked.open and isinstance(error, Exception):
                asked.fail(error)
            asked.over.set_result(None)

    def _run(self, batch: Sequence[Request], limit: LineTime) -> None:
        """The turn itself, in a thread."""
        self.session.run(functools.partial(self._job, batch), limit)
        if any(asked.unreadable or asked.fence.unsettled for asked in batch):
            self.session.drop()

    def _job(self, batch: Sequence[Request], shell: NetmikoShell) -> None:
        still = [asked for asked in batch if asked.open]
        changes = [asked for asked in still if isinstance(asked, PortChange)]
        if changes:
            bring(self.session, shell, changes)
        reader = Gathered(shell, self.session.platform, len(still))
        for asked in still:
            if isinstance(asked, Reading):
                _look(reader, asked)

    def _retire(self) -> None:
        if self._work is None:
            self._work = asyncio.create_task(self._hang_up())

    async def _hang_up(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._pool, self.session.drop)
        self._work = None
        if self._waiting:
            self._work = asyncio.create_task(self._serve())

    def _stop_idling(self) -> None:
        if self._idling is not None:
            self._idling.cancel()
            self._idling = None


def _alike(first: Request, asked: Request) -> bool:
    if isinstance(first, PortChange) != isinstance(asked, PortChange):
        return False
    less, more = sorted((_time(first), _time(asked)))
    return more <= less * _ALIKE


def _time(asked: Request) -> float:
    left = asked.fence.left()
    return min(left, asked.fence.window()) if isinstance(asked, PortChange) else left


def _look(reader: Reader, reading: Reading[Any]) -> None:
    if reading.fence.cancelled or not reading.fence.left():
        reading.fail(TooLate("nobody waits for it any more"))
        return
    try:
        reading.settle(reading.job(reader))
    except (FirebreakError, Refused, Unreadable) as error:
        reading.fail(error)
