"""Runs effects and observations: intent on disk, run once, outcome on disk."""

from activities.outcomes import (
    Recorder,
    intent_key,
    outcome_key,
    recorded,
    settle,
    votes_for,
)
from activities.world import World
from firebreak.contracts import Question
from firebreak.domain.people import Effect, passed
from firebreak.domain.plan import Outcome, OutcomeKind
from firebreak.domain.record import Kind
from firebreak.domain.step import Answer, AnswerKind, Ask
from firebreak.errors import FirebreakError, LedgerUnavailable, PolicyDenied


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

    async def perform(self, ask: Ask, *, last_attempt: bool) -> Answer:
        """Run the operation of ``ask`` unless its outcome stands in the ledger already.

        Raises retryable errors unless this is the last attempt; then they become the outcome.
        """
        recorder = Recorder(ask, self._clock)
        try:
            ask = self._world.checked(ask)
            device = self._world.inventory.device(ask.device)
            operation = self._world.operation(ask.action)
            self._allow(ask)
        except FirebreakError as error:
            return await self._finish(recorder.failure(error), recorder, ask)
        if ask.preview:
            return Answer(kind=AnswerKind.PLANNED)
        intent = recorder.entry(Kind.INTENT, intent_key(ask.step, 1), inputs=ask.inputs)
        *_, appended = await self._ledger.append(*ask.entries, intent)
        if not appended.created:
            stands = await self._ledger.entry(ask.incident, outcome_key(ask.step))
            if stands is not None:
                return Answer(kind=AnswerKind.DONE, outcome=recorded(stands))
            if not operation.idempotent:
                return await self._finish(_lost(recorder), recorder, ask)
        try:
            result = await operation.run(device, ask.inputs, f"{ask.incident}/{ask.step}")
        except LedgerUnavailable:
            raise
        except FirebreakError as error:
            if error.retryable and not last_attempt:
                raise
            return await self._finish(recorder.failure(error), recorder, ask)
        outcome = recorder.outcome(
            OutcomeKind.ENFORCED,
            result=result,
            changed=False,
            reconciled=not appended.created,
        )
        return await self._finish(outcome, recorder, ask)

    def _allow(self, ask: Ask) -> None:
        decision = self._world.policy.decide(
            Question(
                action=ask.action,
                plan=None,
                device=self._world.inventory.device(ask.device),
                requester=ask.requester,
                severity=ask.severity,
                confidence=ask.confidence,
            )
        )
        voters = votes_for(None, ask.approvals)
        if decision.effect is Effect.FORBID or not passed(decision.gates, voters):
            raise PolicyDenied(decision.reason or f"policy does not let {ask.action} run alone")

    async def _finish(self, outcome: Outcome, recorder: Recorder, ask: Ask) -> Answer:
        if not ask.preview:
            outcome = await settle(self._ledger, ask, outcome, [recorder.outcome_entry(outcome)])
        return Answer(kind=AnswerKind.DONE, outcome=outcome)


def _lost(recorder: Recorder) -> Outcome:
    return recorder.outcome(
        OutcomeKind.UNKNOWN,
        error="outcome-unknown",
        detail="an earlier attempt may have sent it and its end was not seen; it is not sent again",
    )
