"""Text that came from outside, made harmless for anything that shows plain text to people."""

import unicodedata

MOST = 4000  # characters of one line

# Categories that move a cursor, end a line, reorder text or cannot be seen.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def one_line(value: object, most: int = MOST) -> str:
    """One line without control, format or unassigned characters, cut to ``most`` characters.

    What is left is text to whoever shows it; markup (HTML, Slack's mrkdwn) is escaped by channels
    whose medium has any.
    """
    text = str(value)
    cut = text[:most]
    if not (cut.isascii() and cut.isprintable()):
        cut = " ".join("".join(_shown(character) for character in cut).split())
    return cut if len(text) <= most else cut[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _shown(character: str) -> str:
    if character.isspace():
        return " "
    hidden = unicodedata.category(character) in _HIDDEN
    return "\N{REPLACEMENT CHARACTER}" if hidden else character
