"""Draws an incident's story: when, what, and the rest in its own column."""

from datetime import datetime

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from firebreak.cli.durations import clock
from firebreak.cli.screen import clean
from firebreak.contracts.ledger import IncidentRow
from firebreak.domain.record import Entry
from firebreak.telling.line import ASKS, BAD, GOOD, QUIET, Line
from firebreak.telling.peek import Json
from firebreak.telling.story import rung_story, story

__all__ = ["BAD", "GOOD", "QUIET", "headline", "render", "render_rung"]


def render(entry: Entry, opened_at: datetime) -> RenderableType:
    """The lines of an entry, each with its time and how long after the start it was."""
    since = (entry.at - opened_at).total_seconds()
    table = Table.grid(padding=(0, 1))
    table.add_column(width=20, no_wrap=True)
    _add_word_columns(table)
    for number, line in enumerate(story(entry)):
        when = f"{clock(entry.at)} {since:+9.1f} s" if number == 0 else ""
        said = f"{line.text} {since:.1f} s after the response began" if line.timed else line.text
        table.add_row(Text(when, QUIET), *_words(line, said))
    return table


def render_rung(rung: Json) -> RenderableType:
    """What a dry run found for one rung."""
    table = Table.grid(padding=(0, 1))
    _add_word_columns(table)
    for line in rung_story(rung):
        table.add_row(*_words(line, line.text))
    return table


def _add_word_columns(table: Table) -> None:
    table.add_column(width=10, no_wrap=True)
    table.add_column(overflow="fold")


def _words(line: Line, said: str) -> tuple[Text, Text]:
    return Text(clean(line.word), line.style), Text(clean(said))


def headline(row: IncidentRow, stands: Text) -> Text:
    """What an incident is about, how it ended, and how its device stands."""
    style = {"open": ASKS, "completed": GOOD}.get(row.status, BAD)
    return Text.assemble(
        (clean(row.id), "bold"),
        f"  {clean(row.playbook)} on {clean(row.device)}  ",
        (clean(row.status), style),
        "  ",
        stands,
        (f"\n{clean(row.title)}" if row.title else "", "dim"),
    )
