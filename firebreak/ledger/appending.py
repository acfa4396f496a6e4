"""Appending to chains: one caller's entries, inside the writer's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Self

from sqlalchemy import ColumnElement, Connection, Select, bindparam, insert, select, update

from firebreak.contracts.ledger import Appended, Claim
from firebreak.domain.base import canonical
from firebreak.domain.limits import Reservation
from firebreak.domain.record import GENESIS, Entry, Kind, NewEntry, entry_hash
from firebreak.errors import BadInput, LedgerConflict
from firebreak.ledger import halts, holds, jcs, reservations
from firebreak.ledger.projections import project
from firebreak.ledger.rows import AnyRow, insert_new
from firebreak.ledger.tables import entries, heads

# Built once: for statements this small, building them costs SQLAlchemy more than running them.
_HEAD = (
    select(heads.c.length, heads.c.hash)
    .where(heads.c.incident == bindparam("of_incident"))
    .with_for_update()
)
_INSERT = insert(entries)
_MOVE_HEAD = update(heads).where(heads.c.incident == bindparam("of_incident"))


KEYS_AT_ONCE = 32


@cache
def _by_keys(count: int) -> Select[Any]:
    """Entries by ``key_0``, ``key_1``, ...: asking once for all costs as much as asking for one."""
    keys: list[ColumnElement[str]] = [bindparam(f"key_{number}") for number in range(count)]
    return select(entries).where(
        entries.c.incident == bindparam("of_incident"), entries.c.key.in_(keys)
    )


@dataclass(frozen=True, slots=True)
class Prepared:
    """An entry ready to be written: in UTC, its body in the stored form."""

    new: NewEntry
    body: str

    @classmethod
    def of(cls, new: NewEntry) -> Self:
        """Check that an entry can be stored and hashed on every database.

        Raises:
            BadInput: the body is not JSON that RFC 8785 can represent, the time is out of range,
                or the key or actor holds a NUL character.
        """
        if "\0" in new.key or "\0" in new.actor:
            raise BadInput(f"entry {new.key!r}: a key or actor cannot hold a NUL character")
        try:
            body = canonical(new.body).decode()
            utc = new.model_copy(update={"at": new.at.astimezone(UTC)})
        except (ValueError, OverflowError, RecursionError) as error:
            raise BadInput(f"entry {new.key!r} cannot be recorded: {error}") from error
        return cls(utc, body)

    def says(self, entry: Entry, stored: str) -> bool:
        """Whether a standing entry says the same. The time may differ on a repeat."""
        new = self.new
        return (entry.kind, entry.actor, stored) == (new.kind, new.actor, self.body)


def append(
    connection: Connection,
    prepared: Sequence[Prepared],
    claim: Claim | None,
    reserve: Reservation | None,
) -> tuple[Appended, ...]:
    """Append in order; entries whose key stands already are returned as they stand.

    Claim and reservation go with the last entry: they are taken when that one is new, and left as
    they are when this is a repeat.

    Raises:
        Halted: with a reservation only, which says that an effect is to start.
        BlastRadiusExceeded: the reservation does not fit under a cap.
        LedgerConflict: a key stands with other content.
        Busy: another incident, or another step of this one, holds the claim.
    """
    keys: dict[str, list[str]] = {}
    for one in prepared:
        keys.setdefault(one.new.incident, []).append(one.new.key)
    chains = {
        incident: _Chain.locked(connection, incident, keys[incident]) for incident in sorted(keys)
    }
    appended = tuple(chains[p.new.incident].add(p) for p in prepared)
    last = appended[-1]
    if reserve is not None and last.created:
        halts.check(connection, reserve.site)
    if claim is not None and last.created:
        holds.take(connection, claim, last.entry)
    if reserve is not None and last.created:
        reservations.take(connection, reserve, last.entry)
    for chain in chains.values():
        chain.store()
    for added in appended:
        if added.created:
            project(connection, added.entry)
    return appended


class _Chain:
    """One incident's chain, its end locked, and what is being added to it.

    ``standing``: the entries that stand under the keys which are to be added, with their bodies.
    """

    def __init__(
        self,
        connection: Connection,
        incident: str,
        length: int,
        head: str,
        standing: dict[str, tuple[str, Entry]],
    ) -> None:
        self._connection = connection
        self._standing = standing
        self._incident = incident
        self._length = length
        self._head = head
        self._added: list[tuple[Prepared, Entry]] = []

    @classmethod
    def locked(cls, connection: Connection, incident: str, keys: Sequence[str]) -> Self:
        """Take the lock on the chain's end; a new chain begins here."""
        row = connection.execute(_HEAD, {"of_incident": incident}).one_or_none()
        if row is None:
            insert_new(connection, heads, {"incident": incident, "length": 0, "hash": GENESIS})
            row = connection.execute(_HEAD, {"of_incident": incident}).one()
        found = _found(connection, incident, keys) if row.length else {}
        return cls(connection, incident, row.length, row.hash, found)

    def add(self, prepared: Prepared) -> Appended:
        """Put an entry in its place, or find the one that stands. Writes nothing yet."""
        standing = self._standing.get(prepared.new.key)
        if standing is not None:
            stored, entry = standing
            if not prepared.says(entry, stored):
                raise LedgerConflict(
                    f"{self._incident} has an entry {entry.key!r} with other content"
                )
            return Appended(entry=entry, created=False)
        new = prepared.new
        entry = Entry(
            **{name: getattr(new, name) for name in NewEntry.model_fields},
            seq=self._length,
            prev=self._head,
            hash=entry_hash(new, self._length, self._head),
        )
        self._length, self._head = entry.seq + 1, entry.hash
        self._standing[new.key] = (prepared.body, entry)
        self._added.append((prepared, entry))
        return Appended(entry=entry, created=True)

    def store(self) -> None:
        """Write what was added."""
        if self._added:
            rows = [_columns(prepared, entry) for prepared, entry in self._added]
            self._connection.execute(_INSERT, rows)
            moved = {
                "of_incident": self._incident,
                "length": self._length,
                "hash": self._head,
                "touched_at": datetime.now(UTC),
            }
            self._connection.execute(_MOVE_HEAD, moved)


def _found(
    connection: Connection, incident: str, keys: Sequence[str]
) -> dict[str, tuple[str, Entry]]:
    found: dict[str, tuple[str, Entry]] = {}
    for start in range(0, len(keys), KEYS_AT_ONCE):
        some = keys[start : start + KEYS_AT_ONCE]
        sought = {f"key_{number}": key for number, key in enumerate(some)}
        rows = connection.execute(_by_keys(len(some)), {"of_incident": incident, **sought})
        found |= {row.key: (row.body, to_entry(row)) for row in rows}
    return found


def _columns(prepared: Prepared, entry: Entry) -> dict[str, Any]:
    return {
        "incident": entry.incident,
        "seq": entry.seq,
        "key": entry.key,
        "kind": entry.kind.value,
        "at": entry.at,
        "actor": entry.actor,
        "body": prepared.body,
        "prev": entry.prev,
        "hash": entry.hash,
    }


def to_entry(row: AnyRow) -> Entry:
    """An entry as it was hashed."""
    return Entry(
        incident=row.incident,
        key=row.key,
        kind=Kind(row.kind),
        at=row.at,
        actor=row.actor,
        body=jcs.loads(row.body),
        seq=row.seq,
        prev=row.prev,
        hash=row.hash,
    )
