"""The last word on a rung: judged by looking, recorded once, and put back when it did not hold.

Two attempts of one activity can come here side by side, when a worker fell silent and was not dead.
Whichever writes the step's verdict first, ``stands`` or ``put back``, decides for both.
"""

from dataclasses import dataclass
from datetime import timedelta

from activities.journal import intend_revert, intents, revert_step, wait_out
from activities.outcomes import Recorder, outcome_key, recorded, settle
from activities.witness import Judgment
from activities.world import World
from firebreak.contracts.controls import Control
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device
from firebreak.domain.hold import Hold, hold_id
from firebreak.domain.plan import Outcome, OutcomeKind, Plan, ProbeReport
from firebreak.domain.record import Entry, Kind, NewEntry
from firebreak.domain.step import Answer, AnswerKind, Ask
from firebreak.errors import Busy, FirebreakError, LedgerConflict, RevertFailed, VerificationFailed

STANDS, PUT_BACK = "stands", "put back"


@dataclass(frozen=True)
class Job:
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


class Verdicts:
    """Judges what was sent, and ends the step."""

    def __init__(self, world: World) -> None:
        """``world``: the contracts to act through."""
        self._world = world
        self._ledger = world.ledger
        self._clock = world.clock

    async def judge(
        self,
        job: Job,
        plan: Plan,
        observed: JsonObject,
        baseline: ProbeReport,
        *,
        sent_as: int = 0,
        reconciled: bool = False,
        changed: bool = True,
    ) -> Answer:
        """Read-back and probe decide; a change that does not hold is put back.

        ``sent_as``: the number of the intent under which this attempt has sent it, 0 for none.
        """
        if observed != plan.after:
            detail, probes = f"reads back as {observed}", (baseline,)
            return await self.put_back(job, plan, detail, probes, sent_as=sent_as)
        judgment = await self._world.witness.cut_off(job.device, baseline)
        if judgment.kind is OutcomeKind.FAILED and changed:
            detail, seen = judgment.detail, judgment.probes
            return await self.put_back(job, plan, detail, seen, sent_as=sent_as)
        return await self.finish(job, plan, _judged(job, plan, judgment, changed, reconciled))

    async def is_put_back(self, ask: Ask) -> bool:
        """Whether an attempt has decided that the change must go."""
        entry = await self._ledger.entry(ask.incident, verdict_key(ask.step))
        return entry is not None and entry.body["what"] == PUT_BACK

    async def is_ended(self, ask: Ask) -> bool:
        """Whether an attempt has written the step's outcome."""
        return await self._ledger.entry(ask.incident, outcome_key(ask.step)) is not None

    async def put_back(
        self,
        job: Job,
        plan: Plan,
        detail: str,
        probes: tuple[ProbeReport, ...],
        *,
        sent_as: int = 0,
    ) -> Answer:
        """Done but not in force: restore what was there, so that the next rung starts clean.

        Other attempts may be about to send the change, or to put it back. Nothing may arrive in the
        name of a step that has ended: whoever acts on the device next knows nothing of it.
        ``sent_as``: as in ``judge``.
        """
        incident, step = job.ask.incident, revert_step(job.ask.step)
        try:
            await self._ledger.append(_verdict(job, PUT_BACK))
        except LedgerConflict:  # another attempt saw it hold, and its word is on disk
            return await self.again(job.ask)
        sent = await intents(self._ledger, incident, job.ask.step)
        await wait_out([one for one in sent if one.number != sent_as], self._clock)
        earlier = await intents(self._ledger, incident, step)
        await wait_out(earlier, self._clock)
        if await self.is_ended(job.ask):
            return await self.again(job.ask)
        number, send_by = len(earlier) + 1, self._clock() + self._world.send_window
        await intend_revert(self._ledger, job.recorder, step, number, plan=plan, send_by=send_by)
        kind, error, observed = OutcomeKind.FAILED, VerificationFailed.code, plan.before
        try:
            observed = await job.control.revert(plan, send_by)
        except FirebreakError as failure:
            kind, error = OutcomeKind.UNKNOWN, RevertFailed.code
            detail = f"{detail}; putting it back failed too: {failure}"
        if observed != plan.before:
            kind, error = OutcomeKind.UNKNOWN, RevertFailed.code
            detail = f"{detail}; putting it back left {observed}"
        await wait_out((await intents(self._ledger, incident, step))[number:], self._clock)
        outcome = job.recorder.outcome(
            kind, plan=plan, error=error, detail=detail, observed=observed, probes=probes
        )
        return await self.finish(job, plan, outcome)

    async def finish(self, job: Job, plan: Plan, outcome: Outcome) -> Answer:
        """Record the end of the step, and the start of its hold when a change stands."""
        held = job.hold if plan.changes else None
        expires_at = (self._clock() + timedelta(seconds=job.ask.hold_s or 0)).isoformat()
        entries = [job.recorder.outcome_entry(outcome, plan, held, expires_at if held else None)]
        if outcome.in_force and outcome.changed and held is not None:
            entries = [_verdict(job, STANDS), *entries, _started(job, held, expires_at)]
        try:
            await settle(self._ledger, job.ask, outcome, entries)
        except LedgerConflict as error:
            raise Busy(f"another attempt of {job.ask.step} puts the change back") from error
        return await self.again(job.ask)

    async def again(self, ask: Ask) -> Answer:
        """The answer of a step that has ended, as the ledger tells it. Raises Busy before that."""
        entry = await self._ledger.entry(ask.incident, outcome_key(ask.step))
        if entry is None:
            raise Busy(f"another attempt of {ask.step} is about to end it")
        outcome, held = recorded(entry), entry.body["hold"]
        stands = outcome.in_force or outcome.kind is OutcomeKind.UNKNOWN
        live = await self._ledger.hold(held) if isinstance(held, str) and stands else None
        if live is not None and not _is_meant(live, entry):
            live = None
        plan = Plan.model_validate(entry.body["plan"]) if entry.body["plan"] else None
        return Answer.model_validate(
            {
                "kind": AnswerKind.DONE,
                "outcome": outcome,
                "plan": plan,
                "hold": live,
                "hold_ended": outcome.in_force and held is not None and live is None,
                "until": entry.body.get("until"),
            }
        )


def _is_meant(live: Hold, entry: Entry) -> bool:
    """Whether it is the hold that the step began or joined, and no later one of that id."""
    joined = entry.body.get("joined")
    return live.life == joined if joined else live.incident == entry.incident


def verdict_key(step: str) -> str:
    """The one key under which a step's attempts agree."""
    return f"verdict:{step}"


def _verdict(job: Job, what: str) -> NewEntry:
    return job.recorder.entry(Kind.STEP, verdict_key(job.ask.step), what=what, detail="")


def _started(job: Job, held: str, expires_at: str) -> NewEntry:
    return job.recorder.entry(
        Kind.HOLD_STARTED,
        f"hold:{job.ask.step}",
        hold=held,
        owner=job.ask.requester.id,
        started_at=job.recorder.started_at.isoformat(),
        expires_at=expires_at,
    )


def _judged(job: Job, plan: Plan, judgment: Judgment, changed: bool, reconciled: bool) -> Outcome:
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
