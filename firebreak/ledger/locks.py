"""What a transaction locks before it works, in one order everywhere: none waits in a circle.

PostgreSQL only: on SQLite a writing transaction has the whole database to itself.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from sqlalchemy import Connection, select, text

from firebreak.ledger.tables import heads

HALT_LOCK = 0x46_42_48_54  # the advisory lock between halts and intents


class Halts(IntEnum):
    """``MINDED``: an intent, of many at a time. ``CHANGED``: a halt or its end, alone.

    So once a halt is recorded no intent can commit that had not seen it.
    """

    IGNORED = 0
    MINDED = 1
    CHANGED = 2


@dataclass(frozen=True, slots=True)
class Locks:
    """The chains that are appended to, the scopes whose caps are counted, and the part in halts."""

    incidents: frozenset[str] = field(default_factory=frozenset)
    scopes: frozenset[str] = field(default_factory=frozenset)
    halts: Halts = Halts.IGNORED

    @classmethod
    def together(cls, all_: Iterable["Locks"]) -> "Locks":
        """What a batch needs."""
        each = tuple(all_)
        return cls(
            frozenset().union(*(one.incidents for one in each)),
            frozenset().union(*(one.scopes for one in each)),
            max((one.halts for one in each), default=Halts.IGNORED),
        )


_MIND = text(f"SELECT pg_advisory_xact_lock_shared({HALT_LOCK})")
_CHANGE = text(f"SELECT pg_advisory_xact_lock({HALT_LOCK})")
# A subquery that is sorted is evaluated in its order.
_SCOPES = text(
    "SELECT pg_advisory_xact_lock(key) FROM"
    " (SELECT unnest(CAST(:keys AS bigint[])) AS key ORDER BY 1) AS sorted"
)


def lock(connection: Connection, locks: Locks) -> None:
    """Take them all: halts, then chains, then scopes, each kind in its own order."""
    if locks.halts:
        connection.execute(_CHANGE if locks.halts is Halts.CHANGED else _MIND)
    if locks.incidents:
        rows = select(heads.c.incident).where(heads.c.incident.in_(sorted(locks.incidents)))
        connection.execute(rows.order_by(heads.c.incident).with_for_update()).all()
    if locks.scopes:
        connection.execute(_SCOPES, {"keys": sorted(_key(scope) for scope in locks.scopes)}).all()


def _key(scope: str) -> int:
    """A scope as PostgreSQL's 64 bits. Two scopes that share one only wait for each other."""
    return int.from_bytes(hashlib.sha256(scope.encode()).digest()[:8], "big", signed=True)
