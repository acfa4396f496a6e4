"""What the interpreter asks the activities to do, and what they answer."""

from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, Field

from firebreak.domain.base import JsonObject, Model
from firebreak.domain.hold import Hold
from firebreak.domain.people import Approval, Decision, Gate, Principal
from firebreak.domain.plan import Outcome, Plan
from firebreak.domain.record import NewEntry

SYSTEM = "firebreak"  # the actor of entries that no person caused


class Ask(Model):
    """One rung of one action on one device.

    ``plan`` is given once people approved it: exactly that is applied, or nothing. ``preview``
    only plans and decides. ``entries`` are what the workflow noted since the last activity; they
    are appended before anything else.
    """

    incident: str
    response: str  # workflow id
    step: str
    action: str
    rung: str = ""
    device: str
    inputs: JsonObject = Field(default_factory=dict)
    requester: Principal
    severity: int = 0
    confidence: int = 0
    hold_s: int | None = None
    plan: Plan | None = None
    gates: tuple[Gate, ...] = ()  # whom the author wants to agree, whatever policy says
    approvals: tuple[Approval, ...] = ()
    preview: bool = False
    entries: tuple[NewEntry, ...] = ()


class AnswerKind(StrEnum):
    """``DONE``: the outcome says how. ``PLANNED``: a preview. The others need people."""

    DONE = "done"
    PLANNED = "planned"
    GATED = "gated"  # policy wants people to agree to this plan first
    DRIFTED = "drifted"  # the approved plan no longer fits; here is the new one


class Answer(Model):
    """What came of an Ask."""

    kind: AnswerKind
    outcome: Outcome | None = None
    plan: Plan | None = None
    decision: Decision | None = None
    hold: Hold | None = None  # the hold that this step's change stands under
    entries: tuple[NewEntry, ...] = ()  # for the workflow to hand to its next activity


class ReleaseAsk(Model):
    """Whether a response may end a hold now."""

    ask: Ask
    hold: Hold


class ReleaseOrder(Model):
    """End a hold: put ``hold.plan.before`` back and prove it."""

    hold: Hold
    attempt: int  # which try this is: each has its own intent
    why: str
    who: str


class Closing(Model):
    """The end of a response."""

    incident: str
    status: Literal["completed", "failed", "cancelled", "denied"]
    contained: bool
    detail: str = ""
    at: AwareDatetime
    entries: tuple[NewEntry, ...] = ()


class Entries(Model):
    """Entries to append, in order."""

    entries: tuple[NewEntry, ...]


class ApprovalAsk(Model):
    """Plans that people must agree to."""

    step: str
    plans: tuple[Plan, ...]
    gates: tuple[Gate, ...]
    why: str
