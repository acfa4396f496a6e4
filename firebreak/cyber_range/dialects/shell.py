"""What every dialect offers the line: a prompt, and an answer to each line typed."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from firebreak.cyber_range.console import Console


@dataclass(frozen=True, slots=True)
class Answer:
    """Text to print (each line with its end), and what happens then.

    ``ask`` takes the next line instead of the shell; ``hidden`` keeps that line off the echo.
    """

    text: str = ""
    close: bool = False
    ask: "Callable[[str], Answer] | None" = None
    hidden: bool = False


class Shell(ABC):
    """A command line on one switch, with the modes of its platform."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.state = console.state

    @property
    @abstractmethod
    def prompt(self) -> str:
        """What stands before the cursor, trailing blank included."""

    @abstractmethod
    def execute(self, line: str) -> Answer:
        """Carry out a line. Raises LineDropped or LineHung when a fault says so."""

    def close(self) -> None:  # noqa: B027 - most have nothing to let go of
        """Let go of what the session holds: it ended or its line broke."""

    def greeting(self) -> str:
        """What is printed after login."""
        return ""
