"""What reaches the terminal: machine output on stdout, progress on stderr, nothing hostile."""

import json
import os
import sys
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, TextIO

import typer
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from firebreak.cli.exits import ProblemError

_JSON_KEY = "firebreak.json"
_PIPE_WIDTH = 500
_GAP = 2  # columns between two cells, and before what stands under a row
_MOST_LINES = 4  # of one cell, before its row is better told by itself

# Categories that move a cursor, switch colors, reorder text or cannot be seen: control, format,
# surrogate, private use, line and paragraph separator.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def clean(value: object) -> str:
    """One safe line: what came from outside cannot steer the terminal or hide what it says."""
    return "".join(_safe(character) for character in str(value))


def _safe(character: str) -> str:
    if character.isspace():
        return " "
    unsafe = unicodedata.category(character) in _UNSAFE
    return "\N{REPLACEMENT CHARACTER}" if unsafe else character


def remember_json(context: typer.Context, value: bool) -> bool:
    """Note that a machine reads along; the option's callback, which gets and gives its value."""
    context.meta[_JSON_KEY] = value or wants_json(context)
    return value


JsonFlag = Annotated[
    bool,
    typer.Option(
        "--json", help="Print JSON on standard output.", callback=remember_json, is_eager=True
    ),
]


def wants_json(context: typer.Context) -> bool:
    """Whether the command was called with ``--json``."""
    return bool(context.meta.get(_JSON_KEY))


def output() -> Console:
    """The console on standard output, found anew each time: tests and pipes replace it."""
    return _console(sys.stdout)


def progress() -> Console:
    """The console on standard error, where progress and problems go."""
    return _console(sys.stderr)


def _console(file: TextIO) -> Console:
    # Into a pipe or a file nothing is cut to the width of a terminal.
    width = None if file.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH
    return Console(file=file, width=width, highlight=False, markup=False, emoji=False)


def print_json(value: Any) -> None:
    """One JSON document on one line. Everything beyond ASCII is escaped, so it is safe to see."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def show(value: Any, renderable: RenderableType, *, as_json: bool) -> None:
    """The same thing for a machine or for a person."""
    if as_json:
        print_json(value)
    else:
        output().print(renderable)


def tabulate(
    columns: Iterable[str], rows: Iterable[Iterable[object | Text]], empty: str
) -> RenderableType:
    """Rows of named cells; ``empty`` is what is said in place of none."""
    cells = [
        [cell if isinstance(cell, Text) else Text(clean(cell)) for cell in row] for row in rows
    ]
    return _Rows(list(columns), cells) if cells else Text(empty)


@dataclass(frozen=True)
class _Rows:
    """Rows that never break a word: half an id cannot be copied, or is another's.

    A table where all words fit beside each other; else each row by itself, its cells named.
    """

    columns: list[str]
    cells: list[list[Text]]

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        widths = self._widths(options.max_width)
        if widths is None:
            for row in self.cells:
                yield from self._apart(row, options.max_width)
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column, width in zip(self.columns, widths, strict=True):
            table.add_column(column, width=width)
        for row in self.cells:
            table.add_row(*row)
        yield table

    def _widths(self, width: int) -> list[int] | None:
        """What each column gets; None where a word would break or a cell become a tower."""
        columns = [
            [Text(name), *cells] for name, *cells in zip(self.columns, *self.cells, strict=True)
        ]
        wanted = [max(cell.cell_len for cell in column) for column in columns]
        given = [max(map(_longest_word, column)) for column in columns]
        spare = width - sum(given) - _GAP * (len(given) - 1)
        if spare < 0:
            return None
        # What needs least is given first: dates stay whole, and texts give way.
        for n in sorted(range(len(given)), key=lambda n: wanted[n] - given[n]):
            more = min(spare, wanted[n] - given[n])
            given[n] += more
            spare -= more
        towers = any(want > _MOST_LINES * got for want, got in zip(wanted, given, strict=True))
        return None if towers else given

    def _apart(self, row: list[Text], width: int) -> RenderResult:
        """The first cell, and under it the others that say something, as many a line as fit."""
        if row[0].plain:
            yield Text.assemble(row[0], style="bold")
        line = Text()
        for name, cell in zip(self.columns[1:], row[1:], strict=True):
            if not cell.plain:
                continue
            named = Text.assemble((f"{name} ", "dim"), cell) if name else cell
            if line and line.cell_len + _GAP + named.cell_len > width - _GAP:
                yield Padding(line, (0, 0, 0, _GAP))
                line = Text()
            line = Text.assemble(line, " " * _GAP, named) if line else named
        if line:
            yield Padding(line, (0, 0, 0, _GAP))


def _longest_word(text: Text) -> int:
    return max((cell_len(word) for word in text.plain.split()), default=0)


def report(problem: ProblemError, *, as_json: bool) -> None:
    """Say what is wrong and what to do next."""
    if as_json:
        said = {"error": problem.error, "message": problem.message, "hint": problem.hint}
        print_json({**said, "details": problem.details} if problem.details else said)
        return
    console = progress()
    console.print(Text.assemble(("error: ", "bold red"), clean(problem.message)))
    for detail in problem.details:
        console.print(Text(f"       {clean(detail)}"))
    if problem.hint:
        console.print(Text.assemble(("next:  ", "bold"), clean(problem.hint)))
