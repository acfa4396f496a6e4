"""Approvals: what waits for people, and their answers."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import StringConstraints

from firebreak.domain.base import Model
from firebreak.domain.people import Approval, Verdict
from firebreak.server import problems
from firebreak.server.auth import Person, Reader
from firebreak.server.services import Use
from firebreak.server.text import Reason

router = APIRouter(prefix="/approvals", tags=["approvals"], responses=problems.PROBLEMS)

ApprovalId = Annotated[str, Path(max_length=200)]


class Approvals(Model):
    """A list of approval requests."""

    approvals: tuple[Approval, ...]


class Answer(Model):
    """One person's verdict. `plan_hash` repeats what they were shown: it binds the answer to it."""

    verdict: Verdict
    plan_hash: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
    reason: Reason


@router.get("", operation_id="list_approvals")
async def list_approvals(use: Use, _: Reader, pending: bool = True) -> Approvals:
    """Approval requests, oldest first."""
    return Approvals(approvals=await use.ledger.approvals(pending_only=pending))


@router.get("/{approval}", operation_id="get_approval")
async def get_approval(approval: ApprovalId, use: Use, who: Reader) -> Approval:
    """One request with its plans and votes."""
    return await use.desk.approval(who, approval)


@router.post("/{approval}/decide", operation_id="decide_approval")
async def decide_approval(approval: ApprovalId, said: Answer, use: Use, who: Person) -> Approval:
    """Approve or deny, as the person whose token this is."""
    return await use.desk.decide(who, approval, said.plan_hash, said.verdict, said.reason)
