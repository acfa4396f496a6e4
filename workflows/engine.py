"""The client side of the workflows: what the server calls to start, ask and end things."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowUpdateFailedError,
)
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from firebreak.contracts.engine import Start, Started, Wanted
from firebreak.contracts.ledger import Ledger
from firebreak.contracts.sources import Inventory
from firebreak.domain.base import JsonObject
from firebreak.domain.hold import Hold, HoldState
from firebreak.domain.people import Approval, Principal, Verdict
from firebreak.errors import (
    BadInput,
    DefinitionError,
    NotFound,
    Rejected,
    RevertFailed,
    Unreachable,
)
from firebreak.playbook.inputs import bind
from firebreak.playbook.program import HoldSpec, Program
from firebreak.search import DEVICE, PLAYBOOK, SITE, STATUS
from workflows.hold import HoldWorkflow
from workflows.messages import (
    EndOrder,
    ExtendOrder,
    HoldInput,
    Join,
    ResponseInput,
    StopOrder,
    Timing,
    incident_id,
    response_id,
)
from workflows.preview import Preview, PreviewWorkflow
from workflows.requests import ANSWER, UNANSWERED, Requests, message, missing
from workflows.response import ResponseWorkflow

# How long a person waits for a release to be proven.
PROOF = timedelta(minutes=4)


class Programs(Protocol):
    """Compiled playbooks by name."""

    def program(self, name: str) -> Program:
        """The program. Raises NotFound or DefinitionError."""
        ...


class TemporalEngine:
    """contracts.Engine on Temporal."""

    def __init__(
        self,
        client: Client,
        programs: Programs,
        inventory: Inventory,
        ledger: Ledger,
        *,
        policy_digest: Callable[[], str],
        task_queue: str,
        timing: Timing,
        task_timeout: timedelta,
    ) -> None:
        """``task_timeout``: how soon a dead worker's workflow task goes to another."""
        self._client = client
        self._programs = programs
        self._inventory = inventory
        self._ledger = ledger
        self._policy_digest = policy_digest
        self._queue = task_queue
        self._timing = timing
        self._task_timeout = task_timeout
        self._requests = Requests(client, ledger)

    async def respond(self, start: Start) -> Started:
        """Start, or join by signal-with-start; both work while no worker runs."""
        order = self._input(start)
        try:
            handle = await self._start(order, WorkflowIDConflictPolicy.FAIL)
        except WorkflowAlreadyStartedError:
            handle = await self._join(order)
        run = handle.result_run_id or handle.first_execution_run_id or ""
        return Started(workflow=handle.id, incident=incident_id(run))

    async def _join(self, order: ResponseInput) -> WorkflowHandle[Any, Any]:
        """Hand it to the response that runs; atomically a new one, if that has just ended."""
        join = Join(
            start_id=order.start_id,
            alerts=order.alerts,
            requester=order.requester,
            reason=order.reason,
        )
        return await self._start(
            order,
            WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal="join",
            start_signal_args=[join],
        )

    async def _start(
        self, order: ResponseInput, conflict: WorkflowIDConflictPolicy, **signal: Any
    ) -> WorkflowHandle[Any, Any]:
        try:
            return await self._client.start_workflow(
                ResponseWorkflow.run,
                order,
                id=response_id(order.program.name, order.device.id),
                task_queue=self._queue,
                task_timeout=self._task_timeout,
                id_conflict_policy=conflict,
                search_attributes=_attributes(order),
                **signal,
            )
        except RPCError as error:
            raise Unreachable(f"Temporal did not take the response: {error}") from error

    def _input(self, start: Start) -> ResponseInput:
        program = self._programs.program(start.playbook)
        return ResponseInput(
            start_id=start.alerts[0].id if start.alerts else uuid4().hex,
            program=program,
            device=self._inventory.device(start.device),
            alerts=start.alerts,
            requester=start.requester,
            reason=start.reason,
            inputs=checked_inputs(program, start.inputs),
            policy_digest=self._policy_digest(),
            timing=self._timing,
        )

    async def dry_run(self, start: Start) -> tuple[JsonObject, ...]:
        """Ask the adapters for plans through a worker, where they can be reached."""
        try:
            preview: Preview = await self._client.execute_workflow(
                PreviewWorkflow.run,
                self._input(start),
                id=f"preview/{start.playbook}/{start.device}/{uuid4().hex[:12]}",
                task_queue=self._queue,
                task_timeout=self._task_timeout,
            )
        except RPCError as error:
            raise Unreachable(f"Temporal did not take the dry run: {error}") from error
        return preview.rungs

    async def decide(
        self, approval_id: str, plan_hash: str, verdict: Verdict, who: Principal, reason: str
    ) -> Approval:
        """Put a vote to the response that asks; a refused vote is recorded too."""
        return await self._requests.decide(approval_id, plan_hash, verdict, who, reason)

    async def delegate(self, approval_id: str, to: str, who: Principal, reason: str) -> Approval:
        """Let another person answer instead; ``who`` again to take it back."""
        return await self._requests.delegate(approval_id, to, who, reason)

    async def snooze(self, approval_id: str, until: datetime, who: Principal) -> Approval:
        """Do not remind somebody before that time."""
        return await self._requests.snooze(approval_id, until, who)

    async def change(
        self, approval_id: str, plan_hash: str, wanted: Wanted, who: Principal, reason: str
    ) -> Approval:
        """Void the request and have its step planned anew."""
        return await self._requests.change(approval_id, plan_hash, wanted, who, reason)

    async def cancel(self, incident: str, who: Principal, reason: str) -> None:
        """Stop a response after its effect in flight."""
        row = await self._ledger.incident(incident)
        handle = self._client.get_workflow_handle_for(ResponseWorkflow.run, row.workflow)
        if row.status != "open":
            raise Rejected(f"{row.id} has ended already: {row.status}")
        try:
            stop = StopOrder(incident=row.id, who=who, reason=reason)
            await handle.execute_update(ResponseWorkflow.stop, stop, rpc_timeout=ANSWER)
        except WorkflowUpdateFailedError as error:
            raise Rejected(message(error)) from error
        except UNANSWERED as error:
            raise missing(error, f"{incident} has ended already") from error

    async def release(self, hold_id: str, who: Principal, reason: str) -> Hold:
        """End a hold and wait for the proof; a hold that lost its workflow gets a new one."""
        hold = await self._live(hold_id)
        if hold.state is HoldState.PENDING and await self._runs(hold.incident):
            raise Rejected(f"{hold.incident} is still acting on {hold.device}; wait for its end")
        await self._keep(hold)
        handle = self._client.get_workflow_handle_for(HoldWorkflow.run, hold_id)
        try:
            return await handle.execute_update(
                HoldWorkflow.release, EndOrder(who=who.id, why=reason), rpc_timeout=PROOF
            )
        except WorkflowUpdateFailedError as error:
            raise RevertFailed(message(error)) from error
        except UNANSWERED as error:
            raise missing(error, f"{hold_id} has ended already") from error

    async def extend(self, hold_id: str, by_s: int, who: Principal, reason: str) -> Hold:
        """Move a hold's expiry."""
        await self._live(hold_id)
        handle = self._client.get_workflow_handle_for(HoldWorkflow.run, hold_id)
        try:
            return await handle.execute_update(
                HoldWorkflow.extend,
                ExtendOrder(who=who.id, why=reason, by_s=by_s),
                rpc_timeout=ANSWER,
            )
        except WorkflowUpdateFailedError as error:
            raise Rejected(message(error)) from error
        except UNANSWERED as error:
            raise missing(error, f"{hold_id} has ended already") from error

    async def _live(self, hold_id: str) -> Hold:
        hold = await self._ledger.hold(hold_id)
        if hold is None:
            raise NotFound(f"there is no hold {hold_id}")
        return hold

    async def keep(self, hold: Hold) -> None:
        """Start the hold's workflow again if it is gone; a hold being applied is left alone."""
        if hold.state is HoldState.PENDING and await self._runs(hold.incident):
            return
        await self._keep(hold)

    async def _runs(self, incident: str) -> bool:
        """Whether the response of an incident still runs."""
        row = await self._ledger.incident(incident)
        handle = self._client.get_workflow_handle(row.workflow)
        try:
            described = await handle.describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise Unreachable(f"Temporal does not answer: {error}") from error
        running = described.status is WorkflowExecutionStatus.RUNNING
        return running and incident_id(described.run_id) == incident

    async def _keep(self, hold: Hold) -> None:
        start = HoldInput(
            hold=hold,
            spec=HoldSpec(for_s=1),  # not read: the hold's own expiry ends it
            requester=Principal(id=hold.owner, kind="automation"),
            timing=self._timing,
            again=True,
        )
        try:
            await self._client.start_workflow(
                HoldWorkflow.run,
                start,
                id=hold.id,
                task_queue=self._queue,
                task_timeout=self._task_timeout,
            )
        except WorkflowAlreadyStartedError:
            return
        except RPCError as error:
            raise Unreachable(f"Temporal does not answer: {error}") from error

    async def ready(self) -> bool:
        """Whether Temporal answers."""
        try:
            return await self._client.service_client.check_health(timeout=timedelta(seconds=2))
        except RPCError:
            return False


def checked_inputs(program: Program, given: JsonObject) -> JsonObject:
    """The playbook's inputs with defaults filled in. Raises BadInput."""
    try:
        return bind(program.inputs, given, program.name)
    except DefinitionError as error:
        raise BadInput(str(error)) from error


def _attributes(order: ResponseInput) -> TypedSearchAttributes:
    return TypedSearchAttributes(
        [
            SearchAttributePair(PLAYBOOK, order.program.name),
            SearchAttributePair(DEVICE, order.device.id),
            SearchAttributePair(SITE, order.device.site),
            SearchAttributePair(STATUS, "open"),
        ]
    )
