"""A line of a story, how it is to look, and the words that several kinds of entries share."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from firebreak.telling.peek import Json, items, text
from firebreak.telling.times import zoned_clock

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
    """Who has to agree: ``2 x on-call and 1 x soc-lead``."""
    wanted = [f"{text(g, 'quorum')} x {text(g, 'role')}" for g in items(value, "gates")]
    return " and ".join(wanted) or "people"


def when(moment: str) -> str:
    """A recorded time as a time of day, with its zone; as it stands when it is none."""
    try:
        return zoned_clock(datetime.fromisoformat(moment))
    except ValueError:
        return moment


def short(value: Json) -> str:
    """A value, short: nothing is `none`, and what has parts is shown as JSON."""
    if value in (None, "", [], {}):
        return "none"
    compact = json.dumps(value, separators=(",", ":")) if isinstance(value, list | Mapping) else ""
    return compact or str(value)
