"""What each command sends, what it shows, and with which exit code it ends."""

import json
from pathlib import Path
from typing import Any

import pytest

from firebreak.domain.hold import HoldState
from firebreak.domain.people import ApprovalState
from tests.unit.cli.conftest import Call, StubApi
from tests.unit.cli.samples import HASH, INCIDENT, PLAN, approval, hold, row, whole_story

STARTED = {"workflow": "respond/isolate/cam-17", "incident": INCIDENT}
SAID = {"reason": "the plan was read and is agreed to"}
QUARANTINE = "/holds/cam-17/network.quarantine"


def events(status: str, *, contained: bool) -> dict[str, Any]:
    return {
        "entries": [entry.to_json() for entry in whole_story()],
        "incident": row(status, contained=contained).to_json(),
    }


def test_run_sends_typed_inputs_and_says_how_to_look(api: StubApi, call: Call) -> None:
    api.answer("POST", "/responses", STARTED)
    result = call(
        *("run", "mirai-botnet", "--device", "cam-17", "--reason", "drill"),
        *("--set", "minutes=30", "--set", "note=see ticket"),
    )
    assert result.exit_code == 0
    assert result.stdout == f"{INCIDENT} has begun; `firebreak incident show {INCIDENT}`\n"
    looked, started = api.requests
    assert looked.path == "/incidents/respond/mirai-botnet/cam-17"
    assert started.token == "secret-of-admin"
    assert started.json == {
        "playbook": "mirai-botnet",
        "device": "cam-17",
        "reason": "drill",
        "inputs": {"minutes": 30, "note": "see ticket"},
        "dry_run": False,
    }


@pytest.mark.parametrize("more", [[], ["--wait"]])
def test_who_joins_what_runs_is_told_so_and_what_it_means(
    api: StubApi, call: Call, more: list[str]
) -> None:
    api.answer("GET", "/incidents/respond/isolate/cam-17", events("open", contained=False))
    api.answer("POST", "/responses", STARTED)
    followed = f"/incidents/{INCIDENT}/events"
    api.answer("GET", followed, {**events("completed", contained=True), "entries": []})
    result = call("isolate", "cam-17", "--reason", "scan", *more)
    assert result.exit_code == 0
    assert "you have joined it" in result.output
    assert "cannot approve" in result.output
    assert "has begun" not in result.output


@pytest.mark.parametrize(
    ("status", "joined"), [(200, True), (404, False), (403, None), (503, None)]
)
def test_a_machine_is_told_whether_it_joined_and_looking_stops_no_response(
    api: StubApi, call: Call, status: int, joined: bool | None
) -> None:
    found = events("open", contained=False) if status == 200 else None
    codes = {403: "forbidden", 404: "not-found", 503: "unreachable"}
    body = found or {"error": codes[status], "message": "no"}
    api.answer("GET", "/incidents/respond/isolate/cam-17", body, status)
    api.answer("POST", "/responses", STARTED)
    result = call("isolate", "cam-17", "--reason", "scan", "--json")
    assert json.loads(result.stdout) == {**STARTED, "joined": joined}


def test_a_dry_run_shows_plans_and_refusals(api: StubApi, call: Call) -> None:
    good = {"step": "contain", "rung": "switch", "plan": PLAN.to_json(), "refused": ""}
    refused = {"step": "contain", "rung": "port-down", "plan": None, "refused": "port is a trunk"}
    api.answer("POST", "/responses", {"plans": [good, refused]})
    result = call("isolate", "cam-17", "--reason", "look", "--dry-run")
    assert result.exit_code == 0
    assert api.requests[0].json["dry_run"] is True
    assert "vlan 20 -> 666" in result.stdout
    assert "port is a trunk" in result.stdout


@pytest.mark.parametrize(
    ("status", "contained", "code"),
    [("completed", True, 0), ("completed", False, 1), ("denied", False, 1), ("failed", True, 1)],
)
def test_isolate_with_wait_succeeds_only_when_the_device_is_contained(
    api: StubApi, call: Call, status: str, contained: bool, code: int
) -> None:
    api.answer("POST", "/responses", STARTED)
    path = f"/incidents/{INCIDENT}/events"
    api.answer("GET", path, events(status, contained=contained))
    api.answer("GET", path, {**events(status, contained=contained), "entries": []})
    result = call("isolate", "cam-17", "--reason", "scan", "--wait")
    assert result.exit_code == code
    assert "IN FORCE" in result.stdout
    followed = [request.query for request in api.requests if request.path == path]
    assert followed[-1] == {"after": "13", "wait": "0"}


def test_following_survives_a_server_that_answers_with_an_outage(api: StubApi, call: Call) -> None:
    path = f"/incidents/{INCIDENT}/events"
    api.answer("GET", path, {"error": "unreachable", "message": "restarting"}, status=503)
    api.answer("GET", path, events("completed", contained=True))
    api.answer("GET", path, {**events("completed", contained=True), "entries": []})
    result = call("incident", "show", INCIDENT, "--follow", "--json")
    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["seq"] for line in lines[:-1]] == list(range(14))
    assert lines[-1]["status"] == "completed"


def test_an_incident_is_shown_as_a_story(api: StubApi, call: Call) -> None:
    api.answer("GET", f"/incidents/{INCIDENT}", events("completed", contained=True))
    result = call("incident", "show", INCIDENT)
    assert result.exit_code == 0
    assert "CONTAINED" in result.stdout


def test_a_receipt_is_kept_byte_for_byte(api: StubApi, call: Call, tmp_path: Path) -> None:
    signed = b'{"payload":   "spacing matters"}\n'
    api.answer("GET", f"/incidents/{INCIDENT}/receipt", signed)
    out = tmp_path / "receipt.json"
    assert call("incident", "receipt", INCIDENT, "--out", str(out)).exit_code == 0
    assert out.read_bytes() == signed


def test_cancel_sends_the_reason(api: StubApi, call: Call) -> None:
    api.answer("POST", f"/incidents/{INCIDENT}/cancel", {"incident": INCIDENT})
    assert call("incident", "cancel", INCIDENT, "--reason", "wrong device").exit_code == 0
    assert api.requests[0].json == {"reason": "wrong device"}


def test_release_reports_what_was_put_back(api: StubApi, call: Call) -> None:
    api.answer("POST", f"{QUARANTINE}/release", hold(HoldState.RELEASED).to_json())
    result = call("release", "cam-17", "--reason", "cleaned")
    assert result.exit_code == 0
    assert "put the port back into VLAN 20" in result.stdout


def test_a_release_that_is_stuck_is_not_a_success(api: StubApi, call: Call) -> None:
    api.answer("POST", f"{QUARANTINE}/release", hold(HoldState.STUCK).to_json())
    assert call("release", "cam-17", "--reason", "cleaned").exit_code == 1


def test_extend_sends_seconds(api: StubApi, call: Call) -> None:
    api.answer("POST", f"{QUARANTINE}/extend", hold().to_json())
    assert call("extend", "cam-17", "--by", "1h30m", "--reason", "more").exit_code == 0
    assert api.requests[0].json == {"reason": "more", "by_s": 5400}


@pytest.mark.parametrize("wrong", ["2 h", "h", "", "0m", "-2h", "2w", "1h!"])
def test_what_is_no_duration_is_refused_before_anything_is_sent(
    api: StubApi, call: Call, wrong: str
) -> None:
    assert call("extend", "cam-17", f"--by={wrong}", "--reason", "more").exit_code == 2
    assert not api.requests


def test_approve_votes_for_the_hash_that_was_shown(api: StubApi, call: Call) -> None:
    api.answer("GET", "/approvals/apr-1", approval().to_json())
    api.answer("POST", "/approvals/apr-1/decide", approval(ApprovalState.APPROVED).to_json())
    result = call("approve", "apr-1", "--yes", "--as", "oncall", "--json")
    assert result.exit_code == 0
    assert PLAN.summary in result.stderr
    assert json.loads(result.stdout)["state"] == "approved"
    assert api.requests[1].token == "secret-of-oncall"
    assert api.requests[1].json == {**SAID, "verdict": "approve", "plan_hash": HASH}


def test_approve_without_a_terminal_needs_an_explicit_yes(api: StubApi, call: Call) -> None:
    api.answer("GET", "/approvals/apr-1", approval().to_json())
    result = call("approve", "apr-1")
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert [request.method for request in api.requests] == ["GET"]


def test_all_plans_of_an_incident_are_shown_and_answered_each_by_its_hash(
    api: StubApi, call: Call
) -> None:
    waiting = [approval(id="apr-1"), approval(id="apr-2"), approval(id="x", incident="inc-0")]
    api.answer("GET", "/approvals", {"approvals": [one.to_json() for one in waiting]})
    said = [
        {"approval": "apr-1", "state": "approved", "error": "", "message": ""},
        {"approval": "apr-2", "state": None, "error": "forbidden", "message": "it has expired"},
    ]
    api.answer("POST", "/approvals/decide", {"answered": said})
    result = call("approve", "--incident", INCIDENT, "--yes")
    assert result.exit_code == 4
    assert result.stderr.count(PLAN.summary) == 2
    assert "it has expired" in result.stdout
    asked = [(one["approval"], one["plan_hash"]) for one in api.requests[1].json["requests"]]
    assert asked == [("apr-1", HASH), ("apr-2", HASH)]


def test_delegate_snooze_and_change_send_what_was_said(api: StubApi, call: Call) -> None:
    api.answer("GET", "/approvals/apr-1", approval().to_json())
    for verb in ("delegate", "snooze", "change"):
        api.answer("POST", f"/approvals/apr-1/{verb}", approval().to_json())
    assert call("delegate", "apr-1", "--to", "edith", "--reason", "busy").exit_code == 0
    assert call("snooze", "apr-1", "--for", "10m").exit_code == 0
    assert call("change", "apr-1", "--hold", "1h", "--reason", "shorter").exit_code == 0
    posted = [request.json for request in api.requests if request.method == "POST"]
    delegated, snoozed, changed = posted
    assert delegated == {"to": "edith", "reason": "busy"}
    assert snoozed == {"for_s": 600}
    assert (changed["plan_hash"], changed["hold_s"]) == (HASH, 3600)


@pytest.mark.parametrize("to", ["edith", "maria"])
def test_delegate_says_who_answers_now(api: StubApi, call: Call, to: str) -> None:
    """Naming oneself takes the vote back: the request then knows no delegate."""
    named = {"by": {"id": "maria"}, "to": "edith", "at": "2026-01-31T03:00:00Z"}
    settled = {**approval().to_json(), "delegations": [named] if to == "edith" else []}
    api.answer("POST", "/approvals/apr-1/delegate", settled)
    said = call("delegate", "apr-1", "--to", to, "--reason", "busy").stdout
    assert ("edith answers instead of you" in said) is (to == "edith")
    assert ("you answer yourself again" in said) is (to == "maria")


def test_deny_sends_the_verdict(api: StubApi, call: Call) -> None:
    api.answer("GET", "/approvals/apr-1", approval().to_json())
    api.answer("POST", "/approvals/apr-1/decide", approval(ApprovalState.DENIED).to_json())
    assert call("deny", "apr-1", "--reason", "wrong camera").exit_code == 0
    assert api.requests[1].json["verdict"] == "deny"


def test_lists_show_the_same_to_people_and_machines(api: StubApi, call: Call) -> None:
    api.answer("GET", "/incidents", {"incidents": [row().to_json()]})
    api.answer("GET", "/holds", {"holds": [hold().to_json()]})
    api.answer("GET", "/approvals", {"approvals": [approval().to_json()]})
    for command, fact in (("incidents", INCIDENT), ("holds", "cam-17"), ("approvals", "apr-1")):
        assert fact in call(command).stdout
        assert len(json.loads(call(command, "--json").stdout)) == 1


def test_unmatched_alerts_are_every_kind_that_nobody_acts_on(api: StubApi, call: Call) -> None:
    api.answer("GET", "/alerts", {"alerts": []})
    assert call("alerts", "--unmatched").exit_code == 0
    asked = [request.query["disposition"] for request in api.requests]
    assert asked == ["unmatched", "unknown-device", "failed"]


def test_alerts_are_sent_untouched_with_the_token_of_their_source(
    api: StubApi, call: Call, tmp_path: Path
) -> None:
    file = tmp_path / "eve.json"
    file.write_bytes(b'{"event_type": "alert"}\n\xff not json\n')
    bad = [{"index": 1, "reason": "not JSON"}]
    api.answer("POST", "/alerts/suricata", {"accepted": 1, "unreadable": 1, "bad": bad}, 202)
    result = call("alert", "send", str(file))
    assert result.exit_code == 1  # one record was not understood
    assert "not JSON" in result.stdout
    assert api.requests[0].body == file.read_bytes()
    assert api.requests[0].token == "secret-of-suricata"


def test_a_file_of_which_nothing_can_be_read_is_refused_with_each_reason(
    api: StubApi, call: Call, tmp_path: Path
) -> None:
    file = tmp_path / "eve.json"
    file.write_text("one\ntwo\n")
    bad = [{"index": 0, "reason": "not JSON"}, {"index": 1, "reason": "too\x1b[2J deep"}]
    body = {"error": "bad-input", "message": "no record could be read", "hint": "", "bad": bad}
    api.answer("POST", "/alerts/suricata", body, 400)
    result = call("alert", "send", str(file))
    assert result.exit_code == 2
    assert "record 0 cannot be read: not JSON\n" in result.stderr
    assert "\x1b" not in result.stderr
    told = json.loads(call("alert", "send", str(file), "--json").stdout)
    assert len(told["details"]) == 2


def test_an_unknown_operation_is_refused_with_those_there_are(api: StubApi, call: Call) -> None:
    api.answer("GET", "/audit", {"lines": []})
    result = call("audit", "--action", "bogus")
    assert result.exit_code == 2
    assert "decide_approval" in result.stderr
    assert call("audit", "--action", "halt").exit_code == 0


def test_an_audit_log_without_lines_says_what_was_looked_for(api: StubApi, call: Call) -> None:
    api.answer("GET", "/audit", {"lines": []})
    assert call("audit").stdout == "nothing was asked for\n"
    said = call("audit", "--who", "admn", "--action", "halt", "--since", "1h").stdout
    assert said == "no line of admn about halt in the last 1h\n"
