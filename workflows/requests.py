"""The client side of approval requests: what people say, put to the response that asks them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import (
    Client,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from firebreak.contracts import Ledger, Wanted
from firebreak.contracts.people import Directory
from firebreak.domain.base import digest
from firebreak.domain.people import Approval, Principal, Verdict
from firebreak.domain.record import Kind, NewEntry
from firebreak.errors import Forbidden, NotFound, Unreachable
from workflows.messages import ChangeOrder, DelegateOrder, SnoozeOrder, VoteOrder
from workflows.response import ResponseWorkflow

# How long a person waits for a worker to take an answer.
ANSWER = timedelta(seconds=30)

UNANSWERED = (RPCError, WorkflowUpdateRPCTimeoutOrCancelledError)

Handle = WorkflowHandle[Any, Any]


class Requests:
    """Each word of a person is one update whose id is made of it: a double click is one word."""

    def __init__(self, client: Client, ledger: Ledger, directory: Directory | None) -> None:
        """``directory``: who can be named to answer instead; without one, anybody."""
        self._client = client
        self._ledger = ledger
        self._directory = directory

    async def decide(
        self, approval_id: str, plan_hash: str, verdict: Verdict, who: Principal, reason: str
    ) -> Approval:
        """Put a vote; a refused one is recorded too."""
        order = VoteOrder(
            approval=approval_id, plan_hash=plan_hash, who=who, verdict=verdict, reason=reason
        )
        return await self._say(
            approval_id,
            who,
            "vote",
            lambda handle: handle.execute_update(
                ResponseWorkflow.vote,
                order,
                id=f"{approval_id}/{who.id}/{verdict.value}",
                rpc_timeout=ANSWER,
            ),
        )

    async def delegate(self, approval_id: str, to: str, who: Principal, reason: str) -> Approval:
        """Name another person to answer instead."""
        if self._directory is not None and self._directory.person(to) is None:
            raise NotFound(f"nobody here is called {to}; `firebreak people` lists who is")
        order = DelegateOrder(approval=approval_id, who=who, to=to, reason=reason)
        return await self._say(
            approval_id,
            who,
            "delegation",
            lambda handle: handle.execute_update(
                ResponseWorkflow.delegate,
                order,
                id=f"{approval_id}/{who.id}/to/{to}",
                rpc_timeout=ANSWER,
            ),
        )

    async def snooze(self, approval_id: str, until: datetime, who: Principal) -> Approval:
        """Do not remind somebody before that time."""
        order = SnoozeOrder(approval=approval_id, who=who, until=until)
        return await self._say(
            approval_id,
            who,
            "snooze",
            lambda handle: handle.execute_update(
                ResponseWorkflow.snooze,
                order,
                id=f"{approval_id}/{who.id}/until/{until.isoformat()}",
                rpc_timeout=ANSWER,
            ),
        )

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
        return await self._say(
            approval_id,
            who,
            "change",
            lambda handle: handle.execute_update(
                ResponseWorkflow.change,
                order,
                id=f"{approval_id}/{who.id}/{digest(wanted.to_json())}",
                rpc_timeout=ANSWER,
            ),
        )

    async def _say(
        self,
        approval_id: str,
        who: Principal,
        what: str,
        update: Callable[[Handle], Awaitable[Approval]],
    ) -> Approval:
        # A person waits: both are read at once, since a request's id begins with its incident's.
        request, row = await asyncio.gather(
            self._ledger.approval(approval_id),
            self._ledger.incident(approval_id.rpartition(".")[0]),
        )
        try:
            return await update(
                self._client.get_workflow_handle_for(ResponseWorkflow.run, row.workflow)
            )
        except WorkflowUpdateFailedError as error:
            refusal = message(error)
            await self._note_refusal(request, who, f"{what} refused: {refusal}")
            raise Forbidden(refusal) from error
        except UNANSWERED as error:
            raise missing(error, f"{approval_id}: its response has ended") from error

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


def missing(error: Exception, what: str) -> NotFound | Unreachable:
    """Why an update was not answered: its workflow has ended, or no worker took it in time."""
    if isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND:
        return NotFound(what)
    return Unreachable(
        f"no worker took it in time, so it may not count; look, then ask again: {error}"
    )
