"""The client side of approval requests: what people say, put to the response that asks them."""

import asyncio
from datetime import UTC, datetime, timedelta

from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from firebreak.contracts.engine import Wanted
from firebreak.contracts.ledger import Ledger
from firebreak.domain.base import digest
from firebreak.domain.people import Approval, Principal, Verdict
from firebreak.domain.record import Kind, NewEntry
from firebreak.errors import FirebreakError, Rejected, Unreachable
from workflows.answers import REFUSALS
from workflows.board import left_to
from workflows.messages import (
    AnswerOrder,
    ChangeOrder,
    DelegateOrder,
    PersonAnswer,
    SnoozeOrder,
    VoteOrder,
)
from workflows.response import ResponseWorkflow

# How long a person waits for a worker to take an answer.
ANSWER = timedelta(seconds=30)

UNANSWERED = (RPCError, WorkflowUpdateRPCTimeoutOrCancelledError)


class Requests:
    """Each word of a person is one update whose id is made of it: a double click is one word."""

    def __init__(self, client: Client, ledger: Ledger) -> None:
        """``ledger``: which response asks, and where refusals are noted."""
        self._client = client
        self._ledger = ledger

    async def decide(
        self, approval_id: str, plan_hash: str, verdict: Verdict, who: Principal, reason: str
    ) -> Approval:
        """Put a vote; a refused one is recorded too."""
        order = VoteOrder(
            approval=approval_id, plan_hash=plan_hash, who=who, verdict=verdict, reason=reason
        )
        return await self._put(order, verdict.value)

    async def delegate(self, approval_id: str, to: str, who: Principal, reason: str) -> Approval:
        """Name another person to answer instead, or ``who`` again to take it back."""
        order = DelegateOrder(approval=approval_id, who=who, to=to, reason=reason)
        # Whom they named before is part of the word: naming somebody again after that is another.
        before = left_to(await self._ledger.approval(approval_id), who.id)
        since = before.at.isoformat() if before else ""
        return await self._put(order, f"to/{to}/{since}")

    async def snooze(self, approval_id: str, until: datetime, who: Principal) -> Approval:
        """Do not remind somebody before that time."""
        order = SnoozeOrder(approval=approval_id, who=who, until=until)
        return await self._put(order, f"until/{until.isoformat()}")

    async def change(
        self, approval_id: str, plan_hash: str, wanted: Wanted, who: Principal, reason: str
    ) -> Approval:
        """Void the request and have its step planned anew."""
        order = ChangeOrder(
            approval=approval_id,
            plan_hash=plan_hash,
            who=who,
            step=wanted.step,
            inputs=wanted.inputs,
            hold_s=wanted.hold_s,
            reason=reason,
        )
        return await self._put(order, digest(wanted.to_json()))

    async def _put(self, order: AnswerOrder, word: str) -> Approval:
        """``word``: what is said, so that the same said again by the same person is one update."""
        # A person waits: both are read at once, since a request's id begins with its incident's.
        request, row = await asyncio.gather(
            self._ledger.approval(order.approval),
            self._ledger.incident(order.approval.rpartition(".")[0]),
        )
        response = self._client.get_workflow_handle_for(ResponseWorkflow.run, row.workflow)
        try:
            return await response.execute_update(
                ResponseWorkflow.answer,
                PersonAnswer(order=order),
                id=f"{order.approval}/{order.who.id}/{word}",
                rpc_timeout=ANSWER,
            )
        except WorkflowUpdateFailedError as error:
            refusal = message(error)
            await self._note_refusal(request, order.who, f"{order.kind} refused: {refusal}")
            raise _refused(error) from error
        except UNANSWERED as error:
            raise missing(error, f"{order.approval}: its response has ended") from error

    async def _note_refusal(self, request: Approval, who: Principal, text: str) -> None:
        now = datetime.now(UTC)
        await self._ledger.append(
            NewEntry(
                incident=request.incident,
                key=f"refused:{request.id}:{who.id}:{now.isoformat()}"[:400],
                kind=Kind.NOTE,
                at=now,
                actor=who.id,
                body={"text": text, "approval": request.id},
            )
        )


def message(error: WorkflowUpdateFailedError) -> str:
    """What the workflow refused an update with."""
    cause = error.cause
    return cause.message if isinstance(cause, ApplicationError) else str(cause)


def _refused(error: WorkflowUpdateFailedError) -> FirebreakError:
    """The error of the taxonomy that the workflow refused an answer with."""
    code = error.cause.type if isinstance(error.cause, ApplicationError) else None
    kind = next((kind for kind in REFUSALS if kind.code == code), Rejected)
    return kind(message(error))


def missing(error: Exception, what: str) -> Rejected | Unreachable:
    """Why an update was not answered: its workflow has ended, or no worker took it in time."""
    if isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND:
        return Rejected(what)
    return Unreachable(
        f"no worker took it in time, so it may not count; look, then ask again: {error}"
    )
