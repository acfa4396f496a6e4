"""A command line that answers from a table, for reading what a platform makes of it."""

import contextlib
import re
from collections.abc import Iterator, Mapping

from integrations.network import clock
from integrations.network.cli.asked import PortChange
from integrations.network.cli.line import Fence
from integrations.network.ports import PortState


class TableShell:
    """Gives each command its answer; one that is not in the table is an error of the test."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self._answers = answers
        self.sent: list[str] = []

    def ask(self, command: str) -> str:
        return self._answers[command]

    @contextlib.contextmanager
    def config(self, enter: str, leave: str, undo: str = "") -> Iterator[None]:
        del undo
        self.sent.append(enter)
        yield
        self.sent.append(leave)

    def say(self, line: str, prompt: re.Pattern[str] | None = None) -> str:
        del prompt
        self.sent.append(line)
        return self._answers.get(line, "")

    def effect(self, line: str, *changes: PortChange) -> str:
        del changes
        return self.say(line)


def change(known: PortState, wanted: PortState, *, for_s: float = 20) -> PortChange:
    """A caller's wish that has so many seconds left."""
    end = clock.now() + for_s
    return PortChange(Fence(deadline=end, send_by=end), known, wanted)
