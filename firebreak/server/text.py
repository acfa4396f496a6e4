"""Text from outside, made safe to show: it may end up in a terminal at 3 a.m."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str) -> str:
    """The text with U+FFFD for everything that could move a cursor, hide or reorder words."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in _HIDDEN else c for c in text
    )


# Why somebody does something: it is recorded for good, so it may not be blank.
Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2000),
    AfterValidator(printable),
]
