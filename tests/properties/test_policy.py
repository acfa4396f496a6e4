"""Over random policies, people, devices and circumstances: no doubt is ever an allow."""

import contextlib
from datetime import UTC, timedelta
from typing import Any

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebreak.contracts.policy import Question
from firebreak.domain.people import Decision, Effect, Principal
from firebreak.errors import DefinitionError
from firebreak.policy import gates
from firebreak.policy.cedar import CedarPolicy
from firebreak.policy.files import shipped
from firebreak.policy.statements import statements
from tests.properties.policies import NOON, ROLES, loaded, policies, spelled_gates
from tests.unit.policy.asking import VOCABULARY, question

SOON = settings(deadline=timedelta(seconds=5), max_examples=150)

MOMENTS = st.datetimes(timezones=st.just(UTC))
PRINCIPALS = st.builds(
    Principal,
    id=st.text(min_size=1, max_size=20),
    roles=st.frozensets(ROLES | st.text(max_size=5)),
    kind=st.sampled_from(["person", "automation"]),
)
PLANS: st.SearchStrategy[dict[str, Any] | None] = st.none() | st.fixed_dictionaries(
    {
        "risk": st.sampled_from(["low", "medium", "high"]),
        "reversible": st.booleans(),
        "rung": st.text(max_size=10) | st.sampled_from(["nac", "switch", "port-down"]),
    }
)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """Anything that may be asked, sensible or not."""
    return question(
        draw(st.sampled_from([*VOCABULARY.actions, "made.up"]) | st.text(max_size=20)),
        who=draw(PRINCIPALS),
        planned=draw(PLANS),
        severity=draw(st.integers(0, 6) | st.integers(-(2**70), 2**70)),
        confidence=draw(st.integers(0, 100)),
        asked={"drill": draw(st.booleans()), "at": draw(st.none() | MOMENTS)},
        safety=draw(st.sampled_from(["none", "monitoring", "life-support"])),
        redundancy_group=draw(st.sampled_from([None, "g", "h"])),
    )


def holds(said: Decision, policy: CedarPolicy) -> None:
    """What is true of every decision, and of what it says made it."""
    named = [policy.rule(rule_id) for rule_id in said.rules]
    assert said.policy_digest == policy.digest
    if said.effect is Effect.FORBID:
        assert not any(rule.permits for rule in named)
        assert said.gates == ()
        return
    assert named
    assert all(rule.permits for rule in named)
    assert bool(said.gates) is (said.effect is Effect.APPROVE)
    for rule in named:
        for gate in rule.gates:
            (kept,) = [one for one in said.gates if one.role == gate.role]
            assert kept.quorum >= gate.quorum
            assert kept.within_s <= gate.within_s


@SOON
@given(policies(), questions())
def test_every_answer_is_carried_by_the_policies_it_names(text: str, asked: Question) -> None:
    policy = loaded(text)
    said = policy.decide(asked)
    holds(said, policy)
    if asked.action not in VOCABULARY.actions:
        assert said.effect is Effect.FORBID


@SOON
@given(policies(), questions())
def test_each_policy_that_would_say_no_alone_says_no_among_others(
    text: str, asked: Question
) -> None:
    """A forbid that holds, and a forbid or permit that cannot be evaluated, allow nothing."""
    whole = loaded(text)
    said = whole.decide(asked)
    for statement in statements(text):
        alone = loaded(statement.text).decide(asked)
        stops = alone.rules or alone.reason != "no policy allows it"
        if alone.effect is Effect.FORBID and stops:
            assert said.effect is Effect.FORBID
        if alone.effect is Effect.APPROVE:
            assert said.effect is not Effect.ALLOW


@SOON
@given(questions(), st.data())
def test_whatever_cedar_answers_doubt_is_no(asked: Question, data: st.DataObject) -> None:
    policy = CedarPolicy.load(shipped(), VOCABULARY, clock=lambda: NOON)
    ids = [rule.id for rule in policy.policies.rules]
    word = data.draw(st.sampled_from(["Allow", "Deny", "NoDecision", "Maybe"]))
    reasons = data.draw(st.lists(st.sampled_from([*ids, "unknown"])))
    errors = data.draw(st.lists(st.text(min_size=1)))
    named = {name: name for name in data.draw(st.sampled_from([reasons, ids, []]))}
    answer = {
        "decision": word,
        "diagnostics": {"reason": reasons, "id_annotations_by_reason": named, "errors": errors},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cedarpy, "is_authorized", lambda *_: cedarpy.AuthzResult(answer))
        said = policy.decide(asked)
    if word != "Allow" or errors or "unknown" in reasons or named.keys() != set(reasons):
        assert said.effect is Effect.FORBID
    if said.effect is not Effect.FORBID:
        assert all(policy.rule(rule_id).permits for rule_id in said.rules)


CEDAR_BITS = st.sampled_from(
    [
        "permit", "forbid", "(", ")", "principal", ", ", "action", "resource", ";", "when",
        "{", "}", '@id("a")', '@summary("s")', '@approve("1 x within 1s")', "@approve", '"', "//",
        "\n", " ", "==", "in", "?principal", 'Action::"network.quarantine"', "context.", "drill",
        "\u0000", "\u2028", "true", "/*", "*/", "\\",
    ]
)  # fmt: skip


@SOON
@given(st.lists(CEDAR_BITS | st.text(max_size=4), max_size=40).map("".join))
def test_whatever_stands_in_a_file_it_loads_or_is_a_definition_error(text: str) -> None:
    with contextlib.suppress(DefinitionError):
        policy = loaded(text)
        assert all(rule.id and rule.summary for rule in policy.policies.rules)


@SOON
@given(policies())
def test_taking_a_file_apart_loses_no_policy(text: str) -> None:
    whole = cedarpy.policies_to_json_str(text)
    assert whole.count('"effect"') == len(list(statements(text)))


@given(spelled_gates(10))
def test_gates_read_as_they_are_spelled(text: str) -> None:
    assert gates.parse(gates.spell(gates.parse(text))) == gates.parse(text)


@given(st.text(max_size=60))
def test_no_text_is_an_approval_by_nobody(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert gates.parse(text)
