"""Lines of a story, and the words that several kinds of entries share."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from firebreak.cli.durations import clock
from firebreak.cli.peek import Json, items, text

Body = Mapping[str, JsonValue]

GOOD, BAD, ASKS, PLAIN, QUIET = "bold green", "bold red", "bold yellow", "", "dim"


@dataclass(frozen=True)
class Line:
    """One line of the story: ``word`` says what happened, ``text`` the rest. Not yet cleaned."""

    style: str
    word: str
    text: str
    timed: bool = False  # worth saying how long it took from the start


def gates(value: Json) -> str:
    """Whom a decision or a request wants to agree."""
    found = [f"{text(g, 'quorum')} x {text(g, 'role')}" for g in items(value, "gates")]
    return " and ".join(found) or "people"


def moment(written: str) -> str:
    """A time of day, from how an entry writes it."""
    try:
        return clock(datetime.fromisoformat(written))
    except ValueError:
        return written
