"""Runs one rung of a control: observe, plan, decide, intent, apply, read back, probe, record.

The order is the safety argument. Nothing is sent before its intent is on disk; whoever finds an
intent without an end looks before acting; and nothing reads as contained that was not witnessed.
"""

import asyncio
from datetime import datetime

import structlog

from activities.agreement import Agreement
from activities.clearance import NOT_NOW, Clearance
from activities.journal import Intent, intents, wait_out
from activities.outcomes import Recorder, intent_key, settle
from activities.surroundings import Surroundings
from activities.verdict import Job, Verdicts
from activities.weighing import Weighed, claim, unsent, weighed
from activities.whereabouts import Whereabouts, at_place
from activities.world import World
from firebreak.contracts.policy import Question
from firebreak.domain.base import JsonObject
from firebreak.domain.hold import Hold, HoldState, hold_id
from firebreak.domain.people import Decision, Effect, Terms
from firebreak.domain.plan import OutcomeKind, Plan, ProbeReport, Reach
from firebreak.domain.record import Kind
from firebreak.domain.step import Answer, AnswerKind, Ask
from firebreak.errors import (
    Busy,
    DefinitionError,
    FirebreakError,
    HoldStuck,
    LedgerConflict,
    LedgerUnavailable,
    OutcomeUnknown,
    PolicyDenied,
    Rejected,
    VerificationFailed,
)

# A change that did not arrive after this many sendings is not going to; people must look.
MAX_SENDS = 3

_log = structlog.get_logger("firebreak.control")


class ControlRunner:
    """One Ask for a control at a time; no state of its own."""

    def __init__(self, world: World) -> None:
        """``world``: the contracts to act through."""
        self._world = world
        self._ledger = world.ledger
        self._clock = world.clock
        self._verdicts = Verdicts(world)
        self._found = Whereabouts(world.locator)
        self._clearance = Clearance(world)
        self._agreement = Agreement(world)
        self._surroundings = Surroundings(world)

    async def perform(self, ask: Ask, *, last_attempt: bool) -> Answer:
        """Bring the rung into force, or say why not.

        Raises retryable errors unless this is the last attempt; then they become the outcome.
        """
        recorder = Recorder(ask, self._clock)
        if not ask.preview and await self._verdicts.is_ended(ask):
            return await self._verdicts.again(ask)
        try:
            return await self._perform(ask, recorder)
        except LedgerUnavailable:
            raise
        except FirebreakError as error:
            if error.retryable and not last_attempt:
                raise
            return await self._give_up(ask, recorder, error)
        except Exception as error:  # noqa: BLE001 - a bug of ours or an adapter's: recorded, never tried again
            _log.exception("a control broke", step=ask.step, incident=ask.incident)
            return await self._give_up(ask, recorder, FirebreakError(f"internal: {error!r}"))

    async def _perform(self, ask: Ask, recorder: Recorder) -> Answer:
        job = self._job(ask, recorder)
        if ask.preview:
            return await self._plan(job)
        sent = await intents(self._ledger, ask.incident, ask.step)
        if any(intent.open for intent in sent):
            return await self._reconcile(job, sent)
        return await self._fresh(job, len(sent))

    def _job(self, ask: Ask, recorder: Recorder) -> Job:
        ask = self._world.checked(ask)
        device = self._world.inventory.device(ask.device)
        control = self._world.control(ask.action, ask.rung, device)
        if control.capabilities.reversible and ask.hold_s is None and not ask.preview:
            raise DefinitionError(f"{ask.action} by {ask.rung} can be undone, so it needs a hold")
        return Job(ask, device, control, recorder)

    # -- before anything is sent ------------------------------------------------------------

    async def _survey(self, job: Job) -> tuple[Plan, ProbeReport]:
        plan, baseline = await asyncio.gather(
            self._planned(job), self._world.witness.baseline(job.device)
        )
        if job.ask.hold_s is not None and not plan.reversible:
            raise Rejected(
                f"{plan.summary}: it cannot be undone, and this step promises a way back"
            )
        return await self._clearance.guarded(job, plan), baseline

    async def _planned(self, job: Job) -> Plan:
        """The plan for where the device really is. Raises NotThere when nobody knows."""
        found = await self._found.device(job.device, job.control)
        plan = await job.control.plan(found.device, job.ask.inputs, found.seen)
        ladder = (f"ladder: {job.ask.ladder}",) if job.ask.ladder else ()
        return plan.model_copy(update={"place": found.place, "evidence": (*plan.evidence, *ladder)})

    async def _plan(self, job: Job) -> Answer:
        await self._clearance.not_halted(job)
        plan, _ = await self._survey(job)
        decision = await self._decide(job, plan)
        if job.ask.incident:
            agreed = await self._agreed(job, plan, decision)
            considered = weighed(job, plan, decision, agreed=agreed)
            await self._ledger.append(*job.ask.entries, *considered.entries)
        await self._clearance.room(job, plan)
        return await self._for_people(job, AnswerKind.PLANNED, plan, decision)

    async def _fresh(self, job: Job, sent: int) -> Answer:
        await self._clearance.not_halted(job)
        plan, baseline = await self._survey(job)
        decision = await self._decide(job, plan)
        if decision.effect is Effect.FORBID:
            considered = weighed(job, plan, decision, agreed=False)
            await self._ledger.append(*job.ask.entries, *considered.entries)
            raise PolicyDenied(decision.reason)
        joined = await self._join(job, plan, baseline, decision)
        if joined is not None:
            return joined
        drifted = job.ask.plan is not None and job.ask.plan.hash != plan.hash
        may, considered = await self._weigh(job, plan, decision)
        if drifted or not may:
            await self._ledger.append(*job.ask.entries, *considered.entries)
            await self._clearance.room(job, plan)  # before people are asked for nothing
            kind = AnswerKind.DRIFTED if drifted else AnswerKind.GATED
            return await self._for_people(job, kind, plan, decision)
        if not plan.changes:
            return await self._verdicts.judge(job, plan, plan.after, baseline, changed=False)
        return await self._send(job, plan, baseline, sent + 1, considered)

    async def _weigh(self, job: Job, plan: Plan, decision: Decision) -> tuple[bool, Weighed]:
        """Whether all who have to agree have, or the requester has broken the glass."""
        if await self._agreed(job, plan, decision):
            return True, weighed(job, plan, decision, agreed=True)
        glass = None
        if await self._said_yes(job, plan, job.ask.author):  # nobody stands in for the author's
            glass = await self._clearance.stand_in(job, plan, decision)
        stands = glass is not None
        return stands, weighed(job, plan, decision, agreed=stands, glass=glass)

    async def _agreed(self, job: Job, plan: Plan, decision: Decision) -> bool:
        """Whether everybody whom policy or the author wants has said yes to this very plan."""
        return await self._said_yes(job, plan, decision, job.ask.author)

    async def _said_yes(self, job: Job, plan: Plan, *wanted: Terms) -> bool:
        ask = job.ask
        return await self._agreement.stands(wanted, ask.requester, ask.approvals, plan)

    async def _for_people(
        self, job: Job, kind: AnswerKind, plan: Plan, decision: Decision
    ) -> Answer:
        """An answer that people are asked with: what the plan does, and what else it hits."""
        hits = await self._surroundings.hits(job.device, plan)
        return Answer(kind=kind, plan=plan, decision=decision, hits=hits)

    async def _decide(self, job: Job, plan: Plan) -> Decision:
        return await self._world.decide(
            Question(
                action=job.ask.action,
                plan=plan,
                device=job.device,
                requester=job.ask.requester,
                severity=job.ask.severity,
                confidence=job.ask.confidence,
            )
        )

    async def _join(
        self, job: Job, plan: Plan, baseline: ProbeReport, decision: Decision
    ) -> Answer | None:
        """Stand under the hold that is in force already, if one is.

        It may last longer for this step only with the agreement that a change of its own would
        need, and never for a halt; else the step stands under it until it ends as agreed.
        """
        live = await self._ledger.hold(job.hold) if job.hold else None
        if live is None:
            return None
        if live.state is HoldState.STUCK:
            raise HoldStuck(f"{live.id} needs a person first: {live.detail}")
        if live.state is HoldState.PENDING:
            if live.incident == job.ask.incident:
                return None
            raise Busy(f"{live.incident} is acting on {job.device.id}")
        kind, detail = await self._worth(job, live, baseline)
        may, considered = await self._weigh(job, plan, decision)
        until, limit = None, ""
        if not may or await self._clearance.halted(job):
            until = (live.expires_at or live.started_at).isoformat()
            limit = f"; until {until} as agreed; to stay longer people would have to agree"
        outcome = job.recorder.outcome(
            kind,
            plan=plan,
            detail=f"{detail}: {live.id} of {live.incident}{limit}",
            error="" if kind is not OutcomeKind.FAILED else VerificationFailed.code,
            observed=plan.before,
            probes=(baseline,),
        )
        entry = job.recorder.outcome_entry(
            outcome,
            plan,
            live.id if outcome.in_force else None,
            joined=live.life,
            until=until,
        )
        await settle(self._ledger, job.ask, outcome, [*considered.entries, entry])
        return await self._verdicts.again(job.ask)

    async def _worth(self, job: Job, live: Hold, baseline: ProbeReport) -> tuple[OutcomeKind, str]:
        """What a hold that somebody else's proof stands behind is worth now."""
        control, held_on = self._world.control_of(live.plan), live.plan.target
        found = await self._found.device(job.device, control)
        seen = found.seen
        if seen.target != held_on:
            if found.sure:
                return OutcomeKind.FAILED, f"held on {held_on}, and seen on {seen.target}"
            seen = await control.observe(at_place(job.device, live.plan))
        if seen.state != live.plan.after:
            return OutcomeKind.FAILED, f"held on paper, and yet it is {seen.state}"
        if baseline.reach is Reach.REACHABLE:
            return OutcomeKind.FAILED, "held on paper, and yet the device answers"
        row = await self._ledger.incident(live.incident)
        witnessed = row.contained and row.device == job.device.id
        if baseline.reach is Reach.UNREACHABLE and witnessed:
            return OutcomeKind.ENFORCED, "contained already, and still silent"
        return OutcomeKind.ACCEPTED, "held already, and nobody could witness it"

    # -- sending ----------------------------------------------------------------------------

    async def _send(
        self, job: Job, plan: Plan, baseline: ProbeReport, number: int, considered: Weighed
    ) -> Answer:
        try:
            send_by = await self._intend(job, plan, baseline, number, considered)
        except NOT_NOW:
            await self._ledger.append(*job.ask.entries, *considered.entries)
            raise
        lost = False
        try:
            observed = await job.control.apply(plan, send_by)
        except OutcomeUnknown:
            observed, lost = await self._look_again(job, plan), True
        except FirebreakError as error:
            # An open intent may stand behind one that is sent again.
            free = job.hold if considered.entries else None
            await self._ledger.append(unsent(job, number, error, free))
            raise
        return await self._verdicts.judge(
            job, plan, observed, baseline, sent_as=number, reconciled=lost
        )

    async def _intend(
        self, job: Job, plan: Plan, baseline: ProbeReport, number: int, considered: Weighed
    ) -> datetime:
        """Put the intent on disk; until when may be sent under it.

        Raises what ``NOT_NOW`` names; Busy when another attempt was first.
        """
        override = await self._clearance.cleared(job, plan, under_glass=considered.glass)
        send_by = self._clock() + self._world.send_window
        intent = job.recorder.entry(
            Kind.INTENT,
            intent_key(job.ask.step, number),
            plan=plan.to_json(),
            plan_hash=plan.hash,
            baseline=baseline.to_json(),
            send_by=send_by.isoformat(),
            **({"override": override.to_json()} if override else {}),
        )
        try:
            *_, appended = await self._ledger.append(
                *job.ask.entries,
                *considered.entries,
                intent,
                claim=claim(job, plan),
                reserve=self._clearance.reservation(job, plan),
            )
        except LedgerConflict as error:
            raise Busy(f"another attempt of {job.ask.step} is under way") from error
        if not appended.created:
            raise Busy(f"another attempt of {job.ask.step} is under way")
        return send_by

    async def _look_again(self, job: Job, plan: Plan) -> JsonObject:
        """What a write whose answer was lost has come to.

        Raises Busy unless that is ``after``: anything else is decided behind the fence, by the
        next attempt.
        """
        try:
            seen = await job.control.observe(at_place(job.device, plan))
        except FirebreakError as error:
            raise Busy(f"the answer was lost and the state cannot be read yet: {error}") from error
        if seen.state != plan.after:
            raise Busy("the answer was lost and the change is not seen yet")
        return seen.state

    # -- after a lost attempt ---------------------------------------------------------------

    async def _reconcile(self, job: Job, sent: list[Intent]) -> Answer:
        """An intent stands without an end: look, wait out its fence, look again, then decide."""
        latest = sent[-1]
        plan = latest.plan
        if (end := await self._decided(job, latest)) is not None:
            return end
        device = at_place(job.device, plan)
        state = (await job.control.observe(device)).state
        if state != plan.after:
            await wait_out(sent, self._clock)
            if (end := await self._decided(job, latest)) is not None:
                return end
            state = (await job.control.observe(device)).state
        if state == plan.after:
            return await self._verdicts.judge(job, plan, state, latest.baseline, reconciled=True)
        if state != plan.before:
            raise OutcomeUnknown(f"neither the state before nor the one planned is seen: {state}")
        repeatable = job.control.capabilities.idempotent and job.control.capabilities.reversible
        said, error = "", OutcomeUnknown.code
        if repeatable and latest.number < MAX_SENDS:
            try:
                again = await self._weighed_again(job, plan)
                return await self._send(job, plan, latest.baseline, latest.number + 1, again)
            except NOT_NOW as refusal:  # nothing arrived before, and nothing will now
                said, error = f"; not sent again: {refusal}", refusal.code
        outcome = job.recorder.outcome(
            OutcomeKind.FAILED if repeatable else OutcomeKind.UNKNOWN,
            plan=plan,
            error=error,
            detail=f"sent {latest.number} times, answer lost, and the change is not seen{said}",
            reconciled=True,
            observed=state,
        )
        return await self._verdicts.finish(job, plan, outcome)

    async def _weighed_again(self, job: Job, plan: Plan) -> Weighed:
        """What lets a plan be sent once more: policy and people, asked now. Raises PolicyDenied."""
        decision = await self._decide(job, plan)
        may, considered = await self._weigh(job, plan, decision)
        await self._ledger.append(*job.ask.entries, *considered.entries)
        if decision.effect is Effect.FORBID:
            raise PolicyDenied(decision.reason)
        if not may:
            raise PolicyDenied("the agreement that it needs does not stand any more")
        return Weighed(glass=considered.glass)

    async def _decided(self, job: Job, latest: Intent) -> Answer | None:
        """The end of the step, if another attempt has ended it or decided that it is put back."""
        if await self._verdicts.is_ended(job.ask):
            return await self._verdicts.again(job.ask)
        if not await self._verdicts.is_put_back(job.ask):
            return None
        seen = (latest.baseline,)
        return await self._verdicts.put_back(job, latest.plan, "the change did not hold", seen)

    async def _give_up(self, ask: Ask, recorder: Recorder, error: FirebreakError) -> Answer:
        """The last word when there is no way on. An open intent makes it UNKNOWN, never FAILED."""
        if ask.preview:
            await self._ledger.append(*ask.entries)
            return Answer(kind=AnswerKind.DONE, outcome=recorder.failure(error))
        sent = await intents(self._ledger, ask.incident, ask.step)
        plan = sent[-1].plan if sent else None
        outcome = recorder.failure(error, plan)
        if any(intent.open for intent in sent):
            await wait_out(sent, self._clock)  # what is unknown is not still to come
            code = OutcomeUnknown.code if error.code == Busy.code else error.code
            outcome = outcome.model_copy(update={"kind": OutcomeKind.UNKNOWN, "error": code})
        held = hold_id(ask.device, ask.action) if plan and plan.reversible else None
        entry = recorder.outcome_entry(outcome, plan, held, recorder.after(ask.hold_s or 0))
        await settle(self._ledger, ask, outcome, [entry])
        return await self._verdicts.again(ask)
