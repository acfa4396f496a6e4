"""`firebreak people` and `firebreak on-call` work from the people file alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from firebreak import logs
from tests.unit.cli.conftest import Call
from tests.unit.people.writing import PAGERDUTY, PEOPLE, ROTAS, write


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = write(tmp_path, PEOPLE + ROTAS)
    monkeypatch.setenv("FIREBREAK_PEOPLE_FILE", str(path))
    # A process of its own configures its logs; here they are the other tests'.
    monkeypatch.setattr(logs, "configure", lambda _: None)
    return path


def test_people_are_listed_with_what_they_may_do_now(file: Path, call: Call) -> None:
    file.write_text(PEOPLE + ROTAS.replace("2026-01-05", "2098-01-05"))
    rows = json.loads(call("people", "--json").stdout)["people"]
    assert [row["id"] for row in rows] == ["ops-a", "ops-b", "lead"]
    assert [row["roles_now"] for row in rows][2] == ["analyst", "on-call", "soc-lead"]
    assert call("people", "list", "--json").stdout == call("people", "--json").stdout
    assert "token:ops-a, token:oncall" in call("people").stdout


def test_a_name_cannot_steer_the_terminal(file: Path, call: Call) -> None:
    file.write_text(PEOPLE.replace("The first", '"a\\x1b[2Jb"'))
    result = call("people")
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout


def test_on_call_says_who_is_on_duty_and_who_is_next(file: Path, call: Call) -> None:
    del file
    result = call("on-call", "--at", "2026-03-28T12:00", "--days", "2", "--json")
    (rota,) = json.loads(result.stdout)["rotas"]
    assert (rota["role"], rota["time_zone"]) == ("on-call", "Europe/Berlin")
    assert [(s["from"], s["who"], s["by"]) for s in rota["shifts"]] == [
        ("2026-03-28T12:00:00+01:00", ["ops-a"], "layer"),
        ("2026-03-29T09:00:00+02:00", ["ops-b"], "layer"),
        ("2026-03-30T09:00:00+02:00", ["ops-a"], "layer"),
    ]
    shown = call("on-call", "--at", "2026-03-28T11:00:00Z", "--role", "on-call").stdout
    assert "Sun 2026-03-29 09:00 CEST" in shown


@pytest.mark.parametrize("time", ["soon", "1999-01-01", "9999-12-31T23:59", ""])
def test_a_time_that_cannot_be_is_refused(file: Path, call: Call, time: str) -> None:
    del file
    assert call("on-call", "--at", time).exit_code == 2


def test_a_role_that_no_rota_gives_out_is_not_found(file: Path, call: Call) -> None:
    del file
    result = call("on-call", "--role", "admin", "--json")
    assert result.exit_code == 5
    assert "there is: on-call" in json.loads(result.stdout)["message"]


def test_check_counts_what_is_good_and_shows_the_holes(file: Path, call: Call) -> None:
    assert "3 people and 1 rotas checked, no problems" in call("people", "check").stdout
    layer = "daily, only: {days: [mon]}"
    file.write_text(PEOPLE + ROTAS.replace("daily", layer))
    body = json.loads(call("people", "check", "--json").stdout)
    assert (body["people"], body["rotas"], body["problems"]) == (3, 1, [])
    assert {hole["role"] for hole in body["holes"]} == {"on-call"}
    assert len(body["holes"]) in (4, 5)


def test_check_names_what_asks_for_more_people_than_there_are(
    file: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy.cedar"
    permit = "permit (principal, action, resource);"
    policy.write_text(
        f'@id("two") @summary("s") @approve("2 on-call within 1h") {permit}\n'
        f'@id("stand-in") @summary("s") @approve("2 on-call within 1h")'
        f' @escalate("soc-lead after 5m") {permit}\n'
        f'@id("nobody") @summary("s") @approve("1 soc-leed within 1h") {permit}\n'
        f'@id("fine") @summary("s") @approve("1 on-call within 1h, 2 analyst within 1h") {permit}\n'
    )
    playbook = tmp_path / "playbooks" / "two-leads.yaml"
    playbook.parent.mkdir()
    playbook.write_text(
        "playbook: two-leads\nversion: 1\nsummary: s\nsteps:\n"
        "  - id: perhaps\n    when: device.class == 'plc'\n    then:\n"
        "      - id: ask\n        approve: {role: soc-lead, quorum: 2, within: 1h}\n"
        "        plan: [note]\n"
        "      - {id: note, do: incident.note, with: {text: t}}\n"
    )
    monkeypatch.setenv("FIREBREAK_POLICY_FILE", str(policy))
    monkeypatch.setenv("FIREBREAK_PLAYBOOK_DIRS", str(playbook.parent))
    result = call("people", "check", "--json")
    found = json.loads(result.stdout)["short"]
    assert [(s["asked_by"], s["role"], s["quorum"], s["most"]) for s in found] == [
        ("policy two", "on-call", 2, 1),
        ("policy nobody", "soc-leed", 1, 0),
        ("two-leads step ask", "soc-lead", 2, 1),
    ]
    assert "at most 1 can answer: it will always be denied" in call("people", "check").stdout
    file.write_text(PEOPLE + PAGERDUTY)
    monkeypatch.setenv("PD_TOKEN", "t")
    found = json.loads(call("people", "check", "--json").stdout)["short"]
    assert "policy two" not in {s["asked_by"] for s in found}  # who knows how many PagerDuty has


def test_check_says_every_problem_with_its_line_and_fails(file: Path, call: Call) -> None:
    other = file.with_name("other.yaml")
    other.write_text(PEOPLE + ROTAS.replace("[lead]", "[ops-x, ops-y]"))
    result = call("people", "check", str(other), "--json")
    assert result.exit_code == 2
    assert len(json.loads(result.stdout)["problems"]) == 2
    shown = call("people", "check", str(other))
    assert (shown.exit_code, "other.yaml:17: rotas[0].fallback[0]" in shown.stdout) == (2, True)


@pytest.mark.parametrize("command", [["people"], ["people", "check"], ["on-call"]])
def test_without_a_people_file_it_is_said_what_to_do(call: Call, command: list[str]) -> None:
    result = call(*command)
    assert result.exit_code == 2
    assert "FIREBREAK_PEOPLE_FILE" in result.stderr


def test_a_schedule_that_cannot_be_asked_is_said_and_the_output_stays_whole(file: Path) -> None:
    file.write_text(PEOPLE + PAGERDUTY)  # and no PD_TOKEN
    environment = {**os.environ, "PD_TOKEN": ""}
    command = [sys.executable, "-m", "firebreak.cli"]

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *arguments], env=environment, capture_output=True, text=True, check=True
        )

    listed = run("people", "--json")
    held = {row["id"]: row["roles_now"] for row in json.loads(listed.stdout)["people"]}
    assert held["lead"] == ["analyst", "on-call", "soc-lead"]
    assert "the on-call schedule cannot be asked" in listed.stderr
    (rota,) = json.loads(run("on-call", "--json").stdout)["rotas"]
    assert "env:PD_TOKEN is not set" in rota["problem"]
    assert [shift["by"] for shift in rota["shifts"]] == ["fallback"]
    assert "not asked" in run("on-call").stdout
