"""What people are told, what they asked for, break-glass, and scopes of tokens."""

import sqlalchemy as sa
from alembic import op

from firebreak.ledger.tables import Serial, UtcTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("heads", sa.Column("touched_at", UtcTime))
    op.create_index("heads_by_touch", "heads", ["touched_at"])
    op.add_column("tokens", sa.Column("scopes", sa.Text))
    op.create_table(
        "deliveries",
        sa.Column("channel", sa.String(63), primary_key=True),
        sa.Column("incident", sa.String(64), primary_key=True),
        sa.Column("told", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("failing_since", UtcTime),
        sa.Column("next_at", UtcTime),
        sa.Column("leased_until", UtcTime),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("deliveries_due", "deliveries", ["channel", "next_at"])
    op.create_table(
        "audit",
        sa.Column("n", Serial, primary_key=True, autoincrement=True),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("principal", sa.String(200), nullable=False),
        sa.Column("via", sa.String(20), nullable=False),
        sa.Column("action", sa.String(100), nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("audit_by_time", "audit", ["at"])
    op.create_index("audit_by_principal", "audit", ["principal", "at"])
    op.create_table(
        "glasses",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("scope", sa.String(80), nullable=False),
        sa.Column("principal", sa.String(200), nullable=False),
        sa.Column("expires_at", UtcTime, nullable=False),
        sa.Column("ended_at", UtcTime),
        sa.Column("reviewed_at", UtcTime),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("glasses_by_scope", "glasses", ["scope", "expires_at"])


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: there is no way back from its schema")
