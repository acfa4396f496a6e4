"""The few blocks our messages are made of, each within Block Kit's limits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from integrations.chat.slack.markup import BUTTON, HEADER, SECTION, clean, cut

Block = dict[str, Any]  # JSON in the shape of docs.slack.dev/reference/block-kit

MOST_BLOCKS = 50  # of a message; a modal may have 100
_MOST_ITEMS = 30
_LONGEST_ITEM = 400
_VALUE = 2000


@dataclass(frozen=True)
class Message:
    """What is posted: blocks, and the text of its notification (mrkdwn, escaped already)."""

    text: str
    blocks: list[Block]


@dataclass(frozen=True)
class Button:
    """``value`` comes back with the click: it names things, and gives no authority."""

    action: str
    label: str
    value: str
    style: Literal["primary", "danger", ""] = ""
    confirm: str = ""


def plain(text: str, most: int) -> Block:
    """A text object that Slack shows as it is: no markup, mention, link or emoji."""
    return {"type": "plain_text", "text": cut(clean(text), most) or " ", "emoji": False}


def header(text: str) -> Block:
    """Large and bold."""
    return {"type": "header", "text": plain(text, HEADER)}


def ours(mrkdwn: str) -> Block:
    """Our own words with mentions and times. Nothing from outside may be in it.

    ``verbatim``: Slack turns no bare URL, channel or name into a link.
    """
    return {"type": "section", "text": {"type": "mrkdwn", "text": mrkdwn, "verbatim": True}}


def fact(label: str, text: str) -> Block:
    """A bold label, and what it says."""
    return _rich({"type": "rich_text_section", "elements": _pair(label, cut(clean(text), SECTION))})


def facts(pairs: Iterable[tuple[str, str]]) -> Block:
    """Several labels in one block, a line each; those that say nothing are left out."""
    elements: list[Block] = []
    said = [(label, clean(text)) for label, text in pairs if clean(text)]
    room = SECTION // max(1, len(said))
    for number, (label, text) in enumerate(said):
        pair = _pair(label, cut(text, room))
        pair[-1]["text"] += "\n" if number < len(said) - 1 else ""
        elements += pair
    return _rich({"type": "rich_text_section", "elements": elements or [_text(" ")]})


def listed(label: str, lines: Sequence[tuple[str, str]]) -> Block:
    """A bold label over a list of ``(bold word, text)``; what is too much is counted."""
    room = min(_LONGEST_ITEM, SECTION // max(1, min(len(lines), _MOST_ITEMS)))
    items = [_pair(word, cut(clean(text), room)) for word, text in lines[:_MOST_ITEMS]]
    if more := len(lines) - len(items):
        items.append([_text(f"and {more} more")])
    head = [{"type": "rich_text_section", "elements": [_text(label, bold=True)]}] if label else []
    rows = [{"type": "rich_text_section", "elements": item} for item in items]
    return _rich(*head, {"type": "rich_text_list", "style": "bullet", "elements": rows})


def small(text: str) -> Block:
    """A line in small gray letters."""
    return {"type": "context", "elements": [plain(text, SECTION)]}


def buttons(*row: Button) -> Block:
    """A row of buttons."""
    return {"type": "actions", "elements": [_button(b) for b in row]}


def fit(blocks: list[Block], most: int = MOST_BLOCKS) -> list[Block]:
    """Not more blocks than Slack takes; what was cut is said."""
    if len(blocks) <= most:
        return blocks
    return [*blocks[: most - 1], small(f"{len(blocks) - most + 1} more parts do not fit here")]


def _button(button: Button) -> Block:
    if len(button.value) > _VALUE:
        raise ValueError(f"a button's value has at most {_VALUE} characters")
    block: Block = {
        "type": "button",
        "action_id": button.action,
        "text": plain(button.label, BUTTON),
        "value": button.value,
    }
    if button.style:
        block["style"] = button.style
    if button.confirm:
        block["confirm"] = {
            "title": plain(button.label, 100),
            "text": plain(button.confirm, 300),
            "confirm": plain(button.label, 30),
            "deny": plain("Not yet", 30),
        }
    return block


def _pair(word: str, text: str) -> list[Block]:
    label = [_text(f"{clean(word)}  ", bold=True)] if word else []
    return [*label, _text(text or " ")]


def _text(text: str, *, bold: bool = False) -> Block:
    element: Block = {"type": "text", "text": text}
    return {**element, "style": {"bold": True}} if bold else element


def _rich(*elements: Block) -> Block:
    return {"type": "rich_text", "elements": list(elements)}
