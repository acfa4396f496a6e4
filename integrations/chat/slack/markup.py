"""Text on its way to Slack: cleaned, cut to Slack's limits, and never markup by accident.

What came from outside stands in ``plain_text`` and ``rich_text``, which Slack does not parse.
``mrkdwn`` holds nothing but our own words, user ids and times.
"""

import re
import unicodedata
from datetime import datetime

# https://docs.slack.dev/reference/block-kit/blocks and .../composition-objects, in characters.
SECTION, HEADER, BUTTON, OPTION, FALLBACK = 3000, 150, 75, 75, 3000
_CUT = " … (cut)"
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_USER = re.compile(r"[UW][A-Z0-9]{2,20}")


def clean(text: str) -> str:
    """One line, with U+FFFD for whatever could hide or reorder words."""
    line = " ".join(text.split())
    if line.isascii() and line.isprintable():
        return line
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in _HIDDEN else c for c in line
    )


def cut(text: str, most: int) -> str:
    """At most so many characters; a text that was cut says so."""
    return text if len(text) <= most else text[: most - len(_CUT)] + _CUT


def escape(text: str) -> str:
    """The text with Slack's three control characters replaced, in the order Slack documents.

    Source: https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fallback(text: str) -> str:
    """A message's ``text``: what a phone's lock screen shows. Cut first: an entity stays whole."""
    return escape(cut(clean(text), FALLBACK))


def unescape(text: str) -> str:
    """What a person typed, from the text of a slash command."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def is_user(account: str) -> bool:
    """Whether it has the shape of a user id, so that it can stand in a mention."""
    return _USER.fullmatch(account) is not None


def mention(user: str) -> str:
    """A user id as mrkdwn that notifies. Raises ValueError when it is none."""
    if not is_user(user):
        raise ValueError(f"{user!r} is not a Slack user id")
    return f"<@{user}>"


def when(at: datetime) -> str:
    """A time as mrkdwn, on the reader's own clock; UTC where Slack cannot."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{plain_when(at)}>"


def plain_when(at: datetime) -> str:
    """A time for text that Slack does not parse."""
    return f"{at:%Y-%m-%d %H:%M} UTC"
