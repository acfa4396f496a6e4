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
    """A hold as the ledger projects it. ``plan.before`` is what its release restores."""

    id: str
    incident: str
    device: str
    action: str
    plan: Plan
    owner: str
    state: HoldState
    started_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    detail: str = ""
