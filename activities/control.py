"""Runs one rung of a control: observe, plan, decide, intent, apply, read back, probe, record.

The order is the safety argument. Nothing is sent before its intent is on disk; whoever finds an
intent without an end looks before acting; and nothing reads as contained that was not witnessed.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from activities.journal import Intent, intents, wait_out
from activities.outcomes import (
    Recorder,
    intent_key,
    outcome_key,
    recorded,
    settle,
    unsent_key,
    votes_for,
)
from activities.witness import Judgment
from activities.world import World
from firebreak.contracts import Claim, Control, Question
from firebreak.domain.base import JsonObject, digest
from firebreak.domain.device import Device
from firebreak.domain.hold import Hold, HoldState, hold_id
from firebreak.domain.people import Decision, Effect, passed
from firebreak.domain.plan import Outcome, OutcomeKind, Plan, ProbeReport, Reach
from firebreak.domain.record import Kind, NewEntry
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
    RevertFailed,
    VerificationFailed,
)

# A change that did not arrive after this many sendings is not going to; people must look.
MAX_SENDS = 3

_REVERT = "/revert"  # the suffix of the step key under which a failed change is put back


@dataclass(frozen=True)
class _Job:
    """One Ask with everything looked up for it."""

    ask: Ask
    device: Device
    control: Control
    recorder: Recorder

    @property
    def hold(self) -> str | None:
        """The hold a success would stand under."""
        reversible = self.control.capabilities.reversible
        return hold_id(self.device.id, self.ask.action) if reversible else None


class ControlRunner:
    """One Ask for a control at a time; no state of its own."""

    def __init__(self, world: World) -> None:
        """``world``: the contracts to act through."""
        self._world = world
        self._ledger = world.ledger
        self._clock = world.clock

    async def perform(self, ask: Ask, *, last_attempt: bool) -> Answer:
        """Bring the rung into force, or say why not.

        Raises retryable errors unless this is the last attempt; then they become the outcome.
        """
        recorder = Recorder(ask, self._clock)
        if not ask.preview:
            stands = await self._ledger.entry(ask.incident, outcome_key(ask.step))
            if stands is not None:
                return await self._again(recorded(stands), str(stands.body["hold"] or ""))
        try:
            job = self._job(ask, recorder)
            if ask.preview:
                return await self._plan(job)
            sent = await intents(self._ledger, ask.incident, ask.step)
            if any(intent.open for intent in sent):
                return await self._reconcile(job, sent)
            return await self._fresh(job, len(sent))
        except LedgerUnavailable:
            raise
        except FirebreakError as error:
            if error.retryable and not last_attempt:
                raise
            return await self._give_up(ask, recorder, error)

    def _job(self, ask: Ask, recorder: Recorder) -> _Job:
        ask = self._world.checked(ask)
        control = self._world.control(ask.action, ask.rung)
        if control.capabilities.reversible and ask.hold_s is None and not ask.preview:
            raise DefinitionError(f"{ask.action} by {ask.rung} can be undone, so it needs a hold")
        return _Job(ask, self._world.inventory.device(ask.device), control, recorder)

    # -- before anything is sent ------------------------------------------------------------

    async def _survey(self, job: _Job) -> tuple[Plan, ProbeReport]:
        seen, baseline = await asyncio.gather(
            job.control.observe(job.device), self._world.witness.baseline(job.device)
        )
        return await job.control.plan(job.device, job.ask.inputs, seen), baseline

    async def _plan(self, job: _Job) -> Answer:
        plan, _ = await self._survey(job)
        decision = self._decide(job, plan)
        if job.ask.incident:
            await self._ledger.append(*job.ask.entries, *_considered(job, plan, decision))
        return Answer(kind=AnswerKind.PLANNED, plan=plan, decision=decision)

    async def _fresh(self, job: _Job, sent: int) -> Answer:
        plan, baseline = await self._survey(job)
        joined = await self._join(job, plan, baseline)
        if joined is not None:
            return joined
        decision = self._decide(job, plan)
        considered = _considered(job, plan, decision)
        if decision.effect is Effect.FORBID:
            await self._ledger.append(*job.ask.entries, *considered)
            raise PolicyDenied(decision.reason)
        if job.ask.plan is not None and job.ask.plan.hash != plan.hash:
            await self._ledger.append(*job.ask.entries, *considered)
            return Answer(kind=AnswerKind.DRIFTED, plan=plan, decision=decision)
        if not _agreed(job, plan, decision):
            await self._ledger.append(*job.ask.entries, *considered)
            return Answer(kind=AnswerKind.GATED, plan=plan, decision=decision)
        if not plan.changes:
            return await self._judge(job, plan, plan.after, baseline, changed=False)
        return await self._send(job, plan, baseline, sent + 1, considered)

    def _decide(self, job: _Job, plan: Plan) -> Decision:
        return self._world.policy.decide(
            Question(
                action=job.ask.action,
                plan=plan,
                device=job.device,
                requester=job.ask.requester,
                severity=job.ask.severity,
                confidence=job.ask.confidence,
            )
        )

    async def _join(self, job: _Job, plan: Plan, baseline: ProbeReport) -> Answer | None:
        """Stand under the hold that is in force already, if one is."""
        live = await self._ledger.hold(job.hold) if job.hold else None
        if live is None:
            return None
        if live.state is HoldState.STUCK:
            raise HoldStuck(f"{live.id} needs a person first: {live.detail}")
        if live.state is HoldState.PENDING:
            if live.incident == job.ask.incident:
                return None
            raise Busy(f"{live.incident} is acting on {job.device.id}")
        kind, detail = {
            Reach.UNREACHABLE: (OutcomeKind.ENFORCED, "already contained"),
            Reach.INCONCLUSIVE: (OutcomeKind.ACCEPTED, "already held; the sentinel cannot judge"),
            Reach.REACHABLE: (OutcomeKind.FAILED, "held on paper, and yet the device answers"),
        }[baseline.reach]
        outcome = job.recorder.outcome(
            kind,
            plan=plan,
            detail=f"{detail}: {live.id} of {live.incident}",
            error="" if kind is not OutcomeKind.FAILED else VerificationFailed.code,
            observed=plan.before,
            probes=(baseline,),
        )
        entry = job.recorder.outcome_entry(outcome, plan, live.id if outcome.in_force else None)
        outcome = await settle(self._ledger, job.ask, outcome, [entry])
        return Answer(
            kind=AnswerKind.DONE,
            outcome=outcome,
            plan=plan,
            hold=live if outcome.in_force else None,
        )

    # -- sending ----------------------------------------------------------------------------

    async def _send(
        self, job: _Job, plan: Plan, baseline: ProbeReport, number: int, considered: list[NewEntry]
    ) -> Answer:
        send_by = self._clock() + self._world.send_window
        intent = job.recorder.entry(
            Kind.INTENT,
            intent_key(job.ask.step, number),
            plan=plan.to_json(),
            plan_hash=plan.hash,
            baseline=baseline.to_json(),
            send_by=send_by.isoformat(),
        )
        claim = self._claim(job, plan)
        try:
            *_, appended = await self._ledger.append(
                *job.ask.entries, *considered, intent, claim=claim
            )
        except LedgerConflict as error:
            raise Busy(f"another attempt of {job.ask.step} is under way") from error
        if not appended.created:
            raise Busy(f"another attempt of {job.ask.step} is under way")
        try:
            observed = await job.control.apply(plan, send_by)
        except OutcomeUnknown:
            observed = await self._look_again(job, plan)
        except FirebreakError as error:
            await self._ledger.append(_unsent(job, number, error))
            raise
        return await self._judge(job, plan, observed, baseline)

    def _claim(self, job: _Job, plan: Plan) -> Claim | None:
        if job.hold is None:
            return None
        return Claim(
            device=job.device.id, action=job.ask.action, plan=plan, owner=job.ask.requester.id
        )

    async def _look_again(self, job: _Job, plan: Plan) -> JsonObject:
        """What a write whose answer was lost has come to. Raises OutcomeUnknown if not ``after``.

        Not ``before`` either way: that needs the fence, which is the next attempt's business.
        """
        try:
            seen = await job.control.observe(job.device)
        except FirebreakError as error:
            raise Busy(f"the answer was lost and the state cannot be read yet: {error}") from error
        if seen.state != plan.after:
            raise Busy("the answer was lost and the change is not seen yet")
        return seen.state

    # -- after a lost attempt ---------------------------------------------------------------

    async def _reconcile(self, job: _Job, sent: list[Intent]) -> Answer:
        """An intent stands without an end: look, wait out its fence, look again, then decide."""
        latest = sent[-1]
        plan = latest.plan
        if await self._ledger.entry(job.ask.incident, intent_key(job.ask.step + _REVERT, 1)):
            return await self._put_back(job, plan, "the change did not hold", (latest.baseline,))
        state = (await job.control.observe(job.device)).state
        if state != plan.after:
            await wait_out(latest, self._clock)
            state = (await job.control.observe(job.device)).state
        if state == plan.after:
            return await self._judge(job, plan, state, latest.baseline, reconciled=True)
        if state != plan.before:
            raise OutcomeUnknown(f"neither the state before nor the one planned is seen: {state}")
        repeatable = job.control.capabilities.idempotent and job.control.capabilities.reversible
        if repeatable and latest.number < MAX_SENDS:
            return await self._send(job, plan, latest.baseline, latest.number + 1, [])
        outcome = job.recorder.outcome(
            OutcomeKind.FAILED if repeatable else OutcomeKind.UNKNOWN,
            plan=plan,
            error=OutcomeUnknown.code,
            detail=f"sent {latest.number} times, answer lost, and the change is not seen",
            reconciled=True,
            observed=state,
        )
        return await self._finish(job, plan, outcome)

    # -- the last word ----------------------------------------------------------------------

    async def _judge(
        self,
        job: _Job,
        plan: Plan,
        observed: JsonObject,
        baseline: ProbeReport,
        *,
        reconciled: bool = False,
        changed: bool = True,
    ) -> Answer:
        if observed != plan.after:
            return await self._put_back(job, plan, f"reads back as {observed}", (baseline,))
        judgment = await self._world.witness.cut_off(job.device, baseline)
        if judgment.kind is OutcomeKind.FAILED and changed:
            return await self._put_back(job, plan, judgment.detail, judgment.probes)
        return await self._finish(job, plan, _judged(job, plan, judgment, changed, reconciled))

    async def _put_back(
        self, job: _Job, plan: Plan, detail: str, probes: tuple[ProbeReport, ...]
    ) -> Answer:
        """Done but not in force: restore what was there, so that the next rung starts clean."""
        send_by = self._clock() + self._world.send_window
        key = intent_key(job.ask.step + _REVERT, 1)
        if await self._ledger.entry(job.ask.incident, key) is None:
            await self._ledger.append(
                job.recorder.entry(Kind.INTENT, key, plan_hash=plan.hash, revert=True)
            )
        kind, error, observed = OutcomeKind.FAILED, VerificationFailed.code, plan.before
        try:
            observed = await job.control.revert(plan, send_by)
        except FirebreakError as failure:
            kind, error = OutcomeKind.UNKNOWN, RevertFailed.code
            detail = f"{detail}; putting it back failed too: {failure}"
        if observed != plan.before:
            kind, error = OutcomeKind.UNKNOWN, RevertFailed.code
            detail = f"{detail}; putting it back left {observed}"
        outcome = job.recorder.outcome(
            kind, plan=plan, error=error, detail=detail, observed=observed, probes=probes
        )
        return await self._finish(job, plan, outcome)

    async def _finish(self, job: _Job, plan: Plan, outcome: Outcome) -> Answer:
        held = job.hold if plan.changes else None
        entries = [job.recorder.outcome_entry(outcome, plan, held)]
        hold = self._hold(job.ask, plan, outcome) if held else None
        if hold is not None and hold.state is HoldState.ACTIVE:
            entries.append(
                job.recorder.entry(
                    Kind.HOLD_STARTED,
                    f"hold:{job.ask.step}",
                    hold=hold.id,
                    owner=hold.owner,
                    expires_at=hold.expires_at.isoformat() if hold.expires_at else None,
                )
            )
        outcome = await settle(self._ledger, job.ask, outcome, entries)
        return Answer(kind=AnswerKind.DONE, outcome=outcome, plan=plan, hold=hold)

    def _hold(self, ask: Ask, plan: Plan, outcome: Outcome) -> Hold | None:
        """The hold to start: for a change that stands, and for one that may stand."""
        unknown = outcome.kind is OutcomeKind.UNKNOWN
        if not unknown and not (outcome.in_force and outcome.changed):
            return None
        now = self._clock()
        return Hold(
            id=hold_id(ask.device, ask.action),
            incident=ask.incident,
            device=ask.device,
            action=ask.action,
            plan=plan,
            owner=ask.requester.id,
            state=HoldState.STUCK if unknown else HoldState.ACTIVE,
            started_at=now,
            expires_at=now + timedelta(seconds=ask.hold_s or 0),
            detail=outcome.detail,
        )

    async def _again(self, outcome: Outcome, hold: str) -> Answer:
        """The step ended in an earlier attempt; say the same again."""
        live = await self._ledger.hold(hold) if hold else None
        return Answer(
            kind=AnswerKind.DONE, outcome=outcome, plan=live.plan if live else None, hold=live
        )

    async def _give_up(self, ask: Ask, recorder: Recorder, error: FirebreakError) -> Answer:
        """The last word when there is no way on. An open intent makes it UNKNOWN, never FAILED."""
        if ask.preview:
            await self._ledger.append(*ask.entries)
            return Answer(kind=AnswerKind.DONE, outcome=recorder.failure(error))
        sent = await intents(self._ledger, ask.incident, ask.step)
        plan = sent[-1].plan if sent else None
        outcome = recorder.failure(error, plan)
        if any(intent.open for intent in sent):
            outcome = outcome.model_copy(update={"kind": OutcomeKind.UNKNOWN})
        held = hold_id(ask.device, ask.action) if plan and plan.reversible else None
        entry = recorder.outcome_entry(outcome, plan, held)
        outcome = await settle(self._ledger, ask, outcome, [entry])
        hold = self._hold(ask, plan, outcome) if plan and held else None
        return Answer(kind=AnswerKind.DONE, outcome=outcome, plan=plan, hold=hold)


def _judged(job: _Job, plan: Plan, judgment: Judgment, changed: bool, reconciled: bool) -> Outcome:
    failed = judgment.kind is OutcomeKind.FAILED
    return job.recorder.outcome(
        judgment.kind,
        plan=plan,
        detail=judgment.detail,
        error=VerificationFailed.code if failed else "",
        changed=changed and not failed,
        reconciled=reconciled,
        observed=plan.after,
        probes=judgment.probes,
    )


def _considered(job: _Job, plan: Plan, decision: Decision) -> list[NewEntry]:
    """What was planned and what policy said, once for each distinct plan."""
    body: JsonObject = {"plan": plan.to_json(), "plan_hash": plan.hash}
    ruling: JsonObject = {
        "plan_hash": plan.hash,
        "decision": decision.to_json(),
        "agreed": _agreed(job, plan, decision),
    }
    return [
        job.recorder.entry(kind, f"{name}:{job.ask.step}:{digest(content)[7:19]}", **content)
        for name, kind, content in (("plan", Kind.PLAN, body), ("decision", Kind.DECISION, ruling))
    ]


def _agreed(job: _Job, plan: Plan, decision: Decision) -> bool:
    """Whether everybody whom policy wants has said yes to this very plan."""
    return passed(decision.gates, votes_for(plan.hash, job.ask.approvals))


def _unsent(job: _Job, number: int, error: FirebreakError) -> NewEntry:
    return job.recorder.entry(
        Kind.STEP,
        unsent_key(job.ask.step, number),
        what="not sent",
        detail=f"{error.code}: {error}",
    )
