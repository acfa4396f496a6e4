"""How far each channel has been told each chain: read cheaply, and told by one process at a time.

A lease is taken with one conditional UPDATE, and its end names it: a later lease of the same row
always ends later, so a process that lost its lease finds another end and saves nothing.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    func,
    or_,
    select,
    update,
)

from firebreak.contracts.channels import Behind, Held, Lease, Scene
from firebreak.contracts.ledger import IncidentRow
from firebreak.domain.base import JsonObject
from firebreak.domain.hold import Hold
from firebreak.domain.people import Approval
from firebreak.domain.record import Entry, Kind
from firebreak.ledger.appending import to_entry
from firebreak.ledger.channel_marks import FRESH, MARK, ROW, meet, new_row
from firebreak.ledger.database import Database
from firebreak.ledger.locks import Locks
from firebreak.ledger.rows import AnyRow, insert_new, load
from firebreak.ledger.tables import approvals, deliveries, entries, heads, holds, incidents

MOST_DETAIL = 300

_GET = select(deliveries).where(ROW)
_FREE = or_(
    deliveries.c.leased_until.is_(None), deliveries.c.leased_until <= bindparam("at_moment")
)
_DUE = or_(deliveries.c.next_at.is_(None), deliveries.c.next_at <= bindparam("at_moment"))
_TAKE_FORCED = update(deliveries).where(ROW, _FREE)
_TAKE = _TAKE_FORCED.where(_DUE)
_MINE = update(deliveries).where(ROW, deliveries.c.leased_until == bindparam("mine"))
_MOVE_ON = update(deliveries).where(
    ROW, deliveries.c.leased_until.is_(None), deliveries.c.told < bindparam("up_to")
)
_SOME = (
    select(entries)
    .where(
        entries.c.incident == bindparam("of_chain"),
        or_(entries.c.seq >= bindparam("from_seq"), entries.c.seq == 0),
    )
    .order_by(entries.c.seq)
)
_BEHIND = (
    select(
        heads.c.incident,
        heads.c.length,
        func.coalesce(deliveries.c.told, 0).label("told"),
        deliveries.c.state,
        deliveries.c.attempts,
        deliveries.c.next_at,
        deliveries.c.leased_until,
    )
    .select_from(
        heads.outerjoin(
            deliveries,
            and_(
                deliveries.c.incident == heads.c.incident,
                deliveries.c.channel == bindparam("of_channel"),
            ),
        )
    )
    .where(heads.c.length > func.coalesce(deliveries.c.told, 0))
    .order_by(heads.c.touched_at)
)
_BEHIND_SINCE = _BEHIND.where(heads.c.touched_at >= bindparam("since"))


class SqlDeliveries:
    """See ``firebreak.contracts.channels.Deliveries`` for what each method promises."""

    def __init__(self, database: Database) -> None:
        """Use the database of an open ledger (``SqlLedger.database``)."""
        self._database = database

    async def meet(self, channels: Sequence[str]) -> tuple[str, ...]:
        """Begin with these channels, and forget the others; the names that are new."""
        return await self._database.write(
            lambda connection: meet(connection, channels),
            _locks((name, MARK) for name in channels),
        )

    async def behind(self, channels: Sequence[str], since: datetime | None) -> tuple[Behind, ...]:
        """Chains touched since then (None: ever) that a channel is behind on, the oldest first."""
        query = _BEHIND if since is None else _BEHIND_SINCE
        values = {} if since is None else {"since": since}

        def read(connection: Connection) -> tuple[Behind, ...]:
            return tuple(
                _behind(name, row)
                for name in channels
                for row in connection.execute(query, {**values, "of_channel": name})
            )

        return await self._database.read(read)

    async def entries(self, wanted: Sequence[tuple[str, int]]) -> dict[str, tuple[Entry, ...]]:
        """For each ``(chain, seq)`` the entry 0 and those from ``seq`` on, in order."""

        def read(connection: Connection) -> dict[str, tuple[Entry, ...]]:
            found = {}
            for chain, seq in wanted:
                rows = connection.execute(_SOME, {"of_chain": chain, "from_seq": seq})
                found[chain] = tuple(to_entry(row) for row in rows)
            return found

        return await self._database.read(read)

    async def scene(self, chain: str, seq: int) -> Scene:
        """A chain from ``seq`` on, and how things stand now."""
        asked = (
            select(entries.c.body)
            .where(entries.c.incident == chain, entries.c.kind == Kind.APPROVAL_REQUESTED.value)
            .order_by(entries.c.seq)
        )
        row = select(incidents.c.document).where(incidents.c.id == chain)
        live = select(holds.c.document).where(holds.c.incident == chain).order_by(holds.c.id)

        def read(connection: Connection) -> Scene:
            rows = connection.execute(_SOME, {"of_chain": chain, "from_seq": seq})
            found = tuple(to_entry(row) for row in rows)
            ids = [json.loads(body)["approval"]["id"] for body in connection.scalars(asked)]
            incident = connection.execute(row).scalar_one_or_none()
            return Scene(
                entries=found,
                incident=None if incident is None else load(IncidentRow, incident),
                approvals=_approvals(connection, ids),
                holds=tuple(load(Hold, document) for document in connection.scalars(live)),
            )

        return await self._database.read(read)

    async def peek(self, channel: str, chain: str) -> Held:
        """How far the channel is, and until when another process may be telling it."""
        place = {"of_channel": channel, "of_chain": chain}

        def read(connection: Connection) -> Held:
            row = connection.execute(_GET, place).one_or_none()
            return Held(0, None) if row is None else Held(row.told, row.leased_until)

        return await self._database.read(read)

    async def lease(
        self, channel: str, chain: str, now: datetime, until: datetime, *, force: bool
    ) -> Lease | Held:
        """Take the right to tell, unless another process has it or it is to wait."""
        return await self._database.write(
            lambda connection: _lease(connection, (channel, chain), now, until, force=force),
            _locks([(channel, chain)]),
        )

    async def keep(self, lease: Lease, known: JsonObject, until: datetime) -> Lease | None:
        """Save what the channel knows and go on until then; None when the lease was lost."""
        kept = await self._save(lease, state=_dumped(known), leased_until=until)
        if not kept:
            return None
        return Lease(**{**vars(lease), "known": known, "until": until})

    async def told(self, lease: Lease, told: int, known: JsonObject) -> bool:
        """Save success and give the lease back; False when it was lost before."""
        return await self._save(lease, told=told, state=_dumped(known), leased_until=None, **FRESH)

    async def failed(self, lease: Lease, now: datetime, next_at: datetime, detail: str) -> bool:
        """Save a failure and give the lease back; False when it was lost before."""
        return await self._save(
            lease,
            attempts=lease.attempts + 1,
            failing_since=lease.failing_since or now,
            next_at=next_at,
            detail=detail.replace("\0", "")[:MOST_DETAIL],
            leased_until=None,
        )

    async def give_back(self, lease: Lease) -> None:
        """End the lease and change nothing else."""
        await self._save(lease, leased_until=None)

    async def move_on(self, told: Sequence[tuple[str, str, int]]) -> None:
        """For each ``(channel, chain, told)``: up to there is nothing for the channel to hear."""

        def write(connection: Connection) -> None:
            for channel, chain, up_to in told:
                if not insert_new(connection, deliveries, new_row(channel, chain, told=up_to)):
                    place = {"of_channel": channel, "of_chain": chain, "up_to": up_to}
                    connection.execute(_MOVE_ON, {**place, "told": up_to})

        await self._database.write(write, _locks((channel, chain) for channel, chain, _ in told))

    async def _save(self, lease: Lease, **values: Any) -> bool:
        mine = {"of_channel": lease.channel, "of_chain": lease.chain, "mine": lease.until}
        return await self._database.write(
            lambda connection: connection.execute(_MINE, {**mine, **values}).rowcount == 1,
            _locks([(lease.channel, lease.chain)]),
        )


def _locks(rows: Iterable[tuple[str, str]]) -> Locks:
    """Rows are touched in any order within a batch: their locks are taken in one, before."""
    return Locks(scopes=frozenset(f"delivery/{channel}/{chain}" for channel, chain in rows))


def _approvals(connection: Connection, ids: Sequence[str]) -> tuple[Approval, ...]:
    if not ids:
        return ()
    found = connection.scalars(select(approvals.c.document).where(approvals.c.id.in_(ids)))
    return tuple(sorted((load(Approval, d) for d in found), key=lambda each: ids.index(each.id)))


def _lease(
    connection: Connection, where: tuple[str, str], now: datetime, until: datetime, *, force: bool
) -> Lease | Held:
    channel, chain = where
    insert_new(connection, deliveries, new_row(channel, chain))
    place = {"of_channel": channel, "of_chain": chain}
    take = _TAKE_FORCED if force else _TAKE
    taken = connection.execute(take, {**place, "at_moment": now, "leased_until": until}).rowcount
    row = connection.execute(_GET, place).one()
    if not taken:
        waits = [moment for moment in (row.leased_until, row.next_at) if moment is not None]
        return Held(told=row.told, until=max(waits, default=None))
    return Lease(
        channel=channel,
        chain=chain,
        until=until,
        told=row.told,
        known=json.loads(row.state),
        attempts=row.attempts,
        failing_since=row.failing_since,
    )


def _behind(channel: str, row: AnyRow) -> Behind:
    return Behind(
        channel=channel,
        chain=row.incident,
        told=row.told,
        length=row.length,
        begun=row.state not in (None, "{}"),
        attempts=row.attempts or 0,
        next_at=row.next_at,
        leased_until=row.leased_until,
    )


def _dumped(known: JsonObject) -> str:
    return json.dumps(known, separators=(",", ":"))
