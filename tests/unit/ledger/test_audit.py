"""The audit log keeps what it is given, in order, for as long as it is told to."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from firebreak.ledger import audit
from firebreak.ledger.audit import BEGUN, AuditLog, Line
from firebreak.ledger.store import SqlLedger


def line(action: str, at: datetime | None = None, who: str = "alice") -> Line:
    return Line(at or datetime.now(UTC), who, "api", action, "cam-17", 200, "from 192.0.2.7")


async def test_an_order_is_there_from_its_begin_and_has_its_end_later(ledger: SqlLedger) -> None:
    log = AuditLog(ledger.database)
    first, second = await asyncio.gather(
        *(log.begin(Line(datetime.now(UTC), "alice", "api", a)) for a in ("halt", "resume"))
    )
    assert first != second
    assert {found.status for found in await log.listed()} == {BEGUN}
    await log.end(second, line("resume"))
    by_number = {found.n: found for found in await log.listed()}
    assert (by_number[first].status, by_number[first].target) == (BEGUN, "")
    assert (by_number[second].status, by_number[second].target) == (200, "cam-17")


async def test_lines_that_waited_are_written_in_batches_and_read_newest_first(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "BATCH", 3)
    log = AuditLog(ledger.database)
    for n in range(10):
        log.note(line(f"a{n}", who="alice" if n % 2 else "b\u00f6b"))
    await asyncio.gather(log.flush(), log.flush())
    assert [found.action for found in await log.listed()] == [f"a{n}" for n in range(9, -1, -1)]
    assert [found.action for found in await log.listed(who="b\u00f6b", limit=2)] == ["a8", "a6"]
    last = (await log.listed(limit=4))[-1]
    assert [found.action for found in await log.listed(before=last.n, limit=1)] == ["a5"]
    assert await log.listed(since=datetime.now(UTC) + timedelta(minutes=1)) == ()


async def test_old_lines_are_forgotten_and_only_those(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "BATCH", 2)
    log = AuditLog(ledger.database, days=30)
    now = datetime.now(UTC)
    for days in (400, 31, 31, 31, 31, 29, 0):
        log.note(line(f"{days}", now - timedelta(days=days)))
    await log.flush()
    assert await AuditLog(ledger.database).purge(now) == 0
    assert await log.purge(now) == 5
    assert [found.action for found in await log.listed()] == ["0", "29"]
