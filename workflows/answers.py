"""Whether what a person says to an approval request counts. Pure: asked before anything is kept."""

from datetime import datetime

from firebreak.domain.people import Approval, ApprovalState, Given, Principal
from workflows.board import Board, standing
from workflows.messages import AnswerOrder, ChangeOrder, DelegateOrder, SnoozeOrder, VoteOrder


class AnswerRefusedError(Exception):
    """The answer does not count, and why. The request stands as it was."""


def check(board: Board, order: AnswerOrder, now: datetime) -> None:
    """Raises AnswerRefusedError unless what a person says counts."""
    match order:
        case VoteOrder():
            check_vote(board, order, now)
        case DelegateOrder():
            check_delegation(board, order, now)
        case SnoozeOrder():
            check_snooze(board, order, now)
        case ChangeOrder():
            check_change(board, order, now)


def check_vote(board: Board, order: VoteOrder, now: datetime) -> None:
    """Raises AnswerRefusedError unless the vote counts."""
    request = _open(board, order.approval, now)
    _seen(request, order.plan_hash)
    _may_answer(request, order.who)
    _not_answered(request, order.who.id)


def check_delegation(board: Board, order: DelegateOrder, now: datetime) -> None:
    """Raises AnswerRefusedError unless ``who`` may answer, and may leave that to ``to``."""
    request = _open(board, order.approval, now)
    _may_answer(request, order.who)
    _not_answered(request, order.who.id)
    if not standing(request).own(order.who):
        raise AnswerRefusedError("who was named by somebody else cannot name another; answer it")
    if order.to == order.who.id:
        raise AnswerRefusedError("that is you; answer it")
    if order.to in request.requesters:
        raise AnswerRefusedError(f"{order.to} asked for it and cannot approve it")
    _not_answered(request, order.to)
    if standing(request).has_left_it(order.to):
        raise AnswerRefusedError(f"{order.to} has left it to another person")


def check_snooze(board: Board, order: SnoozeOrder, now: datetime) -> None:
    """Raises AnswerRefusedError unless ``who`` is asked, and ``until`` lies ahead."""
    request = _open(board, order.approval, now)
    _may_answer(request, order.who)
    _not_answered(request, order.who.id)
    if order.until <= now:
        raise AnswerRefusedError(f"{order.until:%H:%M:%S} UTC is past")
    if order.until >= request.expires_at:
        raise AnswerRefusedError(f"it expires before that, at {request.expires_at:%H:%M:%S} UTC")


def check_change(board: Board, order: ChangeOrder, now: datetime) -> None:
    """Raises AnswerRefusedError unless ``who`` may answer, and there is that to change."""
    request = _open(board, order.approval, now)
    _seen(request, order.plan_hash)
    _may_answer(request, order.who)
    given = _given(request, order.step)
    if order.hold_s is not None:
        if given.longest_s is None:
            raise AnswerRefusedError(f"{given.step} has no hold")
        if order.hold_s > given.longest_s:
            raise AnswerRefusedError(f"the playbook lets it stand for {given.longest_s} s at most")
    same_hold = order.hold_s in (None, given.hold_s)
    if same_hold and {**given.inputs, **order.inputs} == given.inputs:
        raise AnswerRefusedError("that is what it says already; name an input or a hold")


def _given(request: Approval, step: str) -> Given:
    found = [given for given in request.given if step in ("", given.step)]
    if len(found) == 1:
        return found[0]
    steps = ", ".join(given.step for given in request.given)
    if not steps:
        raise AnswerRefusedError(f"nothing of {request.id} can be changed; approve or deny it")
    raise AnswerRefusedError(f"name the step to change, one of {steps}")


def _open(board: Board, approval_id: str, now: datetime) -> Approval:
    request = board.get(approval_id)
    if request is None:
        raise AnswerRefusedError(f"there is no request {approval_id}")
    if request.state is not ApprovalState.PENDING:
        raise AnswerRefusedError(f"{request.id} is {request.state.value} already")
    if now >= request.expires_at:
        raise AnswerRefusedError(f"{request.id} expired at {request.expires_at:%H:%M:%S} UTC")
    return request


def _seen(request: Approval, plan_hash: str) -> None:
    if plan_hash != request.plan_hash:
        raise AnswerRefusedError("the plan is not the one you saw; look at the request again")


def _may_answer(request: Approval, who: Principal) -> None:
    if who.kind != "person":
        raise AnswerRefusedError("only people can answer")
    if who.id in request.requesters:
        raise AnswerRefusedError("whoever asked for it cannot approve it")
    people = standing(request)
    if people.has_left_it(who.id):
        raise AnswerRefusedError(f"{who.id} has left it to another person")
    if not people.roles(who):
        wanted = [gate.role for gate in request.gates]
        wanted += [level.role for level in request.levels[: request.reached]]
        named = ", ".join(dict.fromkeys(wanted))
        raise AnswerRefusedError(f"{who.id} has none of the roles asked for: {named}")


def _not_answered(request: Approval, who: str) -> None:
    if any(vote.who.id == who for vote in request.votes):
        raise AnswerRefusedError(f"{who} has answered already")
