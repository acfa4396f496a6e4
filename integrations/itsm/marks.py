"""Marks: what Firebreak writes beside its words, to know after a crash what it has written.

A mark stands as ``[firebreak inc-0123456789ab entry 12]`` in the system's own history. The ticket
of an incident is known by ``[firebreak inc-0123456789ab]``, at the start of its title.
"""

import re
from collections.abc import Iterable

_INCIDENT = re.compile(r"inc-[0-9a-f]{12}")
_MARKED = re.compile(r"\[firebreak (inc-[0-9a-f]{12}) ([a-z]+(?: \d{1,9})?)\]")
_ENTRY = "entry "

RECEIPT = "receipt"
CLOSING = "closing"
REOPENED = "reopened"
MERGED = "merged"


def entry(number: int) -> str:
    """The mark of a batch of news: its highest entry."""
    return f"{_ENTRY}{number}"


def highest(marks: Iterable[str]) -> int:
    """The highest entry among the marks; -1 when there is none."""
    return max((int(m.removeprefix(_ENTRY)) for m in marks if m.startswith(_ENTRY)), default=-1)


def tag(incident: str) -> str:
    """How a title says whose ticket it is. Safe inside quotes of any query language.

    Raises:
        ValueError: that is no incident's id.
    """
    if not _INCIDENT.fullmatch(incident):
        raise ValueError("not the id of an incident")
    return f"[firebreak {incident}]"


def written(incident: str, mark: str) -> str:
    """The mark as it stands in a ticket."""
    return f"{tag(incident)[:-1]} {mark}]"


def found(incident: str, texts: Iterable[str]) -> set[str]:
    """The incident's marks in these texts."""
    hits = (match.groups() for text in texts for match in _MARKED.finditer(text))
    return {mark for whose, mark in hits if whose == incident}


def receipt_name(incident: str) -> str:
    """The file name of an incident's receipt: an attachment is its own mark."""
    return f"receipt-{incident}.json"
