"""What the server asks of the response engine."""

from datetime import datetime
from typing import Protocol

from pydantic import Field

from firebreak.domain.alert import Alert
from firebreak.domain.base import JsonObject, Model
from firebreak.domain.hold import Hold
from firebreak.domain.people import Approval, Principal, Verdict


class Start(Model):
    """A response to start, or to join when one runs for the same playbook and device."""

    playbook: str
    device: str
    alerts: tuple[Alert, ...] = ()
    requester: Principal
    reason: str = ""
    inputs: JsonObject = Field(default_factory=dict)


class Started(Model):
    """Where a response runs."""

    workflow: str
    incident: str


class Wanted(Model):
    """How a person wants a step to be done that waits for their answer.

    ``step``: which of the request's; empty when it has only one. ``inputs``: those that change.
    ``hold_s``: for how long, no longer than the author says.
    """

    step: str = ""
    inputs: JsonObject = Field(default_factory=dict)
    hold_s: int | None = Field(default=None, ge=1)


class Engine(Protocol):
    """What the server asks of the response engine."""

    async def respond(self, start: Start) -> Started:
        """Start a response or hand its alerts to the one that runs; durable when it returns.

        Raises:
            NotFound: no such playbook or device.
            BadInput: an input the playbook does not declare, or of the wrong type.
            Unreachable: Temporal does not answer.
        """
        ...

    async def dry_run(self, start: Start) -> tuple[JsonObject, ...]:
        """What each control of the playbook would do now: plans or refusals. Changes nothing."""
        ...

    async def decide(
        self, approval_id: str, plan_hash: str, verdict: Verdict, who: Principal, reason: str
    ) -> Approval:
        """Put a vote.

        Raises:
            NotFound: there is no such request.
            Forbidden: ``who`` may not answer it; says why.
            BadInput: what they give cannot be.
            Rejected: too late: it is settled, the response has ended, they have answered already.
            Unreachable: no worker took it in time.
        """
        ...

    async def delegate(self, approval_id: str, to: str, who: Principal, reason: str) -> Approval:
        """Let the person ``to`` answer instead of ``who``, who may answer.

        Until they have, it can be left to another person; to ``who`` again: it is taken back.
        Raises like decide.
        """
        ...

    async def snooze(self, approval_id: str, until: datetime, who: Principal) -> Approval:
        """Do not remind ``who`` before that time; the request expires as before.

        Raises like decide.
        """
        ...

    async def change(
        self, approval_id: str, plan_hash: str, wanted: Wanted, who: Principal, reason: str
    ) -> Approval:
        """Void the request and have its step planned as ``who``, who may answer, wants it.

        A new request follows (``replaces`` names this one), which ``who`` cannot approve. Raises
        like decide.
        """
        ...

    async def cancel(self, incident: str, who: Principal, reason: str) -> None:
        """Stop a response after its effect in flight; its holds stay.

        Raises NotFound, Rejected (it has ended already).
        """
        ...

    async def release(self, hold_id: str, who: Principal, reason: str) -> Hold:
        """End a hold now and wait for the proof.

        Raises NotFound, Rejected (it is still being applied, or has ended), RevertFailed.
        """
        ...

    async def keep(self, hold: Hold) -> None:
        """Make sure the workflow of a live hold runs, and start it again when it is gone.

        A hold whose response is still applying it is left alone. Raises Unreachable.
        """
        ...

    async def extend(self, hold_id: str, by_s: int, who: Principal, reason: str) -> Hold:
        """Move a hold's expiry. Raises NotFound, Rejected (too far, or it has ended)."""
        ...

    async def ready(self) -> bool:
        """Whether Temporal answers."""
        ...
