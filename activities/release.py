"""Ends a hold: puts back exactly what was there before, reads it back and records it."""

import structlog

from activities.agreement import Agreement
from activities.journal import Intent, begun, intend_revert, intents, revert_step, wait_out
from activities.outcomes import (
    Recorder,
    outcome_key,
    recorded,
    settle,
)
from activities.world import World
from firebreak.contracts.policy import Question
from firebreak.domain.base import JsonObject, digest
from firebreak.domain.hold import Hold, release_action, release_plan
from firebreak.domain.people import Effect, Principal
from firebreak.domain.plan import Outcome, OutcomeKind, ProbeReport
from firebreak.domain.record import Kind, NewEntry
from firebreak.domain.step import Answer, AnswerKind, Ask, ReleaseOrder
from firebreak.errors import Busy, FirebreakError, LedgerUnavailable, NotFound, RevertFailed

_log = structlog.get_logger("firebreak.release")


class ReleaseRunner:
    """Releases by the control that made the change."""

    def __init__(self, world: World) -> None:
        """``world``: the contracts to act through."""
        self._world = world
        self._ledger = world.ledger
        self._clock = world.clock
        self._agreement = Agreement(world)

    async def may(self, ask: Ask, hold: Hold) -> Answer:
        """Whether policy, with these approvals, lets a response end the hold."""
        plan = release_plan(hold)
        recorder = Recorder(ask, self._clock)
        decision = await self._world.decide(
            Question(
                action=plan.action,
                plan=plan,
                device=self._world.inventory.device(hold.device),
                requester=ask.requester,
                severity=ask.severity,
                confidence=ask.confidence,
            )
        )
        agreed = await self._agreement.stands(
            (decision, ask.author), ask.requester, ask.approvals, plan
        )
        body: JsonObject = {
            "plan_hash": plan.hash,
            "decision": decision.to_json(),
            "agreed": agreed,
        }
        key = f"decision:{ask.step}:{digest(body)[7:19]}"
        await self._ledger.append(*ask.entries, recorder.entry(Kind.DECISION, key, **body))
        if ask.preview:
            return Answer(kind=AnswerKind.PLANNED, plan=plan, decision=decision)
        if decision.effect is Effect.FORBID:
            outcome = recorder.outcome(
                OutcomeKind.REFUSED, plan=plan, error="policy-denied", detail=decision.reason
            )
            return Answer(kind=AnswerKind.DONE, outcome=outcome, plan=plan, decision=decision)
        kind = AnswerKind.PLANNED if agreed else AnswerKind.GATED
        return Answer(kind=kind, plan=plan, decision=decision)

    async def release(self, order: ReleaseOrder, *, last_attempt: bool) -> Outcome:
        """Put the state before back, or say why not; either way it is recorded.

        Raises retryable errors unless this is the last attempt.
        """
        ask = _ask(order)
        stands = await self._ledger.entry(ask.incident, outcome_key(ask.step))
        if stands is not None:
            return recorded(stands)
        recorder = Recorder(ask, self._clock)
        if not await self._lives(order.hold):
            gone = recorder.outcome(
                OutcomeKind.REFUSED, error=NotFound.code, detail="this hold has ended already"
            )
            return await settle(self._ledger, ask, gone, [recorder.outcome_entry(gone)])
        try:
            outcome = await self._restore(order, ask, recorder)
        except LedgerUnavailable:
            raise
        except FirebreakError as error:
            if error.retryable and not last_attempt:
                raise
            outcome = _not_released(order, recorder, error)
        except Exception as error:  # noqa: BLE001 - a bug of ours or an adapter's: recorded, and people must look
            _log.exception("a release broke", hold=order.hold.id)
            outcome = _not_released(order, recorder, FirebreakError(f"internal: {error!r}"))
        if outcome.kind is not OutcomeKind.ENFORCED:
            _log.error(
                "a hold is stuck and needs a person",
                hold=order.hold.id,
                incident=order.hold.incident,
                why=outcome.detail,
            )
        return await settle(self._ledger, ask, outcome, _words(order, recorder, outcome))

    async def _restore(self, order: ReleaseOrder, ask: Ask, recorder: Recorder) -> Outcome:
        plan = order.hold.plan
        control = self._world.control_of(plan)
        await self._wait_out(order)
        sent = await intents(self._ledger, ask.incident, ask.step)
        ended = await self._ledger.entry(ask.incident, outcome_key(ask.step))
        if ended is not None or not await self._lives(order.hold):
            raise Busy(f"somebody else has settled {order.hold.id} meanwhile")
        number, send_by = len(sent) + 1, self._clock() + self._world.send_window
        await intend_revert(self._ledger, recorder, ask.step, number, plan=plan, send_by=send_by)
        observed = await control.revert(plan, send_by)
        if observed != plan.before:
            raise RevertFailed(f"it reads back as {observed}, not as {plan.before}")
        probes = await self._seen(order.hold.device)
        later = (await intents(self._ledger, ask.incident, ask.step))[number:]
        await wait_out(later, self._clock)  # or another attempt frees whoever is contained next
        seen = probes[0].reach.value if probes else "not in the inventory any more"
        return recorder.outcome(
            OutcomeKind.ENFORCED,
            plan=plan,
            changed=True,
            reconciled=bool(sent),
            observed=observed,
            probes=probes,
            detail=f"restored; seen from production it is {seen}",
        )

    async def _lives(self, hold: Hold) -> bool:
        """Whether this very hold is still in force, or may be."""
        live = await self._ledger.hold(hold.id)
        return live is not None and live.life == hold.life

    async def _wait_out(self, order: ReleaseOrder) -> None:
        """Until nothing more is sent by whoever brought the hold about or tried to end it.

        What arrives after a hold has ended would contain the device under no hold, or free one
        that is contained anew.
        """
        hold = order.hold
        put_back = await intents(self._ledger, hold.incident, revert_step(hold.step))
        await wait_out([*await self._applying(hold), *put_back], self._clock)
        await wait_out(begun(await self._ledger.chain(hold.incident), _tries(hold)), self._clock)

    async def _applying(self, hold: Hold) -> list[Intent]:
        """The intents under which the hold's change may still be sent.

        There are none where the only attempt that ever sent it has itself seen it in force.
        """
        sent = await intents(self._ledger, hold.incident, hold.step)
        said = await self._ledger.entry(hold.incident, outcome_key(hold.step))
        if said is not None and sum(intent.open for intent in sent) == 1:
            outcome = recorded(said)
            if outcome.in_force and not outcome.reconciled:
                return []
        return sent

    async def _seen(self, device_id: str) -> tuple[ProbeReport, ...]:
        """How the device looks now. One that was taken from the inventory is not looked for."""
        try:
            device = self._world.inventory.device(device_id)
        except NotFound:
            return ()
        return (await self._world.witness.back(device),)


def _not_released(order: ReleaseOrder, recorder: Recorder, error: FirebreakError) -> Outcome:
    return recorder.outcome(
        OutcomeKind.FAILED,
        plan=order.hold.plan,
        error=error.code,
        detail=f"not released: {error}",
    )


def _ask(order: ReleaseOrder) -> Ask:
    """The release as an Ask: its step is the hold's life and the try within it."""
    hold = order.hold
    attempt = f"{order.chain}.{order.attempt}" if order.chain else str(order.attempt)
    return Ask(
        incident=hold.incident,
        response="",
        step=_tries(hold) + attempt,
        action=release_action(hold.action),
        rung=hold.plan.rung,
        device=hold.device,
        requester=Principal(id=order.who, kind="automation"),
    )


def _tries(hold: Hold) -> str:
    """How the steps of all tries to end a hold begin, in whichever run of its workflow."""
    return f"{hold.life}/release."


def _words(order: ReleaseOrder, recorder: Recorder, outcome: Outcome) -> list[NewEntry]:
    """The outcome, and what it means for the hold."""
    hold = order.hold
    said = recorder.outcome_entry(outcome, hold.plan)
    if outcome.kind is OutcomeKind.ENFORCED:
        end = recorder.entry(
            Kind.HOLD_ENDED,
            f"ended:{outcome.step}",
            hold=hold.id,
            started_at=hold.started_at.isoformat(),
            why=order.why,
            outcome=outcome.kind.value,
        )
    else:
        end = recorder.entry(
            Kind.HOLD_STUCK,
            f"stuck:{outcome.step}",
            hold=hold.id,
            started_at=hold.started_at.isoformat(),
            detail=outcome.detail,
        )
    return [said, end]
