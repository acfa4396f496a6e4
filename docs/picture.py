"""Draws docs/images/response.svg from a run of the demo: `python -m docs.picture`.

The lines are those of `firebreak incident show`, told by the same code from the same entries. What
the next line says again is left out: see `_has_news`.
"""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from firebreak.cli.standing import in_words
from firebreak.cli.timeline import headline, render
from firebreak.contracts.ledger import IncidentRow
from firebreak.domain.base import JsonObject
from firebreak.domain.record import Entry, Kind
from firebreak.ledger.envelope import read_canonical, read_envelope

PICTURE = Path(__file__).parent / "images" / "response.svg"
COLUMNS = 110

_THEME = TerminalTheme(
    (22, 27, 34),
    (201, 209, 217),
    [
        (72, 79, 88), (255, 123, 114), (63, 185, 80), (210, 153, 34),
        (88, 166, 255), (188, 140, 255), (57, 197, 207), (177, 186, 196),
    ],
    [
        (110, 118, 129), (255, 161, 152), (86, 211, 100), (227, 179, 65),
        (121, 192, 255), (210, 168, 255), (86, 212, 221), (240, 246, 252),
    ],
)  # fmt: skip


def main() -> None:
    """Run the demo and draw its response."""
    done = subprocess.run(
        [sys.executable, "-m", "firebreak.cli", "demo", "--json"], check=True, capture_output=True
    )
    said = json.loads(done.stdout)
    row = IncidentRow.model_validate(said["incident"])
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(draw(row, _entries(Path(said["receipt"]))), encoding="utf-8")


def draw(row: IncidentRow, entries: list[Entry]) -> str:
    """The story as an SVG that needs no font and no style from elsewhere."""
    console = Console(
        record=True, width=COLUMNS, file=io.StringIO(), highlight=False, force_terminal=True
    )
    for entry in entries:
        if _has_news(entry):
            console.print(render(entry, row.opened_at))
    console.print(headline(row, in_words(row, None, entries)))
    title = f"firebreak incident show {row.id} --follow"
    drawn = console.export_svg(title=title, theme=_THEME, unique_id="response")
    return re.sub(r"\s*@font-face \{.*?\}\n", "\n", drawn, flags=re.DOTALL)


def _has_news(entry: Entry) -> bool:
    """Not: that a vote settled its request, that a branch was taken, that a look will be taken."""
    harmless = entry.kind is Kind.INTENT and "plan_hash" not in entry.body
    return not harmless and entry.kind not in (Kind.APPROVAL_CLOSED, Kind.STEP)


def _entries(receipt: Path) -> list[Entry]:
    said: JsonObject = read_canonical(read_envelope(receipt.read_bytes()).body())["predicate"]
    entries = said["entries"]
    assert isinstance(entries, list)  # noqa: S101 - the receipt was verified by the demo
    return [Entry.model_validate(entry) for entry in entries]


if __name__ == "__main__":
    main()
