"""What a channel is to hear of a chain: by weight, by site, and in another channel's place."""

from collections.abc import Sequence
from dataclasses import dataclass

from firebreak.contracts.people import News, Weight
from firebreak.domain.record import JOURNAL, Entry, Kind
from firebreak.telling.news import news, weight
from firebreak.telling.peek import get, text


@dataclass(frozen=True)
class Rules:
    """A channel's part of the channels file that is the same for every kind.

    ``sites`` empty: all of them. ``instead`` is told of what matters when this channel could not
    say it within ``instead_after_s``. ``standby``: told only then.
    """

    name: str
    kind: str
    weight: Weight = Weight.PROGRESS
    sites: frozenset[str] = frozenset()
    standby: bool = False
    instead: str | None = None
    instead_after_s: float = 60.0


@dataclass(frozen=True)
class Heard:
    """``news``: what the channel is to say. ``call``: whether it is to be called at all.

    A channel that has begun with a chain is called without news too, when the response has moved:
    it has cards to close and pages to resolve.
    """

    news: tuple[News, ...]
    call: bool


NOTHING = Heard((), call=False)


def hear(rules: Rules, entries: Sequence[Entry], told: int, *, begun: bool) -> Heard:
    """What the channel is to hear.

    Args:
        rules: the channel's.
        entries: the chain in order, its first entry and all from ``told`` on at least.
        told: the first entry that the channel has not been told of.
        begun: it has said something of this chain before.
    """
    new = [entry for entry in entries if entry.seq >= told]
    by_right = _is_here(rules, entries) and not rules.standby
    call = None if begun or by_right else _called(rules, new)
    if not begun and not by_right and call is None:
        return NOTHING
    start = told if call is None else min(told, call)
    said = tuple(_heard_news(rules, [e for e in entries if e.seq >= start]))
    moved = begun and any(weight(entry) >= Weight.PROGRESS for entry in new)
    return Heard(said, call=bool(said) or moved)


def _heard_news(rules: Rules, entries: Sequence[Entry]) -> list[News]:
    # Weighed first: most entries are details, and putting those into words costs more.
    return [
        news(entry)
        for entry in entries
        if (weight(entry) >= rules.weight or _is_call(rules, entry)) and _concerns(rules, entry)
    ]


def _called(rules: Rules, new: Sequence[Entry]) -> int | None:
    """The first entry that this channel is to say in another one's place, if there is any."""
    return min((begins(entry) for entry in new if _is_call(rules, entry)), default=None)


def begins(entry: Entry) -> int:
    """Where what has to be said begins: at the entry, or at the one that nobody was told of."""
    first = get(entry.body, "entry") if entry.kind is Kind.UNDELIVERED else None
    return first if isinstance(first, int) and 0 <= first < entry.seq else entry.seq


def pressing(rules: Rules, heard: Heard) -> tuple[Entry, ...]:
    """The entries of it that must reach people in time."""
    return tuple(
        each.entry
        for each in heard.news
        if each.weight >= Weight.ASK or _is_call(rules, each.entry)
    )


def _is_call(rules: Rules, entry: Entry) -> bool:
    return entry.kind is Kind.UNDELIVERED and text(entry.body, "instead") == rules.name


def _is_here(rules: Rules, entries: Sequence[Entry]) -> bool:
    """Whether the chain is of one of the channel's sites; what names no site is everybody's."""
    if not rules.sites or not entries or entries[0].incident == JOURNAL:
        return True
    site = text(entries[0].body, "device", "site")
    return not site or site in rules.sites


def _concerns(rules: Rules, entry: Entry) -> bool:
    """In the installation's own chain each entry is of its own site."""
    site = text(entry.body, "site") if entry.incident == JOURNAL else ""
    return not rules.sites or not site or site in rules.sites


def open_asks(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Entries that must reach people now: alarms, and requests that are not settled yet."""
    settled = {
        text(entry.body, "approval", "id")
        for entry in entries
        if entry.kind is Kind.APPROVAL_CLOSED
    }
    return tuple(
        entry
        for entry in entries
        if weight(entry) >= Weight.ASK and approval_of(entry) not in settled - {""}
    )


def approval_of(entry: Entry) -> str:
    """The id of the request that an entry is about; "" when it is about none."""
    return text(entry.body, "approval", "id") or text(entry.body, "approval")
