"""The shape of the policy file: strict, so that a misspelled condition can never widen a rule."""

import re
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from firebreak.contracts import Question
from firebreak.domain.base import Model
from firebreak.domain.device import Criticality, SafetyClass, Slug
from firebreak.domain.people import Effect, Gate
from firebreak.domain.plan import Risk

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([1-9][0-9]{0,5})([smhd])")


def _seconds(value: object) -> object:
    if not isinstance(value, str):
        return value
    found = _DURATION.fullmatch(value)
    if found is None:
        raise ValueError("write a duration like 90s, 15m, 4h or 1d")
    return int(found[1]) * _SECONDS[found[2]]


Seconds = Annotated[int, BeforeValidator(_seconds), Field(ge=1, le=30 * 86400)]
Glob = Annotated[str, StringConstraints(pattern=r"^[a-z*?][a-z.*?-]*$")]
OneOrMore = Field(default=None, min_length=1)


class _Strict(Model):
    # A YAML `true` is not the number 1, and `"3"` is not 3.
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False)


class GateRule(_Strict):
    """People who must agree: so many holders of a role, within so long."""

    role: Slug
    quorum: int = Field(default=1, ge=1, le=10, strict=True)
    within: Seconds = 900

    def gate(self) -> Gate:
        """As the engine asks for it."""
        return Gate(role=self.role, quorum=self.quorum, within_s=self.within)


class Conditions(_Strict):
    """All that are given must hold; a list holds when one of its values does.

    ``roles`` are the requester's. ``risk`` is the plan's: it never holds for a question that has
    no plan.
    """

    safety: tuple[SafetyClass, ...] | None = OneOrMore
    criticality: tuple[Criticality, ...] | None = OneOrMore
    device_class: tuple[Slug, ...] | None = Field(default=None, min_length=1, alias="class")
    site: tuple[Slug, ...] | None = OneOrMore
    requester: Literal["automation", "person"] | None = None
    roles: tuple[Slug, ...] | None = OneOrMore
    min_confidence: int | None = Field(default=None, ge=0, le=100, strict=True)
    min_severity: int | None = Field(default=None, ge=0, le=6, strict=True)
    max_severity: int | None = Field(default=None, ge=0, le=6, strict=True)
    risk: tuple[Risk, ...] | None = OneOrMore

    def hold(self, question: Question) -> bool:
        """Whether every given condition is true of the question."""
        device, requester, plan = question.device, question.requester, question.plan
        return (
            (self.safety is None or device.safety in self.safety)
            and (self.criticality is None or device.criticality in self.criticality)
            and (self.device_class is None or device.device_class in self.device_class)
            and (self.site is None or device.site in self.site)
            and (self.requester is None or requester.kind == self.requester)
            and (self.roles is None or not requester.roles.isdisjoint(self.roles))
            and (self.min_confidence is None or question.confidence >= self.min_confidence)
            and (self.min_severity is None or question.severity >= self.min_severity)
            and (self.max_severity is None or question.severity <= self.max_severity)
            and (self.risk is None or (plan is not None and plan.risk in self.risk))
        )


class Rule(_Strict):
    """One rule: what it says about which actions, and when."""

    id: Slug
    summary: str = Field(min_length=1, max_length=500)
    effect: Effect
    actions: tuple[Glob, ...] = Field(min_length=1)
    when: Conditions = Conditions()
    gates: tuple[GateRule, ...] = ()

    @model_validator(mode="after")
    def _gates_where_they_belong(self) -> Self:
        if (self.effect is Effect.APPROVE) != bool(self.gates):
            raise ValueError(
                "an approve rule needs gates: who must agree"
                if self.effect is Effect.APPROVE
                else f"gates belong to approve rules; this one says {self.effect}"
            )
        return self

    def matches(self, question: Question) -> bool:
        """Whether the rule speaks about this question."""
        named = any(fnmatchcase(question.action, pattern) for pattern in self.actions)
        return named and self.when.hold(question)


class PolicyFile(_Strict):
    """A policy file. ``version`` is the format's."""

    version: Literal[1]
    rules: tuple[Rule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        seen: set[str] = set()
        for rule in self.rules:
            if rule.id in seen:
                raise ValueError(f"rule {rule.id} is given twice")
            seen.add(rule.id)
        return self
