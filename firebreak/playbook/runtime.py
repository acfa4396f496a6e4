"""What an interpreter needs from the world, and how a run can end early."""

from datetime import datetime
from typing import Protocol

from pydantic import JsonValue

from firebreak.domain.hold import Hold
from firebreak.domain.people import NOBODY, Approval, Terms
from firebreak.domain.plan import Outcome, Plan
from firebreak.domain.step import Answer, ApprovalAsk, Roads
from firebreak.playbook.program import Do, HoldSpec


class StepFailedError(Exception):
    """A step failed and nothing caught it. The response ends as failed."""


class NotApprovedError(StepFailedError):
    """People said no, or nobody answered in time. The response ends as denied."""


class CancelledError(Exception):
    """A person stopped the response. Raised between effects, never within one."""


class Runtime(Protocol):
    """What the interpreter needs from the world."""

    async def act(
        self,
        step: Do,
        key: str,
        rung: str,
        device: str,
        inputs: dict[str, JsonValue],
        *,
        ladder: str = "",
        plan: Plan | None = None,
        author: Terms = NOBODY,
        approvals: tuple[Approval, ...] = (),
        preview: bool = False,
    ) -> Answer:
        """Try one rung (or preview it).

        ``ladder``: the whole ladder in a line, which the plan repeats. ``author``: whom
        the author wants to agree, whatever policy says.
        """
        ...

    async def roads(self, step: Do, device: str) -> Roads:
        """Which rungs of the step's ladder lead to the device."""
        ...

    async def approve(self, ask: ApprovalAsk) -> Approval:
        """Ask people and wait for them. Returns a settled approval."""
        ...

    async def hold(
        self,
        hold: Hold,
        spec: HoldSpec,
        inputs: dict[str, JsonValue],
        *,
        until: datetime | None = None,
    ) -> bool:
        """Start the hold of a control in force, or stand under the one that runs.

        ``until``: how long that one may last for this response, if not as long as the spec says.
        False when it has ended meanwhile.
        """
        ...

    async def may_release(
        self,
        key: str,
        hold: Hold,
        *,
        author: Terms = NOBODY,
        approvals: tuple[Approval, ...] = (),
        preview: bool = False,
    ) -> Answer:
        """Ask policy whether a hold may be ended now."""
        ...

    async def release(self, key: str, hold: Hold) -> Outcome:
        """End a hold and wait for the proof."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let time pass; returns early when cancelled."""
        ...

    def elapsed(self) -> float:
        """Seconds since the response began."""
        ...

    def note(self, key: str, what: str, detail: str) -> None:
        """Record something that is no effect: a skip, a choice, a value, a failure edge."""
        ...

    def cancelled(self) -> bool:
        """Whether a person stopped the response."""
        ...
