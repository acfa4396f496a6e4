"""What the entries of the installation say to people: halts, break-glass, policies, channels."""

from collections.abc import Callable, Iterable, Mapping

from firebreak.domain.record import Entry, Kind
from firebreak.telling.line import ASKS, BAD, GOOD, Body, Line, when
from firebreak.telling.peek import text


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


TELL: Mapping[Kind, Callable[[Body, Entry], Iterable[Line]]] = {
    Kind.HALTED: _halted,
    Kind.RESUMED: _resumed,
    Kind.GLASS_BROKEN: _glass_broken,
    Kind.GLASS_ENDED: _glass_ended,
    Kind.REVIEW_CLOSED: _reviewed,
    Kind.POLICY_CHANGED: _policy_changed,
    Kind.UNDELIVERED: _undelivered,
}
