"""What is wrong with a playbook, where, and what to do: the shape of every finding of lint."""

from collections.abc import Iterable

from firebreak.domain.base import Model
from firebreak.errors import DefinitionError


class Problem(Model):
    """One finding. ``line`` and ``column`` count from 1. ``code`` is stable."""

    file: str
    line: int
    column: int
    code: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}: {self.message} [{self.code}]{hint}"


class InvalidPlaybookError(DefinitionError):
    """A playbook with problems. It is never compiled, in part or in whole."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep the problems, in the order of the text."""
        self.problems = in_order(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems as they stand in the files, each once."""
    unique = dict.fromkeys(problems)
    return tuple(sorted(unique, key=lambda p: (p.file, p.line, p.column, p.code, p.message)))
