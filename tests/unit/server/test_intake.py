"""Alerts become responses: each once, none lost, whatever fails on the way."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from firebreak.errors import BadInput, LedgerUnavailable, Unreachable
from firebreak.server import intake, lanes
from tests.unit.server.stage import EVE, Stage, staged, until


def eve(n: int, ip: str = "10.20.0.17", **changes: Any) -> dict[str, Any]:
    return {
        "timestamp": "2026-11-21T19:40:00.290000+0000",
        "flow_id": n,
        "event_type": "alert",
        "src_ip": ip,
        "src_port": 12037,
        "dest_ip": "198.51.100.236",
        "dest_port": 23,
        "proto": "TCP",
        "alert": {"gid": 1, "signature_id": 9000001, "rev": 2, "signature": "scan", "severity": 2},
    } | changes


def lines(*records: dict[str, Any]) -> bytes:
    return b"\n".join(json.dumps(r).encode() for r in records)


async def test_the_genuine_file_starts_one_response_for_its_three_alerts(stage: Stage) -> None:
    answer = await stage.post(EVE.read_bytes())
    assert answer.status_code == 202
    body = answer.json()
    assert (body["accepted"], body["duplicates"], body["unreadable"]) == (3, 0, 0)
    assert body["ignored"] == 125
    assert {a["disposition"] for a in body["alerts"]} == {"responded"}
    assert {a["device"] for a in body["alerts"]} == {"cam-17"}
    assert len({a["incident"] for a in body["alerts"]}) == 1
    rows = await stage.ledger.alerts()
    assert {r.disposition for r in rows} == {"responded"}
    assert {r.response for r in rows} == {"respond/mirai-botnet/cam-17"}
    start = stage.engine.calls[0]
    assert start.requester.kind == "automation"
    assert start.alerts[0].devices == ("cam-17",)


async def test_the_same_body_again_starts_nothing(stage: Stage) -> None:
    await stage.post(EVE.read_bytes())
    calls = len(stage.engine.calls)
    body = (await stage.post(EVE.read_bytes())).json()
    assert (body["accepted"], body["duplicates"], body["alerts"]) == (0, 3, [])
    assert len(stage.engine.calls) == calls


async def test_a_record_twice_in_one_body_counts_once(stage: Stage) -> None:
    body = (await stage.post(lines(eve(1), eve(1)))).json()
    assert (body["accepted"], body["duplicates"]) == (1, 1)


async def test_500_alerts_in_a_second_for_one_device_take_few_calls(stage: Stage) -> None:
    stage.engine.open.clear()
    posts = [asyncio.create_task(stage.post(lines(eve(n % 250)))) for n in range(500)]

    async def all_recorded() -> bool:
        return len(await stage.ledger.alerts(limit=1000)) == 250

    await until(all_recorded)
    stage.engine.open.set()
    answers = [a.json() for a in await asyncio.gather(*posts)]
    assert sum(a["accepted"] for a in answers) == 250
    assert sum(a["duplicates"] for a in answers) == 250
    assert len({a["incident"] for answer in answers for a in answer["alerts"]}) == 1
    assert len(stage.engine.calls) <= 10
    assert max(len(c.alerts) for c in stage.engine.calls) <= lanes.ALERTS_A_CALL
    assert set(stage.engine.alerts.values()) == {1}
    assert len(stage.engine.alerts) == 250


async def test_one_call_for_a_device_runs_at_a_time(stage: Stage) -> None:
    await asyncio.gather(*(stage.post(lines(eve(n))) for n in range(40)))
    assert stage.engine.most_running == 1


async def test_500_devices_at_once_all_get_their_response(tmp_path: Path) -> None:
    async with staged(tmp_path, devices=500) as stage:
        records = [eve(n, ip=f"10.30.{n >> 8}.{n & 255}") for n in range(500)]
        body = (await stage.post(lines(*records))).json()
        assert body["accepted"] == 500
        assert Counter(a["disposition"] for a in body["alerts"]) == {"responded": 500}
        assert len({a["incident"] for a in body["alerts"]}) == 500
        assert 1 < stage.engine.most_running <= lanes.AT_ONCE


async def test_an_unknown_device_is_recorded_and_listed(stage: Stage) -> None:
    body = (await stage.post(lines(eve(1, ip="10.99.0.1")))).json()
    assert body["alerts"][0]["disposition"] == "unknown-device"
    assert "10.99.0.1" in body["alerts"][0]["detail"]
    listed = await stage.http.get(
        "/alerts", params={"disposition": "unknown-device"}, headers=stage.auth("auditor")
    )
    assert [a["alert"]["src_ip"] for a in listed.json()["alerts"]] == ["10.99.0.1"]
    assert stage.engine.calls == []


async def test_an_alert_that_no_playbook_wants_is_recorded_with_the_reason(stage: Stage) -> None:
    stage.playbooks.names = ()
    stage.playbooks.problems = ("mirai-botnet line 4: 'device' has no 'colour'",)
    body = (await stage.post(lines(eve(1)))).json()
    assert body["alerts"][0]["disposition"] == "unmatched"
    assert "colour" in body["alerts"][0]["detail"]


async def test_the_destination_is_the_device_when_the_initiator_is_a_stranger(
    stage: Stage,
) -> None:
    record = eve(1, ip="203.0.113.9", dest_ip="10.20.0.17")
    body = (await stage.post(lines(record))).json()
    assert body["alerts"][0]["device"] == "cam-17"


async def test_the_initiator_comes_first_when_both_are_known(stage: Stage) -> None:
    await stage.post(lines(eve(1, ip="10.30.0.1", dest_ip="10.20.0.17")))
    assert stage.engine.calls[0].device == "dev-1"
    assert stage.engine.calls[0].alerts[0].devices == ("dev-1", "cam-17")


async def test_every_matching_playbook_is_started(stage: Stage) -> None:
    stage.playbooks.names = ("mirai-botnet", "telnet-off")
    result = (await stage.post(lines(eve(1)))).json()["alerts"][0]
    assert {c.playbook for c in stage.engine.calls} == {"mirai-botnet", "telnet-off"}
    assert result["disposition"] == "responded"
    assert "respond/telnet-off/cam-17" in result["detail"]


async def test_an_alert_waits_as_received_while_temporal_is_away(stage: Stage) -> None:
    stage.engine.fails = lambda _: Unreachable("Temporal does not answer")
    answer = await stage.post(lines(eve(1)))
    assert answer.status_code == 202
    result = answer.json()["alerts"][0]
    assert result["disposition"] == "received"
    assert "tried again" in result["detail"]
    assert [r.disposition for r in await stage.ledger.alerts()] == ["received"]


async def test_a_bug_behind_the_engine_loses_no_alert(stage: Stage) -> None:
    stage.engine.fails = lambda _: ZeroDivisionError("secret detail")
    answer = await stage.post(lines(eve(1)))
    assert answer.status_code == 202
    assert answer.json()["alerts"][0]["disposition"] == "received"
    assert "secret detail" not in answer.text


async def test_one_playbook_in_trouble_keeps_the_alert_for_another_try(stage: Stage) -> None:
    stage.playbooks.names = ("mirai-botnet", "telnet-off")
    stage.engine.fails = lambda s: Unreachable("x") if s.playbook == "telnet-off" else None
    result = (await stage.post(lines(eve(1)))).json()["alerts"][0]
    assert result["disposition"] == "received"
    assert result["response"] == "respond/mirai-botnet/cam-17"


async def test_what_the_engine_refuses_for_good_is_failed_and_not_tried_again(
    stage: Stage,
) -> None:
    stage.engine.fails = lambda _: BadInput("input `vlan` is required")
    result = (await stage.post(lines(eve(1)))).json()["alerts"][0]
    assert result["disposition"] == "failed"
    assert "input `vlan` is required" in result["detail"]


async def test_a_slow_engine_does_not_hold_the_detector(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "ANSWER_WITHIN_S", 0.05)
    stage.engine.open.clear()
    answer = await stage.post(lines(eve(1)))
    assert answer.status_code == 202
    assert answer.json()["alerts"][0]["disposition"] == "received"
    stage.engine.open.set()

    async def settled() -> bool:
        return [r.disposition for r in await stage.ledger.alerts()] == ["responded"]

    await until(settled)


async def test_an_engine_that_never_answers_is_given_up_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "CALL_TIMEOUT_S", 0.05)
    stage.engine.open.clear()
    result = (await stage.post(lines(eve(1)))).json()["alerts"][0]
    assert result["disposition"] == "received"
    assert "unreachable" in result["detail"]


async def test_a_ledger_that_is_away_is_said_so_that_the_detector_repeats(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> bool:
        raise LedgerUnavailable("the database does not answer")

    monkeypatch.setattr(stage.ledger, "record_alert", away)
    answer = await stage.post(lines(eve(1)))
    assert answer.status_code == 503
    assert answer.json()["error"] == "ledger-unavailable"
    assert answer.headers["retry-after"]
    assert stage.engine.calls == []


async def test_an_alert_that_could_not_be_settled_is_answered_and_left_for_the_sweeper(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise LedgerUnavailable("the database does not answer")

    monkeypatch.setattr(stage.ledger, "settle_alert", away)
    answer = await stage.post(lines(eve(1)))
    assert answer.status_code == 202
    assert [r.disposition for r in await stage.ledger.alerts()] == ["received"]


async def test_metrics_count_what_came_in(stage: Stage) -> None:
    await stage.post(EVE.read_bytes())
    await stage.post(lines(eve(7)) + b"\nnot json")
    await stage.post(lines(eve(7)))
    text = (await stage.http.get("/metrics")).text
    assert 'firebreak_alerts_total{disposition="responded",source="suricata"} 4.0' in text
    assert 'firebreak_alerts_total{disposition="duplicate",source="suricata"} 1.0' in text
    assert 'firebreak_alerts_total{disposition="unreadable",source="suricata"} 1.0' in text
    assert 'firebreak_responses_started_total{playbook="mirai-botnet"} 1.0' in text
    assert 'firebreak_intake_seconds_count{source="suricata"} 3.0' in text
