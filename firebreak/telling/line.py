"""A line of a story, and how it is to look."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

Body = Mapping[str, JsonValue]

GOOD, BAD, ASKS, PLAIN, QUIET = "bold green", "bold red", "bold yellow", "", "dim"


@dataclass(frozen=True)
class Line:
    """One line of the story: ``word`` says what happened, ``text`` the rest. Not yet cleaned."""

    style: str
    word: str
    text: str
    timed: bool = False  # worth saying how long it took from the start
