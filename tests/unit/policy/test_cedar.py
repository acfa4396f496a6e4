"""How policies decide: none is a no, forbid wins, approvals add up, and doubt forbids."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cedarpy
import pytest
from structlog.testing import capture_logs

from firebreak.contracts.policy import Blast
from firebreak.domain.people import Effect, Gate
from firebreak.errors import NotFound
from firebreak.policy.cedar import CedarPolicy
from firebreak.policy.files import read
from tests.unit.policy.asking import ALLOW, VOCABULARY, permit, person, policy, question

NIGHT = datetime(2026, 1, 31, 2, 30, tzinfo=UTC)  # a Saturday; 03:30 in Berlin


def test_no_policy_is_a_no(tmp_path: Path) -> None:
    said = policy(tmp_path, ALLOW).decide(question("device.probe"))
    assert (said.effect, said.reason, said.rules) == (Effect.FORBID, "no policy allows it", ())


def test_a_permit_allows_what_it_names(tmp_path: Path) -> None:
    said = policy(tmp_path, ALLOW).decide(question())
    assert (said.effect, said.rules, said.reason) == (Effect.ALLOW, ("ok",), "fine")


def test_forbid_wins_over_everything(tmp_path: Path) -> None:
    text = ALLOW + permit("true", id="ask", approve="1 on-call within 15m")
    text += '@id("never") @summary("no") forbid (principal, action, resource);'
    said = policy(tmp_path, text).decide(question())
    assert (said.effect, said.rules, said.gates) == (Effect.FORBID, ("never",), ())


def test_the_approvals_of_all_that_speak_add_up_and_a_bare_permit_takes_none_away(
    tmp_path: Path,
) -> None:
    text = ALLOW + permit("true", id="a", approve="1 on-call within 1h, 1 soc-lead within 15m")
    text += permit("true", id="b", approve="2 on-call within 90s")
    text += permit("false", id="c", approve="9 admin within 1s")
    said = policy(tmp_path, text).decide(question())
    assert said.effect is Effect.APPROVE
    assert said.rules == ("a", "b")
    assert said.gates == (
        Gate(role="on-call", quorum=2, within_s=90),
        Gate(role="soc-lead", quorum=1, within_s=900),
    )


CONDITIONS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "safety": ('resource.safety == Safety::"none"', {}, {"safety": "protective"}),
    "criticality": (
        '[Criticality::"low"].contains(resource.criticality)',
        {},
        {"criticality": "high"},
    ),
    "class": ('resource in Class::"ip-camera"', {}, {"class": "ventilator"}),
    "site": ('resource in Site::"plant"', {}, {"site": "hospital"}),
    "device": ('resource == Device::"cam-17"', {}, {"id": "cam-18"}),
    "group": (
        'resource in RedundancyGroup::"pumps" && resource has redundancy_group',
        {"redundancy_group": "pumps"},
        {},
    ),
    "kind": ("principal is Automation", {}, {"who": person("automation")}),
    "role": (
        'principal in Role::"analyst"',
        {"who": person("analyst", "x")},
        {"who": person("x")},
    ),
    "person": ('principal == Person::"eve"', {"who": person(name="eve")}, {"who": person()}),
    "confidence": ("context.confidence >= 50", {"confidence": 50}, {"confidence": 49}),
    "severity": ("context.severity >= 3", {"severity": 3}, {"severity": 2}),
    "risk": (
        'context.risk == Risk::"low"',
        {"planned": {"risk": "low"}},
        {"planned": {"risk": "high"}},
    ),
    "risk without a plan is the catalogue's": (
        'context.risk == Risk::"low"',
        {"planned": {"risk": "low"}},
        {},
    ),
    "reversible": (
        "context.reversible",
        {"planned": {}},
        {"planned": {"reversible": False, "way_back": None}},
    ),
    "irreversible by the catalogue": ("context.reversible", {}, {"action": "device.wipe"}),
    "release has a way back": (
        "context.reversible",
        {"action": "network.release", "planned": {"reversible": False}},
        {"action": "device.retire"},
    ),
    "footprint": (
        'context.footprint == Footprint::"port"',
        {"planned": {"rung": "switch"}},
        {"planned": {"rung": "port-down"}},
    ),
    "an unknown rung has the widest footprint": (
        'context.footprint == Footprint::"link"',
        {"planned": {"rung": "made-up"}},
        {"planned": {"rung": "nac"}},
    ),
    "no footprint": (
        'context.footprint == Footprint::"none"',
        {"action": "device.probe"},
        {"action": "network.release"},
    ),
    "hour": (
        "context.hour == 3 && context.minute == 30 && context.weekday == 6",
        {"asked": {"at": NIGHT}},
        {"asked": {"at": NIGHT.replace(hour=3)}},
    ),
    "drill": ("context.drill", {"asked": {"drill": True}}, {}),
    "change window": ("context.change_window", {"asked": {"change_window": True}}, {}),
    "blast": (
        "context.blast.site < 3 && context.blast.class < 3",
        {"asked": {"blast": Blast(site=2)}},
        {"asked": {"blast": Blast(device_class=3)}},
    ),
    "family": ('action in Action::"network.*"', {}, {"action": "device.probe"}),
    "kind of action": ('action in Action::"release"', {"action": "network.release"}, {}),
}


@pytest.mark.parametrize(("when", "holds", "fails"), CONDITIONS.values(), ids=CONDITIONS.keys())
def test_a_condition_narrows_a_policy(
    tmp_path: Path, when: str, holds: dict[str, Any], fails: dict[str, Any]
) -> None:
    one = policy(tmp_path, permit(when), time_zone=lambda _: "Europe/Berlin")
    assert one.decide(question(**holds)).effect is Effect.ALLOW
    assert one.decide(question(**fails)).effect is Effect.FORBID


def test_without_a_moment_it_is_now(tmp_path: Path) -> None:
    one = policy(tmp_path, permit("context.hour == 2"), clock=lambda: NIGHT)
    assert one.decide(question()).effect is Effect.ALLOW


def test_a_policy_that_cannot_be_evaluated_forbids_even_what_another_permits(
    tmp_path: Path,
) -> None:
    text = ALLOW + '@id("no") @summary("s") forbid (principal, action, resource) '
    text += "when { context.severity * 9223372036854775807 > 9 };"
    one = policy(tmp_path, text)
    assert one.decide(question(severity=1)).rules == ("no",)
    with capture_logs() as logged:
        said = one.decide(question(severity=4))
    assert (said.effect, said.reason) == (Effect.FORBID, "the policy failed: DoubtError")
    assert logged[0]["log_level"] == "error"


def test_a_site_whose_time_nobody_knows_is_a_doubt(tmp_path: Path) -> None:
    def unknown(site: str) -> str:
        raise NotFound(site)

    said = policy(tmp_path, ALLOW, time_zone=unknown).decide(question())
    assert (said.effect, said.reason) == (Effect.FORBID, "the policy failed: NotFound")


@pytest.mark.parametrize("other", [{"action": "network.release"}, {"device": "cam-18"}])
def test_a_plan_for_something_else_is_a_doubt(tmp_path: Path, other: dict[str, Any]) -> None:
    said = policy(tmp_path, ALLOW).decide(question(planned=other))
    assert (said.effect, said.reason) == (Effect.FORBID, "the policy failed: ValueError")


@pytest.mark.parametrize("fails", [RuntimeError("oops"), ValueError("x"), KeyError("x")])
def test_a_policy_that_fails_forbids_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: Exception
) -> None:
    def broken(*_: object) -> None:
        raise fails

    one = policy(tmp_path, ALLOW)
    monkeypatch.setattr(cedarpy, "is_authorized", broken)
    said = one.decide(question())
    assert said.effect is Effect.FORBID
    assert said.reason == f"the policy failed: {type(fails).__name__}"


@pytest.mark.parametrize("kind", ["Allow", "NoDecision"])
def test_an_answer_that_names_nobody_is_no_permission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    empty = cedarpy.AuthzResult({"decision": kind, "diagnostics": {}})
    one = policy(tmp_path, ALLOW)
    monkeypatch.setattr(cedarpy, "is_authorized", lambda *_: empty)
    assert one.decide(question()).effect is Effect.FORBID


def test_who_is_asked_about_cannot_speak_cedar(tmp_path: Path) -> None:
    name = 'eve"}, Person::"admin'
    one = policy(tmp_path, permit('principal == Person::"admin"'))
    assert one.decide(question(who=person(name=name))).effect is Effect.FORBID
    assert one.decide(question(who=person(name="a\nb\u202e"))).rules == ()


def test_the_digest_covers_every_file_and_stands_in_each_decision(tmp_path: Path) -> None:
    first = policy(tmp_path, ALLOW)
    again = read(tmp_path / "policy.cedar", VOCABULARY)
    assert first.digest == again.digest == first.decide(question()).policy_digest
    (tmp_path / "more.cedar").write_text(permit("false"))
    both = CedarPolicy.load(tmp_path, VOCABULARY)
    assert both.digest != first.digest
    (tmp_path / "more.cedar").write_text(permit("true"))
    assert CedarPolicy.load(tmp_path, VOCABULARY).digest != both.digest


def test_decisions_are_repeatable(tmp_path: Path) -> None:
    one = policy(tmp_path, ALLOW)
    assert one.decide(question()) == one.decide(question())
