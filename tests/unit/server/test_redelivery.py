"""An alert starts each of its playbooks once, however often and by whomever it is handed over."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firebreak.contracts.engine import Start, Started
from firebreak.domain.record import Kind, NewEntry
from firebreak.errors import BadInput, LedgerConflict, LedgerUnavailable, Unreachable
from firebreak.server.intake import Intake
from firebreak.server.metrics import Metrics
from firebreak.server.sweeper import Sweeper
from integrations.siem.suricata import SuricataParser
from tests.unit.server.stage import Stage
from tests.unit.server.test_intake import eve, lines

HASH = "sha256:" + "0" * 64


def sweeper(stage: Stage) -> Sweeper:
    """A process of its own: it knows nothing but what is recorded."""
    return Sweeper(stage.ledger, stage.engine, Intake(stage.app.state.services, Metrics()))


async def write(
    stage: Stage, incident: str, kind: Kind, body: dict[str, Any], *, at: datetime | None = None
) -> None:
    await stage.ledger.append(
        NewEntry(
            incident=incident,
            key=f"{kind.value}:{datetime.now(UTC).isoformat()}",
            kind=kind,
            at=at or datetime.now(UTC),
            actor="firebreak",
            body=body,
        )
    )


async def responds(
    stage: Stage,
    alerts: list[str],
    *,
    incident: str = "inc-00000000000a",
    playbook: str = "mirai-botnet",
    device: str = "cam-17",
) -> None:
    """What a response writes when it begins."""
    known = stage.app.state.services.inventory.device(device)
    body = {
        "workflow": f"respond/{playbook}/{device}",
        "playbook": playbook,
        "version": 3,
        "device": known.to_json(),
        "title": "a scan",
        "requester": "automation",
        "reason": "",
        "digest": HASH,
        "policy": HASH,
        "alerts": alerts,
    }
    await write(stage, incident, Kind.OPENED, body)


async def ends(
    stage: Stage, incident: str = "inc-00000000000a", *, at: datetime | None = None
) -> None:
    body = {"status": "completed", "contained": True}
    await write(stage, incident, Kind.CLOSED, body, at=at)


async def left_behind(stage: Stage, record: dict[str, Any]) -> str:
    """Recorded a minute ago by a process that died; its id."""
    ((parsed,), _, _) = SuricataParser().parse(lines(record))
    at = datetime.now(UTC) - timedelta(seconds=60)
    assert await stage.ledger.record_alert(parsed.alert, parsed.raw, at)
    return parsed.alert.id


def telnet_off_fails(start: Start) -> Exception | None:
    return Unreachable("no") if start.playbook == "telnet-off" else None


def called(stage: Stage) -> list[str]:
    return [call.playbook for call in stage.engine.calls]


async def test_a_playbook_whose_response_has_ended_is_not_started_again_for_another_ones_trouble(
    stage: Stage,
) -> None:
    stage.playbooks.names = ("mirai-botnet", "telnet-off")
    stage.engine.fails = telnet_off_fails
    (result,) = (await stage.post(lines(eve(1)))).json()["alerts"]
    assert result["disposition"] == "received"
    await responds(stage, [result["id"]])
    await ends(stage)
    for _ in range(3):
        assert await sweeper(stage).sweep(min_age_s=0) == 1
    assert called(stage).count("mirai-botnet") == 1
    assert called(stage).count("telnet-off") == 4
    stage.engine.fails = lambda _: None
    await sweeper(stage).sweep(min_age_s=0)
    assert called(stage).count("mirai-botnet") == 1
    (row,) = await stage.ledger.alerts()
    assert row.disposition == "responded"
    assert (row.response, row.incident) == ("respond/mirai-botnet/cam-17", "inc-00000000000a")
    assert "respond/telnet-off/cam-17" in row.detail


async def test_a_crash_between_handing_over_and_settling_starts_nothing_again(
    stage: Stage,
) -> None:
    alert = await left_behind(stage, eve(1))
    await responds(stage, [alert])
    await ends(stage)
    assert await sweeper(stage).sweep() == 1
    assert stage.engine.calls == []
    (row,) = await stage.ledger.alerts()
    assert (row.disposition, row.incident) == ("responded", "inc-00000000000a")


async def test_an_alert_that_joined_a_response_is_known_by_it_too(stage: Stage) -> None:
    alert = await left_behind(stage, eve(1))
    await responds(stage, ["suricata:another"])
    joined = {"reason": "", "alerts": [{"id": alert, "title": "a scan", "severity": 3}]}
    await write(stage, "inc-00000000000a", Kind.JOINED, joined)
    await ends(stage)
    await sweeper(stage).sweep()
    assert stage.engine.calls == []


async def test_an_older_response_counts_when_a_newer_one_does_not_hold_the_alert(
    stage: Stage,
) -> None:
    alert = await left_behind(stage, eve(1))
    await responds(stage, [alert])
    await ends(stage)
    await responds(stage, ["suricata:another"], incident="inc-00000000000b")
    await sweeper(stage).sweep()
    assert stage.engine.calls == []
    assert (await stage.ledger.alerts())[0].incident == "inc-00000000000a"


@pytest.mark.parametrize("other", [{"playbook": "telnet-off"}, {"device": "dev-0"}])
async def test_a_response_of_another_playbook_or_device_does_not_count(
    stage: Stage, other: dict[str, str]
) -> None:
    alert = await left_behind(stage, eve(1))
    await responds(stage, [alert], **other)
    await sweeper(stage).sweep()
    assert called(stage) == ["mirai-botnet"]


async def test_a_response_to_other_alerts_does_not_count(stage: Stage) -> None:
    await left_behind(stage, eve(1))
    await responds(stage, ["suricata:another"])
    await sweeper(stage).sweep()
    assert called(stage) == ["mirai-botnet"]
    assert (await stage.ledger.alerts())[0].disposition == "responded"


async def test_records_that_ended_long_before_the_alert_are_not_read(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await left_behind(stage, eve(1))
    await responds(stage, ["suricata:another"])
    await ends(stage, at=datetime.now(UTC) - timedelta(hours=3))

    async def unread(incident: str) -> None:
        raise AssertionError(incident)

    monkeypatch.setattr(stage.ledger, "chain", unread)
    await sweeper(stage).sweep()
    assert called(stage) == ["mirai-botnet"]
    assert (await stage.ledger.alerts())[0].disposition == "responded"


@pytest.mark.parametrize(
    ("error", "disposition"),
    [(LedgerUnavailable("gone"), "received"), (LedgerConflict("tampered"), "failed")],
)
async def test_nothing_starts_while_the_record_cannot_be_read(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, error: Exception, disposition: str
) -> None:
    alert = await left_behind(stage, eve(1))
    await responds(stage, [alert])
    await ends(stage)

    async def unreadable(_: str) -> None:
        raise error

    monkeypatch.setattr(stage.ledger, "chain", unreadable)
    await sweeper(stage).sweep()
    assert stage.engine.calls == []
    assert (await stage.ledger.alerts())[0].disposition == disposition


async def test_nothing_is_delivered_while_the_incidents_cannot_be_listed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await left_behind(stage, eve(1))

    async def away(**_: object) -> None:
        raise LedgerUnavailable("gone")

    monkeypatch.setattr(stage.ledger, "incidents", away)
    with pytest.raises(LedgerUnavailable):
        await sweeper(stage).sweep()
    assert stage.engine.calls == []


async def test_one_record_is_read_once_for_all_alerts_of_a_sweep(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts = [await left_behind(stage, eve(n)) for n in range(20)]
    await responds(stage, alerts)
    chain, reads = stage.ledger.chain, list[str]()

    async def counted(incident: str) -> Any:
        reads.append(incident)
        return await chain(incident)

    monkeypatch.setattr(stage.ledger, "chain", counted)
    assert await sweeper(stage).sweep() == 20
    assert reads == ["inc-00000000000a"]
    assert {row.disposition for row in await stage.ledger.alerts()} == {"responded"}


async def test_what_the_engine_refuses_for_good_beside_a_past_response_is_settled(
    stage: Stage,
) -> None:
    stage.playbooks.names = ("mirai-botnet", "telnet-off")
    stage.engine.fails = lambda s: BadInput("no") if s.playbook == "telnet-off" else None
    alert = await left_behind(stage, eve(1))
    await responds(stage, [alert])
    await sweeper(stage).sweep()
    assert called(stage) == ["telnet-off"]
    assert (await stage.ledger.alerts())[0].disposition == "responded"


async def test_a_call_that_was_cut_off_after_it_arrived_is_not_made_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = stage.engine.respond

    async def cut(start: Start) -> Started:
        await begin(start)
        await responds(stage, [alert.id for alert in start.alerts])
        await ends(stage)
        raise Unreachable("the line was cut")

    monkeypatch.setattr(stage.engine, "respond", cut)
    result = (await stage.post(lines(eve(1)))).json()["alerts"][0]
    assert result["disposition"] == "received"
    await sweeper(stage).sweep(min_age_s=0)
    assert called(stage) == ["mirai-botnet"]
    assert (await stage.ledger.alerts())[0].disposition == "responded"
