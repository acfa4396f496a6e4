"""Writes to one record, each of them once, wherever the process is cut off.

Before each write it is kept that it begins, and after it that it ended. Whoever finds a beginning
without an end looks in the record before it writes again, and not before the write that was cut
off can no longer arrive.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from firebreak.errors import FirebreakError, OutcomeUnknown, Unreachable
from integrations.itsm import marks
from integrations.itsm.helpdesk import Changed
from integrations.itsm.memory import Trace

Known = TypeVar("Known", bound=Trace)


class Once(Generic[Known]):
    """The writes to one record; ``memory`` is what to know the next time.

    Args:
        memory: what is known of the record.
        keep: saves it at once.
        settle_s: how long a write that was not answered may take to show up.
    """

    def __init__(
        self, memory: Known, keep: Callable[[Known], Awaitable[None]], settle_s: float
    ) -> None:
        self.memory = memory
        self._keep = keep
        self._settle_s = settle_s

    async def know(self, **changes: object) -> None:
        """Keep that something is other than it was."""
        await self.replace(self.memory.model_copy(update=changes))

    async def replace(self, memory: Known) -> None:
        """Keep this instead of what was known."""
        self.memory = memory
        await self._keep(memory)

    async def create(self, act: Callable[[], Awaitable[str]]) -> None:
        """Make the record, after it has been looked for.

        Raises:
            OutcomeUnknown: it was asked for, and nobody knows whether it was made.
        """
        if self.memory.creating:
            await self._wait_out("the record that was asked for")
        await self.know(creating=True, since=time.time())
        try:
            made = await act()
        except OutcomeUnknown:
            raise
        except FirebreakError:
            await self.know(creating=False)
            raise
        await self.know(ticket=made, creating=False)

    async def write(self, mark: str, act: Callable[[], Awaitable[None]]) -> None:
        """Write what leaves this mark.

        Raises:
            OutcomeUnknown: it was sent, and nobody knows whether it was written.
        """
        await self.know(posting=mark, since=time.time())
        try:
            await act()
        except OutcomeUnknown:
            raise
        except (FirebreakError, Changed):  # nothing was written
            await self.know(posting="")
            raise
        await self.know(**self._ended(mark))

    async def settle(self, there: Callable[[], Awaitable[set[str]]]) -> None:
        """Find out by the marks in the record whether what was begun the last time was done."""
        begun = self.memory.posting
        if not begun:
            return
        if begun in await there():
            await self.know(**self._ended(begun))
            return
        await self._wait_out(f"what was written last ({begun})")
        await self.know(posting="")

    def _ended(self, mark: str) -> dict[str, object]:
        number = marks.highest((mark,))
        if number >= 0:
            return {"posting": "", "posted": max(number, self.memory.posted)}
        return {"posting": "", "done": tuple(dict.fromkeys((*self.memory.done, mark)))}

    async def _wait_out(self, what: str) -> None:
        """Raise Unreachable while an earlier request may still be carried out."""
        now = time.time()
        if self.memory.since > now:  # the clock was set back: count from here
            await self.know(since=now)
        left = self.memory.since + self._settle_s - now
        if left > 0:
            raise Unreachable(f"{what} may still arrive; it is looked for again in {left:.0f} s")
