"""Every request is in the audit log, whatever it was answered; and nothing can drown the rest."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from httpx import ASGITransport, AsyncClient

from firebreak.errors import LedgerUnavailable
from firebreak.ledger import audit as log
from firebreak.ledger.audit import AuditLine, AuditLog
from tests.unit.server.stage import EVE, Stage, until
from tests.unit.server.test_api import HASH, START, held

APPROVAL = "inc-0123456789ab.1"
VOTE = {"verdict": "approve", "plan_hash": HASH, "reason": "s3cret-reason"}


def audit(stage: Stage) -> AuditLog:
    found: AuditLog = stage.app.state.services.audit
    return found


async def lines(stage: Stage) -> list[AuditLine]:
    """Oldest first."""
    await audit(stage).flush()
    return list(reversed(await audit(stage).listed(limit=1000)))


async def facts(stage: Stage) -> list[tuple[str, str, str, int]]:
    return [(line.principal, line.action, line.target, line.status) for line in await lines(stage)]


def unwritable(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on nothing can be written into the ledger's database; reading goes on."""

    async def away(*_: object) -> None:
        raise LedgerUnavailable("the disk is full")

    monkeypatch.setattr(stage.ledger.database, "write", away)


async def test_reading_ordering_and_being_refused_each_leave_one_line(stage: Stage) -> None:
    http = stage.http
    await http.get("/devices/cam-17", headers=stage.auth("auditor"))
    await http.get("/devices/none", headers=stage.auth("auditor"))
    await http.post("/responses", headers=stage.auth("analyst"), json=START)
    await http.post("/responses", headers=stage.auth("auditor"), json=START)
    await http.post("/responses", headers=stage.auth("analyst"), json={"device": 7})
    await http.post("/halt", headers=stage.auth("analyst"), json={"reason": "x", "site": "plant"})
    decide = f"/approvals/{APPROVAL}/decide"
    await http.post(decide, headers=stage.auth("on-call"), json=VOTE)
    await http.get("/nope", headers=stage.auth("admin"))
    await http.delete("/holds", headers=stage.auth("admin"))
    assert sorted(await facts(stage)) == sorted(
        [
            ("the-auditor", "get_device", "cam-17", 200),
            ("the-auditor", "get_device", "none", 404),
            ("the-analyst", "start_response", "cam-17", 202),
            ("the-auditor", "start_response", "cam-17", 403),
            ("the-analyst", "start_response", "", 400),
            ("the-analyst", "halt", "plant", 200),
            ("the-on-call", "decide_approval", APPROVAL, 404),
            ("nobody", "DELETE /holds", "", 405),
        ]
    )


async def test_what_a_body_is_about_is_said_too(stage: Stage) -> None:
    http, seen = stage.http, {"plan_hash": HASH}
    many = {"requests": [{"approval": f"{APPROVAL}{n}", **seen} for n in (1, 2)], **VOTE}
    del many["plan_hash"]
    await http.post("/approvals/decide", headers=stage.auth("on-call"), json=many)
    why = {"site": "plant", "reason": "somebody is caught in the press"}
    await http.post("/glass", headers=stage.auth("break-glass"), json=why)
    await http.post("/glass", headers=stage.auth("break-glass"), json={**why, "site": "none"})
    assert await facts(stage) == [
        ("the-on-call", "decide_approvals", f"2: {APPROVAL}1 {APPROVAL}2", 200),
        ("the-break-glass", "break_glass", "site/plant", 200),
        ("the-break-glass", "break_glass", "site/none", 404),
    ]


async def test_an_order_that_is_refused_for_the_role_says_what_it_was_about(stage: Stage) -> None:
    for path, body in (
        ("/responses", START),
        ("/halt", {"site": "plant", "reason": "x"}),
        ("/resume", {"reason": "x"}),
        ("/glass", {"device": "cam-17", "reason": "x"}),
        ("/glass", {"device": "s3cret in here", "reason": "x"}),
        ("/responses", ["no", "object"]),
    ):
        await stage.http.post(path, headers=stage.auth("auditor"), json=body)
    headers = {**stage.auth("auditor"), "Content-Type": "text/plain"}
    await stage.http.post("/responses", headers=headers, content=b"\xff[[[")
    assert await facts(stage) == [
        ("the-auditor", "start_response", "cam-17", 403),
        ("the-auditor", "halt", "plant", 403),
        ("the-auditor", "resume", "*", 403),
        ("the-auditor", "break_glass", "device/cam-17", 403),
        ("the-auditor", "break_glass", "", 403),
        ("the-auditor", "start_response", "", 403),
        ("the-auditor", "start_response", "", 403),
    ]


async def test_a_dry_run_is_no_start(stage: Stage) -> None:
    dry = {**START, "dry_run": True}
    for role in ("analyst", "auditor"):
        await stage.http.post("/responses", headers=stage.auth(role), json=dry)
    refused = await stage.http.post(
        "/responses", headers=stage.auth("analyst"), json={**START, "dry_run": "yes"}
    )
    assert refused.status_code == 400  # it says neither
    assert [(action, status) for _, action, _, status in await facts(stage)] == [
        ("dry_run", 200),
        ("dry_run", 403),
        ("start_response", 400),
    ]


async def test_secrets_and_bodies_are_never_in_it(stage: Stage) -> None:
    headers = stage.auth("on-call")
    await stage.http.post(f"/approvals/{APPROVAL}/decide", headers=headers, json=VOTE)
    await stage.http.get(f"/{stage.secrets['admin']}", headers=headers)
    await stage.http.get("/holds", headers={"Authorization": "Bearer fb_" + "s3cret" * 7})
    told = json.dumps([line.to_json() for line in await lines(stage)])
    assert "s3cret" not in told
    assert not any(secret in told for secret in stage.secrets.values())


async def test_alerts_health_and_metrics_write_nothing_before_they_are_answered(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> int:
        raise AssertionError("a synchronous write")

    monkeypatch.setattr(AuditLog, "begin", never)
    monkeypatch.setattr(AuditLog, "end", never)
    assert (await stage.post(EVE.read_bytes())).status_code == 202
    await stage.http.get("/healthz")
    await stage.http.get("/metrics")
    assert await facts(stage) == [("the-source-suricata", "post_alerts", "suricata", 202)]


async def test_an_order_that_cannot_be_written_down_is_refused_and_not_carried_out(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await held(stage)
    assert (await stage.http.get("/holds", headers=stage.auth("on-call"))).status_code == 200
    unwritable(stage, monkeypatch)
    for path, body in (
        ("/responses", START),
        (f"/approvals/{APPROVAL}/decide", VOTE),
        ("/holds/cam-17/network.quarantine/release", {"reason": "cleaned"}),
    ):
        answer = await stage.http.post(path, headers=stage.auth("on-call"), json=body)
        assert answer.status_code == 503
        assert answer.json()["error"] == "ledger-unavailable"
    assert not stage.engine.calls
    assert not stage.engine.told
    assert (await stage.http.get("/holds", headers=stage.auth("on-call"))).status_code == 200


async def test_an_order_whose_end_was_never_seen_shows_as_such(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise LedgerUnavailable("the disk is full")

    monkeypatch.setattr(AuditLog, "end", away)
    answer = await stage.http.post("/responses", headers=stage.auth("analyst"), json=START)
    assert answer.status_code == 202  # it was done: saying otherwise would have it done twice
    assert await facts(stage) == [("the-analyst", "start_response", "cam-17", 0)]


async def test_a_bug_stands_in_it_as_one(stage: Stage) -> None:
    stage.engine.fails = lambda _: ZeroDivisionError("x")
    transport = ASGITransport(stage.app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://firebreak") as http:
        await http.post("/responses", headers=stage.auth("admin"), json=START)
    assert await facts(stage) == [("the-admin", "start_response", "cam-17", 500)]


async def test_a_flood_without_a_token_is_one_line_with_a_count(stage: Stage) -> None:
    for _ in range(50):
        await stage.http.post("/responses", json=START)
        await stage.http.get("/openapi.json")
    found = await lines(stage)
    assert [(line.principal, line.detail) for line in found] == [
        ("nobody", "100 times from 127.0.0.1; from 127.0.0.1")
    ]


async def test_a_flood_from_many_addresses_is_a_few_lines(stage: Stage) -> None:
    for n in range(300):
        transport = ASGITransport(stage.app, client=(f"192.0.2.{n % 250}", n))
        async with AsyncClient(transport=transport, base_url="http://firebreak") as http:
            assert (await http.get("/holds")).status_code == 401
    found = await lines(stage)
    assert len(found) == log.PEERS + 1
    counts = [int(line.detail.split()[0]) for line in found if " times " in line.detail]
    assert sum(counts) + len(found) - len(counts) == 300


async def test_too_large_a_body_is_in_it(stage: Stage) -> None:
    headers = {**stage.auth("admin"), "Content-Length": "99999999"}
    answer = await stage.http.post("/responses", headers=headers, content=b"{}")
    assert answer.status_code == 413
    assert await facts(stage) == [("nobody", "POST ?", "", 413)]


async def test_what_waits_is_bounded_and_a_loss_is_said(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "MAX_WAITING", 3)
    with monkeypatch.context() as broken:
        unwritable(stage, broken)
        for _ in range(5):
            await stage.http.get("/holds", headers=stage.auth("auditor"))
        with pytest.raises(LedgerUnavailable):
            await audit(stage).flush()
    await audit(stage).flush()
    found = await lines(stage)
    assert [line.action for line in found] == ["list_holds"] * 3 + ["lost"]
    assert found[-1].detail.startswith("2 lines were lost")


async def test_auditors_read_it_by_time_person_and_action(stage: Stage) -> None:
    await stage.http.post("/responses", headers=stage.auth("analyst"), json=START)
    await stage.http.get("/holds", headers=stage.auth("auditor"))
    await audit(stage).flush()

    async def read(role: str = "auditor", **query: str) -> list[str]:
        answer = await stage.http.get("/audit", params=query, headers=stage.auth(role))
        assert answer.status_code == 200, answer.text
        return [line["action"] for line in answer.json()["lines"]]

    assert await read() == ["list_holds", "start_response"]
    assert await read("admin", who="the-analyst") == ["start_response"]
    assert await read(action="list_holds") == ["list_holds"]
    assert await read(since=(datetime.now(UTC) + timedelta(minutes=1)).isoformat()) == []
    for role in ("analyst", "on-call", "soc-lead", "source:suricata"):
        refused = await stage.http.get("/audit", headers=stage.auth(role))
        assert refused.status_code == 403


async def test_a_name_with_look_alikes_and_control_characters_is_shown_as_such(
    stage: Stage,
) -> None:
    await stage.http.get("/devices/cam%E2%80%AE17%1b%5B2J", headers=stage.auth("auditor"))
    (line,) = await lines(stage)
    assert line.target == "cam\ufffd17\ufffd[2J"


async def test_what_waits_is_written_when_the_server_stops(stage: Stage) -> None:
    async with stage.app.router.lifespan_context(stage.app):
        await stage.http.get("/holds", headers=stage.auth("auditor"))
    (line,) = await audit(stage).listed()
    assert (line.principal, line.action) == ("the-auditor", "list_holds")


async def test_what_waits_is_written_within_a_moment(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "EVERY_S", 0.01)

    async def written() -> bool:
        return bool(await audit(stage).listed())

    async with stage.app.router.lifespan_context(stage.app):
        await stage.http.get("/holds", headers=stage.auth("auditor"))
        await until(written)
