"""`firebreak policy` works from files alone, and says what decides and why."""

import json
from pathlib import Path
from typing import Any

import pytest

from firebreak.policy.files import shipped
from tests.unit.cli.conftest import Call

ESTATE = """\
sites:
  - id: yard
    time_zone: Europe/Berlin
    quarantine_vlan: 9
    sentinel: {id: s, method: icmp, control: 10.0.0.1}
devices:
  - {id: cam-1, mac: '02:00:00:00:00:01', site: yard, class: ip-camera, criticality: low}
"""
NIGHT = (
    '@id("night") @summary("nobody is there") forbid (\n  principal,\n  action, resource)\n'
    "when { context.hour < 6 };\n"
    '@id("day") @summary("fine") @approve("2 on-call within 1h")'
    ' @escalate("lead after 10m") @remind("5m") @otherwise("allow")\n'
    'permit (principal in Role::"admin", action, resource);\n'
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "estate.yaml").write_text(ESTATE)
    (tmp_path / "policy.cedar").write_text(NIGHT)
    monkeypatch.setenv("FIREBREAK_ESTATE_FILE", str(tmp_path / "estate.yaml"))
    monkeypatch.setenv("FIREBREAK_POLICY_FILE", str(tmp_path))
    return tmp_path


def test_the_shipped_policies_have_no_problems(call: Call) -> None:
    result = call("policy", "check")
    assert (result.exit_code, "no problems" in result.stdout) == (0, True)


def test_check_says_every_problem_and_fails(folder: Path, call: Call) -> None:
    (folder / "policy.tests.yaml").write_text(
        "version: 1\ncases:\n  - {name: by day, action: device.wipe, as: {roles: [admin]},\n"
        "     when: {at: '2026-01-31T12:00:00Z'}, expect: allow}\n"
    )
    result = call("policy", "check", "--json")
    body = json.loads(result.stdout)
    assert (result.exit_code, body["policies"], body["cases"]) == (2, 2, 1)
    assert "by day: expected allow, got approve by day: fine" in body["problems"][0]
    (folder / "bad.cedar").write_text("permit")
    result = call("policy", "check", str(folder / "bad.cedar"))
    assert (result.exit_code, "bad.cedar:1" in result.stdout) == (2, True)


def test_explain_names_the_policy_that_decides_and_its_head(folder: Path, call: Call) -> None:
    asked = ("policy", "explain", "device.wipe", "cam-1", "--as", "eve", "--role", "admin")
    result = call(*asked, "--at", "2026-01-31T05:59")
    assert result.exit_code == 0
    assert "FORBIDDEN" in result.stdout
    assert "nobody is there" in result.stdout
    assert "forbid (principal, action, resource)" in result.stdout
    body = json.loads(call(*asked, "--at", "2026-01-31T05:00:00Z", "--json").stdout)
    assert (body["effect"], body["as"]["roles"]) == ("approve", ["admin"])
    assert body["gates"] == [{"role": "on-call", "quorum": 2, "within_s": 3600}]
    assert body["levels"] == [{"role": "lead", "after_s": 600, "instead_of": ["on-call"]}]
    assert (body["remind_s"], body["otherwise"]) == (300, "allow")
    told = call(*asked, "--at", "2026-01-31T07:00").stdout
    for line in ("agreed   2 on-call within 1h", "then     lead after 10m", "again    every 5m"):
        assert line in told
    assert "silence  is a yes" in told
    (policy,) = body["policies"]
    assert policy["at"] == f"{folder / 'policy.cedar'}:5"


@pytest.mark.parametrize(
    ("at", "effect"),
    [("21:59", "approve"), ("22:00", "forbid"), ("05:59", "forbid"), ("06:00", "approve")],
)
def test_the_policy_of_the_guide_forbids_wipes_at_night_by_the_sites_clock_and_says_why(
    folder: Path, call: Call, at: str, effect: str
) -> None:
    guide = (Path(__file__).parents[3] / "docs/how-to/policy.md").read_text()
    begin = guide.index('@id("no-wipe-at-night")')
    night = guide[begin : guide.index("```", begin)]
    (folder / "policy.cedar").write_text((shipped() / "default.cedar").read_text() + night)
    zoned = ESTATE.replace("id: yard,", "id: yard, time_zone: Asia/Tokyo,")
    (folder / "estate.yaml").write_text(zoned)
    asked = ("policy", "explain", "device.wipe", "cam-1", "--as", "eve", "--role", "admin")
    body = json.loads(call(*asked, "--at", f"2026-01-31T{at}", "--json").stdout)
    assert body["effect"] == effect
    names = [policy["id"] for policy in body["policies"]]
    assert names == (["no-wipe-at-night"] if effect == "forbid" else ["irreversible-two-people"])
    assert ("nobody is there at night" in body["reason"]) is (effect == "forbid")


@pytest.mark.usefixtures("folder")
def test_explain_says_when_no_policy_speaks(call: Call) -> None:
    for who in ("eve", "automation"):
        result = call(
            *f"policy explain device.probe cam-1 --as {who} --at 2026-01-31T12:00".split()
        )
        assert result.exit_code == 0
        assert "no policy allows it" in result.stdout


def test_explain_takes_the_roles_that_the_people_file_gives_at_that_time(
    folder: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "people.yaml").write_text(
        "people:\n  - {id: eve, accounts: {token: [laptop]}}\n  - {id: ben, roles: [analyst]}\n"
        "rotas:\n  - role: admin\n    time_zone: Europe/Berlin\n    fallback: [ben]\n    layers:\n"
        "      - {start: 2026-01-05T09:00, rotation: weekly, members: [ben]}\n    overrides:\n"
        "      - {from: 2026-01-31T09:00, to: 2026-01-31T17:00, person: eve}\n"
    )
    monkeypatch.setenv("FIREBREAK_PEOPLE_FILE", str(folder / "people.yaml"))

    def asked(who: str, at: str, *more: str) -> dict[str, Any]:
        told = call(
            "policy", "explain", "device.wipe", "cam-1", "--json", "--as", who, "--at", at, *more
        )
        principal: dict[str, Any] = json.loads(told.stdout)["as"]
        return principal

    assert asked("laptop", "2026-01-31T12:00") == {
        "id": "eve",
        "kind": "person",
        "roles": ["admin"],
    }
    assert asked("eve", "2026-01-31T18:00")["roles"] == []
    assert asked("ben", "2026-01-31T12:00")["roles"] == ["analyst"]
    assert asked("ben", "2026-01-31T12:00", "--role", "lead")["roles"] == ["lead"]
    nobody = call("policy", "explain", "device.wipe", "cam-1", "--as", "mallory")
    assert (nobody.exit_code, "mallory" in nobody.stderr) == (5, True)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("more", "code"),
    [
        (["cam-2", "--as", "eve"], 5),
        (["cam-1", "--as", "eve", "--at", "noon"], 2),
        (["cam-1", "--as", "eve", "--risk", "none"], 2),
        (["cam-1", "--as", "eve", "--severity", "7"], 2),
        (["cam-1"], 2),
    ],
)
def test_explain_refuses_what_makes_no_sense(call: Call, more: list[str], code: int) -> None:
    assert call("policy", "explain", "device.wipe", *more).exit_code == code


def test_explain_says_how_to_name_the_estate_file(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIREBREAK_ESTATE_FILE", str(tmp_path / "gone.yaml"))
    result = call("policy", "explain", "device.wipe", "cam-1", "--as", "eve")
    assert (result.exit_code, "gone.yaml" in result.stderr) == (2, True)
    assert "FIREBREAK_ESTATE_FILE" in result.stderr


def test_explain_supposes_the_plan_it_is_told(call: Call, folder: Path) -> None:
    (folder / "policy.cedar").write_text(
        '@id("a") @summary("s") permit (principal is Automation, action, resource) when '
        '{ context.risk == Risk::"medium" && context.footprint == Footprint::"session" && '
        "context.reversible && context.severity == 4 && context.confidence == 70 };"
    )
    asked = "policy explain network.quarantine cam-1 --as automation --severity 4 --confidence 70"
    assert "ALLOWED" in call(*asked.split(), "--rung", "nac").stdout
    for other in (["--risk", "low"], ["--irreversible"], ["--drill", "--change-window"]):
        said = call(*asked.split(), "--rung", "nac", *other).stdout
        assert ("ALLOWED" in said) is ("--drill" in other)


def test_the_schema_is_printed_for_people_and_machines(call: Call) -> None:
    shown = call("policy", "schema").stdout
    body = json.loads(call("policy", "schema", "--json").stdout)
    assert body["schema"] == shown
    assert 'action "network.quarantine"' in shown
