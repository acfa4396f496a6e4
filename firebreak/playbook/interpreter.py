"""Runs a compiled playbook. Pure: time, activities and people come from the Runtime it is given.

The same code runs inside a Temporal workflow and in a unit test. Order of effects, keys and notes
depend on nothing but the program and the answers, so a replay walks the same path.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import assert_never

from pydantic import JsonValue

from firebreak.domain.hold import Hold
from firebreak.domain.people import NOBODY, Approval, ApprovalState, Change, Given, Terms
from firebreak.domain.plan import Outcome, OutcomeKind, Plan
from firebreak.domain.step import Answer, AnswerKind, ApprovalAsk, Roads
from firebreak.errors import DefinitionError, NotFound
from firebreak.playbook.agreement import (
    MAX_CHANGES,
    Agreed,
    Changes,
    ask,
    author_terms,
    given,
    terms,
)
from firebreak.playbook.expressions import evaluate, truth
from firebreak.playbook.program import (
    AnyStep,
    Approve,
    Do,
    ForEach,
    Parallel,
    Program,
    Release,
    Run,
    Set,
    Wait,
    When,
)
from firebreak.playbook.runtime import (
    CancelledError,
    NotApprovedError,
    Runtime,
    StepFailedError,
)
from firebreak.playbook.scope import Scope

# A plan that keeps drifting is a device that someone else is changing: people must look.
MAX_PLANS = 3

# No gentler or harsher method changes these answers, so the ladder ends.
_FINAL = frozenset(
    {
        "policy-denied", "interlock-engaged", "blast-radius", "halted", "not-found",
        "definition", "busy", "revert-failed", "hold-stuck",
    }
)  # fmt: skip


class Interpreter:
    """One run of one program."""

    def __init__(self, runtime: Runtime, device: str, scope: Scope) -> None:
        """``device``: the one that steps act on unless they name another."""
        self._runtime = runtime
        self._device = device
        self._root = scope
        self._approved: dict[str, Agreed] = {}  # by step key
        self._given: dict[str, Given] = {}  # what planned steps would be done with, likewise
        self._changes = Changes()
        self._refused: set[str] = set()  # keys of steps that people were asked for and did not get
        self._holds: dict[str, Hold] = {}  # by step key, in order
        self.contained = False

    async def run(self, program: Program) -> None:
        """Run to the end. Raises StepFailedError, NotApprovedError or CancelledError."""
        await self._steps(program.steps, self._root)

    async def _steps(self, steps: Iterable[AnyStep], scope: Scope) -> None:
        for position, step in enumerate(sequence := tuple(steps)):
            if self._runtime.cancelled():
                raise CancelledError
            await self._step(step, scope, sequence[position + 1 :])

    async def _step(self, step: AnyStep, scope: Scope, later: Sequence[AnyStep]) -> None:
        key = scope.key(step.id)
        try:
            if step.when is not None and not truth(step.when, scope.context()):
                scope.skip(step.id)
                self._runtime.note(key, "skipped", step.when)
                return
            if key in self._refused:
                raise NotApprovedError(f"{key}: people were asked and did not agree")
            await self._dispatch(step, scope, later)
        except DefinitionError as error:
            await self._fail(step, scope, StepFailedError(f"{key}: {error}"))
        except StepFailedError as failure:
            await self._fail(step, scope, failure)

    async def _fail(self, step: AnyStep, scope: Scope, failure: StepFailedError) -> None:
        key = scope.key(step.id)
        if not step.on_failure:
            raise failure
        self._runtime.note(key, "failed, on_failure taken", str(failure))
        await self._steps(step.on_failure, scope)

    async def _dispatch(self, step: AnyStep, scope: Scope, later: Sequence[AnyStep]) -> None:
        match step:
            case Do():
                await self._do(step, scope)
            case Release():
                await self._release(step, scope)
            case Approve():
                await self._approve(step, scope, later)
            case Parallel():
                await self._parallel([self._steps(b, scope) for b in step.branches])
            case ForEach():
                await self._for_each(step, scope)
            case When():
                await self._when(step, scope)
            case Wait():
                await self._runtime.sleep(step.seconds)
            case Set():
                self._set(step, scope)
            case Run():
                await self._run(step, scope)
            case _:
                assert_never(step)

    # -- one action -------------------------------------------------------------------------

    async def _do(self, step: Do, scope: Scope) -> None:
        device, inputs = self._target(step, scope)
        key = scope.key(step.id)
        outcome = await self._ladder(step, key, device, inputs)
        if step.until is not None:
            outcome = await self._repeat(step, scope, device, inputs, outcome)
        scope.finish(step.id, outcome)
        if not outcome.in_force:
            said = f"{outcome.kind.value}: {outcome.detail or outcome.error}"
            raise StepFailedError(f"{key}: {said}")

    def _target(self, step: Do, scope: Scope) -> tuple[str, dict[str, JsonValue]]:
        device = self._device if step.device is None else scope.render(step.device)
        if not isinstance(device, str):
            raise DefinitionError(f"device must be an inventory id, not {type(device).__name__}")
        inputs = scope.render(dict(step.inputs))
        assert isinstance(inputs, dict)  # noqa: S101 - a mapping renders to a mapping
        return device, inputs

    async def _ladder(
        self, step: Do, key: str, device: str, inputs: dict[str, JsonValue]
    ) -> Outcome:
        outcome: Outcome | None = None
        roads = await self._roads(step, key, device)
        for rung in _climbed(step, roads):
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

    async def _roads(self, step: Do, key: str, device: str) -> Roads:
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
        plan, approvals, author = self._agreed(key, rung)
        turn = 0
        while turn < MAX_PLANS:
            wanted, filled = self._changes.apply(step, key, inputs)
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
                where = f"{first}~{turn + 1}"  # the hold that it joined ended meanwhile
                self._runtime.note(where, "once more", "the hold it stood under has ended")
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
        wanted, filled = self._changes.apply(step, key, inputs)
        question = ask(
            where,
            answer,
            answer.plan,
            author,
            before=before,
            given=(given(wanted, filled, step),),
            changers=self._changes.who([key]),
        )
        return (await self._agree(question),)

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
        self._take_change(key, change)
        wanted, filled = self._changes.apply(step, key, inputs)
        answer = await self._runtime.act(wanted, where, rung, device, filled, preview=True)
        if answer.plan is None:
            self._refuse_change(key, answer.outcome.detail if answer.outcome else "no plan")

    def _take_change(self, key: str, change: Change) -> None:
        self._changes.add(key, change)
        if self._changes.of(key) > MAX_CHANGES:
            raise StepFailedError(f"{key}: changed more than {MAX_CHANGES} times")
        self._runtime.note(f"{key}#{self._changes.of(key)}", "changed", f"by {change.who}")

    def _refuse_change(self, key: str, why: str) -> None:
        number = self._changes.of(key)
        change = self._changes.take_back(key)
        self._runtime.note(f"{key}#{number}", "change refused", f"by {change.who}: {why}")

    def _agreed(self, key: str, rung: str) -> tuple[Plan | None, tuple[Approval, ...], Terms]:
        if key not in self._approved:
            return None, (), NOBODY
        agreed = self._approved[key]
        plan = agreed.plans.get(rung)
        return plan, ((agreed.approval,) if plan else ()), agreed.author

    async def _settle(
        self, step: Do, key: str, inputs: dict[str, JsonValue], answer: Answer
    ) -> bool:
        """Take a rung's end in. False when the hold that it stood under has ended meanwhile."""
        assert answer.outcome is not None  # noqa: S101 - a done answer carries its outcome
        if answer.hold is not None and step.hold is not None:
            if not await self._runtime.hold(answer.hold, step.hold, inputs):
                return False
            self._holds[key] = answer.hold
        if answer.outcome.kind is OutcomeKind.ENFORCED and step.hold is not None:
            self.contained |= answer.outcome.device == self._device
        return True

    async def _repeat(
        self, step: Do, scope: Scope, device: str, inputs: dict[str, JsonValue], outcome: Outcome
    ) -> Outcome:
        """Repeat an observation until its expression holds or its time is up."""
        assert step.until is not None  # noqa: S101 - the caller looked
        assert step.within_s is not None  # noqa: S101 - lint refuses until without within
        began, round_ = self._runtime.elapsed(), 1
        while True:
            if outcome.in_force:
                scope.finish(step.id, outcome)
                if truth(step.until, {**scope.context(), "result": outcome.result}):
                    return outcome
            if self._runtime.elapsed() - began + step.every_s > step.within_s:
                return outcome.model_copy(
                    update={
                        "kind": OutcomeKind.FAILED,
                        "error": "timed-out",
                        "detail": f"not within {step.within_s} s: {step.until}",
                    }
                )
            await self._runtime.sleep(step.every_s)
            if self._runtime.cancelled():
                raise CancelledError
            round_ += 1
            outcome = await self._ladder(step, f"{scope.key(step.id)}#{round_}", device, inputs)

    # -- people and holds -------------------------------------------------------------------

    async def _agree(self, question: ApprovalAsk) -> Approval:
        """An approval that lets it happen, or that somebody changed the plan of.

        Raises NotApprovedError or CancelledError.
        """
        approval = await self._runtime.approve(question)
        if approval.state in {ApprovalState.APPROVED, ApprovalState.UNOPPOSED}:
            return approval
        if self._runtime.cancelled():
            raise CancelledError
        if approval.change is not None:
            return approval
        raise NotApprovedError(f"{question.step}: {approval.state.value}")

    async def _approve(self, step: Approve, scope: Scope, later: Sequence[AnyStep]) -> None:
        keys = {name: scope.key(name) for name in step.plan}
        self._refused |= set(keys.values())
        author, before, changed = author_terms(step), "", ""
        while True:
            try:
                planned = await self._plan_ahead(step, scope, later)
            except StepFailedError as error:
                if not changed:
                    raise
                self._refuse_change(changed, str(error))
                changed = ""
                continue
            approval = await self._agree(self._question(step, scope, planned, author, before))
            if approval.change is None:
                break
            before, changed = approval.id, keys[approval.change.step]
            self._take_change(changed, approval.change)
        for name, key in keys.items():
            plans = {rung: a.plan for rung, a in planned[name].items() if a.plan}
            self._approved[key] = Agreed(approval, author, plans)
            self._refused.discard(key)

    async def _plan_ahead(
        self, step: Approve, scope: Scope, later: Sequence[AnyStep]
    ) -> dict[str, dict[str, Answer]]:
        """The plans of later steps, by step and rung."""
        key = scope.key(step.id)
        return {name: await self._preview(_find(later, name), scope, key) for name in step.plan}

    def _question(
        self,
        step: Approve,
        scope: Scope,
        planned: dict[str, dict[str, Answer]],
        author: Terms,
        before: str,
    ) -> ApprovalAsk:
        answers = [answer for by_rung in planned.values() for answer in by_rung.values()]
        why = scope.render(step.reason) or f"step {step.id} of the playbook asks"
        return ApprovalAsk(
            step=scope.key(step.id),
            plans=tuple(answer.plan for answer in answers if answer.plan),
            terms=terms(answers, author),
            why=str(why),
            hits=tuple(dict.fromkeys(line for answer in answers for line in answer.hits)),
            given=tuple(self._given[scope.key(n)] for n in planned if scope.key(n) in self._given),
            replaces=before,
            changers=self._changes.who(scope.key(name) for name in planned),
        )

    async def _preview(self, step: AnyStep, scope: Scope, asker: str) -> dict[str, Answer]:
        """The plan of a later step: the first rung that can be planned, or the releases."""
        if isinstance(step, Release):
            answers = [
                await self._runtime.may_release(f"{asker}/{step.id}/{hold.id}", hold, preview=True)
                for hold in self._to_release(step, scope)
            ]
            return {a.plan.target: a for a in answers if a.plan is not None}
        if not isinstance(step, Do):
            raise DefinitionError(f"step {step.id} cannot be planned ahead; name a do step")
        device, inputs = self._target(step, scope)
        wanted, inputs = self._changes.apply(step, scope.key(step.id), inputs)
        self._given[scope.key(step.id)] = given(wanted, inputs, step)
        detail = ""
        roads = await self._roads(step, f"{asker}/{step.id}", device)
        for rung in _climbed(step, roads):
            where = f"{asker}/{step.id}/{rung}"
            answer = await self._runtime.act(
                wanted, where, rung, device, inputs, ladder=roads.summary, preview=True
            )
            if answer.plan is not None:
                return {rung: answer}
            detail = answer.outcome.detail if answer.outcome else ""
        raise StepFailedError(f"{step.id} cannot be planned: {detail}")

    def _to_release(self, step: Release, scope: Scope) -> list[Hold]:
        keys = [scope.key(name) for name in step.of] or list(self._holds)
        held = {self._holds[key].id: self._holds[key] for key in keys if key in self._holds}
        return list(held.values())

    async def _release(self, step: Release, scope: Scope) -> None:
        key = scope.key(step.id)
        holds = self._to_release(step, scope)
        if not holds:
            self._runtime.note(key, "nothing to release", "no hold of this response is in force")
            scope.skip(step.id)
            return
        for hold in holds:
            await self._agree_release(key, hold)
        for hold in holds:
            outcome = await self._runtime.release(key, hold)
            if outcome.error == NotFound.code:
                self._runtime.note(key, "nothing to release", f"{hold.id} had ended before")
                scope.skip(step.id)
                continue
            scope.finish(step.id, outcome)
            if not outcome.in_force:
                raise StepFailedError(
                    f"{key}: {outcome.kind.value}: {outcome.detail or outcome.error}"
                )
            self._holds = {k: h for k, h in self._holds.items() if h.id != hold.id}

    async def _agree_release(self, key: str, hold: Hold) -> None:
        _, approvals, author = self._agreed(key, hold.plan.target)
        where = f"{key}/{hold.id}"
        answer = await self._runtime.may_release(where, hold, author=author, approvals=approvals)
        if answer.kind is AnswerKind.GATED and answer.plan is not None:
            question = ask(where, answer, answer.plan, author, before=approvals)
            approval = await self._agree(question)
            answer = await self._runtime.may_release(
                where, hold, author=author, approvals=(*approvals, approval)
            )
        if answer.kind is not AnswerKind.PLANNED:
            detail = answer.outcome.detail if answer.outcome else answer.kind.value
            raise StepFailedError(f"{where}: {detail}")

    # -- shape ------------------------------------------------------------------------------

    async def _when(self, step: When, scope: Scope) -> None:
        chosen = truth(step.test, scope.context())
        self._runtime.note(scope.key(step.id), "then" if chosen else "else", step.test)
        await self._steps(step.then if chosen else step.otherwise, scope)

    def _set(self, step: Set, scope: Scope) -> None:
        for name, template in step.values.items():
            scope.assign(name, scope.render(template))
        self._runtime.note(scope.key(step.id), "set", ", ".join(step.values))

    async def _run(self, step: Run, scope: Scope) -> None:
        inputs = scope.render(dict(step.inputs))
        assert isinstance(inputs, dict)  # noqa: S101 - a mapping renders to a mapping
        await self._steps(step.steps, scope.inlined(step.id, inputs))

    async def _for_each(self, step: ForEach, scope: Scope) -> None:
        items = evaluate(step.items, scope.context())
        if not isinstance(items, list):
            raise DefinitionError(
                f"for_each wants a list, got {type(items).__name__}: {step.items}"
            )
        if len(items) > step.limit:
            many = f"{len(items)} items, more than max {step.limit}"
            raise StepFailedError(f"{scope.key(step.id)}: {many}; nothing was done")
        room = asyncio.Semaphore(step.at_once)

        async def one(number: int, item: JsonValue) -> None:
            async with room:
                inner = scope.item(step.name, item, f"{step.id}[{number}]")
                await self._steps(step.steps, inner)

        await self._parallel([one(number, item) for number, item in enumerate(items)])

    async def _parallel(self, branches: list[Coroutine[None, None, None]]) -> None:
        """Let every branch end before a failure of one goes on: nothing is left half done."""
        ends = await asyncio.gather(*branches, return_exceptions=True)
        broken = [end for end in ends if isinstance(end, BaseException)]
        for end in broken:
            if not isinstance(end, StepFailedError):
                raise end
        if broken:
            raise broken[0]


def _find(later: Sequence[AnyStep], name: str) -> AnyStep:
    for step in later:
        if step.id == name:
            return step
    raise DefinitionError(f"approve plans step {name}, which does not come after it")


def _climbed(step: Do, roads: Roads) -> tuple[str, ...]:
    """The rungs to try. Where none leads to the device, the last one says so for the record."""
    return roads.ladder or step.ladder[-1:] or ("",)
