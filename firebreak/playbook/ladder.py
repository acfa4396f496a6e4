"""Climbs the ladder of one action, rung by rung, until one is in force or none is left."""

from pydantic import JsonValue

from firebreak.domain.hold import Hold
from firebreak.domain.people import Approval, Change, Terms
from firebreak.domain.plan import Outcome, OutcomeKind
from firebreak.domain.step import Answer, AnswerKind, Roads
from firebreak.playbook.agreement import ask, given, terms
from firebreak.playbook.consent import Consent
from firebreak.playbook.program import Do
from firebreak.playbook.runtime import CancelledError, Runtime, StepFailedError

# A plan that keeps drifting is a device that someone else is changing: people must look.
MAX_PLANS = 3

# No gentler or harsher method changes these answers, so the ladder ends.
_FINAL = frozenset(
    {
        "policy-denied", "interlock-engaged", "blast-radius", "halted", "not-found",
        "definition", "busy", "revert-failed", "hold-stuck",
    }
)  # fmt: skip


class Ladder:
    """The rungs of every action of one run, and what came to stand by them."""

    def __init__(self, runtime: Runtime, device: str, consent: Consent) -> None:
        """``device``: the one whose containment counts."""
        self._runtime = runtime
        self._device = device
        self._consent = consent
        self.holds: dict[str, Hold] = {}  # by step key, in order
        self.contained = False

    async def climb(self, step: Do, key: str, device: str, inputs: dict[str, JsonValue]) -> Outcome:
        """The outcome of the last rung that was tried. Raises StepFailedError, CancelledError."""
        outcome: Outcome | None = None
        roads = await self.roads(step, key, device)
        for rung in climbed(step, roads):
            if outcome is not None:
                self._runtime.note(
                    f"{key}/{rung}", "next rung", f"{outcome.rung} {outcome.kind}: {outcome.error}"
                )
            outcome = await self._rung(step, key, rung, device, inputs, roads.summary)
            if outcome.in_force or outcome.kind is OutcomeKind.UNKNOWN or outcome.error in _FINAL:
                break
            if self._runtime.cancelled():
                raise CancelledError
        assert outcome is not None  # noqa: S101 - a ladder has at least one rung
        return outcome

    async def roads(self, step: Do, key: str, device: str) -> Roads:
        """Which rungs lead to the device; what is left out is on record, with the reason."""
        if not step.ladder:
            return Roads(roads=())
        roads = await self._runtime.roads(step, device)
        self._runtime.note(key, "ladder", roads.summary)
        return roads

    async def _rung(  # noqa: PLR0917 - a rung is all of these
        self,
        step: Do,
        key: str,
        rung: str,
        device: str,
        inputs: dict[str, JsonValue],
        ladder: str,
    ) -> Outcome:
        where = first = f"{key}/{rung}" if rung else key
        plan, approvals, author = self._consent.agreed(key, rung)
        turn = 0
        while turn < MAX_PLANS:
            wanted, filled = self._consent.changes.apply(step, key, inputs)
            answer = await self._runtime.act(
                wanted,
                where,
                rung,
                device,
                filled,
                ladder=ladder,
                plan=plan,
                author=author,
                approvals=approvals,
            )
            turn += 1
            if answer.kind is AnswerKind.DONE:
                if await self._settle(wanted, key, filled, answer):
                    assert answer.outcome is not None  # noqa: S101 - a done answer has one
                    return answer.outcome
                if self._runtime.cancelled():
                    raise CancelledError
                where = f"{first}~{turn + 1}"  # the hold it stood under has ended meanwhile
                self._runtime.note(where, "once more", "the hold it stood under has ended")
                if answer.outcome is not None and answer.outcome.changed:
                    plan, approvals = None, ()  # what was agreed has been done, and has ended
                continue
            plan, approvals = (
                answer.plan,
                await self._asked(step, key, where, answer, inputs, author, approvals),
            )
            if not approvals:  # it drifted to a plan that needs nobody
                plan = None
            elif approvals[-1].change is not None:
                plan, turn = None, 0
                await self._try_change(step, key, where, rung, device, inputs, approvals[-1].change)
        raise StepFailedError(
            f"{where}: planned {MAX_PLANS} times, and what was agreed no longer held by the effect"
        )

    async def _asked(  # noqa: PLR0917 - the question is made of all of these
        self,
        step: Do,
        key: str,
        where: str,
        answer: Answer,
        inputs: dict[str, JsonValue],
        author: Terms,
        before: tuple[Approval, ...],
    ) -> tuple[Approval, ...]:
        """What people say to a rung's plan; nothing when nobody needs to be asked."""
        assert answer.plan is not None  # noqa: S101 - gated and drifted answers carry the plan
        if not terms((answer,), author).gates:
            return ()
        wanted, filled = self._consent.changes.apply(step, key, inputs)
        question = ask(
            where,
            answer,
            answer.plan,
            author,
            before=before,
            given=(given(wanted, filled, step),),
            changers=self._consent.changes.who([key]),
        )
        return (await self._consent.agree(question),)

    async def _try_change(  # noqa: PLR0917 - planning a rung takes all of these
        self,
        step: Do,
        key: str,
        where: str,
        rung: str,
        device: str,
        inputs: dict[str, JsonValue],
        change: Change,
    ) -> None:
        """Take a change up if it can be planned; else the old plan is put up again."""
        self._consent.take_change(key, change)
        wanted, filled = self._consent.changes.apply(step, key, inputs)
        answer = await self._runtime.act(wanted, where, rung, device, filled, preview=True)
        if answer.plan is None:
            self._consent.refuse_change(key, answer.outcome.detail if answer.outcome else "no plan")

    async def _settle(
        self, step: Do, key: str, inputs: dict[str, JsonValue], answer: Answer
    ) -> bool:
        """Take a rung's end in. False when the hold that it stood under has ended meanwhile."""
        assert answer.outcome is not None  # noqa: S101 - a done answer carries its outcome
        if answer.hold_ended:
            return False
        if answer.hold is not None and step.hold is not None:
            joined = await self._runtime.hold(answer.hold, step.hold, inputs, until=answer.until)
            if not joined:
                return not answer.outcome.in_force  # one that is unknown stays so
            self.holds[key] = answer.hold
        if answer.outcome.kind is OutcomeKind.ENFORCED and step.hold is not None:
            self.contained |= answer.outcome.device == self._device
        return True


def climbed(step: Do, roads: Roads) -> tuple[str, ...]:
    """The rungs to try. Where none leads to the device, the last one says so for the record."""
    return roads.ladder or step.ladder[-1:] or ("",)
