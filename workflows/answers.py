"""Whether what a person says to an approval request counts. Pure: asked before anything is kept."""

from datetime import datetime

from firebreak.domain.durations import duration
from firebreak.domain.people import Approval, ApprovalState, Given, Principal
from firebreak.errors import BadInput, FirebreakError, Forbidden, NotFound, Rejected
from workflows.board import Board, left_to, standing
from workflows.messages import AnswerOrder, ChangeOrder, DelegateOrder, SnoozeOrder, VoteOrder

# Who it is that may not; what was given; how things stand by now; no such request.
REFUSALS: tuple[type[FirebreakError], ...] = (Forbidden, BadInput, Rejected, NotFound)


class AnswerRefusedError(Exception):
    """The answer does not count, and why. The request stands as it was."""

    def __init__(self, error: type[FirebreakError], why: str) -> None:
        """``error``: one of ``REFUSALS``, as which the person hears of it."""
        super().__init__(why)
        self.error = error


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
    """Raises AnswerRefusedError unless ``who`` may answer, and may leave that to ``to``.

    Who left it to another person may name a third, or themselves, until that person has answered.
    """
    request = _open(board, order.approval, now)
    _can_count(request, order.who)
    if not standing(request).own(order.who):
        if standing(request).named(order.who.id):
            why = "who was named by somebody else cannot name another; answer it"
            raise AnswerRefusedError(Forbidden, why)
        raise _no_role(request, order.who)
    _not_answered(request, order.who.id)
    before = left_to(request, order.who.id)
    if before is not None:
        _not_answered(request, before.to)
    if order.to == order.who.id:
        if before is None:
            raise AnswerRefusedError(BadInput, "that is you; answer it")
        return
    _can_be_named(request, order.to)


def _can_be_named(request: Approval, to: str) -> None:
    if to in request.requesters:
        raise AnswerRefusedError(BadInput, f"{to} asked for it and cannot approve it")
    _not_answered(request, to)
    if standing(request).has_left_it(to):
        raise AnswerRefusedError(Rejected, f"{to} has left it to another person")


def check_snooze(board: Board, order: SnoozeOrder, now: datetime) -> None:
    """Raises AnswerRefusedError unless ``who`` is asked, and ``until`` lies ahead."""
    request = _open(board, order.approval, now)
    _may_answer(request, order.who)
    _not_answered(request, order.who.id)
    if order.until <= now:
        raise AnswerRefusedError(BadInput, f"{order.until:%H:%M:%S} UTC is past")
    if order.until >= request.expires_at:
        why = f"it expires before that, at {request.expires_at:%H:%M:%S} UTC"
        raise AnswerRefusedError(BadInput, why)


def check_change(board: Board, order: ChangeOrder, now: datetime) -> None:
    """Raises AnswerRefusedError unless ``who`` may answer, and there is that to change."""
    request = _open(board, order.approval, now)
    _seen(request, order.plan_hash)
    _may_answer(request, order.who)
    given = _given(request, order.step)
    if order.hold_s is not None:
        if given.longest_s is None:
            raise AnswerRefusedError(BadInput, f"{given.step} has no hold")
        if order.hold_s > given.longest_s:
            why = f"the playbook lets it stand for {duration(given.longest_s)} at most"
            raise AnswerRefusedError(BadInput, why)
    same_hold = order.hold_s in (None, given.hold_s)
    if same_hold and {**given.inputs, **order.inputs} == given.inputs:
        why = "that is what it says already; name an input or a hold"
        raise AnswerRefusedError(BadInput, why)


def _given(request: Approval, step: str) -> Given:
    found = [given for given in request.given if step in ("", given.step)]
    if len(found) == 1:
        return found[0]
    steps = ", ".join(given.step for given in request.given)
    if not steps:
        why = f"nothing of {request.id} can be changed; approve or deny it"
        raise AnswerRefusedError(Rejected, why)
    raise AnswerRefusedError(BadInput, f"name the step to change, one of {steps}")


def _open(board: Board, approval_id: str, now: datetime) -> Approval:
    request = board.get(approval_id)
    if request is None:
        raise AnswerRefusedError(NotFound, f"there is no request {approval_id}")
    if request.state is not ApprovalState.PENDING:
        raise AnswerRefusedError(Rejected, f"{request.id} is {request.state.value} already")
    if now >= request.expires_at:
        why = f"{request.id} expired at {request.expires_at:%H:%M:%S} UTC"
        raise AnswerRefusedError(Rejected, why)
    return request


def _seen(request: Approval, plan_hash: str) -> None:
    if plan_hash != request.plan_hash:
        why = "the plan is not the one you saw; look at the request again"
        raise AnswerRefusedError(Rejected, why)


def _may_answer(request: Approval, who: Principal) -> None:
    _can_count(request, who)
    left = left_to(request, who.id)
    if left is not None:
        why = f"{who.id} has left it to another person, {left.to}; "
        why += f"`firebreak delegate {request.id} --to {who.id}` takes it back"
        raise AnswerRefusedError(Rejected, why)
    if not standing(request).roles(who):
        raise _no_role(request, who)


def _can_count(request: Approval, who: Principal) -> None:
    if who.kind != "person":
        raise AnswerRefusedError(Forbidden, "only people can answer")
    if who.id in request.requesters:
        why = "whoever asked for it cannot approve it; to take it back, "
        why += f"`firebreak incident cancel {request.incident}`"
        raise AnswerRefusedError(Forbidden, why)


def _no_role(request: Approval, who: Principal) -> AnswerRefusedError:
    wanted = [gate.role for gate in request.gates]
    wanted += [level.role for level in request.levels[: request.reached]]
    named = ", ".join(dict.fromkeys(wanted))
    why = f"{who.id} has none of the roles asked for: {named}"
    return AnswerRefusedError(Forbidden, why)


def _not_answered(request: Approval, who: str) -> None:
    if any(vote.who.id == who for vote in request.votes):
        raise AnswerRefusedError(Rejected, f"{who} has answered already")
