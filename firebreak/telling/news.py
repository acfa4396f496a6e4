"""Entries as news: their words, made harmless, and how much each matters to who is not watching."""

from collections.abc import Callable, Mapping

from firebreak.contracts.people import News, Weight
from firebreak.domain.record import Entry, Kind
from firebreak.telling.line import Body
from firebreak.telling.peek import text
from firebreak.telling.safe import one_line
from firebreak.telling.story import story

MOST_LINES = 40


def news(entry: Entry) -> News:
    """The entry in words. Each line of ``text`` is one harmless line, whatever the body holds."""
    lines = story(entry)
    shown = [_worded(line.word, line.text, first=n == 0) for n, line in enumerate(lines)]
    if len(shown) > MOST_LINES:
        shown = [*shown[:MOST_LINES], f"and {len(shown) - MOST_LINES} more lines in the record"]
    return News(
        entry=entry,
        weight=weight(entry),
        word=one_line(lines[0].word or entry.kind.value),
        text="\n".join(shown),
    )


def weight(entry: Entry) -> Weight:
    """How much an entry matters."""
    if judge := _BY_BODY.get(entry.kind):
        return judge(entry.body)
    return _WEIGHTS.get(entry.kind, Weight.DETAIL)


def _worded(word: str, said: str, *, first: bool) -> str:
    # The first line's word stands beside the text; the others would lose theirs.
    return one_line(said) if first or not word else one_line(f"{word}: {said}")


def _outcome(body: Body) -> Weight:
    kind = text(body, "outcome", "kind")
    if kind not in _KNOWN_OUTCOMES:
        return Weight.ALARM
    stands = kind in _IN_FORCE and bool(text(body, "hold"))
    return Weight.PROGRESS if stands else Weight.DETAIL


def _closed(body: Body) -> Weight:
    well = text(body, "status") not in _BAD_ENDS and body.get("contained") is True
    return Weight.PROGRESS if well else Weight.ALARM


_IN_FORCE = frozenset({"enforced", "accepted"})
_KNOWN_OUTCOMES = _IN_FORCE | {"refused", "failed"}
_BAD_ENDS = frozenset({"failed", "denied"})

_BY_BODY: Mapping[Kind, Callable[[Body], Weight]] = {
    Kind.OUTCOME: _outcome,
    Kind.CLOSED: _closed,
}

_WEIGHTS: Mapping[Kind, Weight] = {
    Kind.APPROVAL_REQUESTED: Weight.ASK,
    Kind.APPROVAL_REMINDED: Weight.ASK,
    Kind.APPROVAL_ESCALATED: Weight.ASK,
    Kind.APPROVAL_DELEGATED: Weight.ASK,  # somebody else must answer now, and has to hear of it
    Kind.HOLD_STUCK: Weight.ALARM,
    Kind.GLASS_BROKEN: Weight.ALARM,
    Kind.HALTED: Weight.ALARM,
    Kind.OPENED: Weight.PROGRESS,
    Kind.HOLD_STARTED: Weight.PROGRESS,
    Kind.HOLD_EXTENDED: Weight.PROGRESS,
    Kind.HOLD_ENDED: Weight.PROGRESS,
    Kind.APPROVAL_VOTE: Weight.PROGRESS,
    Kind.APPROVAL_SNOOZED: Weight.PROGRESS,
    Kind.APPROVAL_CLOSED: Weight.PROGRESS,
    Kind.RESUMED: Weight.PROGRESS,
    Kind.GLASS_ENDED: Weight.ASK,
    Kind.REVIEW_CLOSED: Weight.PROGRESS,
    Kind.POLICY_CHANGED: Weight.PROGRESS,
    Kind.UNDELIVERED: Weight.PROGRESS,
}
