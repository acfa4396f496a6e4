"""Reads Markdown pages: their fenced blocks, each with the note that stands right above it."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(
    r"^(?:<!-- (?P<note>[^\n]*?) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_NOT_RUN = "not run: "
_FILE = "file: "


@dataclass(frozen=True)
class Block:
    """A fenced block. ``line`` is the one it starts at, from 1."""

    page: str
    line: int
    language: str
    text: str
    note: str

    @property
    def why_not_run(self) -> str:
        """The reason the page gives; empty when the block is to be run."""
        return self.note.removeprefix(_NOT_RUN) if self.note.startswith(_NOT_RUN) else ""

    @property
    def file(self) -> str:
        """The file that a reader is asked to write."""
        return self.note.removeprefix(_FILE) if self.note.startswith(_FILE) else ""

    @property
    def restarts(self) -> bool:
        """Whether the reader starts `firebreak up` again here."""
        return self.note == "restarts the site"


@dataclass(frozen=True)
class Command:
    """A command as a page shows it, and the output that the page promises."""

    line: int
    text: str
    output: tuple[str, ...]


def pages() -> list[str]:
    """Every Markdown page of the project, relative to its root."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(str(path.relative_to(ROOT)) for path in found)


@cache
def text_of(page: str) -> str:
    """The page."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, *languages: str) -> list[Block]:
    """The fenced blocks of a page in these languages, in order."""
    found = []
    for match in _FENCE.finditer(text_of(page)):
        if match["language"] in languages:
            line = text_of(page).count("\n", 0, match.start("text"))
            found.append(Block(page, line, match["language"], match["text"], match["note"] or ""))
    return found


def commands(block: Block) -> list[Command]:
    """The commands of a console block: lines after ``$ ``, continued by a backslash."""
    found: list[Command] = []
    lines = block.text.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("$ "):
            found.append(Command(block.line + number + 1, line[2:], ()))
        elif found:
            last = found[-1]
            if last.text.endswith("\\") and not last.output:
                found[-1] = Command(last.line, f"{last.text}\n{line}", ())
            else:
                found[-1] = Command(last.line, last.text, (*last.output, line))
    return found
