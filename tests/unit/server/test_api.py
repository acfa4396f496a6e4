"""The API for people and scripts: who may do what, and what the answers look like."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from firebreak.domain.base import JsonObject
from firebreak.domain.people import Approval, ApprovalState, Principal, Verdict
from firebreak.domain.record import Kind, NewEntry
from firebreak.errors import Forbidden
from tests.unit.cli import samples
from tests.unit.ledger import chains
from tests.unit.server.stage import Stage

INCIDENT = "inc-0123456789ab"
WORKFLOW = "respond/mirai-botnet/cam-17"
HASH = "sha256:" + "0" * 64


def entry(kind: Kind, key: str, body: JsonObject) -> NewEntry:
    return NewEntry(
        incident=INCIDENT, key=key, kind=kind, at=datetime.now(UTC), actor="firebreak", body=body
    )


async def opened(stage: Stage) -> None:
    device = stage.app.state.services.inventory.device("cam-17")
    body: JsonObject = {
        "workflow": WORKFLOW,
        "playbook": "mirai-botnet",
        "version": 3,
        "device": device.to_json(),
        "title": "a scan",
        "requester": "automation",
        "reason": "",
        "digest": HASH,
        "policy": HASH,
    }
    await stage.ledger.append(entry(Kind.OPENED, "opened", body))


async def noted(stage: Stage, key: str) -> None:
    await stage.ledger.append(entry(Kind.NOTE, key, {"text": "seen"}))


async def held(stage: Stage) -> None:
    """A quarantine of cam-17 in force."""
    await stage.ledger.append(chains.opened(), chains.acted(), chains.hold_started())


async def get(stage: Stage, path: str, role: str = "auditor") -> Any:
    answer = await stage.http.get(path, headers=stage.auth(role))
    assert answer.status_code == 200, answer.text
    return answer.json()


START = {"playbook": "mirai-botnet", "device": "cam-17", "reason": "telnet scan seen by hand"}
PROTECTED = [
    ("GET", "/incidents"),
    ("GET", f"/incidents/{INCIDENT}"),
    ("GET", f"/incidents/{INCIDENT}/events"),
    ("GET", f"/incidents/{INCIDENT}/receipt"),
    ("POST", f"/incidents/{INCIDENT}/cancel"),
    ("GET", "/holds"),
    ("POST", "/holds/cam-17/network.quarantine/release"),
    ("POST", "/holds/cam-17/network.quarantine/extend"),
    ("GET", "/halts"),
    ("POST", "/halt"),
    ("POST", "/resume"),
    ("GET", "/limits"),
    ("POST", "/glass"),
    ("GET", "/glass"),
    ("POST", "/glass/glass-0123456789ab/end"),
    ("GET", "/reviews"),
    ("POST", "/reviews/glass-0123456789ab/close"),
    ("GET", "/policy"),
    ("GET", "/channels"),
    ("POST", "/channels/duty/test"),
    ("GET", "/approvals"),
    ("GET", "/approvals/inc-0123456789ab.1"),
    ("POST", "/approvals/decide"),
    ("POST", "/approvals/inc-0123456789ab.1/decide"),
    ("POST", "/approvals/inc-0123456789ab.1/delegate"),
    ("POST", "/approvals/inc-0123456789ab.1/snooze"),
    ("POST", "/approvals/inc-0123456789ab.1/change"),
    ("GET", "/alerts"),
    ("POST", "/alerts/suricata"),
    ("GET", "/devices"),
    ("GET", "/devices/cam-17"),
    ("GET", "/playbooks"),
    ("POST", "/responses"),
    ("GET", "/whoami"),
    ("GET", "/audit"),
]


def test_every_route_is_listed_as_protected_or_is_meant_to_be_open(stage: Stage) -> None:
    documented = {
        (method.upper(), path)
        for path, methods in stage.app.openapi()["paths"].items()
        for method in methods
    }
    assert len(documented) == len(PROTECTED) + 2  # and /healthz, /metrics


@pytest.mark.parametrize(("method", "path"), PROTECTED)
async def test_nothing_is_open_without_a_token(stage: Stage, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer fb_" + "x" * 43}, {"Authorization": "Basic eA"}):
        answer = await stage.http.request(method, path, headers=headers, json={})
        assert answer.status_code == 401
        assert answer.json()["error"] == "unauthorized"
        assert answer.headers["www-authenticate"] == "Bearer"


OTHERS = [p for p in PROTECTED if p[1] not in ("/alerts/suricata", "/whoami")]


@pytest.mark.parametrize(("method", "path"), OTHERS)
async def test_a_detector_can_do_nothing_but_post_and_ask_who_it_is(
    stage: Stage, method: str, path: str
) -> None:
    answer = await stage.http.request(method, path, headers=stage.auth("source:suricata"), json={})
    assert answer.status_code in (400, 403)
    assert not stage.engine.calls
    assert not stage.engine.told


WRITES: list[tuple[str, dict[str, Any]]] = [
    ("/responses", START),
    (f"/incidents/{INCIDENT}/cancel", {"reason": "false alarm"}),
    ("/holds/cam-17/network.quarantine/release", {"reason": "cleaned"}),
    ("/holds/cam-17/network.quarantine/extend", {"by_s": 3600, "reason": "not yet"}),
    (
        "/approvals/inc-0123456789ab.1/decide",
        {"verdict": "approve", "plan_hash": HASH, "reason": "agreed"},
    ),
    (
        "/approvals/decide",
        {
            "requests": [{"approval": "inc-0123456789ab.1", "plan_hash": HASH}],
            "verdict": "approve",
            "reason": "agreed",
        },
    ),
    ("/approvals/inc-0123456789ab.1/delegate", {"to": "edith", "reason": "busy"}),
    (
        "/approvals/inc-0123456789ab.1/change",
        {"plan_hash": HASH, "hold_s": 60, "reason": "shorter"},
    ),
    ("/resume", {"reason": "they were not"}),
    ("/halt", {"reason": "the alerts are forged"}),
]


@pytest.mark.parametrize(("path", "body"), WRITES)
async def test_an_auditor_changes_nothing(stage: Stage, path: str, body: dict[str, Any]) -> None:
    answer = await stage.http.post(path, headers=stage.auth("auditor"), json=body)
    assert answer.status_code == 403
    assert not stage.engine.calls
    assert not stage.engine.told


@pytest.mark.parametrize(("path", "body"), WRITES)
async def test_every_change_needs_a_reason(stage: Stage, path: str, body: dict[str, Any]) -> None:
    for reason in (None, "", "  \t ", 7, "x" * 2001):
        changed = {k: v for k, v in body.items() if k != "reason"}
        if reason is not None:
            changed["reason"] = reason
        answer = await stage.http.post(path, headers=stage.auth("everybody"), json=changed)
        assert answer.status_code == 400
        assert "reason" in answer.json()["message"]
    assert not stage.engine.calls
    assert not stage.engine.told


@pytest.mark.parametrize(("path", "body"), WRITES)
async def test_unknown_fields_are_refused(stage: Stage, path: str, body: dict[str, Any]) -> None:
    answer = await stage.http.post(
        path, headers=stage.auth("everybody"), json=body | {"forced": True}
    )
    assert answer.status_code == 400
    assert "forced" in answer.json()["message"]


async def test_a_person_starts_a_response_in_their_own_name(stage: Stage) -> None:
    answer = await stage.http.post("/responses", headers=stage.auth("analyst"), json=START)
    assert answer.status_code == 202
    assert answer.json()["workflow"] == WORKFLOW
    start = stage.engine.calls[0]
    assert (start.requester.id, start.requester.kind) == ("the-analyst", "person")
    assert start.reason == START["reason"]


async def test_a_dry_run_answers_with_plans(stage: Stage) -> None:
    answer = await stage.http.post(
        "/responses", headers=stage.auth("on-call"), json=START | {"dry_run": True}
    )
    assert answer.status_code == 200
    assert answer.json()["plans"][0]["action"] == "network.quarantine"


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": 90071992547409930}',
        b'{"a": "\\ud800"}',
        b'{"a": ' + b"[" * 2000 + b"]" * 2000 + b"}",
    ],
)
async def test_inputs_that_cannot_be_recorded_are_refused(stage: Stage, raw: bytes) -> None:
    body = b'{"playbook": "p", "device": "cam-17", "reason": "r", "inputs": ' + raw + b"}"
    answer = await stage.http.post("/responses", headers=stage.auth("admin"), content=body)
    assert answer.status_code == 400
    assert stage.engine.calls == []


async def test_a_response_for_an_unknown_device_is_not_found(stage: Stage) -> None:
    answer = await stage.http.post(
        "/responses", headers=stage.auth("analyst"), json=START | {"device": "nope"}
    )
    assert answer.status_code == 404
    assert "nope" in answer.json()["message"]


async def test_an_incident_is_found_by_id_and_by_workflow(stage: Stage) -> None:
    await opened(stage)
    for name in (INCIDENT, WORKFLOW, WORKFLOW.replace("/", "%2F")):
        record = await get(stage, f"/incidents/{name}")
        assert record["incident"]["id"] == INCIDENT
        assert [e["seq"] for e in record["entries"]] == [0]
    assert [i["id"] for i in (await get(stage, "/incidents?status=open"))["incidents"]] == [
        INCIDENT
    ]
    assert (await get(stage, "/incidents?status=failed"))["incidents"] == []


async def test_events_are_those_beyond_the_one_seen(stage: Stage) -> None:
    await opened(stage)
    await noted(stage, "n1")
    await noted(stage, "n2")
    record = await get(stage, f"/incidents/{INCIDENT}/events?after=0")
    assert [e["seq"] for e in record["entries"]] == [1, 2]
    assert (await get(stage, f"/incidents/{INCIDENT}/events?after=2"))["entries"] == []


async def test_events_wait_for_the_next_entry(stage: Stage) -> None:
    await opened(stage)
    waiting = asyncio.create_task(get(stage, f"/incidents/{INCIDENT}/events?after=0&wait=20"))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await noted(stage, "n1")
    assert [e["key"] for e in (await waiting)["entries"]] == ["n1"]


async def test_events_wait_for_a_response_that_has_no_entry_yet(stage: Stage) -> None:
    waiting = asyncio.create_task(get(stage, f"/incidents/{INCIDENT}/events?wait=20"))
    await asyncio.sleep(0.05)
    await opened(stage)
    assert [e["key"] for e in (await waiting)["entries"]] == ["opened"]


async def test_events_do_not_wait_longer_than_25_seconds(stage: Stage) -> None:
    answer = await stage.http.get(
        f"/incidents/{INCIDENT}/events?wait=26", headers=stage.auth("auditor")
    )
    assert answer.status_code == 400


async def test_the_receipt_is_made_from_the_whole_chain(stage: Stage) -> None:
    await opened(stage)
    await noted(stage, "n1")
    assert await get(stage, f"/incidents/{INCIDENT}/receipt") == {"entries": 2}


@pytest.mark.parametrize("path", ["/incidents/inc-ffffffffffff", "/approvals/x", "/devices/x"])
async def test_what_does_not_exist_is_not_found(stage: Stage, path: str) -> None:
    answer = await stage.http.get(path, headers=stage.auth("auditor"))
    assert (answer.status_code, answer.json()["error"]) == (404, "not-found")


async def test_a_response_is_cancelled_by_its_incident(stage: Stage) -> None:
    await opened(stage)
    answer = await stage.http.post(
        f"/incidents/{WORKFLOW}/cancel", headers=stage.auth("soc-lead"), json={"reason": "no"}
    )
    assert answer.status_code == 202
    assert stage.engine.told == [("cancel", INCIDENT, "the-soc-lead", "no")]


async def test_holds_are_named_by_device_and_action(stage: Stage) -> None:
    assert await get(stage, "/holds") == {"holds": []}
    await held(stage)
    assert [hold["id"] for hold in (await get(stage, "/holds"))["holds"]] == [chains.HOLD]
    for path, body in WRITES[2:4]:
        await stage.http.post(path, headers=stage.auth("on-call"), json=body)
    assert [told[:2] for told in stage.engine.told] == [
        ("release", "hold/cam-17/network.quarantine"),
        ("extend", "hold/cam-17/network.quarantine"),
    ]


@pytest.mark.parametrize(("path", "body"), WRITES[1:-1])
async def test_a_script_ends_and_moves_nothing_whatever_its_roles(
    stage: Stage, path: str, body: dict[str, Any]
) -> None:
    await held(stage)
    await opened(stage)
    answer = await stage.http.post(path, headers=stage.auth("script"), json=body)
    assert answer.status_code == 403
    assert "only people decide" in answer.json()["message"]
    assert not stage.engine.told


async def test_a_verdict_is_the_token_holders_own(stage: Stage) -> None:
    path, body = WRITES[4]
    answer = await stage.http.post(path, headers=stage.auth("on-call"), json=body)
    assert answer.status_code == 404  # this engine knows no approvals
    assert stage.engine.told == [
        ("decide", "inc-0123456789ab.1", HASH, "approve", "the-on-call", "agreed")
    ]


async def test_control_characters_in_a_reason_are_not_kept(stage: Stage) -> None:
    await held(stage)
    path, body = WRITES[2]
    reason = "clean\x1b[2Jed \u202eno"
    await stage.http.post(path, headers=stage.auth("admin"), json=body | {"reason": reason})
    assert stage.engine.told[0][3] == "clean\ufffd[2Jed \ufffdno"


async def test_devices_and_playbooks_are_listed(stage: Stage) -> None:
    assert [d["id"] for d in (await get(stage, "/devices"))["devices"]] == [
        "cam-17",
        "dev-0",
        "dev-1",
    ]
    assert (await get(stage, "/devices/cam-17"))["class"] == "ip-camera"
    playbook = (await get(stage, "/playbooks"))["playbooks"][0]
    assert (playbook["name"], playbook["version"]) == ("mirai-botnet", 3)
    assert playbook["digest"].startswith("sha256:")


async def test_one_answer_to_many_has_a_result_for_each(stage: Stage) -> None:
    """One stale hash refuses one vote, and no other."""
    stale = "sha256:" + "1" * 64

    settled = samples.approval(ApprovalState.APPROVED)

    async def decide(
        approval_id: str, plan_hash: str, verdict: Verdict, who: Principal, reason: str
    ) -> Approval:
        del verdict, reason
        if plan_hash == stale:
            raise Forbidden(f"{who.id}: the plan is not the one you saw")
        return settled.model_copy(update={"id": approval_id})

    stage.engine.decide = decide  # type: ignore[method-assign] # only this test answers
    requests = [{"approval": f"r{n}", "plan_hash": stale if n == 1 else HASH} for n in range(3)]
    body = {"requests": requests, "verdict": "approve", "reason": "one wave"}
    answer = await stage.http.post("/approvals/decide", json=body, headers=stage.auth("on-call"))
    said = answer.json()["answered"]
    assert [(one["approval"], one["state"], one["error"]) for one in said] == [
        ("r0", "approved", ""),
        ("r1", None, "forbidden"),
        ("r2", "approved", ""),
    ]
