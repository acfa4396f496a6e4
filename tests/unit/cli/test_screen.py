"""What lists look like on a terminal: nothing in them is broken, however narrow it is."""

import io

import pytest
from rich.console import Console
from rich.text import Text

from firebreak.cli.screen import tabulate

INCIDENT = "inc-0123456789ab"
COLUMNS = ("id", "opened", "device", "playbook", "status", "contained", "title")
ROW = (
    *(INCIDENT, "2026-03-01 03:00:00", "cam-17", "mirai-botnet", "completed"),
    *(Text("yes", style="green"), "ET MALWARE a Mirai scan of telnet from the inside of the plant"),
)


def shown(width: int, *rows: tuple[object, ...], columns: tuple[str, ...] = COLUMNS) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(tabulate(columns, rows, "nothing"))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_no_word_of_a_list_is_broken(width: int) -> None:
    lines = shown(width, ROW, ROW)
    words = " ".join(lines).split()
    assert max(map(len, lines)) <= width
    for cell in ROW:
        for word in str(cell).split():
            assert words.count(word) >= 2


def test_where_there_is_room_the_text_gives_way_and_nothing_else() -> None:
    head, first, *_ = shown(110, ROW)
    assert head.split() == list(COLUMNS)
    assert first.startswith(f"{INCIDENT}  2026-03-01 03:00:00  cam-17")


def test_where_there_is_none_each_row_is_told_by_itself() -> None:
    assert shown(80, ROW) == [
        INCIDENT,
        "  opened 2026-03-01 03:00:00  device cam-17  playbook mirai-botnet",
        "  status completed  contained yes",
        "  title ET MALWARE a Mirai scan of telnet from the inside of the plant",
    ]


def test_a_cell_that_says_nothing_takes_no_room_there() -> None:
    columns = ("id", "detail", "")
    assert shown(12, ("inc-1", "", "twelve words"), columns=columns) == [
        "inc-1",
        "  twelve",
        "  words",
    ]


def test_a_list_without_rows_says_so() -> None:
    assert shown(80) == ["nothing"]
