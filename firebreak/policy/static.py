"""Policy from one YAML file of rules. Others see only contracts.Policy, so Cedar can follow."""

from pathlib import Path
from typing import Self

import structlog

from firebreak.contracts import Question
from firebreak.domain.base import digest
from firebreak.domain.people import Decision, Effect, united
from firebreak.policy.rules import PolicyFile, Rule
from firebreak.strict_yaml import read

MAX_BYTES = 1024 * 1024

_log = structlog.get_logger(__name__)


class StaticPolicy:
    """Decides by rules: forbid wins, then approve (all gates together), then allow, else no."""

    def __init__(self, rules: PolicyFile) -> None:
        """Take checked rules; ``load`` reads them from a file."""
        self._rules = rules.rules
        self._digest = digest(rules.to_json())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a policy file. Raises DefinitionError naming file, line and what is wrong."""
        return cls(read(path, max_bytes=MAX_BYTES).validate(PolicyFile))

    @property
    def digest(self) -> str:
        """``sha256:<hex>`` of the rules' meaning: comments and layout do not change it."""
        return self._digest

    def decide(self, question: Question) -> Decision:
        """The decision and the rules that made it. Raises nothing: a doubt is FORBID."""
        try:
            matching = [rule for rule in self._rules if rule.matches(question)]
            return self._decision(matching)
        except Exception as error:  # noqa: BLE001 - a policy that fails in any way must say no
            _log.error(
                "policy could not decide; forbidden",
                action=question.action,
                device=question.device.id,
                exc_info=True,
            )
            return self._say(Effect.FORBID, [], f"the policy failed: {type(error).__name__}")

    def _decision(self, matching: list[Rule]) -> Decision:
        for effect in (Effect.FORBID, Effect.APPROVE, Effect.ALLOW):
            rules = [rule for rule in matching if rule.effect is effect]
            if rules:
                return self._say(effect, rules, "; ".join(rule.summary for rule in rules))
        return self._say(Effect.FORBID, [], "no rule allows it")

    def _say(self, effect: Effect, rules: list[Rule], reason: str) -> Decision:
        return Decision(
            effect=effect,
            gates=united(gate.gate() for rule in rules for gate in rule.gates),
            rules=tuple(rule.id for rule in rules),
            reason=reason,
            policy_digest=self._digest,
        )
