"""The rules of the policy file: no rule is a no, forbid wins, gates add up, and doubt forbids."""

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from firebreak.contracts import Question
from firebreak.domain.device import Device
from firebreak.domain.people import Decision, Effect, Gate, Principal
from firebreak.domain.plan import Plan
from firebreak.errors import DefinitionError
from firebreak.policy.rules import Rule
from firebreak.policy.static import StaticPolicy

AUTOMATION = Principal(id="automation", kind="automation", roles=frozenset({"automation"}))


def person(*roles: str) -> Principal:
    return Principal(id="someone", roles=frozenset(roles))


def device(**changes: Any) -> Device:
    fields = {"id": "cam-17", "mac": "02:00:00:00:00:17", "site": "plant", "class": "ip-camera"}
    return Device.model_validate(fields | {"criticality": "low"} | changes)


def question(
    action: str = "network.quarantine",
    *,
    who: Principal = AUTOMATION,
    risk: str = "",
    severity: int = 4,
    confidence: int = 50,
    **changes: Any,
) -> Question:
    one = device(**changes)
    fields = {
        "action": action,
        "rung": "switch",
        "adapter": "x",
        "device": one.id,
        "site": one.site,
        "target": "sw/1",
        "before": {},
        "after": {"vlan": 9},
        "reversible": True,
        "way_back": "vlan 1",
        "risk": risk,
        "summary": "x",
    }
    plan = Plan.model_validate(fields) if risk else None
    return Question(
        action=action,
        plan=plan,
        device=one,
        requester=who,
        severity=severity,
        confidence=confidence,
    )


def policy(where: Path, rules: str) -> StaticPolicy:
    path = where / "policy.yaml"
    path.write_text("version: 1\nrules:\n" + rules)
    return StaticPolicy.load(path)


ALLOW = "  - {id: ok, summary: fine, effect: allow, actions: ['network.*']}\n"


def test_no_rule_is_a_no(tmp_path: Path) -> None:
    said = policy(tmp_path, ALLOW).decide(question("device.wipe"))
    assert (said.effect, said.reason, said.rules) == (Effect.FORBID, "no rule allows it", ())


def test_an_allow_rule_allows_what_its_pattern_names(tmp_path: Path) -> None:
    said = policy(tmp_path, ALLOW).decide(question())
    assert (said.effect, said.rules, said.reason) == (Effect.ALLOW, ("ok",), "fine")


def test_forbid_wins_over_everything(tmp_path: Path) -> None:
    rules = (
        ALLOW
        + "  - {id: ask, summary: a, effect: approve, actions: ['*'], gates: [{role: on-call}]}\n"
        + "  - {id: never, summary: no, effect: forbid, actions: [network.quarantine]}\n"
    )
    said = policy(tmp_path, rules).decide(question())
    assert (said.effect, said.rules, said.gates) == (Effect.FORBID, ("never",), ())


def test_all_gates_that_speak_are_united(tmp_path: Path) -> None:
    rules = ALLOW + (
        "  - id: a\n    summary: a\n    effect: approve\n    actions: ['*']\n"
        "    gates: [{role: on-call, within: 1h}, {role: soc-lead}]\n"
        "  - id: b\n    summary: b\n    effect: approve\n    actions: ['*']\n"
        "    gates: [{role: on-call, quorum: 2, within: 90s}]\n"
    )
    said = policy(tmp_path, rules).decide(question())
    assert said.effect is Effect.APPROVE
    assert said.rules == ("a", "b")
    assert said.gates == (
        Gate(role="on-call", quorum=2, within_s=90),
        Gate(role="soc-lead", quorum=1, within_s=900),
    )


CONDITIONS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "safety": ("safety: [none]", {}, {"safety": "protective"}),
    "criticality": ("criticality: [low, medium]", {}, {"criticality": "high"}),
    "class": ("class: [ip-camera]", {}, {"class": "ventilator"}),
    "site": ("site: [plant]", {}, {"site": "hospital"}),
    "requester": ("requester: automation", {}, {"who": person("analyst")}),
    "roles": ("roles: [analyst]", {"who": person("analyst", "x")}, {"who": person("x")}),
    "min_confidence": ("min_confidence: 50", {"confidence": 50}, {"confidence": 49}),
    "min_severity": ("min_severity: 3", {"severity": 3}, {"severity": 2}),
    "max_severity": ("max_severity: 3", {"severity": 3}, {"severity": 4}),
    "risk": ("risk: [low]", {"risk": "low"}, {"risk": "high"}),
    "risk without a plan": ("risk: [low]", {"risk": "low"}, {}),
    "two together": ("site: [plant], min_severity: 3", {}, {"severity": 1}),
}


@pytest.mark.parametrize(("when", "holds", "fails"), CONDITIONS.values(), ids=CONDITIONS.keys())
def test_a_condition_narrows_a_rule(
    tmp_path: Path, when: str, holds: dict[str, Any], fails: dict[str, Any]
) -> None:
    rule = f"  - {{id: r, summary: s, effect: allow, actions: ['*'], when: {{{when}}}}}\n"
    one = policy(tmp_path, rule)
    assert one.decide(question(**holds)).effect is Effect.ALLOW
    assert one.decide(question(**fails)).effect is Effect.FORBID


BROKEN = {
    "an unknown field": ("  - {id: r, summary: s, effect: allow, action: ['*']}\n", "action"),
    "an unknown condition": (
        "  - {id: r, summary: s, effect: allow, actions: ['*'], when: {sevrity: 3}}\n",
        "sevrity",
    ),
    "an unknown safety class": (
        "  - {id: r, summary: s, effect: allow, actions: ['*'], when: {safety: [nome]}}\n",
        "safety",
    ),
    "an empty list of conditions": (
        "  - {id: r, summary: s, effect: allow, actions: ['*'], when: {site: []}}\n",
        "site",
    ),
    "an unknown effect": ("  - {id: r, summary: s, effect: permit, actions: ['*']}\n", "effect"),
    "no actions": ("  - {id: r, summary: s, effect: allow, actions: []}\n", "actions"),
    "a pattern that matches nothing": (
        "  - {id: r, summary: s, effect: allow, actions: ['Network.*']}\n",
        "actions",
    ),
    "approval by nobody": ("  - {id: r, summary: s, effect: approve, actions: ['*']}\n", "gates"),
    "gates on an allow rule": (
        "  - {id: r, summary: s, effect: allow, actions: ['*'], gates: [{role: x}]}\n",
        "gates",
    ),
    "a quorum of none": (
        "  - {id: r, summary: s, effect: approve, actions: ['*'], gates: [{role: x, quorum: 0}]}\n",
        "quorum",
    ),
    "a quorum that is a word": (
        "  - {id: r, summary: s, effect: approve, actions: [a], gates: [{role: x, quorum: on}]}\n",
        "quorum",
    ),
    "a time that is none": (
        "  - {id: r, summary: s, effect: approve, actions: [a], gates: [{role: x, within: 1w}]}\n",
        "90s, 15m",
    ),
    "a rule twice": (ALLOW + ALLOW, "given twice"),
    "no rules": ("  []\n", "rules"),
}


@pytest.mark.parametrize(("rules", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_a_wrong_file_is_refused_with_its_line(tmp_path: Path, rules: str, said: str) -> None:
    with pytest.raises(DefinitionError, match=rf"policy\.yaml:[34]: .*{said}"):
        policy(tmp_path, rules)


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("version: 2\nrules:\n" + ALLOW)
    with pytest.raises(DefinitionError, match="version"):
        StaticPolicy.load(path)


def test_a_policy_that_fails_forbids_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Rule, __: Question) -> bool:
        raise RuntimeError("oops")

    one = policy(tmp_path, ALLOW)
    monkeypatch.setattr(Rule, "matches", broken)
    with capture_logs() as logged:
        said = one.decide(question())
    assert (said.effect, said.reason) == (Effect.FORBID, "the policy failed: RuntimeError")
    assert logged[0]["log_level"] == "error"


def test_the_digest_follows_the_meaning_and_not_the_layout(tmp_path: Path) -> None:
    first = policy(tmp_path, ALLOW)
    assert policy(tmp_path, "# a comment\n" + ALLOW).digest == first.digest
    assert policy(tmp_path, ALLOW.replace("ok", "yes")).digest != first.digest
    assert first.decide(question()).policy_digest == first.digest


def test_decisions_are_repeatable(tmp_path: Path) -> None:
    one = policy(tmp_path, ALLOW)
    first: Decision = one.decide(question())
    assert one.decide(question()) == first
