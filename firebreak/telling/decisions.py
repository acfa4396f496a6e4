"""What people and rules decided, in words: requests, answers, halts, break-glass, policies."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from firebreak.domain.record import Entry, Kind
from firebreak.telling.line import ASKS, BAD, GOOD, PLAIN, QUIET, Body, Line
from firebreak.telling.peek import Json, items, text
from firebreak.telling.times import zoned_clock


def gates(value: Json) -> str:
    """Who has to agree: ``2 x on-call and 1 x soc-lead``."""
    wanted = [f"{text(g, 'quorum')} x {text(g, 'role')}" for g in items(value, "gates")]
    return " and ".join(wanted) or "people"


def when(moment: str) -> str:
    """A recorded time as a time of day, with its zone; as it stands when it is none."""
    try:
        return zoned_clock(datetime.fromisoformat(moment))
    except ValueError:
        return moment


def _asked(body: Body, _: Entry) -> Iterable[Line]:
    approval = body.get("approval")
    until = when(text(approval, "expires_at"))
    yield Line(ASKS, "APPROVAL?", f"{gates(approval)} until {until}, otherwise {_else(approval)}")
    for line in items(approval, "summary"):
        yield Line(PLAIN, "", text(line))
    for hit in items(approval, "hits"):
        yield Line(PLAIN, "", f"also hits: {text(hit)}")
    if why := text(approval, "why"):
        yield Line(QUIET, "", f"because: {why}")
    yield from _how(approval)


def _reminded(body: Body, _: Entry) -> Iterable[Line]:
    approval = body.get("approval")
    until = when(text(approval, "expires_at"))
    yield Line(ASKS, "STILL ASKS", f"{gates(approval)} until {until}, otherwise {_else(approval)}")
    yield from _how(approval)


def _escalated(body: Body, _: Entry) -> Iterable[Line]:
    approval = body.get("approval")
    levels, reached = items(approval, "levels"), text(approval, "reached")
    here = int(reached) if reached.isdecimal() and len(reached) < _DIGITS else 0
    now = levels[here - 1 : here] or levels[-1:]
    roles = ", ".join(text(level, "role") for level in now) or "the next in line"
    until = when(text(approval, "expires_at"))
    yield Line(ASKS, "ESCALATED", f"nobody answered: {roles} may too, until {until}")
    yield from _how(approval)


def _delegated(body: Body, entry: Entry) -> Iterable[Line]:
    yield Line(ASKS, "DELEGATED", f"{entry.actor} asks {text(body, 'to') or 'another'} to answer")
    yield from _how(body.get("approval"))


def _snoozed(body: Body, entry: Entry) -> Iterable[Line]:
    yield Line(QUIET, "snoozed", f"{entry.actor} is asked again at {when(text(body, 'until'))}")


def _how(approval: Json) -> Iterable[Line]:
    """``approval``: the request, or its id alone."""
    if known := text(approval, "id") or text(approval):
        yield Line(QUIET, "", f"firebreak approve {known}")


def _else(approval: Json) -> str:
    return "yes" if text(approval, "on_timeout") == "allow" else "no"


def _voted(body: Body, entry: Entry) -> Iterable[Line]:
    vote = body.get("vote")
    yes = text(vote, "verdict") == "approve"
    reason = text(vote, "reason")
    yield Line(
        GOOD if yes else BAD,
        "APPROVED" if yes else "DENIED",
        f"by {text(vote, 'who', 'id') or entry.actor}" + (f": {reason}" if reason else ""),
    )


def _approval_closed(body: Body, _: Entry) -> Iterable[Line]:
    state = text(body, "approval", "state")
    style = QUIET if state == "approved" else BAD  # the votes have said it already
    yield Line(style, "approval", state or "closed")


def _halted(body: Body, entry: Entry) -> Iterable[Line]:
    where = text(body, "site") or "everywhere"
    yield Line(BAD, "HALTED", f"{where} by {entry.actor}: {text(body, 'reason')}")


def _resumed(body: Body, entry: Entry) -> Iterable[Line]:
    where = text(body, "site") or "everywhere"
    yield Line(GOOD, "RESUMED", f"{where} by {entry.actor}: {text(body, 'reason')}")


def _glass_broken(body: Body, entry: Entry) -> Iterable[Line]:
    glass = body.get("glass")
    where = f" at {text(glass, 'scope')}" if text(glass, "scope") else ""
    until = f" until {when(text(glass, 'expires_at'))}" if text(glass, "expires_at") else ""
    reason = f": {text(glass, 'reason')}" if text(glass, "reason") else ""
    yield Line(BAD, "GLASS", f"{entry.actor} overrides what protects{where}{until}{reason}")


def _glass_ended(body: Body, _: Entry) -> Iterable[Line]:
    why = f" ({text(body, 'why')})" if text(body, "why") else ""
    yield Line(ASKS, "glass over", f"{_glass(body)} ended{why} and waits for its review")


def _reviewed(body: Body, entry: Entry) -> Iterable[Line]:
    finding = f": {text(body, 'finding')}" if text(body, "finding") else ""
    yield Line(GOOD, "reviewed", f"{_glass(body)} by {entry.actor}{finding}")


def _glass(body: Body) -> str:
    glass = body.get("glass")
    return text(glass, "id") or text(glass) or "the break-glass"


def _policy_changed(body: Body, _: Entry) -> Iterable[Line]:
    before, now = (text(body, name) or "unknown" for name in ("before", "digest"))
    yield Line(ASKS, "POLICIES", f"others are in force from now on: {now} (before: {before})")


def _undelivered(body: Body, _: Entry) -> Iterable[Line]:
    detail = text(body, "detail")
    said = f"{text(body, 'channel')} could not say it in time{': ' + detail if detail else ''}"
    yield Line(BAD, "UNTOLD", f"{said}; {text(body, 'instead') or 'nobody'} says it instead")


_DIGITS = 4

TELL: Mapping[Kind, Callable[[Body, Entry], Iterable[Line]]] = {
    Kind.APPROVAL_REQUESTED: _asked,
    Kind.APPROVAL_VOTE: _voted,
    Kind.APPROVAL_REMINDED: _reminded,
    Kind.APPROVAL_ESCALATED: _escalated,
    Kind.APPROVAL_DELEGATED: _delegated,
    Kind.APPROVAL_SNOOZED: _snoozed,
    Kind.APPROVAL_CLOSED: _approval_closed,
    Kind.HALTED: _halted,
    Kind.RESUMED: _resumed,
    Kind.GLASS_BROKEN: _glass_broken,
    Kind.GLASS_ENDED: _glass_ended,
    Kind.REVIEW_CLOSED: _reviewed,
    Kind.POLICY_CHANGED: _policy_changed,
    Kind.UNDELIVERED: _undelivered,
}
