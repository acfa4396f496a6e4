"""The Ledger contract over SQLAlchemy: SQLite for one machine, PostgreSQL for a deployment."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Self, TypeVar

from sqlalchemy import Connection, Select, and_, nulls_last, or_, select

from firebreak.contracts.ledger import AlertRow, Appended, Claim, IncidentRow
from firebreak.domain.alert import Alert
from firebreak.domain.base import JsonObject, Model
from firebreak.domain.glass import Glass
from firebreak.domain.halt import Halt
from firebreak.domain.hold import Hold, HoldState
from firebreak.domain.limits import Reservation, Usage
from firebreak.domain.people import Approval, ApprovalState
from firebreak.domain.record import Entry, Kind, NewEntry
from firebreak.errors import BadInput, LedgerConflict, NotFound
from firebreak.ledger import alerts, glasses, halts, reservations
from firebreak.ledger.appending import Prepared, append, to_entry
from firebreak.ledger.chain import faults
from firebreak.ledger.database import Database
from firebreak.ledger.locks import Halts, Locks
from firebreak.ledger.rows import load
from firebreak.ledger.tables import approvals, entries, holds, incidents

M = TypeVar("M", bound=Model)


class SqlLedger:
    """The append-only record. See ``firebreak.contracts.Ledger`` for what each method promises."""

    def __init__(self, database: Database) -> None:
        """Stand on an open database; ``SqlLedger.open`` opens one by URL."""
        self.database = database

    @classmethod
    async def open(cls, url: str) -> Self:
        """Open and migrate ``sqlite:////path/to.db`` or ``postgresql+psycopg://...``.

        Raises:
            DefinitionError: the URL is neither a SQLite file nor PostgreSQL.
            LedgerUnavailable: the database does not answer.
        """
        return cls(await Database.open(url))

    async def close(self) -> None:
        """Finish what is queued and let go of the database."""
        await self.database.close()

    async def append(
        self,
        *entries: NewEntry,
        claim: Claim | None = None,
        reserve: Reservation | None = None,
    ) -> tuple[Appended, ...]:
        """Append in order, durably, in one transaction.

        Claim and reservation go with the last entry.

        Raises:
            BadInput: an entry cannot be hashed, its body lacks what its kind documents, or a
                claim or reservation comes without entries.
            Halted: with a reservation, an effect is to start where a person has stopped them.
            BlastRadiusExceeded: the reservation does not fit under a cap.
            LedgerConflict: a key stands already with other content.
            Busy: another incident, or another step of this one, holds the claim.
            LedgerUnavailable: it is not known to be recorded; append it again.
        """
        if not entries:
            if claim is not None or reserve is not None:
                raise BadInput("claims and reservations are taken with the entry that says why")
            return ()
        prepared = tuple(Prepared.of(new) for new in entries)
        return await self.database.write(
            lambda connection: append(connection, prepared, claim, reserve),
            _locks(entries, reserve),
        )

    async def may_start(self, wanted: Reservation, incident: str, at: datetime) -> None:
        """Whether an effect could start now: raises what ``append`` would, and takes nothing.

        Raises:
            Halted: a person has stopped new effects there.
            BlastRadiusExceeded: a cap is full.
        """

        def read(connection: Connection) -> None:
            halts.check(connection, wanted.site)
            reservations.check(connection, wanted, incident, at)

        await self.database.read(read)

    async def usage(
        self, now: datetime, *, scopes: Collection[str] | None = None, but: str = ""
    ) -> tuple[Usage, ...]:
        """How full the scopes are that anything was reserved in; of all, or of those named."""
        return await self.database.read(
            lambda connection: reservations.usage(connection, now, scopes, but)
        )

    async def glasses(self, *, unreviewed_only: bool = True) -> tuple[Glass, ...]:
        """Break-glasses, newest first: those whose review is not closed, or all."""
        return await self.database.read(
            lambda connection: glasses.listed(connection, unreviewed_only)
        )

    async def halts(self, *, standing_only: bool = True) -> tuple[Halt, ...]:
        """Halts, newest first."""
        return await self.database.read(lambda connection: halts.listed(connection, standing_only))

    async def entry(self, incident: str, key: str) -> Entry | None:
        """One entry by key."""
        found = select(entries).where(entries.c.incident == incident, entries.c.key == key)

        def read(connection: Connection) -> Entry | None:
            row = connection.execute(found).one_or_none()
            return None if row is None else to_entry(row)

        return await self.database.read(read)

    async def chain(self, incident: str) -> tuple[Entry, ...]:
        """All entries of an incident in order.

        Raises:
            NotFound: there is none.
            LedgerConflict: the chain was tampered with and does not verify.
        """
        found = select(entries).where(entries.c.incident == incident).order_by(entries.c.seq)

        def read(connection: Connection) -> tuple[Entry, ...]:
            return tuple(to_entry(row) for row in connection.execute(found))

        chain = await self.database.read(read)
        if not chain:
            raise NotFound(f"no incident {incident}")
        if wrong := faults(chain):
            raise LedgerConflict(f"the record of {incident} does not verify: {wrong[0]}")
        return chain

    async def hold(self, hold_id: str) -> Hold | None:
        """The live hold of that id."""
        found = await self._documents(Hold, select(holds.c.document).where(holds.c.id == hold_id))
        return found[0] if found else None

    async def holds(self) -> tuple[Hold, ...]:
        """All live holds, soonest expiry first; those without one last."""
        return await self._documents(Hold, _soonest_first())

    async def overdue(self, now: datetime, pending_since: datetime) -> tuple[Hold, ...]:
        """Live holds that nobody ended in time, soonest expiry first; those without one last."""
        pending = holds.c.state == HoldState.PENDING.value
        late = or_(
            and_(~pending, holds.c.expires_at <= now),
            and_(pending, holds.c.started_at < pending_since),
        )
        return await self._documents(Hold, _soonest_first().where(late))

    async def approvals(self, *, pending_only: bool = True) -> tuple[Approval, ...]:
        """Approval requests, oldest first."""
        query = select(approvals.c.document).order_by(approvals.c.requested_at, approvals.c.id)
        if pending_only:
            query = query.where(approvals.c.state == ApprovalState.PENDING.value)
        return await self._documents(Approval, query)

    async def approval(self, approval_id: str) -> Approval:
        """One request. Raises NotFound."""
        query = select(approvals.c.document).where(approvals.c.id == approval_id)
        found = await self._documents(Approval, query)
        if not found:
            raise NotFound(f"no approval {approval_id}")
        return found[0]

    async def incidents(
        self, *, status: str | None = None, limit: int = 100
    ) -> tuple[IncidentRow, ...]:
        """Incidents, newest first."""
        query = _newest_first().limit(limit)
        if status is not None:
            query = query.where(incidents.c.status == status)
        return await self._documents(IncidentRow, query)

    async def incident(self, incident: str) -> IncidentRow:
        """One incident by id or by workflow id (then the newest). Raises NotFound."""
        either = (incidents.c.id == incident) | (incidents.c.workflow == incident)
        found = await self._documents(IncidentRow, _newest_first().where(either).limit(1))
        if not found:
            raise NotFound(f"no incident {incident}")
        return found[0]

    async def record_alert(self, alert: Alert, raw: JsonObject, received_at: datetime) -> bool:
        """Keep an alert. False when this fingerprint stands already."""
        return await self.database.write(
            lambda connection: alerts.record(connection, alert, raw, received_at)
        )

    async def settle_alert(
        self,
        alert_id: str,
        disposition: str,
        *,
        detail: str = "",
        response: str = "",
        incident: str = "",
    ) -> None:
        """Say what became of an alert. Raises NotFound."""
        changes = {
            "disposition": disposition,
            "detail": detail,
            "response": response,
            "incident": incident,
        }
        await self.database.write(lambda connection: alerts.settle(connection, alert_id, changes))

    async def alerts(
        self, *, disposition: str | None = None, limit: int = 100
    ) -> tuple[AlertRow, ...]:
        """Alerts, newest first."""
        return await self.database.read(
            lambda connection: alerts.listed(connection, disposition, limit)
        )

    async def _documents(self, model: type[M], query: Select[str]) -> tuple[M, ...]:
        def read(connection: Connection) -> tuple[M, ...]:
            found = connection.execute(query).scalars()
            return tuple(load(model, document) for document in found)

        return await self.database.read(read)


def _locks(new: Sequence[NewEntry], reserve: Reservation | None) -> Locks:
    part = Halts.IGNORED if reserve is None else Halts.MINDED
    if any(entry.kind in (Kind.HALTED, Kind.RESUMED) for entry in new):
        part = Halts.CHANGED
    rooms = reserve.rooms if reserve else ()
    return Locks(
        frozenset(entry.incident for entry in new), frozenset(room.scope for room in rooms), part
    )


def _soonest_first() -> Select[str]:
    order = (nulls_last(holds.c.expires_at.asc()), holds.c.id)
    return select(holds.c.document).order_by(*order)


def _newest_first() -> Select[str]:
    order = (incidents.c.opened_at.desc(), incidents.c.id.desc())
    return select(incidents.c.document).order_by(*order)
