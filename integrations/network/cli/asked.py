"""What one caller asks of a switch, and what came of it: told in one thread, awaited in another."""

import asyncio
from typing import Generic, TypeVar

from firebreak.errors import OutcomeUnknown, Rejected, Unreachable
from integrations.network.cli.faults import LineLost, Refused, Unreadable
from integrations.network.cli.line import Fence
from integrations.network.ports import PortState

Result = TypeVar("Result")


class Asked(Generic[Result]):
    """A caller's part of a turn. Its outcome may come from any thread, and is there at once."""

    def __init__(self, switch: str, fence: Fence) -> None:
        self.switch = switch
        self.fence = fence
        self.begun = False  # a turn has taken it up
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.unreadable = False
        self._outcome: tuple[Result] | Exception | None = None

    @property
    def open(self) -> bool:
        """Nothing has come of it yet."""
        return self._outcome is None

    def settle(self, result: Result) -> None:
        """It was done, or read; nothing of it is under way any more."""
        self._outcome = (result,)  # before the next line: who sees it settled sees the outcome too
        self.fence.unsettled = False

    def fail(self, error: Exception) -> None:
        """It failed, and what that means depends on how far its effect had come."""
        self.unreadable = isinstance(error, Unreadable)
        self._outcome = self._told(error)

    def result(self) -> Result:
        """What came of it. Raises what it failed with."""
        if self._outcome is None:
            raise AssertionError("asked for before it was over")
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome[0]

    def _told(self, error: Exception) -> Exception:
        text = f"switch {self.switch}: {error}"
        told = error
        if self.fence.unsettled and not isinstance(error, OutcomeUnknown):
            told = OutcomeUnknown(f"{text}; a change was sent and not seen since")
        elif isinstance(error, LineLost):
            told = Unreachable(f"{text}; no change was sent")
        elif isinstance(error, (Refused, Unreadable)):
            told = Rejected(text)
        if told is not error:
            told.__cause__ = error
        return told


class PortChange(Asked[PortState]):
    """A caller who wants one port taken from ``known`` to ``wanted``."""

    def __init__(self, fence: Fence, known: PortState, wanted: PortState) -> None:
        super().__init__(wanted.switch, fence)
        self.known = known
        self.wanted = wanted

    @property
    def port(self) -> str:
        """The port's canonical name."""
        return self.wanted.port
