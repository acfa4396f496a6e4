"""Runs effects and observations: intent on disk, run once, outcome on disk."""

import structlog

from activities.agreement import Agreement
from activities.outcomes import (
    Recorder,
    intent_key,
    outcome_key,
    recorded,
    settle,
)
from activities.world import World
from firebreak.contracts.controls import Operation
from firebreak.contracts.policy import Question
from firebreak.domain.device import Device
from firebreak.domain.limits import Reservation
from firebreak.domain.people import Effect
from firebreak.domain.plan import Outcome, OutcomeKind
from firebreak.domain.record import Kind
from firebreak.domain.step import Answer, AnswerKind, Ask
from firebreak.errors import FirebreakError, LedgerUnavailable, OutcomeUnknown, PolicyDenied

_log = structlog.get_logger("firebreak.operation")


class OperationRunner:
    """One Ask for an operation at a time; no state of its own.

    They need no fence: an idempotent one may be sent again at any time, and any other is never
    sent a second time.
    """

    def __init__(self, world: World) -> None:
        """``world``: the contracts to act through."""
        self._world = world
        self._ledger = world.ledger
        self._clock = world.clock
        self._agreement = Agreement(world)

    async def perform(self, ask: Ask, *, last_attempt: bool) -> Answer:
        """Run the operation of ``ask`` unless its outcome stands in the ledger already.

        Raises retryable errors unless this is the last attempt; then they become the outcome.
        """
        recorder = Recorder(ask, self._clock)
        try:
            return await self._perform(self._world.checked(ask), recorder)
        except LedgerUnavailable:
            raise
        except FirebreakError as error:
            if error.retryable and not last_attempt:
                raise
            return await self._give_up(ask, recorder, error)
        except Exception as error:  # noqa: BLE001 - a bug of ours or an adapter's: recorded, never tried again
            _log.exception("an operation broke", step=ask.step, incident=ask.incident)
            return await self._give_up(ask, recorder, FirebreakError(f"internal: {error!r}"))

    async def _perform(self, ask: Ask, recorder: Recorder) -> Answer:
        device = self._world.inventory.device(ask.device)
        operation = self._world.operation(ask.action)
        if refusal := await self._refusal(ask):
            if ask.preview or not await self._sent(ask):
                raise PolicyDenied(refusal)
            return await self._end(ask) or await self._finish(_lost(recorder), recorder, ask)
        if ask.preview:
            await self._ledger.append(*ask.entries)
            return Answer(kind=AnswerKind.PLANNED)
        intent = recorder.entry(Kind.INTENT, intent_key(ask.step, 1), inputs=ask.inputs)
        *_, appended = await self._ledger.append(
            *ask.entries, intent, reserve=self._reservation(ask, device)
        )
        if not appended.created:
            if ended := await self._end(ask):
                return ended
            if not operation.idempotent:
                return await self._finish(_lost(recorder), recorder, ask)
        return await self._run(operation, device, ask, recorder, again=not appended.created)

    async def _run(
        self, operation: Operation, device: Device, ask: Ask, recorder: Recorder, *, again: bool
    ) -> Answer:
        """Run it behind its intent. ``again``: an earlier attempt may have, too."""
        try:
            result = await operation.run(device, ask.inputs, f"{ask.incident}/{ask.step}")
        except FirebreakError as error:
            if error.retryable or isinstance(error, OutcomeUnknown):
                raise
            return await self._finish(recorder.failure(error), recorder, ask)  # nothing was sent
        outcome = recorder.outcome(OutcomeKind.ENFORCED, result=result, reconciled=again)
        if not operation.idempotent or self._world.catalogue[ask.action].quick:
            return await self._finish(outcome, recorder, ask)
        # Were this outcome lost, the operation would just run again: so it may travel in the
        # workflow, and share the transaction, and the fsync, of whatever comes next. Not that of
        # a quick one: a local activity's answer is in no history yet, and may come out different.
        entries = (recorder.outcome_entry(outcome),)
        return Answer(kind=AnswerKind.DONE, outcome=outcome, entries=entries)

    def _reservation(self, ask: Ask, device: Device) -> Reservation | None:
        """What cannot be undone minds halts and caps. Notes, tickets and pages go on in a halt."""
        if self._world.catalogue[ask.action].reversible:
            return None
        return self._world.blast_radius.reservation(device, step=ask.step, hold=None, switch=None)

    async def _give_up(self, ask: Ask, recorder: Recorder, error: FirebreakError) -> Answer:
        """The last word when there is no way on. What may have been done is UNKNOWN, never FAILED.

        An idempotent operation is FAILED all the same: whoever runs it again does no harm.
        """
        outcome = recorder.failure(error)
        operation = self._world.operations.get(ask.action)
        repeatable = operation is not None and operation.idempotent
        if not ask.preview and not repeatable and await self._sent(ask):
            detail = f"{error}; it may have been done, and is not sent again"
            changes = {"kind": OutcomeKind.UNKNOWN, "detail": detail}
            outcome = outcome.model_copy(update=changes)
        return await self._finish(outcome, recorder, ask)

    async def _sent(self, ask: Ask) -> bool:
        """Whether an attempt was allowed to send it, whatever policy says by now."""
        return await self._ledger.entry(ask.incident, intent_key(ask.step, 1)) is not None

    async def _end(self, ask: Ask) -> Answer | None:
        stands = await self._ledger.entry(ask.incident, outcome_key(ask.step))
        return Answer(kind=AnswerKind.DONE, outcome=recorded(stands)) if stands else None

    async def _refusal(self, ask: Ask) -> str:
        """Why it may not run, or nothing."""
        decision = await self._world.decide(
            Question(
                action=ask.action,
                plan=None,
                device=self._world.inventory.device(ask.device),
                requester=ask.requester,
                severity=ask.severity,
                confidence=ask.confidence,
            )
        )
        allowed = decision.effect is not Effect.FORBID and await self._agreement.stands(
            (decision,), ask.requester, ask.approvals, None
        )
        return "" if allowed else decision.reason or f"policy does not let {ask.action} run alone"

    async def _finish(self, outcome: Outcome, recorder: Recorder, ask: Ask) -> Answer:
        if ask.preview:
            await self._ledger.append(*ask.entries)
        else:
            outcome = await settle(self._ledger, ask, outcome, [recorder.outcome_entry(outcome)])
        return Answer(kind=AnswerKind.DONE, outcome=outcome)


def _lost(recorder: Recorder) -> Outcome:
    return recorder.outcome(
        OutcomeKind.UNKNOWN,
        error="outcome-unknown",
        detail="an earlier attempt may have sent it and its end was not seen; it is not sent again",
    )
