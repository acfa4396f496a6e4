"""Tests of policies: questions with the answers they must get, in YAML beside the policies."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import AwareDatetime, ConfigDict, Field, model_validator

from firebreak.contracts.policy import Blast, Policy, Question
from firebreak.domain.base import Model
from firebreak.domain.device import Criticality, Device, SafetyClass, Slug
from firebreak.domain.people import Decision, Effect, Principal
from firebreak.domain.plan import Plan, Risk
from firebreak.policy import gates
from firebreak.policy.files import SUFFIX
from firebreak.policy.vocabulary import Vocabulary
from firebreak.strict_yaml import Document, read

CASES_SUFFIX = ".tests.yaml"


class _Strict(Model):
    # A YAML `true` is not the number 1, and `"3"` is not 3.
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False)


class Asker(_Strict):
    """Who asks. A person unless it is said to be automation."""

    kind: Literal["person", "automation"] = "person"
    id: str = Field(default="somebody", min_length=1, max_length=200)
    roles: tuple[str, ...] = ()

    @property
    def principal(self) -> Principal:
        """As the engine knows it."""
        return Principal(id=self.id, kind=self.kind, roles=frozenset(self.roles))


class Target(_Strict):
    """The device of a case."""

    id: Slug = "device-1"
    site: Slug = "site-1"
    device_class: Slug = Field(default="sensor", alias="class")
    criticality: Criticality = Criticality.MEDIUM
    safety: SafetyClass = SafetyClass.NONE
    redundancy_group: Slug | None = None

    @property
    def device(self) -> Device:
        """As the inventory would give it."""
        return Device.model_validate({"mac": "02:00:00:00:00:01", **self.to_json()})


class Supposed(_Strict):
    """What a plan would say; what is not given is the catalogue's, and nothing at all no plan."""

    rung: str | None = None
    risk: Risk | None = None
    reversible: bool | None = Field(default=None, strict=True)

    def plan(self, action: str, device: Device, vocabulary: Vocabulary) -> Plan | None:
        """The plan. None also for an action that there is not: policy will say so."""
        if action not in vocabulary.actions or self == Supposed():
            return None
        word = vocabulary[action]
        way_back = None if self.reversible is False or not word.reversible else "supposed"
        return Plan(
            action=action,
            rung=self.rung or "supposed",
            adapter="supposed",
            device=device.id,
            site=device.site,
            target=device.id,
            before={},
            after={},
            reversible=way_back is not None,
            way_back=way_back,
            risk=self.risk or word.risk,
            summary=f"supposed {action} of {device.id}",
        )


class Circumstances(_Strict):
    """When and why it is asked."""

    severity: int = Field(default=0, ge=0, le=6, strict=True)
    confidence: int = Field(default=0, ge=0, le=100, strict=True)
    drill: bool = Field(default=False, strict=True)
    change_window: bool = Field(default=False, strict=True)
    blast: Blast = Blast()
    at: AwareDatetime | None = None


class Case(_Strict):
    """One question, and what policy must say to it.

    What is given is compared whole: ``by`` holds the ids of the policies that decide, in any
    order; ``gates``, ``escalate``, ``remind`` and ``otherwise`` are written as in a policy.
    """

    name: str = Field(min_length=1, max_length=300)
    action: str
    asker: Asker = Field(default=Asker(), alias="as")
    device: Target = Target()
    plan: Supposed = Supposed()
    when: Circumstances = Circumstances()
    expect: Effect
    gates: str | None = None
    escalate: str | None = None
    remind: str | None = None
    otherwise: Literal["deny", "allow"] | None = None
    by: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        asked = [self.gates, self.escalate, self.remind, self.otherwise]
        if self.expect is not Effect.APPROVE and any(one is not None for one in asked):
            raise ValueError(
                "gates, escalate, remind and otherwise belong to a case that expects approve"
            )
        if self.gates is not None:
            gates.parse(self.gates)
        if self.escalate:
            gates.parse_levels(self.escalate)
        if self.remind:
            gates.parse_remind(self.remind)
        return self

    def question(self, vocabulary: Vocabulary) -> Question:
        """What policy is asked."""
        device = self.device.device
        return Question(
            action=self.action,
            plan=self.plan.plan(self.action, device, vocabulary),
            device=device,
            requester=self.asker.principal,
            severity=self.when.severity,
            confidence=self.when.confidence,
            drill=self.when.drill,
            change_window=self.when.change_window,
            blast=self.when.blast,
            at=self.when.at,
        )

    def failure(self, said: Decision) -> str:
        """What is wrong with an answer; empty when nothing is."""
        by = f"by {', '.join(said.rules) or 'no policy'}: {said.reason}"
        if said.effect is not self.expect:
            return f"expected {self.expect.value}, got {said.effect.value} {by}"
        if self.gates is not None and set(gates.parse(self.gates)) != set(said.gates):
            return f"expected {self.gates}, got {gates.spell(said.gates)} {by}"
        told = gates.spelled(said)
        for name, wanted in self._terms().items():
            if wanted != told.get(name, ""):
                return f"expected {name} {wanted!r}, got {told.get(name, '')!r} {by}"
        if self.by is not None and set(self.by) != set(said.rules):
            return f"expected it to be decided by {', '.join(self.by) or 'no policy'}, was {by}"
        return ""

    def _terms(self) -> dict[str, str]:
        """What is expected beside the gates, spelled as ``gates.spelled`` does; "" for none."""
        said: dict[str, str] = {}
        if self.escalate is not None:
            levels = gates.parse_levels(self.escalate) if self.escalate else ()
            said["escalate"] = gates.spell_levels(levels)
        if self.remind is not None:
            every_s = gates.parse_remind(self.remind) if self.remind else None
            said["remind"] = gates.spell_time(every_s) if every_s else ""
        if self.otherwise is not None:
            said["otherwise"] = self.otherwise
        return said


class CaseFile(_Strict):
    """A file of cases. ``version`` is the format's."""

    version: Literal[1]
    cases: tuple[Case, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Failure:
    """A case that policy answers otherwise."""

    file: str
    line: int
    name: str
    problem: str


def case_files(path: Path) -> tuple[Path, ...]:
    """The cases beside policies: all in a directory, or those named like the one file."""
    if path.is_dir():
        return tuple(sorted(path.glob(f"*{CASES_SUFFIX}")))
    beside = path.with_name(path.name.removesuffix(SUFFIX) + CASES_SUFFIX)
    return (beside,) if beside.exists() else ()


def run(file: Path, policy: Policy, vocabulary: Vocabulary) -> tuple[int, tuple[Failure, ...]]:
    """How many cases a file has, and which of them fail. Raises DefinitionError."""
    document = read(file)
    cases = document.validate(CaseFile).cases
    return len(cases), tuple(_failures(cases, document, policy, vocabulary))


def _failures(
    cases: tuple[Case, ...], document: Document, policy: Policy, vocabulary: Vocabulary
) -> Iterator[Failure]:
    for number, case in enumerate(cases):
        if problem := case.failure(policy.decide(case.question(vocabulary))):
            yield Failure(document.name, document.line(("cases", number)), case.name, problem)
