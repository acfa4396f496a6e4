"""A command line that answers from a table, for reading what a platform makes of it."""

import contextlib
from collections.abc import Iterator, Mapping


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

    def say(self, line: str) -> str:
        self.sent.append(line)
        return self._answers.get(line, "")

    def effect(self, line: str) -> str:
        return self.say(line)
