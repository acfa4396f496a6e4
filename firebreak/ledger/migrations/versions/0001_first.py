"""The first schema: the record, what is projected from it, alerts and tokens."""

import sqlalchemy as sa
from alembic import op

from firebreak.ledger.tables import Serial, UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SQLITE_APPEND_ONLY = """
CREATE TRIGGER entries_no_{verb} BEFORE {verb} ON entries
BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END
"""

POSTGRESQL_REFUSE = """
CREATE FUNCTION entries_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'entries are append-only' USING ERRCODE = 'restrict_violation'; END $$
"""

POSTGRESQL_APPEND_ONLY = """
CREATE TRIGGER entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
FOR EACH STATEMENT EXECUTE FUNCTION entries_append_only()
"""


def upgrade() -> None:
    _record()
    _projections()
    _alerts()
    _tokens()
    _append_only()


def _record() -> None:
    op.create_table(
        "entries",
        sa.Column("incident", sa.String(64), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("key", sa.String(400), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("prev", sa.String(71), nullable=False),
        sa.Column("hash", sa.String(71), nullable=False),
    )
    op.create_index("entries_by_key", "entries", ["incident", "key"], unique=True)
    op.create_table(
        "heads",
        sa.Column("incident", sa.String(64), primary_key=True),
        sa.Column("length", sa.Integer, nullable=False),
        sa.Column("hash", sa.String(71), nullable=False),
    )


def _projections() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("workflow", sa.Text, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("opened_at", UtcTime, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("incidents_by_workflow", "incidents", ["workflow", "opened_at"])
    op.create_index("incidents_by_status", "incidents", ["status", "opened_at"])
    op.create_index("incidents_by_opening", "incidents", ["opened_at"])
    op.create_table(
        "holds",
        sa.Column("id", sa.String(200), primary_key=True),
        sa.Column("incident", sa.String(64), nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("intent", sa.String(400), nullable=False),
        sa.Column("in_force", sa.Boolean, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("started_at", UtcTime, nullable=False),
        sa.Column("expires_at", UtcTime),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "approvals",
        sa.Column("id", sa.String(400), primary_key=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("requested_at", UtcTime, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("approvals_by_state", "approvals", ["state", "requested_at"])


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("n", Serial, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(200), nullable=False),
        sa.Column("disposition", sa.String(40), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("raw", sa.Text, nullable=False),
    )
    op.create_index("alerts_by_id", "alerts", ["id"], unique=True)
    op.create_index("alerts_by_disposition", "alerts", ["disposition", "n"])


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("expires_at", UtcTime),
        sa.Column("revoked_at", UtcTime),
    )
    live = sa.text("revoked_at IS NULL")
    op.create_index(
        "tokens_by_name",
        "tokens",
        ["name"],
        unique=True,
        sqlite_where=live,
        postgresql_where=live,
    )


def _append_only() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(POSTGRESQL_REFUSE)
        op.execute(POSTGRESQL_APPEND_ONLY)
        return
    for verb in ("update", "delete"):
        op.execute(SQLITE_APPEND_ONLY.format(verb=verb))


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: there is no way back from its schema")
