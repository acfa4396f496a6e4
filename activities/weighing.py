"""What a control puts on record before it sends, and when nothing was sent after all."""

from dataclasses import dataclass

from activities.outcomes import intent_key, unsent_key
from activities.verdict import Job
from firebreak.contracts.ledger import Claim
from firebreak.domain.base import JsonObject, digest
from firebreak.domain.glass import Glass
from firebreak.domain.people import Decision
from firebreak.domain.plan import Plan
from firebreak.domain.record import Kind, NewEntry
from firebreak.errors import FirebreakError


def claim(job: Job, plan: Plan) -> Claim | None:
    """Taking the device, where the change can be undone and so stands under a hold."""
    if job.hold is None:
        return None
    return Claim(
        device=job.device.id,
        action=job.ask.action,
        plan=plan,
        owner=job.ask.requester.id,
        step=job.ask.step,
    )


@dataclass(frozen=True)
class Weighed:
    """What goes on record before an intent. ``glass``: it stands in for those policy asks."""

    entries: tuple[NewEntry, ...] = ()
    glass: bool = False


def weighed(
    job: Job, plan: Plan, decision: Decision, *, agreed: bool, glass: Glass | None = None
) -> Weighed:
    """What was planned, what policy said, and whether it has the agreement that it wants."""
    body: JsonObject = {"plan": plan.to_json(), "plan_hash": plan.hash}
    ruling: JsonObject = {
        "plan_hash": plan.hash,
        "decision": decision.to_json(),
        "agreed": agreed,
    }
    if glass is not None:
        ruling["glass"] = glass.id
    entries = (
        job.recorder.entry(kind, f"{name}:{job.ask.step}:{digest(content)[7:19]}", **content)
        for name, kind, content in (("plan", Kind.PLAN, body), ("decision", Kind.DECISION, ruling))
    )
    return Weighed(tuple(entries), glass is not None)


def unsent(job: Job, number: int, error: FirebreakError, hold: str | None) -> NewEntry:
    """Nothing left under this intent; ``hold`` is the claim that can go with it."""
    return job.recorder.entry(
        Kind.STEP,
        unsent_key(job.ask.step, number),
        what="not sent",
        detail=f"{error.code}: {error}",
        intent=intent_key(job.ask.step, number),
        hold=hold,
    )
