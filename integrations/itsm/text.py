"""Text on its way into a ticket: plain, of a bounded length, and never a marker of ours."""

import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_CUT = "[cut: {} more characters]"


def line(text: str) -> str:
    """One line of text from outside; what could hide, reorder or break words becomes U+FFFD.

    It cannot hold a marker either: those decide what is written again after a crash.
    """
    return _unmarked(" ".join("".join(_shown(c) for c in text).split()))


def lines(text: str) -> list[str]:
    """The same for text of several lines, without the empty ones."""
    return [clean for part in text.splitlines() if (clean := line(part))]


def cut(text: str, most: int) -> str:
    """The text when it has at most so many characters, or its start and how much is missing."""
    if len(text) <= most:
        return text
    keep = most - len(_CUT.format(len(text))) - 1
    return f"{text[:keep]} {_CUT.format(len(text) - keep)}"


def _shown(character: str) -> str:
    if character.isspace():
        return " "
    hidden = unicodedata.category(character) in _HIDDEN
    return "\N{REPLACEMENT CHARACTER}" if hidden else character


def _unmarked(text: str) -> str:
    return text.replace("[firebreak", "(firebreak")
