"""Inputs, signals, updates and results of the workflows: one frozen type each."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from firebreak.domain.alert import Alert
from firebreak.domain.base import JsonObject, Model
from firebreak.domain.device import Device
from firebreak.domain.hold import Hold
from firebreak.domain.people import Principal, Verdict
from firebreak.domain.plan import Outcome
from firebreak.playbook.program import HoldSpec, Program


def response_id(playbook: str, device: str) -> str:
    """The one response that can run for a playbook on a device."""
    return f"respond/{playbook}/{device}"


def incident_id(run_id: str) -> str:
    """The incident of a run: the end of its run id, known to starter and workflow alike."""
    return f"inc-{run_id.replace('-', '')[-12:]}"


# A response calls its holds by name: importing their class would load its module into the sandbox
# of every response.
HOLD_WORKFLOW, HOLD_ATTACH, HOLD_END = "HoldWorkflow", "attach", "end"


class Timing(Model):
    """The settings that shape a workflow, fixed when it starts. Seconds."""

    effect_timeout_s: float = 240
    heartbeat_timeout_s: float = 10
    retry_backoff_s: float = 1
    release_retry_s: float = 60

    @property
    def effect_timeout(self) -> timedelta:
        """Longest time of one attempt."""
        return timedelta(seconds=self.effect_timeout_s)


class Join(Model):
    """More about the same device: alerts, or a person who asked for the same response."""

    start_id: str
    alerts: tuple[Alert, ...] = ()
    requester: Principal
    reason: str = ""


class ResponseInput(Model):
    """Everything a response needs, so that it keeps what it began with."""

    start_id: str
    program: Program
    device: Device
    alerts: tuple[Alert, ...] = ()
    requester: Principal
    also: tuple[Join, ...] = ()  # who else asked for it before it began
    reason: str = ""
    inputs: JsonObject = Field(default_factory=dict)
    policy_digest: str = ""
    timing: Timing = Timing()


class VoteOrder(Model):
    """A yes or a no."""

    kind: Literal["vote"] = "vote"
    approval: str
    plan_hash: str
    who: Principal
    verdict: Verdict
    reason: str = ""


class DelegateOrder(Model):
    """Somebody who may answer names another person, by principal id, to answer instead."""

    kind: Literal["delegation"] = "delegation"
    approval: str
    who: Principal
    to: str
    reason: str = ""


class SnoozeOrder(Model):
    """Somebody who is asked does not want to be reminded before ``until``."""

    kind: Literal["snooze"] = "snooze"
    approval: str
    who: Principal
    until: AwareDatetime


class ChangeOrder(Model):
    """Somebody who may answer wants other inputs or a shorter hold: a new plan, asked anew.

    ``step``: which of the request's steps; empty when it has only one.
    """

    kind: Literal["change"] = "change"
    approval: str
    plan_hash: str
    who: Principal
    step: str = ""
    inputs: JsonObject = Field(default_factory=dict)
    hold_s: int | None = Field(default=None, ge=1)
    reason: str = ""


AnswerOrder = VoteOrder | DelegateOrder | SnoozeOrder | ChangeOrder


class PersonAnswer(Model):
    """What one person says to an approval request, as the API authenticated them."""

    order: Annotated[AnswerOrder, Field(discriminator="kind")]


class StopOrder(Model):
    """A person stops a response: this incident, and no later run of the same workflow id."""

    incident: str = ""
    who: Principal
    reason: str


class ResponseResult(Model):
    """How a response ended."""

    incident: str
    status: str
    contained: bool
    detail: str = ""


class EndOrder(Model):
    """End the hold now. ``response``: the workflow that no longer needs it, where one says so.

    ``life``: the one that is meant, where the order could reach another; empty: whichever runs.
    """

    who: str
    why: str
    response: str = ""
    life: str = ""


class HoldInput(Model):
    """A hold to keep, and what may end it.

    ``again``: its workflow was lost, and with it who stands under the hold.
    """

    hold: Hold
    spec: HoldSpec
    requester: Principal
    inputs: JsonObject = Field(default_factory=dict)
    attached: tuple[str, ...] = ()  # workflow ids of the responses to tell when it ends
    timing: Timing = Timing()
    attempts: int = 0  # releases tried before a continue-as-new
    looks: int = 0
    moves: int = 0
    order: EndOrder | None = None  # to end it at once
    again: bool = False


class Attach(Model):
    """Another response wants to stand under the hold; it may need it for longer.

    ``start`` is how that response would have started the hold: when the one that runs is an
    earlier life, it goes on as this one. ``question`` comes back with the answer.
    """

    start: HoldInput
    incident: str
    expires_at: AwareDatetime
    question: str


class HoldJoined(Model):
    """What a response hears that asked to stand under a hold: whether it does, and it is live."""

    question: str
    joined: bool


class ExtendOrder(Model):
    """Move the expiry."""

    who: str
    why: str
    by_s: int


class HoldEnded(Model):
    """What a response hears when a hold it stands under has been ended, or could not be."""

    life: str
    outcome: Outcome
