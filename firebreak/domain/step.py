"""What the interpreter asks the activities to do, and what they answer."""

from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, Field

from firebreak.domain.base import JsonObject, Model
from firebreak.domain.hold import Hold
from firebreak.domain.people import NOBODY, Approval, Decision, Given, Principal, Terms
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
    ladder: str = ""  # all rungs in a line, for the plan to repeat
    plan: Plan | None = None
    author: Terms = NOBODY  # whom the author wants to agree, whatever policy says
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
    hold_ended: bool = False  # it stood under one, and that has ended meanwhile
    until: AwareDatetime | None = None  # how long the hold that it joined may last for it
    hits: tuple[str, ...] = ()  # what else the plan touches, for the people who are to be asked
    entries: tuple[NewEntry, ...] = ()  # for the workflow to hand to its next activity


class RoadsAsk(Model):
    """Which rungs of a ladder lead to a device. ``chosen``: nobody named the ladder."""

    action: str
    device: str
    ladder: tuple[str, ...]
    chosen: bool


class Road(Model):
    """One rung for one device: who would do it and why it is tried, or why it is left out."""

    rung: str
    adapter: str = ""
    why: str = ""
    left_out: str = ""


class Roads(Model):
    """A ladder as it stands for one device, in the order it is climbed."""

    roads: tuple[Road, ...]

    @property
    def ladder(self) -> tuple[str, ...]:
        """The rungs to try."""
        return tuple(road.rung for road in self.roads if not road.left_out)

    @property
    def summary(self) -> str:
        """One line for the record."""
        tried = " > ".join(f"{r.rung} ({r.adapter})" for r in self.roads if not r.left_out)
        out = "; ".join(f"{r.rung}: {r.left_out}" for r in self.roads if r.left_out)
        return f"{tried or 'no road'}{f' | left out: {out}' if out else ''}"


class ReleaseAsk(Model):
    """Whether a response may end a hold now."""

    ask: Ask
    hold: Hold


class ReleaseOrder(Model):
    """End a hold: put ``hold.plan.before`` back and prove it.

    ``attempt`` and ``chain`` say which try this is, and of which chain of the workflow's runs: each
    has its own intent.
    """

    hold: Hold
    attempt: int
    why: str
    who: str
    chain: str = ""


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
    """Plans that people must agree to.

    ``replaces`` and ``changers``: the request that this one follows, and who changed its plan.
    """

    step: str
    plans: tuple[Plan, ...]
    terms: Terms
    why: str
    hits: tuple[str, ...] = ()
    given: tuple[Given, ...] = ()
    replaces: str = ""
    changers: tuple[str, ...] = ()


class DutyAsk(Model):
    """Who is to be asked for any of these roles at that moment."""

    roles: tuple[str, ...]
    at: AwareDatetime


class Duty(Model):
    """Principal ids, first to ask first; empty when nobody is known by name."""

    people: tuple[str, ...] = ()
