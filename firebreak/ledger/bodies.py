"""The bodies of entries that the ledger itself reads. Fields it does not need pass unread."""

from typing import TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from firebreak.domain.glass import Glass, Override
from firebreak.domain.people import Approval, Vote
from firebreak.domain.plan import Outcome, OutcomeKind, Plan
from firebreak.domain.record import Entry
from firebreak.errors import BadInput

B = TypeVar("B", bound="Body")
NOT_SENT = "not sent"


class Body(BaseModel):
    """A body as far as the ledger reads it."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Subject(Body):
    """The device of an incident, with all its fields kept."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: str


class Opened(Body):
    """``response.opened``. ``detected_at``: the time of the oldest alert, where there is one."""

    workflow: str
    playbook: str
    version: int
    digest: str
    device: Subject
    title: str
    requester: str
    reason: str
    alerts: tuple[str, ...] = ()
    policy: str
    severity: int = 0
    detected_at: AwareDatetime | None = None


class Intended(Body):
    """``effect.intent``, as far as it says what a break-glass overrode for it."""

    step: str
    override: Override | None = None


class Acted(Body):
    """``effect.outcome``. ``hold`` is the hold that the change stands under, None where none is.

    ``started_at`` and ``expires_at`` are that hold's, for one that no ``hold.started`` follows.
    """

    outcome: Outcome
    plan: Plan | None = None
    hold: str | None = None
    started_at: AwareDatetime | None = None
    expires_at: AwareDatetime | None = None


class Unsent(Body):
    """``step.noted`` whose ``what`` is ``NOT_SENT``, with the hold that its intent claimed.

    ``intent`` is the key of that intent: the word about an earlier one never counts for a later.
    """

    step: str
    hold: str
    intent: str | None = None


class HoldStarted(Body):
    """``hold.started``. ``started_at`` names this life of the hold; the entry's time by default."""

    hold: str
    expires_at: AwareDatetime | None
    owner: str
    step: str | None = None
    started_at: AwareDatetime | None = None


class OfHold(Body):
    """What became of a hold. ``started_at`` says of which of its lives, where it is given."""

    hold: str
    started_at: AwareDatetime | None = None


class HoldExtended(OfHold):
    """``hold.extended``."""

    expires_at: AwareDatetime
    who: str
    reason: str


class HoldStuck(OfHold):
    """``hold.stuck``."""

    detail: str


class HoldEnded(OfHold):
    """``hold.ended``. ``outcome`` is that of the way back, None when nothing was put back."""

    why: str
    outcome: OutcomeKind | None = None


class HaltEngaged(Body):
    """``halt.engaged``. Without a site it is everywhere."""

    halt: str
    site: str | None
    reason: str


class HaltLifted(Body):
    """``halt.lifted``."""

    site: str | None
    reason: str


class GlassBroken(Body):
    """``glass.broken``, with the whole glass."""

    glass: Glass


class GlassEnded(Body):
    """``glass.ended``. ``glass``: its id. ``ended_at``: of one that ran out, when it did."""

    glass: str
    why: str
    ended_at: AwareDatetime


class ReviewClosed(Body):
    """``review.closed``. ``glass``: the id of the one that was reviewed."""

    glass: str
    finding: str


class Asked(Body):
    """``approval.requested``, ``.closed``, and whatever else holds the request as it stands."""

    approval: Approval


class Voted(Body):
    """``approval.vote``."""

    vote: Vote


class Closed(Body):
    """``response.closed``."""

    status: str
    contained: bool
    detail: str = ""


def read(entry: Entry, body: type[B]) -> B:
    """The body of an entry. The stored entry keeps everything; this is a view of it.

    Raises:
        BadInput: it is not in the documented shape.
    """
    try:
        return body.model_validate(entry.body)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in wrong["loc"])
        raise BadInput(f"{entry.kind.value} {entry.key!r}: {where}: {wrong['msg']}") from error


def contains(acted: Acted, device: str) -> bool:
    """Whether an outcome is containment of ``device``: its own change, seen in force there.

    The way back has outcomes too, and a response can act on other devices and in ways that
    cannot be undone; none of those is containment.
    """
    outcome, plan = acted.outcome, acted.plan
    return (
        outcome.kind is OutcomeKind.ENFORCED
        and outcome.device == device
        and plan is not None
        and plan.reversible
        and plan.action == outcome.action
    )
