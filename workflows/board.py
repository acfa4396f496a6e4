"""Approval requests of one response: who may answer, who has, and what that makes of it. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from firebreak.domain.base import digest
from firebreak.domain.people import (
    Approval,
    ApprovalState,
    Change,
    Delegation,
    Principal,
    Snooze,
    Verdict,
    Vote,
)
from firebreak.domain.plan import Plan
from firebreak.domain.standing import Standing, harmless
from firebreak.domain.step import ApprovalAsk
from workflows.messages import ChangeOrder, DelegateOrder, SnoozeOrder, VoteOrder


class Board:
    """All requests of a response, by id ``<incident>.<number>``. What it is told was checked."""

    def __init__(self, incident: str, requester: str) -> None:
        """``requester``: the first of those who may not answer."""
        self._incident = incident
        self._requester = requester
        self._requesters = [requester]
        self._requests: dict[str, Approval] = {}
        self._on_duty: dict[str, tuple[str, ...]] = {}  # asked for their role, by request

    def get(self, approval_id: str) -> Approval | None:
        """A request, if there is one of that id."""
        return self._requests.get(approval_id)

    def __getitem__(self, approval_id: str) -> Approval:
        return self._requests[approval_id]

    def also_asked_by(self, who: str) -> None:
        """Somebody else wants the same, and may not answer either; nor does their answer count."""
        if who in self._requesters:
            return
        self._requesters.append(who)
        for request in self._requests.values():
            if request.state is ApprovalState.PENDING:
                self._replace(request, requesters=(*request.requesters, who))

    def open(
        self,
        ask: ApprovalAsk,
        now: datetime,
        *,
        asked: Iterable[str] = (),
        title: str = "",
        severity: int = 0,
    ) -> Approval:
        """Put a request up. It expires after the shortest time any of its gates allows."""
        hashes = [plan.hash for plan in ask.plans]
        holds = [f"{given.step} {given.hold_s}" for given in ask.given if given.hold_s is not None]
        terms = ask.terms
        silent_yes = terms.otherwise == "allow" and all(harmless(plan) for plan in ask.plans)
        requesters = tuple(dict.fromkeys((*self._requesters, *ask.changers)))
        approval = Approval(
            id=f"{self._incident}.{len(self._requests) + 1}",
            incident=self._incident,
            step=ask.step,
            plans=tuple(hashes),
            plan_hash=digest([*hashes, *holds]),
            summary=tuple(_line(plan) for plan in ask.plans),
            ways_back=tuple(plan.way_back or "" for plan in ask.plans),
            gates=terms.gates,
            why=ask.why,
            requester=self._requester,
            requesters=requesters,
            requested_at=now,
            expires_at=now + timedelta(seconds=min(gate.within_s for gate in terms.gates)),
            device=ask.plans[0].device if ask.plans else "",
            title=title,
            severity=severity,
            hits=ask.hits,
            asked=_others(asked, requesters),
            levels=terms.levels,
            remind_s=terms.remind_s,
            on_timeout="allow" if silent_yes else "deny",
            replaces=ask.replaces,
            given=ask.given,
        )
        self._requests[approval.id] = approval
        self._on_duty[approval.id] = approval.asked
        return approval

    def cast(self, order: VoteOrder, now: datetime) -> tuple[Approval, Vote]:
        """Count a vote. One no denies; enough yeses approve."""
        request = self[order.approval]
        role, instead_of = standing(request).capacity(order.who)
        vote = Vote(
            approval=request.id,
            plan_hash=order.plan_hash,
            who=order.who,
            verdict=order.verdict,
            reason=order.reason,
            at=now,
            role=role,
            instead_of=instead_of,
        )
        request = self._replace(request, votes=(*request.votes, vote))
        if order.verdict is Verdict.DENY:
            return self._replace(request, state=ApprovalState.DENIED), vote
        if standing(request).passed(_agreeing(request)):
            request = self._replace(request, state=ApprovalState.APPROVED)
        return request, vote

    def delegate(self, order: DelegateOrder, now: datetime) -> Approval:
        """Let another person answer instead, and ask them; or ``who`` again, as before.

        Each leaves it to one person: whoever they named before is asked no more. The request is
        the same object when it says so already.
        """
        request = self[order.approval]
        before = left_to(request, order.who.id)
        if before is not None and before.to == order.to:
            return request
        delegations = tuple(one for one in request.delegations if one is not before)
        if order.to != order.who.id:
            delegations += (Delegation(by=order.who, to=order.to, at=now),)
        return self._ask(self._replace(request, delegations=delegations))

    def snooze(self, order: SnoozeOrder) -> Approval:
        """Leave somebody in peace for a while; a later word of theirs counts."""
        request = self[order.approval]
        others = tuple(snooze for snooze in request.snoozes if snooze.who != order.who.id)
        made = Snooze(who=order.who.id, until=order.until)
        return self._replace(request, snoozes=(*others, made))

    def change(self, order: ChangeOrder) -> Approval:
        """Void the request, and say what is wanted instead."""
        made = Change(
            who=order.who.id,
            step=order.step or self[order.approval].given[0].step,
            inputs=order.inputs,
            hold_s=order.hold_s,
            reason=order.reason,
        )
        return self._replace(self[order.approval], state=ApprovalState.VOID, change=made)

    def escalate(self, approval_id: str, asked: Iterable[str]) -> Approval:
        """The next level is reached, and these people are asked too."""
        request = self[approval_id]
        self._on_duty[approval_id] += _others(asked, request.requesters)
        return self._ask(self._replace(request, reached=request.reached + 1))

    def reminded(self, approval_id: str) -> Approval:
        """People were asked once more."""
        request = self[approval_id]
        return self._replace(request, reminders=request.reminders + 1)

    def expire(self, approval_id: str) -> Approval:
        """Time is up: silence is a no, or what policy makes of it for a harmless plan."""
        request = self[approval_id]
        silent_yes = request.on_timeout == "allow"
        return self.settle(
            approval_id, ApprovalState.UNOPPOSED if silent_yes else ApprovalState.EXPIRED
        )

    def settle(self, approval_id: str, state: ApprovalState) -> Approval:
        """Close a pending request that no vote closed."""
        request = self[approval_id]
        if request.state is not ApprovalState.PENDING:
            return request
        return self._replace(request, state=state)

    def _ask(self, request: Approval) -> Approval:
        """Ask by name who is on duty and who was named by somebody."""
        named = (one.to for one in request.delegations)
        asked = dict.fromkeys((*self._on_duty[request.id], *named))
        return self._replace(request, asked=tuple(asked))

    def _replace(self, request: Approval, **changes: Any) -> Approval:
        changed = request.model_copy(update=changes)
        self._requests[request.id] = changed
        return changed


def standing(request: Approval) -> Standing:
    """Who counts for which gates of a request as it stands."""
    return Standing(request.gates, request.levels[: request.reached], request.delegations)


def left_to(request: Approval, who: str) -> Delegation | None:
    """How somebody left it to another person; None while they answer themselves."""
    return next((one for one in request.delegations if one.by.id == who), None)


def silent(request: Approval) -> tuple[str, ...]:
    """Who was asked by name and neither answered nor left it to another."""
    done = {vote.who.id for vote in request.votes}
    done |= {one.by.id for one in request.delegations} | set(request.requesters)
    return tuple(who for who in request.asked if who not in done)


def _agreeing(request: Approval) -> list[Principal]:
    return [
        vote.who
        for vote in request.votes
        if vote.verdict is Verdict.APPROVE and vote.who.id not in request.requesters
    ]


def _others(people: Iterable[str], requesters: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(who for who in dict.fromkeys(people) if who not in requesters)


def _line(plan: Plan) -> str:
    back = plan.way_back or "there is no way back"
    return f"{plan.summary} [{plan.target}; risk {plan.risk}; undo: {back}]"
