"""Asks people and waits for them: who is on duty, reminders, escalation, and the end of waiting.

All waiting is by durable timers. What is due is computed from the request and the time, so a clock
that jumps over three reminders makes one of them, and a replay makes none twice.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from pydantic import JsonValue
from temporalio import workflow

from firebreak.domain.people import Approval, ApprovalState, Level
from firebreak.domain.record import Kind
from firebreak.domain.step import SYSTEM, ApprovalAsk
from workflows.board import Board, silent
from workflows.calls import Calls
from workflows.messages import AnswerOrder, ChangeOrder, DelegateOrder, SnoozeOrder, VoteOrder
from workflows.outbox import Outbox


class Asking:
    """The approval requests of one response, over time."""

    def __init__(
        self,
        board: Board,
        calls: Calls,
        outbox: Outbox,
        flush: Callable[[], Awaitable[None]],
        cancelled: Callable[[], bool],
    ) -> None:
        """``flush`` puts on disk what the outbox holds; ``cancelled``: nobody needs to answer."""
        self._board = board
        self._calls = calls
        self._outbox = outbox
        self._flush = flush
        self._cancelled = cancelled
        self._delegations = 0

    # -- asking and waiting -----------------------------------------------------------------

    async def approve(self, ask: ApprovalAsk, title: str, severity: int) -> Approval:
        """Ask, and wait until people answered, time ran out or the response was stopped."""
        roles = tuple(gate.role for gate in ask.terms.gates)
        asked = await self._calls.on_duty(roles)
        request = self._board.open(ask, workflow.now(), asked=asked, title=title, severity=severity)
        self._note(Kind.APPROVAL_REQUESTED, request, "requested", step=ask.step)
        await self._flush()
        await self._wait(request.id)
        return self._board[request.id]

    async def _wait(self, approval_id: str) -> None:
        looked_at = self._board[approval_id].requested_at
        while (request := self._board[approval_id]).state is ApprovalState.PENDING:
            now = workflow.now()
            if self._cancelled():
                await self._end(self._board.settle(approval_id, ApprovalState.VOID))
            elif now >= request.expires_at:
                await self._end(self._board.expire(approval_id))
            elif _reminder_after(request, looked_at) <= now:
                await self._remind(request, looked_at, now)
                looked_at = now
            elif (level := _next_level(request)) and _moment(request, level.after_s) <= now:
                await self._escalate(request, level)
            else:
                await self._until(request, looked_at)

    async def _until(self, request: Approval, looked_at: datetime) -> None:
        """Until something is due, or the request is another than it was."""
        level = _next_level(request)
        due = min(
            request.expires_at,
            _reminder_after(request, looked_at),
            _moment(request, level.after_s) if level else request.expires_at,
        )
        try:
            await workflow.wait_condition(
                lambda: self._board[request.id] is not request or self._cancelled(),
                timeout=due - workflow.now(),
            )
        except TimeoutError:
            return

    async def _remind(self, request: Approval, looked_at: datetime, now: datetime) -> None:
        """Ask again whoever was asked and is silent. Without names the roles are asked."""
        to = _to_remind(request, looked_at, now)
        if request.asked and not to:
            return
        request = self._board.reminded(request.id)
        self._note(Kind.APPROVAL_REMINDED, request, f"reminded:{request.reminders}", to=list(to))
        await self._flush()

    async def _escalate(self, request: Approval, level: Level) -> None:
        asked = await self._calls.on_duty((level.role,))
        if self._board[request.id].state is not ApprovalState.PENDING:
            return  # answered while we asked whom to ask
        request = self._board.escalate(request.id, asked)
        self._note(Kind.APPROVAL_ESCALATED, request, f"escalated:{request.reached}")
        await self._flush()

    async def _end(self, request: Approval) -> None:
        self._note(Kind.APPROVAL_CLOSED, request, "closed")
        await self._flush()

    # -- what people say, checked already ---------------------------------------------------

    async def answer(self, order: AnswerOrder) -> Approval:
        """Take in what a person says and put it on disk. The request as it stands then."""
        match order:
            case VoteOrder():
                request = self._vote(order)
            case DelegateOrder():
                request = self._delegate(order)
            case SnoozeOrder():
                request = self._snooze(order)
            case ChangeOrder():
                request = self._board.change(order)
                self._note(Kind.APPROVAL_CLOSED, request, "closed", actor=order.who.id)
        await self._flush()
        return request

    def _vote(self, order: VoteOrder) -> Approval:
        request, vote = self._board.cast(order, workflow.now())
        self._outbox.put(
            Kind.APPROVAL_VOTE,
            f"approval:{request.id}:vote:{order.who.id}",
            actor=order.who.id,
            vote=vote.to_json(),
        )
        if request.state is not ApprovalState.PENDING:
            self._note(Kind.APPROVAL_CLOSED, request, "closed")
        return request

    def _delegate(self, order: DelegateOrder) -> Approval:
        before = self._board[order.approval]
        request = self._board.delegate(order, workflow.now())
        if request is before:
            return request  # a double click
        self._delegations += 1
        self._note(
            Kind.APPROVAL_DELEGATED,
            request,
            f"delegated:{order.who.id}:{self._delegations}",
            actor=order.who.id,
            to=order.to,
            reason=order.reason,
        )
        return request

    def _snooze(self, order: SnoozeOrder) -> Approval:
        request = self._board.snooze(order)
        until = order.until.isoformat()
        self._note(
            Kind.APPROVAL_SNOOZED,
            request,
            f"snoozed:{order.who.id}:{until}",
            actor=order.who.id,
            until=until,
        )
        return request

    def _note(
        self, kind: Kind, request: Approval, key: str, *, actor: str = SYSTEM, **body: JsonValue
    ) -> None:
        """Put down the request as it stands now."""
        self._outbox.put(
            kind,
            f"approval:{request.id}:{key}",
            actor=actor,
            approval=request.to_json(),
            **body,
        )


def _moment(request: Approval, after_s: float) -> datetime:
    return request.requested_at + timedelta(seconds=after_s)


def _next_level(request: Approval) -> Level | None:
    return request.levels[request.reached] if request.reached < len(request.levels) else None


def _tick_after(request: Approval, looked_at: datetime) -> datetime:
    """The next round of reminders after that moment; when it expires, if there is none."""
    if request.remind_s is None:
        return request.expires_at
    passed = (looked_at - request.requested_at) // timedelta(seconds=request.remind_s)
    return _moment(request, (passed + 1) * request.remind_s)


def _reminder_after(request: Approval, looked_at: datetime) -> datetime:
    """When somebody is due to be reminded: everybody at each tick, each at the end of a snooze."""
    awake = [snooze.until for snooze in request.snoozes if snooze.until > looked_at]
    return min((_tick_after(request, looked_at), *awake))


def _to_remind(request: Approval, looked_at: datetime, now: datetime) -> tuple[str, ...]:
    """Who is asked again: those who are silent and awake, or whose snooze has just ended."""
    until = {snooze.who: snooze.until for snooze in request.snoozes}
    everybody = _tick_after(request, looked_at) <= now
    return tuple(
        who
        for who in silent(request)
        if (everybody and until.get(who, now) <= now)
        or (who in until and looked_at < until[who] <= now)
    )
