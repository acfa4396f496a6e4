"""The audit log: every request, allowed or refused. It stands beside the record of effects.

Orders by people are written before anything is done. Everything else waits in memory for a moment,
so that reading, and taking alerts in, cost no wait for the disk.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from pydantic import AwareDatetime
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from firebreak.domain.base import Model
from firebreak.errors import FirebreakError
from firebreak.ledger.database import Database
from firebreak.ledger.rows import AnyRow
from firebreak.ledger.tables import audit

EVERY_S = 1.0
PURGE_EVERY_S = 3600.0
MAX_WAITING = 20_000
BATCH = 100  # lines in one transaction, which alerts may wait for
PEERS = 10  # strangers that get a line of their own in one second; the rest share one
OTHERS = "others"
NOBODY = "nobody"
BEGUN = 0  # the status of a request whose end was not seen

_log = structlog.get_logger(__name__)

_END = (
    update(audit)
    .where(audit.c.n == bindparam("of_line"))
    .values(status=bindparam("s"), target=bindparam("t"), detail=bindparam("d"))
)


@dataclass(frozen=True, slots=True)
class Line:
    """A request. Texts are printable, and no longer than the table's columns.

    ``via``: ``api``, ``slack``, ... ``status``: an HTTP status, or ``BEGUN``.
    """

    at: datetime
    principal: str
    via: str
    action: str
    target: str = ""
    status: int = BEGUN
    detail: str = ""


class AuditLine(Model):
    """A line as it is read: `n` counts up; `status` 0 means that no end was seen."""

    n: int
    at: AwareDatetime
    principal: str
    via: str
    action: str
    target: str
    status: int
    detail: str


class AuditLog:
    """The audit log in a ledger's database. ``run`` writes what waits, and forgets what is old."""

    def __init__(self, database: Database, days: int = 0) -> None:
        """Use the database of an open ledger. ``days``: how long lines are kept; 0: for good."""
        self._database = database
        self._days = days
        self._waiting: deque[Line] = deque()
        self._strangers: dict[str, tuple[Line, int]] = {}
        self._lost = 0
        self._flushing = asyncio.Lock()

    async def begin(self, line: Line) -> int:
        """Write an order down before it is carried out; the number of its line.

        Raises:
            LedgerUnavailable: it cannot be written, so it must not be carried out.
        """

        def write(connection: Connection) -> int:
            added = connection.execute(insert(audit).returning(audit.c.n), _values(line))
            return int(added.scalar_one())

        return await self._database.write(write)

    async def end(self, n: int, line: Line) -> None:
        """Say how the order of line ``n`` ended, and what it was about. Raises like ``begin``."""
        values = {"of_line": n, "s": line.status, "t": line.target, "d": line.detail}

        def write(connection: Connection) -> None:
            connection.execute(_END, values)

        await self._database.write(write)

    def note(self, line: Line) -> None:
        """Remember a line until the next batch. Nothing waits for it."""
        if len(self._waiting) >= MAX_WAITING:
            self._lost += 1
        else:
            self._waiting.append(line)

    def stranger(self, peer: str, line: Line) -> None:
        """Count what came without a credential that counts: one line a peer and second."""
        if peer not in self._strangers and len(self._strangers) >= PEERS:
            peer = OTHERS
        _, times = self._strangers.get(peer, (line, 0))
        self._strangers[peer] = (line, times + 1)

    async def flush(self) -> None:
        """Write what waits, in batches.

        Raises:
            LedgerUnavailable: what could not be written waits on.
        """
        async with self._flushing:
            self._gather()
            while self._waiting:
                batch = [self._waiting[i] for i in range(min(BATCH, len(self._waiting)))]
                await self._write(batch)
                for _ in batch:
                    self._waiting.popleft()

    async def run(self) -> None:
        """Flush every second and purge every hour, for ever."""
        purged_at = float("-inf")
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.flush()
                if clock() - purged_at >= PURGE_EVERY_S:
                    await self.purge(datetime.now(UTC))
                    purged_at = clock()
            except FirebreakError as error:
                _log.error("audit log cannot be written", error=str(error), lost=self._lost)
            except Exception:  # noqa: BLE001 - nothing may end this loop but the end of the process
                _log.exception("audit log cannot be written", lost=self._lost)

    async def purge(self, now: datetime) -> int:
        """Forget lines older than the days they are kept; how many those were. Raises as above."""
        if not self._days:
            return 0
        old = select(audit.c.n).where(audit.c.at < now - timedelta(days=self._days)).limit(BATCH)
        forget = delete(audit).where(audit.c.n.in_(old))
        gone = 0
        while True:
            some = await self._database.write(lambda open_: open_.execute(forget).rowcount)
            gone += some
            if some < BATCH:
                return gone

    async def listed(
        self,
        *,
        since: datetime | None = None,
        who: str | None = None,
        action: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> tuple[AuditLine, ...]:
        """Lines, the newest first; ``before``: only those with a smaller number."""
        query = select(audit).order_by(audit.c.n.desc()).limit(limit)
        if since is not None:
            query = query.where(audit.c.at >= since)
        if who is not None:
            query = query.where(audit.c.principal == who)
        if action is not None:
            query = query.where(audit.c.action == action)
        if before is not None:
            query = query.where(audit.c.n < before)
        return await self._database.read(
            lambda connection: tuple(_line(row) for row in connection.execute(query))
        )

    def _gather(self) -> None:
        """Strangers and losses become lines; the lines that are lost are those that waited."""
        for peer, (line, times) in self._strangers.items():
            detail = f"{times} times from {peer}; {line.detail}"
            self.note(line if times == 1 and peer != OTHERS else replace(line, detail=detail))
        self._strangers.clear()
        if self._lost and len(self._waiting) < MAX_WAITING:
            said = f"{self._lost} lines were lost: the audit log could not be written"
            self._waiting.append(Line(datetime.now(UTC), "firebreak", "audit", "lost", detail=said))
            self._lost = 0

    async def _write(self, batch: list[Line]) -> None:
        rows = [_values(line) for line in batch]

        def write(connection: Connection) -> None:
            connection.execute(insert(audit), rows)

        await self._database.write(write)


def _values(line: Line) -> Mapping[str, Any]:
    return {
        "at": line.at,
        "principal": line.principal,
        "via": line.via,
        "action": line.action,
        "target": line.target,
        "status": line.status,
        "detail": line.detail,
    }


def _line(row: AnyRow) -> AuditLine:
    return AuditLine(
        n=row.n,
        at=row.at,
        principal=row.principal,
        via=row.via,
        action=row.action,
        target=row.target,
        status=row.status,
        detail=row.detail,
    )
