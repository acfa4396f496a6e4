import asyncio
from datetime import UTC, datetime

import pytest

from firebreak.domain.alert import Alert, Severity
from firebreak.errors import NotFound
from firebreak.ledger.store import SqlLedger
from firebreak.ledger.tables import alerts

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def alert(number: int = 0) -> Alert:
    return Alert(
        id=f"suricata:{number:016x}",
        source="suricata",
        title="scan \0 \u202e",
        time=NOW,
        severity=Severity.HIGH,
    )


async def test_of_five_hundred_copies_of_an_alert_one_is_new(ledger: SqlLedger) -> None:
    new = await asyncio.gather(*(ledger.record_alert(alert(), {"n": n}, NOW) for n in range(500)))
    assert sum(new) == 1
    (row,) = await ledger.alerts()
    assert (row.alert, row.received_at, row.disposition) == (alert(), NOW, "received")


async def test_what_became_of_an_alert_can_be_listed(ledger: SqlLedger) -> None:
    for number in range(3):
        await ledger.record_alert(alert(number), {}, NOW)
    await ledger.settle_alert(
        alert(1).id, "responded", detail="d \0", response="respond/x", incident="inc-1"
    )
    assert [row.alert for row in await ledger.alerts()] == [alert(2), alert(1), alert(0)]
    (row,) = await ledger.alerts(disposition="responded")
    assert (row.detail, row.response, row.incident) == ("d \0", "respond/x", "inc-1")
    assert len(await ledger.alerts(disposition="received", limit=1)) == 1


async def test_an_unknown_alert_cannot_be_settled(ledger: SqlLedger) -> None:
    with pytest.raises(NotFound):
        await ledger.settle_alert("suricata:0", "responded")


async def test_the_raw_record_is_kept_as_it_was_sent(ledger: SqlLedger) -> None:
    await ledger.record_alert(alert(), {"flow_id": 2**63 - 1, "text": "\ud800 \0"}, NOW)
    raw = await ledger.database.read(lambda c: c.execute(alerts.select()).one().raw)
    assert raw == '{"flow_id":9223372036854775807,"text":"\\ud800 \\u0000"}'
