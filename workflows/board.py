"""Approval requests of one response: who may answer, who has, and what that makes of it. Pure."""

from datetime import datetime, timedelta

from firebreak.domain.base import digest
from firebreak.domain.people import Approval, ApprovalState, Verdict, Vote, passed
from firebreak.domain.plan import Plan
from firebreak.domain.step import ApprovalAsk
from workflows.messages import VoteOrder


class VoteRefusedError(Exception):
    """The vote does not count, and why. The request stands as it was."""


class Board:
    """All requests of a response, by id ``<incident>.<number>``."""

    def __init__(self, incident: str, requester: str) -> None:
        """``requester``: the first of those who may not answer."""
        self._incident = incident
        self._requester = requester
        self._requesters = {requester}
        self._requests: dict[str, Approval] = {}

    def also_asked_by(self, who: str) -> None:
        """Somebody else wants the same, and may not answer either."""
        self._requesters.add(who)

    def open(self, ask: ApprovalAsk, now: datetime) -> Approval:
        """Put a request up. It expires after the shortest time any of its gates allows."""
        hashes = tuple(plan.hash for plan in ask.plans)
        approval = Approval(
            id=f"{self._incident}.{len(self._requests) + 1}",
            incident=self._incident,
            step=ask.step,
            plans=hashes,
            plan_hash=digest(list(hashes)),
            summary=tuple(_line(plan) for plan in ask.plans),
            gates=ask.gates,
            why=ask.why,
            requester=self._requester,
            requested_at=now,
            expires_at=now + timedelta(seconds=min(gate.within_s for gate in ask.gates)),
        )
        self._requests[approval.id] = approval
        return approval

    def __getitem__(self, approval_id: str) -> Approval:
        return self._requests[approval_id]

    def check(self, order: VoteOrder, now: datetime) -> None:
        """Raises VoteRefusedError unless the vote counts."""
        request = self._requests.get(order.approval)
        if request is None:
            raise VoteRefusedError(f"there is no request {order.approval}")
        if request.state is not ApprovalState.PENDING:
            raise VoteRefusedError(f"{request.id} is {request.state.value} already")
        if now >= request.expires_at:
            raise VoteRefusedError(f"{request.id} expired at {request.expires_at:%H:%M:%S} UTC")
        if order.plan_hash != request.plan_hash:
            raise VoteRefusedError("the plan is not the one you saw; look at the request again")
        if order.who.kind != "person":
            raise VoteRefusedError("only people can answer")
        if order.who.id in self._requesters:
            raise VoteRefusedError("whoever asked for it cannot approve it")
        if any(vote.who.id == order.who.id for vote in request.votes):
            raise VoteRefusedError(f"{order.who.id} has answered already")
        if not any(gate.role in order.who.roles for gate in request.gates):
            wanted = ", ".join(gate.role for gate in request.gates)
            raise VoteRefusedError(f"{order.who.id} has none of the roles asked for: {wanted}")

    def cast(self, order: VoteOrder, now: datetime) -> tuple[Approval, Vote]:
        """Count a checked vote. One no denies; enough yeses approve."""
        request = self._requests[order.approval]
        vote = Vote(
            approval=request.id,
            plan_hash=order.plan_hash,
            who=order.who,
            verdict=order.verdict,
            reason=order.reason,
            at=now,
        )
        votes = (*request.votes, vote)
        state = ApprovalState.PENDING
        if order.verdict is Verdict.DENY:
            state = ApprovalState.DENIED
        elif passed(request.gates, (v.who for v in votes)):
            state = ApprovalState.APPROVED
        return self._replace(request, state, votes), vote

    def settle(self, approval_id: str, state: ApprovalState) -> Approval:
        """Close a pending request that no vote closed."""
        request = self._requests[approval_id]
        if request.state is not ApprovalState.PENDING:
            return request
        return self._replace(request, state, request.votes)

    def _replace(
        self, request: Approval, state: ApprovalState, votes: tuple[Vote, ...]
    ) -> Approval:
        changed = request.model_copy(update={"state": state, "votes": votes})
        self._requests[request.id] = changed
        return changed


def _line(plan: Plan) -> str:
    back = plan.way_back or "there is no way back"
    return f"{plan.summary} [{plan.target}; risk {plan.risk}; undo: {back}]"
