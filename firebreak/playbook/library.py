"""Every playbook there is: the shipped ones, and those of the configured directories.

A broken playbook takes nothing else down. It is listed with its problems, cannot be started, and
hides a shipped one of the same name: half of a change must not bring back what it replaced.
"""

from collections.abc import Iterable, Mapping
from importlib.abc import Traversable
from importlib.resources import files
from pathlib import Path

from firebreak.domain.alert import Alert
from firebreak.domain.device import Device
from firebreak.errors import NotFound
from firebreak.playbook import schema
from firebreak.playbook.catalogue import SHIPPED, Catalogue
from firebreak.playbook.compiler import lower
from firebreak.playbook.lint import lint
from firebreak.playbook.problems import InvalidPlaybookError, Problem, in_order
from firebreak.playbook.program import Program
from firebreak.playbook.reading import MAX_BYTES, Authored, read_bytes
from firebreak.playbook.triggers import match

_SUFFIXES = (".yaml", ".yml")

Read = Authored | tuple[Problem, ...]


class Library:
    """Playbooks by name. Read once; a changed file needs a new Library."""

    def __init__(
        self, read: Mapping[str, Read], catalogue: Catalogue, problems: Iterable[Problem] = ()
    ) -> None:
        """``load`` reads the files; this takes what became of each, by name."""
        self._read = dict(sorted(read.items()))
        self._catalogue = catalogue
        self._other_problems = tuple(problems)
        self._linted: dict[str, tuple[Problem, ...]] = {}
        self._programs: dict[str, Program] = {}

    @classmethod
    def load(cls, directories: Iterable[Path] = (), catalogue: Catalogue = SHIPPED) -> "Library":
        """Read the shipped playbooks and those of ``directories``, which win by name.

        Raises nothing for what is in the files: see ``problems``.
        """
        found, problems = {}, list[Problem]()
        for file in _playbooks_in(files("playbooks")):
            found[_stem(file)] = _read(file, file.name)
        own: dict[str, Read] = {}
        for directory in directories:
            try:
                paths = _playbooks_in(directory)
            except OSError as error:
                problems.append(_problem(str(directory), "unreadable", error.strerror or "error"))
                continue
            for path in paths:
                twice = _stem(path) in own
                own[_stem(path)] = _twice(str(path)) if twice else _read(path, str(path))
        return cls({**found, **own}, catalogue, problems)

    def names(self) -> tuple[str, ...]:
        """Every playbook that can be started."""
        return tuple(name for name in self._read if self.is_good(name))

    @property
    def size(self) -> int:
        """How many playbooks were found, broken ones too."""
        return len(self._read)

    def check(self, path: Path) -> tuple[Problem, ...]:
        """Everything wrong with a file that need not be in the library. Raises nothing."""
        read = _read(path, str(path))
        return read if isinstance(read, tuple) else self._lint(_stem(path), read)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything wrong with any of the files and directories."""
        found = [problem for name in self._read for problem in self.problems_of(name)]
        return in_order([*self._other_problems, *found])

    def programs(self) -> tuple[Program, ...]:
        """Every playbook that can be started, compiled, by name."""
        return tuple(self.program(name) for name in self.names())

    def program(self, name: str) -> Program:
        """A compiled playbook.

        Raises:
            NotFound: no playbook has this name.
            InvalidPlaybookError: it has problems.
        """
        if name not in self._programs:
            read = self._get(name)
            if isinstance(read, tuple) or self.problems_of(name):
                raise InvalidPlaybookError(self.problems_of(name))
            self._programs[name] = lower(read, self._catalogue, self)
        return self._programs[name]

    def matching(self, alert: Alert, device: Device) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The playbooks an alert starts, and what every broken trigger said. Raises nothing."""
        found = [(name, match(self.program(name), alert, device)) for name in self.names()]
        names = tuple(name for name, matched in found if matched.matched)
        return names, tuple(problem for _, matched in found for problem in matched.problems)

    def problems_of(self, name: str) -> tuple[Problem, ...]:
        """Everything wrong with one playbook. Raises NotFound."""
        if name not in self._linted:
            read = self._get(name)
            self._linted[name] = read if isinstance(read, tuple) else self._lint(name, read)
        return self._linted[name]

    def is_good(self, name: str) -> bool:
        """Whether a playbook exists and has no problems."""
        return name in self._read and not self.problems_of(name)

    def written(self, name: str) -> schema.Playbook | None:
        """A playbook as its author wrote it, if it could be read."""
        read = self._read.get(name)
        return read.playbook if isinstance(read, Authored) else None

    def _get(self, name: str) -> Read:
        try:
            return self._read[name]
        except KeyError:
            known = ", ".join(self._read) or "none"
            raise NotFound(f"no playbook named {name!r}; there are: {known}") from None

    def _lint(self, name: str, authored: Authored) -> tuple[Problem, ...]:
        found = lint(authored, self._catalogue, self)
        if authored.playbook.playbook != name:
            line, column = authored.document.mark(("playbook",))
            message = f"playbook {authored.playbook.playbook!r} must be in a file of that name"
            file = authored.document.name
            wrong = _problem(file, "wrong-file-name", message).model_copy(
                update={"line": line, "column": column}
            )
            return in_order([wrong, *found])
        return found


def _playbooks_in(directory: Traversable) -> list[Traversable]:
    """The playbook files right in a directory, by name. Raises OSError."""
    inside = [f for f in directory.iterdir() if f.name.endswith(_SUFFIXES) and f.is_file()]
    return sorted(inside, key=lambda file: file.name)


def _stem(file: Traversable) -> str:
    return file.name.rpartition(".")[0]


def _read(file: Traversable, name: str) -> Read:
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        return (_problem(name, "unreadable", error.strerror or "it cannot be read"),)
    try:
        return read_bytes(raw, name)
    except InvalidPlaybookError as error:
        return error.problems


def _twice(file: str) -> tuple[Problem, ...]:
    message = "another configured directory has a playbook of this name; which one is meant?"
    return (_problem(file, "ambiguous-name", message),)


def _problem(file: str, code: str, message: str) -> Problem:
    return Problem(file=file, line=1, column=1, code=code, message=message)
