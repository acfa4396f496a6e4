"""Policies on disk: one ``.cedar`` file, or all of them in a directory."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

from firebreak.domain.base import digest
from firebreak.errors import DefinitionError
from firebreak.policy.rules import Rule, rule
from firebreak.policy.statements import statements
from firebreak.policy.vocabulary import Vocabulary

SUFFIX = ".cedar"
MAX_BYTES = 4 * 1024 * 1024
SHOWN_PROBLEMS = 20

Stamp = tuple[tuple[str, int, int, int], ...]  # each file's name, time, size and inode


@dataclass(frozen=True)
class PolicySet:
    """Checked policies. ``digest`` covers every byte of every file, and the schema."""

    rules: tuple[Rule, ...]
    files: tuple[str, ...]
    digest: str

    @cached_property
    def mentions(self) -> frozenset[str]:
        """The attributes of ``context`` that some policy uses; ``*`` when one uses all of it."""
        return frozenset().union(*(rule.mentions for rule in self.rules))


def shipped() -> Path:
    """Where the policies are that Firebreak ships."""
    return Path(str(resources.files("playbooks") / "policies"))


def policy_files(path: Path) -> tuple[Path, ...]:
    """The files that a path names, by name; files whose name begins with a dot are left out.

    Raises:
        DefinitionError: there is none.
    """
    try:
        if path.is_dir():
            found = sorted(
                file
                for file in path.iterdir()
                if file.suffix == SUFFIX and not file.name.startswith(".")
            )
        else:
            found = [path] if path.suffix == SUFFIX and path.exists() else []
    except OSError as error:
        raise DefinitionError(f"{path}: cannot be read: {error.strerror}") from error
    if not found:
        raise DefinitionError(f"{path}: no policy there; name a {SUFFIX} file or a directory")
    return tuple(found)


def stamp(path: Path) -> Stamp:
    """What changes when the files do; empty when they cannot be looked at."""
    try:
        return tuple(_stamp(file) for file in policy_files(path))
    except (DefinitionError, OSError):
        return ()


def read(path: Path, vocabulary: Vocabulary) -> PolicySet:
    """Read and check all policies.

    Raises:
        DefinitionError: with a line ``file:line: ...`` for each problem.
    """
    files = {file: _text(file) for file in policy_files(path)}
    rules: list[Rule] = []
    problems: list[str] = []
    for file, text in files.items():
        for statement in statements(text):
            try:
                rules.append(rule(statement, str(file), vocabulary))
            except DefinitionError as error:
                problems += str(error).splitlines()
    problems += _twice(rules)
    if not rules and not problems:
        problems.append(f"{path}: no policy in it")
    if problems:
        more = len(problems) - SHOWN_PROBLEMS
        tail = [f"and {more} more problems"] if more > 0 else []
        raise DefinitionError("\n".join([*problems[:SHOWN_PROBLEMS], *tail]))
    return PolicySet(
        rules=tuple(rules),
        files=tuple(str(file) for file in files),
        digest=_digest({file.name: text for file, text in files.items()}, vocabulary),
    )


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise DefinitionError(f"{file}: cannot be read: {error.strerror}") from error
    if len(raw) > MAX_BYTES:
        raise DefinitionError(f"{file}: larger than {MAX_BYTES} bytes")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise DefinitionError(f"{file}: not UTF-8 text") from error


def _twice(rules: list[Rule]) -> Iterator[str]:
    places: dict[str, str] = {}
    for one in rules:
        first = places.setdefault(one.id, one.place)
        if first != one.place:
            yield f"{one.place}: @id {one.id} is given twice, first at {first}"


def _digest(files: dict[str, str], vocabulary: Vocabulary) -> str:
    sums = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
    return digest({"schema": vocabulary.digest, "files": sums})


def _stamp(file: Path) -> tuple[str, int, int, int]:
    status = file.stat()
    return file.name, status.st_mtime_ns, status.st_size, status.st_ino
