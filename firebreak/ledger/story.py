"""What a chain of entries says happened: the readable part of a receipt, computed from the rest.

Everything here is a pure function of the entries, so a verifier recomputes it and a summary can
never say more than the record behind it. Times are RFC 3339 in UTC, differences are seconds.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from pydantic import AwareDatetime

from firebreak.domain.base import JsonObject, Model
from firebreak.domain.people import Approval
from firebreak.domain.plan import OutcomeKind
from firebreak.domain.record import Entry, Kind
from firebreak.errors import BadInput
from firebreak.ledger import bodies
from firebreak.ledger.bodies import Body, contains, read

B = TypeVar("B", bound=Body)


class PlaybookRef(Model):
    """The playbook as it ran."""

    name: str
    version: int
    digest: str


class Times(Model):
    """When it was detected, contained and undone.

    ``contained``: when the first containment of the incident's device was seen in force.
    ``recovered``: when the last hold had ended with the state from before seen again.
    """

    detected: AwareDatetime | None
    opened: AwareDatetime
    contained: AwareDatetime | None
    recovered: AwareDatetime | None
    closed: AwareDatetime | None


class Seconds(Model):
    """Differences between those times, in seconds; None while one of them is missing."""

    detect_to_contain: float | None
    open_to_contain: float | None
    contain_to_recover: float | None
    detect_to_recover: float | None


class Summary(Model):
    """A response in one record.

    ``contained`` is the evidence's word: an outcome that was seen in force, and a closing entry,
    where there is one, that says so too.
    """

    incident: str
    playbook: PlaybookRef
    policy: str
    device: JsonObject
    title: str
    requester: str
    reason: str
    alerts: tuple[str, ...]
    status: str
    detail: str
    contained: bool
    times: Times
    seconds: Seconds


def summarize(chain: Sequence[Entry]) -> Summary:
    """The summary of a whole chain.

    Raises:
        BadInput: it lacks the opening of a response, or a body is malformed.
    """
    opening = next((entry for entry in chain if entry.kind is Kind.OPENED), None)
    if opening is None:
        raise BadInput("the record lacks the opening of a response")
    opened = read(opening, bodies.Opened)
    closed = _last(chain, Kind.CLOSED, bodies.Closed)
    times = _times(chain, opening.at, opened)
    agreed = closed is None or closed.contained
    return Summary(
        incident=opening.incident,
        playbook=PlaybookRef(name=opened.playbook, version=opened.version, digest=opened.digest),
        policy=opened.policy,
        device=opened.device.model_dump(mode="json"),
        title=opened.title,
        requester=opened.requester,
        reason=opened.reason,
        alerts=opened.alerts,
        status="open" if closed is None else closed.status,
        detail="" if closed is None else closed.detail,
        contained=times.contained is not None and agreed,
        times=times,
        seconds=_seconds(times),
    )


def _times(chain: Sequence[Entry], opened_at: datetime, opened: bodies.Opened) -> Times:
    acted = _read_all(chain, Kind.OUTCOME, bodies.Acted)
    contained = (a.outcome.ended_at for _, a in acted if contains(a, opened.device.id))
    return Times(
        detected=opened.detected_at,
        opened=opened_at,
        contained=next(contained, None),
        recovered=_recovered(chain),
        closed=next((e.at for e in reversed(chain) if e.kind is Kind.CLOSED), None),
    )


def _recovered(chain: Sequence[Entry]) -> datetime | None:
    """When the last hold ended, provided every change was seen to be undone."""
    standing: set[str] = set()
    recovered = None
    for entry in chain:
        if entry.kind is Kind.OUTCOME:
            acted = read(entry, bodies.Acted)
            if acted.hold is not None and acted.outcome.in_force:
                standing.add(acted.hold)
        elif entry.kind is Kind.HOLD_ENDED:
            ended = read(entry, bodies.HoldEnded)
            if ended.outcome is OutcomeKind.ENFORCED:
                standing.discard(ended.hold)
                recovered = entry.at
    return None if standing else recovered


def _seconds(times: Times) -> Seconds:
    return Seconds(
        detect_to_contain=_between(times.detected, times.contained),
        open_to_contain=_between(times.opened, times.contained),
        contain_to_recover=_between(times.contained, times.recovered),
        detect_to_recover=_between(times.detected, times.recovered),
    )


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else round((end - start).total_seconds(), 6)


# Entries that hold a request as it then stands.
_STANDS = frozenset(
    {
        Kind.APPROVAL_REQUESTED,
        Kind.APPROVAL_REMINDED,
        Kind.APPROVAL_ESCALATED,
        Kind.APPROVAL_DELEGATED,
        Kind.APPROVAL_SNOOZED,
        Kind.APPROVAL_CLOSED,
    }
)


def approvals(chain: Sequence[Entry]) -> list[JsonObject]:
    """Each request in its last known state, with its votes."""
    found: dict[str, Approval] = {}
    for entry in chain:
        if entry.kind in _STANDS:
            approval = read(entry, bodies.Asked).approval
            found[approval.id] = approval
        elif entry.kind is Kind.APPROVAL_VOTE:
            vote = read(entry, bodies.Voted).vote
            if asked := found.get(vote.approval):
                found[vote.approval] = asked.model_copy(update={"votes": (*asked.votes, vote)})
    return [approval.to_json() for approval in found.values()]


def effects(chain: Sequence[Entry]) -> list[JsonObject]:
    """Each outcome, with the state before, the state meant, and the state and reach seen."""
    return [
        {
            "entry": entry.seq,
            **acted.outcome.to_json(),
            "target": acted.plan.target if acted.plan else "",
            "before": acted.plan.before if acted.plan else {},
            "after": acted.plan.after if acted.plan else {},
            "way_back": acted.plan.way_back if acted.plan else None,
            "hold": acted.hold,
        }
        for entry, acted in _read_all(chain, Kind.OUTCOME, bodies.Acted)
    ]


def holds(chain: Sequence[Entry]) -> list[JsonObject]:
    """Everything that happened to holds, in order."""
    kinds = {Kind.HOLD_STARTED, Kind.HOLD_EXTENDED, Kind.HOLD_STUCK, Kind.HOLD_ENDED}
    return [
        {"entry": e.seq, "event": e.kind.value, "at": e.to_json()["at"], "actor": e.actor, **e.body}
        for e in chain
        if e.kind in kinds
    ]


def overrides(chain: Sequence[Entry]) -> list[JsonObject]:
    """What break-glass overrode, effect by effect."""
    return [
        {"entry": entry.seq, "step": intended.step, **intended.override.to_json()}
        for entry, intended in _read_all(chain, Kind.INTENT, bodies.Intended)
        if intended.override is not None
    ]


def _read_all(chain: Sequence[Entry], kind: Kind, body: type[B]) -> list[tuple[Entry, B]]:
    return [(entry, read(entry, body)) for entry in chain if entry.kind is kind]


def _last(chain: Sequence[Entry], kind: Kind, body: type[B]) -> B | None:
    found = [entry for entry in chain if entry.kind is kind]
    return read(found[-1], body) if found else None
