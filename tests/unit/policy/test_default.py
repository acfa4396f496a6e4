"""The shipped policy is safe for a hospital and for a plant: every case, and who must agree."""

from itertools import product
from pathlib import Path

import pytest

from firebreak.domain.people import Effect, Principal, passed
from firebreak.policy.static import StaticPolicy
from tests.unit.policy.test_static import AUTOMATION, person, question

SHIPPED = Path(__file__).parents[3] / "playbooks/policies/default.yaml"
ON_DUTY = ("analyst", "on-call", "soc-lead", "admin")
SAFETY = ("none", "monitoring", "protective", "life-support")
CRITICALITY = ("low", "medium", "high", "critical")


@pytest.fixture(scope="module")
def policy() -> StaticPolicy:
    return StaticPolicy.load(SHIPPED)


@pytest.mark.parametrize("who", [AUTOMATION, *(person(role) for role in ON_DUTY)])
@pytest.mark.parametrize(("safety", "criticality"), [*product(SAFETY, CRITICALITY)])
@pytest.mark.parametrize("severity", range(7))
def test_a_quarantine_is_alone_only_where_nobody_is_hurt(
    policy: StaticPolicy, who: Principal, safety: str, criticality: str, severity: int
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


def test_one_person_with_both_roles_is_not_two_people(policy: StaticPolicy) -> None:
    said = policy.decide(question(criticality="critical"))
    both = Principal(id="a", roles=frozenset({"on-call", "soc-lead"}))
    lead = Principal(id="b", roles=frozenset({"soc-lead"}))
    assert not passed(said.gates, [both])
    assert passed(said.gates, [both, lead])


@pytest.mark.parametrize("roles", [(), ("auditor",), ("source:suricata",)])
def test_whoever_is_not_on_duty_changes_nothing(
    policy: StaticPolicy, roles: tuple[str, ...]
) -> None:
    for action, safety, criticality in product(
        ("network.quarantine", "network.release"), SAFETY, CRITICALITY
    ):
        asked = question(action, who=person(*roles), safety=safety, criticality=criticality)
        assert policy.decide(asked).effect is Effect.FORBID


@pytest.mark.parametrize("action", ["device.probe", "incident.note"])
def test_looking_and_noting_are_always_allowed(policy: StaticPolicy, action: str) -> None:
    for who, safety in product((AUTOMATION, person("auditor")), SAFETY):
        asked = question(action, who=who, safety=safety, criticality="critical", severity=0)
        assert policy.decide(asked).effect is Effect.ALLOW


def test_people_release_and_automation_asks_first(policy: StaticPolicy) -> None:
    for safety, role in product(SAFETY, ON_DUTY):
        asked = question("network.release", who=person(role), safety=safety, severity=0)
        assert policy.decide(asked).effect is Effect.ALLOW
    said = policy.decide(question("network.release", severity=0))
    assert said.effect is Effect.APPROVE
    assert [(gate.role, gate.quorum) for gate in said.gates] == [("on-call", 1)]


@pytest.mark.parametrize("action", ["device.wipe", "identity.rotate", "broker.deny", "made.up"])
def test_what_the_policy_does_not_know_is_forbidden(policy: StaticPolicy, action: str) -> None:
    for who in (AUTOMATION, person("admin")):
        assert policy.decide(question(action, who=who)).effect is Effect.FORBID
