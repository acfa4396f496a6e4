"""Runs what pages show in one shell, and compares what comes out with what they promise."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_INCIDENT = re.compile(r"(?:inc|glass)-[0-9a-f]{12}")
_DONE = "__firebreak_docs_done__"


class Shell:
    """A bash that keeps its variables and its directory from command to command."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            ["bash", "--norc"],
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def run(self, command: str) -> tuple[int, list[str]]:
        """``(exit code, lines of output)``; ``$?`` of the next command is this one's exit code."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        mark = f"__rc=$?; echo; echo {_DONE} $__rc; (exit $__rc)"
        self._process.stdin.write(f"{{ {command}\n}} </dev/null\n{mark}\n")
        self._process.stdin.flush()
        lines: list[str] = []
        for line in self._process.stdout:
            if line.startswith(_DONE):
                return int(line.split()[1]), lines
            lines.append(line.rstrip("\n"))
        raise AssertionError(f"the shell ended in {command!r}: {lines}")


class Names:
    """Incidents as a page calls them, and what they are called this time."""

    def __init__(self) -> None:
        """None are known."""
        self._real: dict[str, str] = {}

    def real(self, text: str) -> str:
        """A command with the incidents of this time."""
        return _INCIDENT.sub(lambda match: self._real.get(match[0], match[0]), text)

    def expect(self, promised: Sequence[str], said: Sequence[str]) -> None:
        """Every promised line is said, in order; what a page calls an incident is learned.

        ``…`` stands for anything, runs of blanks count as one.
        """
        rest = iter(said)
        for line in promised:
            if line.strip() in ("", "…"):
                continue
            pattern = self._pattern(line)
            found = next((match for one in rest if (match := pattern.search(_plain(one)))), None)
            assert found, f"the page promises {line!r}; it was said:\n" + "\n".join(said)
            for group, value in found.groupdict().items():
                self._real[group.replace("_", "-")] = value

    def _pattern(self, line: str) -> re.Pattern[str]:
        parts: list[str] = []
        at = 0
        plain = _plain(line)
        for match in _INCIDENT.finditer(plain):
            parts.append(_loose(plain[at : match.start()]))
            known = self._real.get(match[0])
            group = match[0].replace("-", "_")
            fresh = known is None and not any(f"<{group}>" in part for part in parts)
            if known is not None:
                parts.append(re.escape(known))
            else:
                parts.append(f"(?P<{group}>{_INCIDENT.pattern})" if fresh else f"(?P={group})")
            at = match.end()
        return re.compile("".join([*parts, _loose(plain[at:])]))


def _loose(text: str) -> str:
    parts = [re.escape(part) for part in re.split(r" ?… ?", text)]
    return ".*".join(parts)


def _plain(text: str) -> str:
    return " ".join(text.split())
