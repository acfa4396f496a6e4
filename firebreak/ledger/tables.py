"""The ledger's tables. Migrations build them; a test holds the two together.

``entries`` is the record. Everything else is projected from it or kept beside it: a projected row
is a small JSON document with the few columns it is looked up by, so that text from outside (which
may hold characters that a database refuses) never meets a typed column.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    text,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeEngine

Serial = BigInteger().with_variant(Integer, "sqlite")


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime to the microsecond, always UTC.

    TIMESTAMPTZ on PostgreSQL; on SQLite fixed-width ISO 8601 text, which sorts as time does.
    """

    impl = String(27)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The column type of each database."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        return dialect.type_descriptor(String(27))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """What is sent to the database."""
        if value is None:
            return None
        utc = value.astimezone(UTC)
        if dialect.name == "postgresql":
            return utc
        return utc.isoformat(timespec="microseconds").replace("+00:00", "Z")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """What comes back."""
        if value is None:
            return None
        if dialect.name == "postgresql":
            aware: datetime = value
            return aware.astimezone(UTC)
        return datetime.fromisoformat(value)


metadata = MetaData()

entries = Table(
    "entries",
    metadata,
    Column("incident", String(64), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("key", String(400), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("body", Text, nullable=False),
    Column("prev", String(71), nullable=False),
    Column("hash", String(71), nullable=False),
    Index("entries_by_key", "incident", "key", unique=True),
)

# The end of each chain. Its row is what several processes lock to append to one incident.
# ``touched_at``: when it was last appended to, by the clock of whoever did.
heads = Table(
    "heads",
    metadata,
    Column("incident", String(64), primary_key=True),
    Column("length", Integer, nullable=False),
    Column("hash", String(71), nullable=False),
    Column("touched_at", UtcTime),
    Index("heads_by_touch", "touched_at"),
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workflow", Text, nullable=False),
    Column("status", String(20), nullable=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("document", Text, nullable=False),
    Index("incidents_by_workflow", "workflow", "opened_at"),
    Index("incidents_by_status", "status", "opened_at"),
    Index("incidents_by_opening", "opened_at"),
)

# Live holds only. ``step`` and ``intent``: who of the incident took it, and with which entry.
# ``in_force``: an outcome has said that the change stands.
holds = Table(
    "holds",
    metadata,
    Column("id", String(200), primary_key=True),
    Column("incident", String(64), nullable=False),
    Column("step", Text, nullable=False),
    Column("intent", String(400), nullable=False),
    Column("in_force", Boolean, nullable=False),
    Column("state", String(20), nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
    Column("document", Text, nullable=False),
)

# What effects take of the caps: a row for each scope of each step that sends, from its intent.
# ``ended_at``: given back then. ``counts``: whether the hour it was taken in knows it.
reservations = Table(
    "reservations",
    metadata,
    Column("incident", String(64), primary_key=True),
    Column("step", String(400), primary_key=True),
    Column("scope", String(80), primary_key=True),
    Column("device", String(63), nullable=False),
    Column("hold", String(200)),
    Column("taken_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("counts", Boolean, nullable=False),
    Index("reservations_by_scope", "scope", "ended_at"),
    Index("reservations_by_hold", "hold"),
)

# ``scope``: a site, or ``*`` for everywhere. One halt can stand there at a time.
halts = Table(
    "halts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("scope", String(63), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("lifted_at", UtcTime),
    Column("document", Text, nullable=False),
    Index(
        "halts_that_stand",
        "scope",
        unique=True,
        sqlite_where=text("lifted_at IS NULL"),
        postgresql_where=text("lifted_at IS NULL"),
    ),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", String(400), primary_key=True),
    Column("state", String(20), nullable=False),
    Column("requested_at", UtcTime, nullable=False),
    Column("document", Text, nullable=False),
    Index("approvals_by_state", "state", "requested_at"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("n", Serial, primary_key=True, autoincrement=True),
    Column("id", String(200), nullable=False),
    Column("disposition", String(40), nullable=False),
    Column("document", Text, nullable=False),
    Column("raw", Text, nullable=False),
    Index("alerts_by_id", "id", unique=True),
    Index("alerts_by_disposition", "disposition", "n"),
)

# How far each channel has told each incident. ``told``: the first entry it has not been told of.
# ``state``: what the channel must know next time, such as the id of its ticket. ``leased_until``:
# a process is telling it now.
deliveries = Table(
    "deliveries",
    metadata,
    Column("channel", String(63), primary_key=True),
    Column("incident", String(64), primary_key=True),
    Column("told", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("failing_since", UtcTime),
    Column("next_at", UtcTime),
    Column("leased_until", UtcTime),
    Column("detail", Text, nullable=False),
    Index("deliveries_due", "channel", "next_at"),
)

# Every request, allowed or refused. ``via``: api, slack, ...
audit = Table(
    "audit",
    metadata,
    Column("n", Serial, primary_key=True, autoincrement=True),
    Column("at", UtcTime, nullable=False),
    Column("principal", String(200), nullable=False),
    Column("via", String(20), nullable=False),
    Column("action", String(100), nullable=False),
    Column("target", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("detail", Text, nullable=False),
    Index("audit_by_time", "at"),
    Index("audit_by_principal", "principal", "at"),
)

# Break-glass, each with the review that its end opens. ``scope``: ``device/<id>`` or ``site/<id>``.
glasses = Table(
    "glasses",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("scope", String(80), nullable=False),
    Column("principal", String(200), nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("reviewed_at", UtcTime),
    Column("document", Text, nullable=False),
    Index("glasses_by_scope", "scope", "expires_at"),
)

# ``scopes``: what a token of a service may do; NULL: whatever its roles may.
# ``hash``: SHA-256 of the secret, in hex. A name may be used again once its token is revoked.
tokens = Table(
    "tokens",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("roles", Text, nullable=False),
    Column("scopes", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
    Column("revoked_at", UtcTime),
    Index(
        "tokens_by_name",
        "name",
        unique=True,
        sqlite_where=text("revoked_at IS NULL"),
        postgresql_where=text("revoked_at IS NULL"),
    ),
)
