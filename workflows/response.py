"""One response to one incident: interprets its playbook to the end and records how it ended."""

import asyncio

from pydantic import JsonValue
from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from firebreak.domain.people import Approval, Principal
from firebreak.domain.step import SYSTEM, Closing
from firebreak.errors import Rejected
from firebreak.playbook.interpreter import Interpreter
from firebreak.playbook.runtime import CancelledError, NotApprovedError, StepFailedError
from firebreak.playbook.scope import Scope
from firebreak.search import STATUS
from workflows import answers
from workflows.answers import AnswerRefusedError
from workflows.messages import (
    HoldEnded,
    HoldJoined,
    Join,
    PersonAnswer,
    ResponseInput,
    ResponseResult,
    StopOrder,
    incident_id,
)
from workflows.runtime import ResponseRuntime


@workflow.defn
class ResponseWorkflow:
    """Id ``respond/<playbook>/<device>``: whatever else is said of that device joins this run."""

    @workflow.init
    def __init__(self, start: ResponseInput) -> None:
        """Signals may arrive with the start, so everything they touch is made here."""
        self._start = start
        self._incident = incident_id(workflow.info().run_id)
        self._runtime = ResponseRuntime(start, self._incident)
        for other in start.also:
            self._runtime.join(other.start_id, other.requester.id, other.reason, ())
        self._late: list[Join] = []
        self._closing = False

    @workflow.run
    async def run(self, start: ResponseInput) -> ResponseResult:
        """Respond. A cancellation from Temporal is a stop order: nothing is cut in the middle."""
        response = asyncio.create_task(self._respond(start))
        try:
            return await asyncio.shield(response)
        except asyncio.CancelledError:
            who = Principal(id=SYSTEM, kind="automation")
            self._runtime.stop(StopOrder(who=who, reason="cancelled in Temporal"))
            return await response

    async def _respond(self, start: ResponseInput) -> ResponseResult:
        interpreter = Interpreter(self._runtime, start.device.id, self._scope(start))
        status, detail = "completed", ""
        try:
            await interpreter.run(start.program)
        except NotApprovedError as error:
            status, detail = "denied", str(error)
        except StepFailedError as error:
            status, detail = "failed", str(error)
        except CancelledError:
            status = "cancelled"
        except ActivityError as error:  # a bug: recorded, loud, and never retried blindly
            status, detail = "failed", f"internal: {error.cause or error}"
        return await self._close(status, detail, contained=interpreter.contained)

    def _scope(self, start: ResponseInput) -> Scope:
        alerts: list[JsonValue] = [alert.to_json() for alert in start.alerts]
        facts: dict[str, JsonValue] = {
            "alert": alerts[0] if alerts else None,
            "alerts": alerts,
            "device": start.device.to_json(),
            "incident": {
                "id": self._incident,
                "requester": start.requester.id,
                "reason": start.reason,
                "started_at": workflow.info().start_time.isoformat(),
            },
        }
        return Scope(facts, start.inputs)

    async def _close(self, status: str, detail: str, *, contained: bool) -> ResponseResult:
        self._closing = True
        await workflow.wait_condition(workflow.all_handlers_finished)
        closing = Closing.model_validate(
            {
                "incident": self._incident,
                "status": status,
                "contained": contained,
                "detail": detail,
                "at": workflow.now(),
            }
        )
        await self._runtime.close(closing)
        if self._late:  # it came too late for this response and must not be lost
            workflow.continue_as_new(self._next())
        workflow.upsert_search_attributes([STATUS.value_set(status)])
        return ResponseResult(
            incident=self._incident, status=status, contained=contained, detail=detail
        )

    def _next(self) -> ResponseInput:
        first, *others = self._late
        return self._start.model_copy(
            update={
                "start_id": first.start_id,
                "alerts": tuple(alert for join in self._late for alert in join.alerts),
                "requester": first.requester,
                "reason": first.reason,
                # Whoever wants the same may not answer for it either.
                "also": tuple(other.model_copy(update={"alerts": ()}) for other in others),
            }
        )

    @workflow.signal
    async def join(self, more: Join) -> None:
        """Take in more alerts, or another person's wish for the same response."""
        if more.start_id == self._start.start_id and more.alerts == self._start.alerts:
            return
        if self._closing:
            fresh = self._runtime.unknown(more.alerts)
            if fresh or not more.alerts:
                self._late.append(more.model_copy(update={"alerts": fresh}))
            return
        self._runtime.join(more.start_id, more.requester.id, more.reason, more.alerts)
        await self._runtime.flush()

    @workflow.signal
    def hold_ended(self, ended: HoldEnded) -> None:
        """A hold that this response stands under has been ended, or could not be."""
        self._runtime.hold_ended(ended.life, ended.outcome)

    @workflow.signal
    def hold_joined(self, joined: HoldJoined) -> None:
        """The hold's word on whether this response stands under it."""
        self._runtime.hold_joined(joined.question, joined.joined)

    @workflow.update
    async def answer(self, answer: PersonAnswer) -> Approval:
        """Take in what one person says to an approval request."""
        return await self._runtime.asking.answer(answer.order)

    @answer.validator
    def check_answer(self, answer: PersonAnswer) -> None:
        """Refuse what does not count, before it enters the history."""
        try:
            answers.check(self._runtime.board, answer.order, workflow.now())
        except AnswerRefusedError as refusal:
            raise ApplicationError(str(refusal), type=refusal.error.code) from refusal

    @workflow.update
    async def stop(self, order: StopOrder) -> str:
        """Stop after the effect in flight. Holds stay in force until they end."""
        self._runtime.stop(order)
        await self._runtime.flush()
        return self._incident

    @stop.validator
    def check_stop(self, order: StopOrder) -> None:
        """An order for an earlier incident does not stop this one."""
        if order.incident != self._incident:
            raise ApplicationError(f"{order.incident} has ended already", type=Rejected.code)
