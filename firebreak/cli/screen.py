"""What reaches the terminal: machine output on stdout, progress on stderr, nothing hostile."""

import json
import os
import sys
import unicodedata
from collections.abc import Iterable
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from firebreak.cli.exits import ProblemError

_JSON_KEY = "firebreak.json"
_PIPE_WIDTH = 500

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


def _remember_json(context: typer.Context, value: bool) -> bool:
    context.meta[_JSON_KEY] = value
    return value


JsonFlag = Annotated[
    bool,
    typer.Option(
        "--json", help="Print JSON on standard output.", callback=_remember_json, is_eager=True
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
    """A plain table; ``empty`` is what is said in place of one without rows."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(clean(cell)) for cell in row))
    return table if table.row_count else Text(empty)


def report(problem: ProblemError, *, as_json: bool) -> None:
    """Say what is wrong and what to do next."""
    if as_json:
        print_json({"error": problem.error, "message": problem.message, "hint": problem.hint})
        return
    console = progress()
    console.print(Text.assemble(("error: ", "bold red"), clean(problem.message)))
    if problem.hint:
        console.print(Text.assemble(("next:  ", "bold"), clean(problem.hint)))
