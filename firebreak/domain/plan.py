"""Plan and outcome: what would be done, bound by a hash, and what came of it."""

from enum import StrEnum
from functools import cached_property
from typing import Literal

from pydantic import AwareDatetime, Field

from firebreak.domain.base import JsonObject, Model, digest
from firebreak.domain.device import Attachment, Slug

Risk = Literal["low", "medium", "high"]


class OutcomeKind(StrEnum):
    """Only ``ENFORCED`` counts as contained."""

    ENFORCED = "enforced"  # seen in force
    ACCEPTED = "accepted"  # said yes and in the configuration, but nobody could witness it
    UNKNOWN = "unknown"  # no answer, and looking did not settle it
    REFUSED = "refused"  # a rule, an interlock or the system itself said no; nothing was changed
    FAILED = "failed"  # tried and not in force; what was done has been put back


class Reach(StrEnum):
    """What a probe saw. ``INCONCLUSIVE``: the vantage point itself could not be trusted."""

    REACHABLE = "reachable"
    UNREACHABLE = "unreachable"
    INCONCLUSIVE = "inconclusive"


class ProbeReport(Model):
    """One look from a vantage point outside the enforcement point."""

    vantage: str
    target: str
    method: str
    reach: Reach
    detail: str = ""
    at: AwareDatetime


class Plan(Model):
    """The resolved action. Two plans with the same ``hash`` do the same thing to the same state.

    ``before`` and ``after`` hold the adapter's own state record (for a switch port: switch, port,
    mode, vlan, admin). ``before`` is exactly what a revert restores.
    """

    action: str
    rung: str
    adapter: str
    device: Slug
    site: Slug
    target: str
    place: Attachment | None = None  # where the device was found, when not where the inventory says
    inputs: JsonObject = Field(default_factory=dict)
    before: JsonObject
    after: JsonObject
    reversible: bool
    way_back: str | None
    risk: Risk
    summary: str
    evidence: tuple[str, ...] = ()  # why this target: how the device was located

    @cached_property
    def hash(self) -> str:
        """``sha256:<hex>`` over everything but the evidence, which may grow between two looks."""
        return digest({name: value for name, value in self.to_json().items() if name != "evidence"})

    @property
    def changes(self) -> bool:
        """Whether applying would change anything."""
        return self.before != self.after


class Outcome(Model):
    """What came of a step: the last word on it, and the evidence for that word."""

    kind: OutcomeKind
    step: str
    action: str
    rung: str = ""
    device: str = ""
    plan_hash: str = ""
    detail: str = ""
    error: str = ""  # code from firebreak.errors; "" when nothing went wrong
    changed: bool = False  # whether this step sent a change that is still in force
    reconciled: bool = False  # decided by looking, after an attempt whose end was not seen
    observed: JsonObject = Field(default_factory=dict)  # state read back at the end
    probes: tuple[ProbeReport, ...] = ()
    result: JsonObject = Field(default_factory=dict)  # what `steps.<id>.result` shows a playbook
    started_at: AwareDatetime
    ended_at: AwareDatetime

    @property
    def in_force(self) -> bool:
        """A change stands, witnessed or not: it needs a hold and a way back."""
        return self.kind in (OutcomeKind.ENFORCED, OutcomeKind.ACCEPTED)
