"""What effects take of the caps, and halts."""

import sqlalchemy as sa
from alembic import op

from firebreak.ledger.tables import UtcTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reservations",
        sa.Column("incident", sa.String(64), primary_key=True),
        sa.Column("step", sa.String(400), primary_key=True),
        sa.Column("scope", sa.String(80), primary_key=True),
        sa.Column("device", sa.String(63), nullable=False),
        sa.Column("hold", sa.String(200)),
        sa.Column("taken_at", UtcTime, nullable=False),
        sa.Column("ended_at", UtcTime),
        sa.Column("counts", sa.Boolean, nullable=False),
    )
    op.create_index("reservations_by_scope", "reservations", ["scope", "ended_at"])
    op.create_index("reservations_by_hold", "reservations", ["hold"])
    op.create_table(
        "halts",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("scope", sa.String(63), nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("lifted_at", UtcTime),
        sa.Column("document", sa.Text, nullable=False),
    )
    standing = sa.text("lifted_at IS NULL")
    op.create_index(
        "halts_that_stand",
        "halts",
        ["scope"],
        unique=True,
        sqlite_where=standing,
        postgresql_where=standing,
    )


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: there is no way back from its schema")
