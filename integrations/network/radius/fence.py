"""The times of one operation, and the promise that nothing is sent after them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from firebreak.errors import OutcomeUnknown, Unreachable
from integrations.network import clock

Result = TypeVar("Result")


@dataclass
class Fence:
    """``deadline`` and ``send_by`` are on ``clock``; ``gone``: nobody waits any more."""

    deadline: float
    send_by: float
    gone: bool = False

    @classmethod
    def of(cls, deadline_s: float, send_by: datetime | None = None) -> "Fence":
        """The fence of an operation that begins now. A look has no ``send_by`` of its own."""
        now = clock.now()
        deadline = now + deadline_s
        window = (send_by - datetime.now(UTC)).total_seconds() if send_by else deadline_s
        return cls(deadline, min(deadline, now + window))

    @property
    def left_s(self) -> float:
        """Seconds to the deadline, not below zero."""
        return max(0.0, self.deadline - clock.now())

    @property
    def open(self) -> bool:
        """Whether something may still be sent."""
        return clock.now() < self.send_by

    @property
    def until(self) -> datetime:
        """``send_by`` as a time of day, for collaborators."""
        return datetime.now(UTC) + timedelta(seconds=self.send_by - clock.now())

    def check(self) -> None:
        """Raise Unreachable when a change may not be begun any more."""
        if self.gone:
            raise Unreachable("nobody waits for the change any more; nothing was sent")
        if not self.open:
            raise Unreachable("the time for sending has passed; nothing was sent")

    async def read(self, what: str, look: Awaitable[Result]) -> Result:
        """Wait for a look within the deadline. Raises Unreachable."""
        try:
            async with asyncio.timeout(self.left_s):
                return await look
        except TimeoutError as error:
            raise Unreachable(f"{what} did not answer in time; nothing was sent") from error

    async def write(self, what: str, change: Awaitable[Result]) -> Result:
        """Wait for a change within the deadline. Raises OutcomeUnknown."""
        try:
            async with asyncio.timeout(self.left_s):
                return await change
        except TimeoutError as error:
            raise OutcomeUnknown(f"{what} did not answer in time; it may have changed") from error


class Turns:
    """One operation at a time on each target, brought to its end whoever stops waiting.

    A change of two parts, the authorization and the session, must not stop between them because
    its caller was cancelled.
    """

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._running: set[asyncio.Task[object]] = set()

    async def take(
        self, target: str, fence: Fence, work: Callable[[], Awaitable[Result]]
    ) -> Result:
        """Run the work in the target's turn. Raises Unreachable when no turn comes in time."""

        async def run() -> Result:
            async with self._turn(target, fence):
                return await work()

        task = asyncio.ensure_future(run())
        self._running.add(task)
        task.add_done_callback(self._ended)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            fence.gone = True
            raise

    async def close(self) -> None:
        """Wait for what is under way, each within its deadline."""
        while self._running:
            await asyncio.wait(self._running)

    def _ended(self, task: "asyncio.Task[object]") -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # its caller may be gone; the error is not lost on anybody then

    @asynccontextmanager
    async def _turn(self, target: str, fence: Fence) -> AsyncIterator[None]:
        lock = self._locks.setdefault(target, asyncio.Lock())
        try:
            async with asyncio.timeout(fence.left_s):
                await lock.acquire()
        except TimeoutError as error:
            raise Unreachable(f"{target} was busy until the deadline") from error
        try:
            yield
        finally:
            lock.release()
