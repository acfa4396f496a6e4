"""What the entries of approval requests say to people."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from firebreak.domain.durations import duration
from firebreak.domain.record import Entry, Kind
from firebreak.telling.line import ASKS, BAD, GOOD, PLAIN, QUIET, Body, Line, gates, short, when
from firebreak.telling.peek import Json, get, items, text
from firebreak.telling.times import zoned_clock


def _asked(body: Body, _: Entry) -> Iterable[Line]:
    approval = body.get("approval")
    until = when(text(approval, "expires_at"))
    yield Line(
        ASKS, "APPROVAL?", f"{gates(approval)} until {until}, otherwise {_silence(approval)}"
    )
    for line in items(approval, "summary"):
        yield Line(PLAIN, "", text(line))
    for given in items(approval, "given"):
        if lasting := _lasting(given):
            yield Line(PLAIN, "", f"hold: {text(given, 'step')} for {lasting}")
    if hits := [text(hit) for hit in items(approval, "hits")]:
        yield Line(PLAIN, "", f"also hits: {'; '.join(hits)}")
    if why := text(approval, "why"):
        yield Line(QUIET, "", f"because: {why}")
    if asked := _names(approval, "asked"):
        yield Line(QUIET, "", f"asked: {asked}")
    if levels := [_level(approval, level) for level in items(approval, "levels")]:
        yield Line(QUIET, "", f"if nobody answers: {', '.join(levels)}")
    yield _how(approval)


def _how(approval: Json) -> Line:
    return Line(QUIET, "", f"firebreak approve {text(approval, 'id')}")


def _silence(approval: Json) -> str:
    return "it is done" if text(approval, "on_timeout") == "allow" else "no"


def _level(approval: Json, level: Json) -> str:
    """``soc-lead from 10:05:00``."""
    role, after_s = text(level, "role"), text(level, "after_s")
    try:
        asked_at = datetime.fromisoformat(text(approval, "requested_at"))
        return f"{role} from {zoned_clock(asked_at + timedelta(seconds=int(after_s)))}"
    except (ValueError, OverflowError):
        return f"{role} after {after_s} s"


def _voted(body: Body, entry: Entry) -> Iterable[Line]:
    vote = body.get("vote")
    yes = text(vote, "verdict") == "approve"
    who = text(vote, "who", "id") or entry.actor
    if role := text(vote, "role"):
        who += f" as {role}"
    if instead_of := text(vote, "instead_of"):
        who += f" instead of {instead_of}"
    reason = text(vote, "reason")
    yield Line(
        GOOD if yes else BAD,
        "APPROVED" if yes else "DENIED",
        f"by {who}" + (f": {reason}" if reason else ""),
    )


def _reminded(body: Body, _: Entry) -> Iterable[Line]:
    approval = body.get("approval")
    to = _names(body, "to") or gates(approval)
    until = when(text(approval, "expires_at"))
    yield Line(ASKS, "STILL ASKS", f"{to}, until {until}, otherwise {_silence(approval)}")
    yield _how(approval)


def _escalated(body: Body, _: Entry) -> Iterable[Line]:
    approval = body.get("approval")
    reached = [text(level, "role") for level in items(approval, "levels")]
    role = reached[: _number(approval, "reached")][-1:] or ["the next"]
    asked = _names(approval, "asked")
    yield Line(
        ASKS,
        "ESCALATED",
        f"too few have answered; {role[0]} may, too" + (f"; asked: {asked}" if asked else ""),
    )
    yield _how(approval)


def _delegated(body: Body, entry: Entry) -> Iterable[Line]:
    to = text(body, "to")
    said = f"{to} answers instead of {entry.actor}" if to != entry.actor else f"{to} answers again"
    yield Line(PLAIN, "delegated", said)


def _snoozed(body: Body, entry: Entry) -> Iterable[Line]:
    yield Line(QUIET, "snoozed", f"{entry.actor} until {when(text(body, 'until'))}")


def _closed(body: Body, _: Entry) -> Iterable[Line]:
    approval = body.get("approval")
    state = text(approval, "state")
    if get(approval, "change"):
        reason = text(approval, "change", "reason")
        yield Line(ASKS, "changed", f"by {text(approval, 'change', 'who')}: {reason}")
        for changed in _changed(approval):
            yield Line(PLAIN, "", changed)
    elif state == "unopposed":
        yield Line(ASKS, "UNOPPOSED", "nobody answered and nobody said no; policy lets it happen")
    elif state == "expired":
        yield Line(BAD, "EXPIRED", "too few agreed in time; that is a no")
    elif state == "approved":  # the votes have said it already
        yield Line(QUIET, "approval", "complete: nobody else needs to agree")
    else:
        yield Line(BAD, "approval", state or "closed")


def _changed(approval: Json) -> Iterable[str]:
    """What a person wants otherwise, and how it was: ``contain: hold 4h -> 5s``."""
    change = get(approval, "change")
    step = text(change, "step")
    given = [each for each in items(approval, "given") if text(each, "step") == step]
    before = given[0] if given else None
    if hold_s := _number(change, "hold_s"):
        yield f"{step}: hold {_lasting(before) or 'without an end'} -> {duration(hold_s)}"
    inputs = get(change, "inputs")
    for name, value in inputs.items() if isinstance(inputs, Mapping) else ():
        yield f"{step}: {name} {short(get(before, 'inputs', name))} -> {short(value)}"


def _lasting(given: Json) -> str:
    return duration(_number(given, "hold_s"))


def _names(value: Json, field: str) -> str:
    return ", ".join(text(name) for name in items(value, field))


def _number(value: Json, field: str) -> int:
    found = text(value, field)
    return int(found) if found.isascii() and found.isdigit() else 0


TELL: Mapping[Kind, Callable[[Body, Entry], Iterable[Line]]] = {
    Kind.APPROVAL_REQUESTED: _asked,
    Kind.APPROVAL_VOTE: _voted,
    Kind.APPROVAL_REMINDED: _reminded,
    Kind.APPROVAL_ESCALATED: _escalated,
    Kind.APPROVAL_DELEGATED: _delegated,
    Kind.APPROVAL_SNOOZED: _snoozed,
    Kind.APPROVAL_CLOSED: _closed,
}
