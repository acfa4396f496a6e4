"""A hold: a control in force on a device for a limited time, with an owner."""

from enum import StrEnum

from pydantic import AwareDatetime

from firebreak.domain.base import Model
from firebreak.domain.plan import Plan


class HoldState(StrEnum):
    """``PENDING``: the control is being applied. ``STUCK``: it needs a person to end it."""

    PENDING = "pending"
    ACTIVE = "active"
    STUCK = "stuck"
    RELEASED = "released"


def hold_id(device: str, action: str) -> str:
    """The one hold that can exist for an action on a device; also its workflow id."""
    return f"hold/{device}/{action}"


class Hold(Model):
    """A hold as the ledger projects it. ``plan.before`` is what its release restores.

    ``step``: the step of the incident that took it; its intents are those of the hold.
    """

    id: str
    incident: str
    step: str = ""
    device: str
    action: str
    plan: Plan
    owner: str
    state: HoldState
    started_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    detail: str = ""

    @property
    def life(self) -> str:
        """This hold, and no earlier or later one of the same id."""
        return f"{self.id}/{self.incident}/{self.started_at:%Y%m%dT%H%M%S.%f}"


def release_action(action: str) -> str:
    """What policy calls ending a hold of that action: ``network.release``."""
    return f"{action.partition('.')[0]}.release"


def release_plan(hold: Hold) -> Plan:
    """The way back as a plan of its own: what policy is asked about, and people agree to."""
    done = hold.plan
    return done.model_copy(
        update={
            "action": release_action(hold.action),
            "before": done.after,
            "after": done.before,
            "reversible": False,
            "way_back": f"{hold.action} again",
            "risk": "low",
            "summary": f"release {hold.device}: {done.way_back or 'restore the state before'}",
        }
    )
