"""What people agreed to in one run, and how it is asked of them."""

from firebreak.domain.people import NOBODY, Approval, ApprovalState, Change, Given, Terms
from firebreak.domain.plan import Plan
from firebreak.domain.step import ApprovalAsk
from firebreak.playbook.agreement import MAX_CHANGES, Agreed, Changes
from firebreak.playbook.runtime import (
    CancelledError,
    NotApprovedError,
    Runtime,
    StepFailedError,
)


class Consent:
    """Agreements, refusals and changes, by step key."""

    def __init__(self, runtime: Runtime) -> None:
        """``runtime``: asks people, and keeps notes."""
        self._runtime = runtime
        self.approved: dict[str, Agreed] = {}
        self.refused: set[str] = set()  # steps that people were asked for and did not get
        self.given: dict[str, Given] = {}  # what planned steps would be done with
        self.changes = Changes()

    async def agree(self, question: ApprovalAsk) -> Approval:
        """An approval that lets it happen, or that somebody changed the plan of.

        Raises NotApprovedError or CancelledError.
        """
        approval = await self._runtime.approve(question)
        if approval.state in {ApprovalState.APPROVED, ApprovalState.UNOPPOSED}:
            return approval
        if self._runtime.cancelled():
            raise CancelledError
        if approval.change is not None:
            return approval
        raise NotApprovedError(f"{question.step}: {approval.state.value}")

    def take_change(self, key: str, change: Change) -> None:
        """Have a step planned as somebody wants it. Raises StepFailedError when that never ends."""
        self.changes.add(key, change)
        if self.changes.of(key) > MAX_CHANGES:
            raise StepFailedError(f"{key}: changed more than {MAX_CHANGES} times")
        self._runtime.note(f"{key}#{self.changes.of(key)}", "changed", f"by {change.who}")

    def refuse_change(self, key: str, why: str) -> None:
        """What was wanted last cannot be planned: the step is as it was before."""
        number = self.changes.of(key)
        change = self.changes.take_back(key)
        self._runtime.note(f"{key}#{number}", "change refused", f"by {change.who}: {why}")

    def agreed(self, key: str, rung: str) -> tuple[Plan | None, tuple[Approval, ...], Terms]:
        """The plan of a rung that was agreed to ahead, by whom, and whom the author wants."""
        if key not in self.approved:
            return None, (), NOBODY
        agreed = self.approved[key]
        plan = agreed.plans.get(rung)
        return plan, ((agreed.approval,) if plan else ()), agreed.author
