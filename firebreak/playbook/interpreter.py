"""Runs a compiled playbook. Pure: time, activities and people come from the Runtime it is given.

The same code runs inside a Temporal workflow and in a unit test. Order of effects, keys and notes
depend on nothing but the program and the answers, so a replay walks the same path.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import assert_never

from pydantic import JsonValue

from firebreak.domain.hold import Hold
from firebreak.domain.people import Terms
from firebreak.domain.plan import Outcome, OutcomeKind
from firebreak.domain.step import Answer, AnswerKind, ApprovalAsk
from firebreak.errors import DefinitionError, NotFound
from firebreak.playbook.agreement import (
    Agreed,
    ask,
    author_terms,
    given,
    terms,
)
from firebreak.playbook.consent import Consent
from firebreak.playbook.expressions import evaluate, truth
from firebreak.playbook.ladder import Ladder, climbed
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


class Interpreter:
    """One run of one program."""

    def __init__(self, runtime: Runtime, device: str, scope: Scope) -> None:
        """``device``: the one that steps act on unless they name another."""
        self._runtime = runtime
        self._device = device
        self._root = scope
        self._consent = Consent(runtime)
        self._ladder = Ladder(runtime, device, self._consent)

    @property
    def contained(self) -> bool:
        """Whether the device was seen to be cut off, under a hold."""
        return self._ladder.contained

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
            if key in self._consent.refused:
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
        if isinstance(step, Do):  # its outcome is what on_failure asks for; it may have none
            denied = isinstance(failure, NotApprovedError)
            kind = OutcomeKind.REFUSED if denied else OutcomeKind.FAILED
            scope.fail(step.id, kind, str(failure))
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
        outcome = await self._ladder.climb(step, key, device, inputs)
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
            outcome = await self._ladder.climb(
                step, f"{scope.key(step.id)}#{round_}", device, inputs
            )

    # -- people and holds -------------------------------------------------------------------

    async def _approve(self, step: Approve, scope: Scope, later: Sequence[AnyStep]) -> None:
        keys = {name: scope.key(name) for name in step.plan}
        self._consent.refused |= set(keys.values())
        author, before, changed = author_terms(step), "", ""
        while True:
            try:
                planned = await self._plan_ahead(step, scope, later)
            except StepFailedError as error:
                if not changed:
                    raise
                self._consent.refuse_change(changed, str(error))
                changed = ""
                continue
            approval = await self._consent.agree(
                self._question(step, scope, planned, author, before)
            )
            if approval.change is None:
                break
            before, changed = approval.id, keys[approval.change.step]
            self._consent.take_change(changed, approval.change)
        for name, key in keys.items():
            plans = {rung: a.plan for rung, a in planned[name].items() if a.plan}
            self._consent.approved[key] = Agreed(approval, author, plans)
            self._consent.refused.discard(key)

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
            given=tuple(
                self._consent.given[scope.key(n)]
                for n in planned
                if scope.key(n) in self._consent.given
            ),
            replaces=before,
            changers=self._consent.changes.who(scope.key(name) for name in planned),
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
        wanted, inputs = self._consent.changes.apply(step, scope.key(step.id), inputs)
        self._consent.given[scope.key(step.id)] = given(wanted, inputs, step)
        detail = ""
        roads = await self._ladder.roads(step, f"{asker}/{step.id}", device)
        for rung in climbed(step, roads):
            where = f"{asker}/{step.id}/{rung}"
            answer = await self._runtime.act(
                wanted, where, rung, device, inputs, ladder=roads.summary, preview=True
            )
            if answer.plan is not None:
                return {rung: answer}
            detail = answer.outcome.detail if answer.outcome else ""
        raise StepFailedError(f"{step.id} cannot be planned: {detail}")

    def _to_release(self, step: Release, scope: Scope) -> list[Hold]:
        keys = [scope.key(name) for name in step.of] or list(self._ladder.holds)
        held = {
            self._ladder.holds[key].id: self._ladder.holds[key]
            for key in keys
            if key in self._ladder.holds
        }
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
            self._ladder.holds = {k: h for k, h in self._ladder.holds.items() if h.id != hold.id}

    async def _agree_release(self, key: str, hold: Hold) -> None:
        _, approvals, author = self._consent.agreed(key, hold.plan.target)
        where = f"{key}/{hold.id}"
        answer = await self._runtime.may_release(where, hold, author=author, approvals=approvals)
        if answer.kind is AnswerKind.GATED and answer.plan is not None:
            question = ask(where, answer, answer.plan, author, before=approvals)
            approval = await self._consent.agree(question)
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
