"""Which pages a story calls for: what to trigger, to acknowledge and to resolve. Pure."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from firebreak.contracts.people import News, Story, Weight
from firebreak.domain.people import ApprovalState
from firebreak.domain.record import JOURNAL, Entry, Kind

MOST_KEY = 255

# What ends an alarm of the installation, and the field that both entries have alike.
_ENDS = {Kind.RESUMED: (Kind.HALTED, "site"), Kind.REVIEW_CLOSED: (Kind.GLASS_BROKEN, "glass")}


@dataclass(frozen=True)
class Page:
    """One event. ``key``: of the page; ``seq``: the entry that it is about, -1 for none."""

    action: Literal["trigger", "acknowledge", "resolve"]
    key: str
    seq: int = -1


def pages(story: Story, opened: Mapping[str, JsonValue]) -> Iterator[Page]:
    """The events that bring the pages up to date.

    Args:
        story: what is told.
        opened: the pages that were triggered and not resolved, each with what its last event was.
    """
    states = {approval.id: approval for approval in story.approvals}
    wanted = {_key(each, story): each for each in story.news if each.weight >= Weight.ASK}
    for key, news in wanted.items():
        approval = states.get(_approval(news.entry))
        if approval is not None and approval.state is not ApprovalState.PENDING:
            continue  # answered while nobody could be paged
        if _is_over(news, story):
            continue
        yield Page("trigger", key, news.entry.seq)
    for approval in story.approvals:
        key = page_key(approval.id)
        if key not in opened and key not in wanted:
            continue
        if approval.state is not ApprovalState.PENDING:
            yield from (Page("resolve", key) for _ in [0] if key in opened)
        elif approval.votes and opened.get(key) != "acknowledge":
            yield Page("acknowledge", key)
    yield from (Page("resolve", key) for key in _ended(story) if key in opened)


def page_key(about: str) -> str:
    """The deduplication key of what a page is about."""
    key = f"firebreak/{about}"
    if len(key) <= MOST_KEY:
        return key
    return "firebreak/" + hashlib.sha256(about.encode()).hexdigest()


def _key(news: News, story: Story) -> str:
    """Each request has its own page, an incident one for its alarms, the installation one each."""
    if approval := _approval(news.entry):
        return page_key(approval)
    if story.incident is not None:
        return page_key(story.chain)
    return page_key(f"{story.chain}/{news.entry.seq}")


def _is_over(news: News, story: Story) -> bool:
    """An alarm that was over before anybody could be paged; an end that is one itself is not."""
    return story.ended and news.weight is Weight.ALARM and news.entry.kind is not Kind.CLOSED


def _ended(story: Story) -> Iterator[str]:
    alarming_end = any(
        each.weight is Weight.ALARM and each.entry.kind is Kind.CLOSED for each in story.news
    )
    if story.ended and not alarming_end:
        yield page_key(story.chain)
    if story.chain == JOURNAL:
        entries = sorted((n.entry for n in (*story.past, *story.news)), key=lambda e: e.seq)
        for end in entries:
            yield from (page_key(f"{JOURNAL}/{e.seq}") for e in entries if _ends(end, e))


def _ends(end: Entry, alarm: Entry) -> bool:
    kind, field = _ENDS.get(end.kind, (None, ""))
    same = _name(end.body.get(field)) == _name(alarm.body.get(field))
    return alarm.kind is kind and alarm.seq < end.seq and same


def _name(value: JsonValue) -> JsonValue:
    """A thing's id, whether it stands alone or in the thing."""
    return value.get("id") if isinstance(value, dict) else value


def _approval(entry: Entry) -> str:
    found = _name(entry.body.get("approval"))
    return found if isinstance(found, str) else ""
