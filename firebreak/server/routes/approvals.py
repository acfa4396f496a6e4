"""Approvals: what waits for people, and their answers."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import AfterValidator, Field, JsonValue, StringConstraints

from firebreak.contracts.engine import Wanted
from firebreak.domain.base import Model
from firebreak.domain.people import Approval, ApprovalState, Verdict
from firebreak.errors import FirebreakError
from firebreak.server import problems
from firebreak.server.auth import Answerer, Person, Reader, RequestReader
from firebreak.server.services import Use
from firebreak.server.text import Reason, printable

router = APIRouter(prefix="/approvals", tags=["approvals"], responses=problems.PROBLEMS)

ApprovalId = Annotated[str, Path(max_length=200)]
PlanHash = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]

# One wave of a campaign in one go; the engine is asked for some of them at a time.
MOST_AT_ONCE = 500
_SIDE_BY_SIDE = 10


class Approvals(Model):
    """A list of approval requests."""

    approvals: tuple[Approval, ...]


class Answer(Model):
    """One person's verdict. `plan_hash` repeats what they were shown: it binds the answer to it."""

    verdict: Verdict
    plan_hash: PlanHash
    reason: Reason


class Seen(Model):
    """One request as somebody saw it."""

    approval: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    plan_hash: PlanHash


class Answers(Model):
    """One verdict on many requests, each as it was shown."""

    requests: Annotated[tuple[Seen, ...], Field(min_length=1, max_length=MOST_AT_ONCE)]
    verdict: Verdict
    reason: Reason


class Answered(Model):
    """What became of one of many: the state of the request, or why the vote does not count."""

    approval: str
    state: ApprovalState | None = None
    error: str = Field(default="", description="Stable code, see docs/errors.md")
    message: str = ""


class AllAnswered(Model):
    """A result for each request, in the order that they were given in."""

    answered: tuple[Answered, ...]


class Delegate(Model):
    """Another person, by principal id, to answer instead."""

    to: Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(printable)]
    reason: Reason


class Later(Model):
    """Not to be reminded for so many seconds."""

    for_s: Annotated[int, Field(ge=1, le=7 * 86400)]


class Changed(Model):
    """How it is wanted instead. `plan_hash` repeats what was shown."""

    plan_hash: PlanHash
    step: Annotated[str, StringConstraints(max_length=63)] = ""
    inputs: Annotated[dict[Name, JsonValue], Field(max_length=50)] = Field(default_factory=dict)
    hold_s: Annotated[int, Field(ge=1)] | None = None
    reason: Reason


@router.get("", operation_id="list_approvals")
async def list_approvals(use: Use, _: Reader, pending: bool = True) -> Approvals:
    """Approval requests, oldest first."""
    return Approvals(approvals=await use.ledger.approvals(pending_only=pending))


@router.post("/decide", operation_id="decide_approvals")
async def decide_approvals(said: Answers, use: Use, who: Person) -> AllAnswered:
    """Answer many requests alike: a vote of its own for each, and a result for each."""
    room = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def one(seen: Seen) -> Answered:
        async with room:
            try:
                settled = await use.desk.decide(
                    who, seen.approval, seen.plan_hash, said.verdict, said.reason
                )
            except FirebreakError as error:
                text = printable(str(error))
                return Answered(approval=seen.approval, error=error.code, message=text)
            return Answered(approval=seen.approval, state=settled.state)

    return AllAnswered(answered=tuple(await asyncio.gather(*map(one, said.requests))))


@router.get("/{approval}", operation_id="get_approval")
async def get_approval(approval: ApprovalId, use: Use, who: RequestReader) -> Approval:
    """One request with its plans and votes; also for whoever was named to answer it."""
    return await use.desk.approval(who, approval)


@router.post("/{approval}/decide", operation_id="decide_approval")
async def decide_approval(approval: ApprovalId, said: Answer, use: Use, who: Answerer) -> Approval:
    """Approve or deny, as the person whose token this is; a delegate needs no role."""
    return await use.desk.decide(who, approval, said.plan_hash, said.verdict, said.reason)


@router.post("/{approval}/delegate", operation_id="delegate_approval")
async def delegate_approval(
    approval: ApprovalId, said: Delegate, use: Use, who: Person
) -> Approval:
    """Let another person answer instead of you, until they have; name yourself to take it back."""
    return await use.desk.delegate(who, approval, said.to, said.reason)


@router.post("/{approval}/snooze", operation_id="snooze_approval")
async def snooze_approval(approval: ApprovalId, said: Later, use: Use, who: Answerer) -> Approval:
    """Not be reminded for a while. It expires as before."""
    now = datetime.now(UTC).replace(microsecond=0)  # a double click is one snooze
    return await use.desk.snooze(who, approval, now + timedelta(seconds=said.for_s))


@router.post("/{approval}/change", operation_id="change_approval")
async def change_approval(approval: ApprovalId, said: Changed, use: Use, who: Answerer) -> Approval:
    """Have it done otherwise: this request is void, a new one follows, and others decide on it."""
    wanted = Wanted(step=said.step, inputs=said.inputs, hold_s=said.hold_s)
    return await use.desk.change(who, approval, said.plan_hash, wanted, said.reason)
