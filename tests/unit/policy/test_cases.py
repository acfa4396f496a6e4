"""Cases fail when policy answers otherwise, and say what was expected and who decided."""

from pathlib import Path

import pytest

from firebreak.policy.check import check
from tests.unit.policy.asking import ALLOW, VOCABULARY, permit

HEAD = "version: 1\ncases:\n"
CASE = "  - {name: n, action: network.quarantine, expect: "
OVER_TIME = {"escalate": "lead after 5m", "remind": "2m", "otherwise": "allow"}
ASK = permit("context.drill", id="ask", approve="1 on-call within 15m", **OVER_TIME)


def problems(where: Path, cases: str, policies: str = ALLOW + ASK) -> tuple[str, ...]:
    (where / "policy.cedar").write_text(policies)
    (where / "policy.tests.yaml").write_text(HEAD + cases)
    return check(where / "policy.cedar", VOCABULARY).problems


WRONG = {
    "effect": ("forbid}", "expected forbid, got allow by ok: fine"),
    "by": ("allow, by: [other]}", "expected it to be decided by other, was by ok: fine"),
    "by nobody": ("allow, by: []}", "expected it to be decided by no policy, was by ok: fine"),
    "gates": (
        "approve, when: {drill: true}, gates: 2 on-call within 15m}",
        "expected 2 on-call within 15m, got 1 on-call within 15m by ask: s",
    ),
    "fewer gates": (
        "approve, when: {drill: true}, gates: '1 on-call within 15m, 1 admin within 1h'}",
        "got 1 on-call within 15m by ask: s",
    ),
    "escalation": (
        "approve, when: {drill: true}, escalate: admin after 5m}",
        "expected escalate 'admin after 5m', got 'lead after 5m' by ask: s",
    ),
    "no escalation": ("approve, when: {drill: true}, escalate: ''}", "expected escalate '', got"),
    "reminders": ("approve, when: {drill: true}, remind: 3m}", "expected remind '3m', got '2m'"),
    "silence": ("approve, when: {drill: true}, otherwise: deny}", "expected otherwise 'deny', got"),
}


@pytest.mark.parametrize(("case", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_case_that_is_not_met_is_a_problem(tmp_path: Path, case: str, said: str) -> None:
    (problem,) = problems(tmp_path, CASE + case)
    assert problem.startswith(f"{tmp_path / 'policy.tests.yaml'}:3: n: ")
    assert said in problem


def test_cases_that_are_met_are_counted(tmp_path: Path) -> None:
    over_time = "escalate: lead after 300s, remind: 120s, otherwise: allow"
    good = CASE + "allow, by: [ok]}\n" + CASE + "approve, when: {drill: true}}\n"
    good += CASE + "approve, when: {drill: true}, " + over_time + "}\n"
    assert problems(tmp_path, good) == ()
    assert check(tmp_path, VOCABULARY).cases == 3


BROKEN = {
    "an unknown field": "allow, whn: {drill: true}}",
    "an unknown condition": "allow, when: {sevrity: 3}}",
    "a word for a number": "allow, when: {severity: 'three'}}",
    "a number for yes": "allow, when: {drill: 1}}",
    "an unknown class": "allow, device: {safety: nome}}",
    "an unknown answer": "permit}",
    "gates where none are asked": "allow, gates: 1 on-call within 15m}",
    "an escalation where none is asked": "allow, escalate: admin after 5m}",
    "an escalation to nobody": "approve, escalate: admin}",
    "gates that name nobody": "approve, gates: on-call}",
    "a time without a zone": "allow, when: {at: '2026-01-31T03:00:00'}}",
}


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN.keys())
def test_a_case_that_cannot_be_read_is_a_problem_with_its_line(tmp_path: Path, case: str) -> None:
    found = problems(tmp_path, CASE + case)
    assert found
    assert found[0].startswith(f"{tmp_path / 'policy.tests.yaml'}:3: ")


def test_policies_that_cannot_be_read_are_asked_nothing(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, CASE + "forbid}", "permit")
    assert "policy.cedar:1: " in problem
    assert check(tmp_path, VOCABULARY).cases == 0


def test_without_cases_only_the_policies_are_checked(tmp_path: Path) -> None:
    (tmp_path / "policy.cedar").write_text(ALLOW)
    report = check(tmp_path / "policy.cedar", VOCABULARY)
    assert (report.policies, report.cases, report.problems) == (1, 0, ())


def test_what_a_case_leaves_open_about_the_plan_is_the_catalogues(tmp_path: Path) -> None:
    medium = permit('context.risk == Risk::"medium" && context.footprint == Footprint::"port"')
    assert problems(tmp_path, CASE + "allow, plan: {rung: switch}}", medium) == ()
    cautious = permit("context.reversible")
    wipe = "  - {name: n, action: device.wipe, plan: {reversible: true}, expect: forbid}"
    assert problems(tmp_path, wipe, cautious) == ()
