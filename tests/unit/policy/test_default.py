"""The shipped policies are safe for a hospital and for a plant: every case, and who must agree."""

from collections.abc import Iterator
from itertools import product
from typing import Any, Literal

import pytest

from firebreak.contracts.policy import Question
from firebreak.domain.people import Effect, Principal, passed
from firebreak.policy.cases import case_files, run
from firebreak.policy.cedar import CedarPolicy
from firebreak.policy.files import shipped
from tests.unit.policy.asking import AUTOMATION, VOCABULARY, person, question
from tests.unit.policy.first_default import first_default, is_as_strict

ON_DUTY = ("analyst", "on-call", "soc-lead", "admin")
ROLES = (*ON_DUTY, "automation", "auditor", "source:suricata")
SAFETY = ("none", "monitoring", "protective", "life-support")
CRITICALITY = ("low", "medium", "high", "critical")
IRREVERSIBLE = ("device.wipe", "device.retire")
EVIDENCE: tuple[tuple[int, dict[str, Any] | None], ...] = (
    (0, None),
    (50, {"risk": "medium"}),
    (90, {"risk": "high"}),
    (90, {"reversible": False, "way_back": None}),
    (30, {"risk": "low"}),
)


@pytest.fixture(scope="module")
def policy() -> CedarPolicy:
    return CedarPolicy.load(shipped(), VOCABULARY)


def askers() -> Iterator[Principal]:
    kinds: tuple[Literal["person", "automation"], ...] = ("person", "automation")
    for kind, roles in product(kinds, [(), *((r,) for r in ROLES), ROLES]):
        yield Principal(id="who", kind=kind, roles=frozenset(roles))


def everything(action: str) -> Iterator[Question]:
    plans = EVIDENCE if action.startswith("network.") else EVIDENCE[:1]
    for who, safety, criticality, severity, (confidence, planned) in product(
        askers(), SAFETY, CRITICALITY, range(7), plans
    ):
        yield question(
            action,
            who=who,
            safety=safety,
            criticality=criticality,
            severity=severity,
            confidence=confidence,
            planned=planned,
        )


# Wiping and retiring had no rule at all; that they take two people is tested below.
@pytest.mark.parametrize(
    "action", [name for name in VOCABULARY.actions if name not in IRREVERSIBLE]
)
def test_nothing_is_easier_than_under_the_first_policy(policy: CedarPolicy, action: str) -> None:
    easier = [
        asked
        for asked in everything(action)
        if not is_as_strict(policy.decide(asked), first_default(asked))
    ]
    assert easier == []


@pytest.mark.parametrize("who", [AUTOMATION, *(person(role) for role in ON_DUTY)])
@pytest.mark.parametrize(("safety", "criticality"), [*product(SAFETY, CRITICALITY)])
@pytest.mark.parametrize("severity", range(7))
def test_a_quarantine_is_alone_only_where_nobody_is_hurt(
    policy: CedarPolicy, who: Principal, safety: str, criticality: str, severity: int
) -> None:
    said = policy.decide(
        question(who=who, safety=safety, criticality=criticality, severity=severity)
    )
    harmless = safety == "none" and criticality in ("low", "medium") and severity >= 3
    assert (said.effect is Effect.ALLOW) is harmless
    if safety == "life-support" and who is AUTOMATION:
        assert said.effect is Effect.FORBID
    elif not harmless:
        assert said.effect is Effect.APPROVE
        people = 2 if safety != "none" or criticality == "critical" else 1
        assert sum(gate.quorum for gate in said.gates) == people
        assert any(gate.role == "on-call" for gate in said.gates)


@pytest.mark.parametrize("confidence", [0, 30, 49])
def test_a_detector_that_doubts_itself_contains_nothing_alone(
    policy: CedarPolicy, confidence: int
) -> None:
    said = policy.decide(question(confidence=confidence))
    assert (said.effect, said.rules) == (Effect.APPROVE, ("quarantine-thin-evidence",))


def test_a_risky_plan_is_never_carried_out_alone(policy: CedarPolicy) -> None:
    said = policy.decide(question(planned={"risk": "high"}, confidence=100))
    assert (said.effect, said.rules) == (Effect.APPROVE, ("quarantine-thin-evidence",))


@pytest.mark.parametrize("action", IRREVERSIBLE)
def test_what_cannot_be_undone_takes_two_people_and_never_a_machine(
    policy: CedarPolicy, action: str
) -> None:
    for asked in everything(action):
        said = policy.decide(asked)
        assert said.effect is not Effect.ALLOW
        if asked.requester.kind == "automation" or asked.device.safety == "life-support":
            assert said.effect is Effect.FORBID
        if said.effect is Effect.APPROVE:
            assert sum(gate.quorum for gate in said.gates) == 2


def test_automation_does_nothing_that_has_no_way_back(policy: CedarPolicy) -> None:
    for role in ROLES:
        who = Principal(id="script", kind="automation", roles=frozenset({role}))
        said = policy.decide(question(who=who, planned={"reversible": False, "way_back": None}))
        assert said.rules == ("irreversible-never-by-automation",)
        assert said.effect is Effect.FORBID


def test_one_person_with_both_roles_is_not_two_people(policy: CedarPolicy) -> None:
    said = policy.decide(question(criticality="critical"))
    both = Principal(id="a", roles=frozenset({"on-call", "soc-lead"}))
    lead = Principal(id="b", roles=frozenset({"soc-lead"}))
    assert not passed(said.gates, [both])
    assert passed(said.gates, [both, lead])


@pytest.mark.parametrize("roles", [(), ("auditor",), ("source:suricata",)])
def test_whoever_is_not_on_duty_changes_nothing(
    policy: CedarPolicy, roles: tuple[str, ...]
) -> None:
    for action, safety, criticality in product(
        ("network.quarantine", "network.release", *IRREVERSIBLE), SAFETY, CRITICALITY
    ):
        asked = question(action, who=person(*roles), safety=safety, criticality=criticality)
        assert policy.decide(asked).effect is Effect.FORBID


@pytest.mark.parametrize("action", ["device.probe", "incident.note"])
def test_looking_and_noting_are_always_allowed(policy: CedarPolicy, action: str) -> None:
    for who, safety in product((AUTOMATION, person("auditor")), SAFETY):
        asked = question(action, who=who, safety=safety, criticality="critical", severity=0)
        assert policy.decide(asked).effect is Effect.ALLOW


def test_people_release_and_automation_asks_first(policy: CedarPolicy) -> None:
    for safety, role in product(SAFETY, ON_DUTY):
        asked = question("network.release", who=person(role), safety=safety, severity=0)
        assert policy.decide(asked).effect is Effect.ALLOW
    said = policy.decide(question("network.release", severity=0))
    assert said.effect is Effect.APPROVE
    assert [(gate.role, gate.quorum) for gate in said.gates] == [("on-call", 1)]


@pytest.mark.parametrize("action", ["device.explode", "identity.rotate", "broker.deny", "made.up"])
def test_what_the_policy_does_not_know_is_forbidden(policy: CedarPolicy, action: str) -> None:
    for who in (AUTOMATION, person("admin")):
        said = policy.decide(question(action, who=who))
        assert said.effect is Effect.FORBID
        assert f"no action '{action}'" in said.reason


def test_the_cases_beside_the_policies_hold(policy: CedarPolicy) -> None:
    (file,) = case_files(shipped())
    count, failures = run(file, policy, VOCABULARY)
    assert (count > len(policy.policies.rules), failures) == (True, ())


def test_every_shipped_policy_decides_some_case() -> None:
    (file,) = case_files(shipped())
    named = file.read_text()
    policy = CedarPolicy.load(shipped(), VOCABULARY)
    assert [rule.id for rule in policy.policies.rules if rule.id not in named] == []
