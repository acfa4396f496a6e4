"""Decides by Cedar: forbid wins, the approvals of all policies that permit add up, doubt is no."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import cedarpy
import structlog

from firebreak.contracts.policy import Question
from firebreak.domain.people import Decision, Effect
from firebreak.domain.standing import combined
from firebreak.errors import DefinitionError
from firebreak.policy.files import PolicySet, read
from firebreak.policy.request import entities, request
from firebreak.policy.rules import Rule
from firebreak.policy.vocabulary import Vocabulary

Clock = Callable[[], datetime]
TimeZones = Callable[[str], str]  # a site's IANA name; raises NotFound

_log = structlog.get_logger(__name__)


class DoubtError(Exception):
    """Cedar gave no answer, or could not evaluate all it was asked to."""


def now() -> datetime:
    """The time, from this machine's clock."""
    return datetime.now(UTC)


def utc(site: str) -> str:
    """Every site lives by UTC."""
    del site
    return "UTC"


class CedarPolicy:
    """One version of the policies. A new one is a new object; see ``LivePolicy``."""

    def __init__(
        self,
        policies: PolicySet,
        vocabulary: Vocabulary,
        *,
        time_zone: TimeZones = utc,
        clock: Clock = now,
    ) -> None:
        """Take checked policies; ``load`` reads them from disk."""
        self.policies = policies
        self._vocabulary = vocabulary
        self._time_zone = time_zone
        self._clock = clock
        self._rules = {rule.id: rule for rule in policies.rules}
        self._place = {rule.id: place for place, rule in enumerate(policies.rules)}
        # From text: Cedar evaluates a set that was read from its JSON form a tenth slower.
        self._handle = cedarpy.PolicySet.from_str("\n".join(rule.text for rule in policies.rules))

    @classmethod
    def load(
        cls, path: Path, vocabulary: Vocabulary, *, time_zone: TimeZones = utc, clock: Clock = now
    ) -> Self:
        """Read a ``.cedar`` file or a directory. Raises DefinitionError naming file and line."""
        return cls(read(path, vocabulary), vocabulary, time_zone=time_zone, clock=clock)

    @property
    def digest(self) -> str:
        """``sha256:<hex>`` over the bytes of all files, and the schema they were checked by."""
        return self.policies.digest

    def rule(self, rule_id: str) -> Rule:
        """A policy that a decision names. Raises KeyError."""
        return self._rules[rule_id]

    def decide(self, question: Question) -> Decision:
        """The decision and the policies that made it. Raises nothing: a doubt is FORBID."""
        try:
            return self._decision(question)
        except DefinitionError as error:
            return self._say(Effect.FORBID, [], str(error))
        except Exception as error:  # noqa: BLE001 - a policy that fails in any way must say no
            _log.error(
                "policy could not decide; forbidden",
                action=question.action,
                device=question.device.id,
                exc_info=True,
            )
            return self._say(Effect.FORBID, [], f"the policy failed: {type(error).__name__}")

    def _decision(self, question: Question) -> Decision:
        at = self._clock() if question.at is None else question.at
        zone = self._time_zone(question.device.site)
        result = cedarpy.is_authorized(
            request(question, self._vocabulary, at, zone),
            self._handle,
            entities(question),
            self._vocabulary.handle,
        )
        # Cedar leaves out a policy that it cannot evaluate. It may have been one that forbids.
        if result.diagnostics.errors or result.decision is cedarpy.Decision.NoDecision:
            raise DoubtError("; ".join(result.diagnostics.errors) or "no decision")
        rules = self._spoke(result.diagnostics)
        if result.decision is not cedarpy.Decision.Allow:
            return self._no(rules)
        return self._yes(rules)

    def _spoke(self, diagnostics: cedarpy.Diagnostics) -> list[Rule]:
        """The policies that made the decision, as they stand in the files."""
        ids = diagnostics.id_annotations_by_reason
        if set(diagnostics.reasons) != ids.keys() or not self._rules.keys() >= set(ids.values()):
            raise DoubtError("decided by a policy that is not ours")
        return [self._rules[name] for name in sorted(ids.values(), key=self._place.__getitem__)]

    def _no(self, rules: list[Rule]) -> Decision:
        reason = "; ".join(rule.summary for rule in rules)
        return self._say(Effect.FORBID, rules, reason or "no policy allows it")

    def _yes(self, rules: list[Rule]) -> Decision:
        if not rules or not all(rule.permits for rule in rules):
            raise DoubtError("allowed by nobody")
        asking = [rule for rule in rules if rule.gates]
        effect = Effect.APPROVE if asking else Effect.ALLOW
        deciding = asking or rules
        return self._say(effect, deciding, "; ".join(rule.summary for rule in deciding))

    def _say(self, effect: Effect, rules: list[Rule], reason: str) -> Decision:
        terms = combined(rule.terms for rule in rules)
        return Decision(
            effect=effect,
            gates=terms.gates,
            levels=terms.levels,
            remind_s=terms.remind_s,
            otherwise=terms.otherwise,
            rules=tuple(rule.id for rule in rules),
            reason=reason,
            policy_digest=self.digest,
        )
