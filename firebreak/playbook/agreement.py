"""What an interpreter keeps of people's agreement: whom to ask and why, and what they changed."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import JsonValue

from firebreak.domain.people import Approval, Change, Decision, Gate, Given, Terms
from firebreak.domain.plan import Plan
from firebreak.domain.standing import combined
from firebreak.domain.step import Answer, AnswerKind, ApprovalAsk
from firebreak.playbook.program import Approve, Do

# Someone who changes a plan again and again is not deciding: they should start another response.
MAX_CHANGES = 10


@dataclass(frozen=True)
class Agreed:
    """What was agreed to before a step comes: the approval, the author's terms, plans by rung."""

    approval: Approval
    author: Terms
    plans: dict[str, Plan]


@dataclass
class Changes:
    """How people want steps to be done, other than the author wrote; by step key."""

    _by_step: dict[str, list[Change]] = field(default_factory=dict)

    def add(self, key: str, change: Change) -> None:
        """Somebody wants the step otherwise."""
        self._by_step.setdefault(key, []).append(change)

    def take_back(self, key: str) -> Change:
        """The last change cannot be done."""
        return self._by_step[key].pop()

    def of(self, key: str) -> int:
        """How often the step was changed."""
        return len(self._by_step.get(key, ()))

    def who(self, keys: Iterable[str]) -> tuple[str, ...]:
        """Who changed any of these steps; none of them may agree to what they made."""
        found = (change.who for key in keys for change in self._by_step.get(key, ()))
        return tuple(dict.fromkeys(found))

    def apply(
        self, step: Do, key: str, inputs: dict[str, JsonValue]
    ) -> tuple[Do, dict[str, JsonValue]]:
        """The step and its inputs as they are wanted now. Nothing that came from people renders."""
        for change in self._by_step.get(key, ()):
            inputs = {**inputs, **change.inputs}
            if change.hold_s is not None and step.hold is not None:
                hold = step.hold.model_copy(update={"for_s": change.hold_s})
                step = step.model_copy(update={"hold": hold})
        return step, inputs


def author_terms(step: Approve) -> Terms:
    """Whom the author of a playbook wants to agree."""
    gate = Gate(role=step.role, quorum=step.quorum, within_s=step.within_s)
    return Terms(gates=(gate,), levels=step.levels, remind_s=step.remind_s)


def terms(answers: Iterable[Answer], author: Terms) -> Terms:
    """Policy's terms and the author's: never less than either."""
    decisions = [answer.decision for answer in answers if answer.decision is not None]
    return combined((*decisions, author))


def given(step: Do, inputs: dict[str, JsonValue], author: Do) -> Given:
    """What people see that a step is done with, and may change."""
    return Given(
        step=step.id,
        inputs=inputs,
        hold_s=step.hold.for_s if step.hold else None,
        longest_s=author.hold.for_s if author.hold else None,
    )


def ask(
    where: str,
    answer: Answer,
    plan: Plan,
    author: Terms,
    *,
    before: tuple[Approval, ...] = (),
    given: tuple[Given, ...] = (),
    changers: tuple[str, ...] = (),
) -> ApprovalAsk:
    """The question to people about one plan. ``before``: the requests that this one follows."""
    return ApprovalAsk(
        step=where,
        plans=(plan,),
        terms=terms((answer,), author),
        why=_why(answer, author, before, changers),
        hits=answer.hits,
        given=given,
        replaces=before[-1].id if before else "",
        changers=changers,
    )


def _why(
    answer: Answer, author: Terms, before: tuple[Approval, ...], changers: tuple[str, ...]
) -> str:
    why = _reason(answer.decision, author)
    if answer.kind is AnswerKind.DRIFTED:
        return f"the state changed since it was approved; this is the new plan ({why})"
    last = before[-1].change if before else None
    if last is not None and last.who in changers:
        return f"{last.who} changed the plan: {last.reason or 'no reason given'} ({why})"
    if last is not None:
        return f"what {last.who} wanted instead cannot be planned ({why})"
    if before:
        return f"whoever agreed to it before no longer counts ({why})"
    return why


def _reason(decision: Decision | None, author: Terms) -> str:
    if decision and decision.gates:
        return decision.reason or f"policy {', '.join(decision.rules)} asks"
    if author.gates:
        return f"the playbook asks for {author.gates[0].role}"
    return "the plan must be agreed"
