"""A policy that a test sets by hand."""

from dataclasses import dataclass, field

from firebreak.contracts.policy import Question
from firebreak.domain.people import Decision, Effect, Gate, Terms


@dataclass
class Rules:
    """Allows everything until told otherwise; ``gates`` and ``terms`` by action ask for people."""

    forbidden: set[str] = field(default_factory=set)
    gates: dict[str, tuple[Gate, ...]] = field(default_factory=dict)
    terms: dict[str, Terms] = field(default_factory=dict)
    digest: str = "sha256:test"

    def decide(self, question: Question) -> Decision:
        if question.action in self.forbidden:
            return Decision(effect=Effect.FORBID, rules=("test",), reason="the test forbids it")
        gates = self.gates.get(question.action, ())
        terms = self.terms.get(question.action, Terms(gates=gates))
        return Decision(
            effect=Effect.APPROVE if terms.gates else Effect.ALLOW,
            rules=("test",),
            reason="the test asks",
            **terms.model_dump(),
        )
