"""The interpreter's Runtime on Temporal: activities, people, holds and time for one response."""

import contextlib
from datetime import datetime, timedelta
from typing import Any

from pydantic import JsonValue
from temporalio import workflow
from temporalio.exceptions import FailureError, WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

from firebreak.domain.alert import Alert
from firebreak.domain.hold import Hold
from firebreak.domain.people import NOBODY, Approval, Terms
from firebreak.domain.plan import Outcome, OutcomeKind, Plan
from firebreak.domain.record import Kind, NewEntry
from firebreak.domain.step import Answer, ApprovalAsk, Ask, Closing, Entries, ReleaseAsk, Roads
from firebreak.playbook.program import Do, HoldSpec
from firebreak.playbook.runtime import CancelledError
from workflows.asking import Asking
from workflows.board import Board
from workflows.calls import Calls, roads_ask
from workflows.messages import (
    HOLD_ATTACH,
    HOLD_END,
    HOLD_WORKFLOW,
    Attach,
    EndOrder,
    HoldInput,
    ResponseInput,
    StopOrder,
)
from workflows.outbox import Outbox

# How long a hold may be silent before it is asked again whether it is joined: its workflow may be
# gone. One that is being given back answers when that has ended.
_SILENCE = timedelta(minutes=1)


class ResponseRuntime:
    """State and calls of one response."""

    def __init__(self, start: ResponseInput, incident: str) -> None:
        """Note the opening; the first activity carries it to the ledger."""
        self._start = start
        self._incident = incident
        self._response = workflow.info().workflow_id
        self._calls = Calls(start.timing)
        self._outbox = Outbox(incident)
        self._began = workflow.now()
        self._ended_holds: dict[str, Outcome] = {}  # by the hold's life
        self._starts: dict[str, HoldInput] = {}  # likewise
        self._joined: dict[str, bool] = {}  # by question
        self._questions = 0
        self._stop: StopOrder | None = None
        self._title = start.alerts[0].title if start.alerts else start.reason
        self.board = Board(incident, start.requester.id)
        self.asking = Asking(self.board, self._calls, self._outbox, self.flush, self.cancelled)
        self.alerts: list[Alert] = list(start.alerts)
        self._note_opening()

    def _note_opening(self) -> None:
        start, first = self._start, self._start.alerts[:1]
        self._outbox.put(
            Kind.OPENED,
            "opened",
            actor=start.requester.id,
            workflow=self._response,
            playbook=start.program.name,
            version=start.program.version,
            digest=start.program.digest,
            device=start.device.to_json(),
            title=self._title,
            requester=start.requester.id,
            reason=start.reason,
            alerts=[alert.id for alert in start.alerts],
            severity=int(max((alert.severity for alert in start.alerts), default=0)),
            detected_at=min(a.time for a in start.alerts).isoformat() if first else None,
            policy=start.policy_digest,
        )

    # -- the interpreter's side -------------------------------------------------------------

    async def act(
        self,
        step: Do,
        key: str,
        rung: str,
        device: str,
        inputs: dict[str, JsonValue],
        *,
        ladder: str = "",
        plan: Plan | None = None,
        author: Terms = NOBODY,
        approvals: tuple[Approval, ...] = (),
        preview: bool = False,
    ) -> Answer:
        """Try one rung, or preview it."""
        if step.quick:
            await self._flush_times()
        ask = self._ask(key, device, author, approvals).model_copy(
            update={
                "action": step.action,
                "rung": rung,
                "inputs": inputs,
                "hold_s": step.hold.for_s if step.hold else None,
                "ladder": ladder,
                "plan": plan,
                "preview": preview,
            }
        )
        answer = await self._calls.perform(ask, quick=step.quick)
        self._outbox.sent(ask.entries)
        self._outbox.carry(answer.entries)
        return answer

    async def roads(self, step: Do, device: str) -> Roads:
        """Which rungs of the step's ladder lead to the device."""
        return await self._calls.roads(roads_ask(step, device))

    async def _flush_times(self) -> None:
        """Before a local activity: what holds a time goes ahead, by an ordinary one."""
        if self._outbox.holds_times():
            await self.flush()

    def _ask(self, key: str, device: str, author: Terms, approvals: tuple[Approval, ...]) -> Ask:
        # The confidence of one alert says nothing for the severity of another.
        gravest = max(self.alerts, key=lambda a: (a.severity, a.confidence), default=None)
        return Ask(
            incident=self._incident,
            response=self._response,
            step=key,
            action="",
            device=device,
            requester=self._start.requester,
            severity=gravest.severity if gravest else 0,
            confidence=gravest.confidence if gravest else 0,
            author=author,
            approvals=approvals,
            entries=self._outbox.waiting(),
        )

    def _severity(self) -> int:
        return max((alert.severity for alert in self.alerts), default=0)

    async def approve(self, ask: ApprovalAsk) -> Approval:
        """Ask people, and wait until they answered, time ran out or the response was stopped."""
        return await self.asking.approve(ask, self._title, self._severity())

    async def hold(
        self,
        hold: Hold,
        spec: HoldSpec,
        inputs: dict[str, JsonValue],
        *,
        until: datetime | None = None,
    ) -> bool:
        """Start the hold's own workflow; it outlives this one. If one runs, stand under it.

        False when it has ended meanwhile, or is another response's and nobody keeps it. Raises
        CancelledError when the response is stopped before the hold has answered.
        """
        start = HoldInput(
            hold=hold,
            spec=spec,
            requester=self._start.requester,
            inputs=inputs,
            attached=(self._response,),
            timing=self._start.timing,
        )
        self._starts[hold.life] = start
        ours = hold.incident == self._incident
        wanted = until or workflow.now() + timedelta(seconds=spec.for_s)
        while not (ours and await self._start_hold(start)):
            joined = await self._attach(start, wanted)
            if joined:
                return True
            await workflow.sleep(1)  # the one that runs, or has just ended, is saying goodbye
            if not ours or joined is not None:
                return False
        return True

    async def _start_hold(self, start: HoldInput) -> bool:
        try:
            await workflow.start_child_workflow(
                HOLD_WORKFLOW,
                start,
                id=start.hold.id,
                parent_close_policy=ParentClosePolicy.ABANDON,
            )
        except WorkflowAlreadyStartedError:
            return False
        return True

    async def _attach(self, start: HoldInput, expires_at: datetime) -> bool | None:
        """The hold's word on whether this response stands under it; None when nobody keeps it."""
        self._questions += 1
        more = Attach(
            start=start,
            incident=self._incident,
            expires_at=expires_at,
            question=f"{self._incident}.{self._questions}",
        )
        while more.question not in self._joined:
            if self.cancelled():
                raise CancelledError
            try:
                await self._hold_handle(start.hold).signal(HOLD_ATTACH, more)
            except FailureError:
                return None
            with contextlib.suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda: more.question in self._joined or self.cancelled(), timeout=_SILENCE
                )
        return self._joined[more.question]

    async def may_release(
        self,
        key: str,
        hold: Hold,
        *,
        author: Terms = NOBODY,
        approvals: tuple[Approval, ...] = (),
        preview: bool = False,
    ) -> Answer:
        """Ask policy whether the hold may be ended."""
        await self._flush_times()
        ask = self._ask(key, hold.device, author, approvals).model_copy(update={"preview": preview})
        answer = await self._calls.may_release(ReleaseAsk(ask=ask, hold=hold))
        self._outbox.sent(ask.entries)
        return answer

    async def release(self, key: str, hold: Hold) -> Outcome:
        """End the hold and wait until its workflow says what came of it.

        A hold whose workflow is gone, ended by hand, is started again first. Raises
        CancelledError when the response is stopped meanwhile; the hold goes on.
        """
        await self.flush()
        ended = self._ended_holds.pop(hold.life, None)
        if ended is not None and ended.kind is OutcomeKind.ENFORCED:
            return ended  # its time was up before this step came
        order = EndOrder(
            who=self._start.requester.id,
            why=f"step {key} of {self._incident}",
            response=self._response,
            life=hold.life,
        )
        while True:
            try:
                await self._hold_handle(hold).signal(HOLD_END, order)
            except FailureError:
                start = self._starts[hold.life].model_copy(update={"again": True})
                await self._start_hold(start)
                continue
            await workflow.wait_condition(
                lambda: hold.life in self._ended_holds or self.cancelled()
            )
            if hold.life in self._ended_holds:
                return self._ended_holds.pop(hold.life)
            raise CancelledError

    def _hold_handle(self, hold: Hold) -> workflow.ExternalWorkflowHandle[Any]:
        return workflow.get_external_workflow_handle(hold.id)

    async def sleep(self, seconds: float) -> None:
        """Let time pass, unless stopped; what was done so far is on disk before."""
        await self.flush()
        try:
            await workflow.wait_condition(self.cancelled, timeout=timedelta(seconds=seconds))
        except TimeoutError:
            return

    def elapsed(self) -> float:
        """Seconds since the response began."""
        return (workflow.now() - self._began).total_seconds()

    def note(self, key: str, what: str, detail: str) -> None:
        """Note a step that is no effect."""
        self._outbox.put(Kind.STEP, f"step:{key}:{what}", step=key, what=what, detail=detail)

    def cancelled(self) -> bool:
        """Whether a person stopped the response."""
        return self._stop is not None

    # -- the workflow's side ----------------------------------------------------------------

    def stop(self, order: StopOrder) -> None:
        """Stop after the effect in flight."""
        if self._stop is None:
            self._stop = order
            self._outbox.put(
                Kind.NOTE, "stopped", actor=order.who.id, text=f"stopped: {order.reason}"
            )

    def unknown(self, alerts: tuple[Alert, ...]) -> tuple[Alert, ...]:
        """Those of the alerts that this response has not heard of."""
        known = {alert.id for alert in self.alerts}
        return tuple(alert for alert in alerts if alert.id not in known)

    def join(self, start_id: str, who: str, reason: str, alerts: tuple[Alert, ...]) -> None:
        """More came in about this device."""
        self.board.also_asked_by(who)  # even of what is known already
        fresh = self.unknown(alerts)
        if alerts and not fresh:
            return
        self.alerts += fresh
        self._outbox.put(
            Kind.JOINED,
            f"joined:{fresh[0].id if fresh else start_id}",  # a batch may come again and longer
            actor=who,
            reason=reason,
            alerts=[{"id": a.id, "title": a.title, "severity": int(a.severity)} for a in fresh],
        )

    def hold_ended(self, life: str, outcome: Outcome) -> None:
        """A hold we stand under was ended, or could not be."""
        self._ended_holds[life] = outcome

    def hold_joined(self, question: str, joined: bool) -> None:
        """A hold answers whether we stand under it."""
        self._joined[question] = joined

    async def flush(self) -> None:
        """Append what waits."""
        entries: tuple[NewEntry, ...] = self._outbox.waiting()
        if entries:
            await self._calls.record(Entries(entries=entries))
            self._outbox.sent(entries)

    async def close(self, closing: Closing) -> None:
        """Append the end, with all that still waits before it."""
        await self._flush_times()
        entries = self._outbox.waiting()
        await self._calls.close(closing.model_copy(update={"entries": entries}))
        self._outbox.sent(entries)
