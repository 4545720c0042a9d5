"""What is brought to archives, and what is fetched from them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "deliveries",
        *_errand(),
        sa.Column("assessment_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("study_uid", sa.String(length=128), nullable=False),
        sa.Column("destination", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("objects", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["assessment_id", "version"],
            ["versions.assessment_id", "versions.number"],
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("assessment_id", "version", "destination", "kind"),
    )
    op.create_table(
        "pulls",
        *_errand(),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("study_uid", sa.String(length=128), nullable=True),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("prior_of", sa.String(length=36), nullable=True),
        sa.Column("assessment_id", sa.String(length=36), nullable=True),
        sa.Column("images", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    for table in ("deliveries", "pulls"):
        op.create_index(f"ix_{table}_due", table, ["status", "next_attempt"])
        op.create_index(f"ix_{table}_created", table, ["created", "id"])
    op.create_index("ix_pulls_study", "pulls", ["study_uid", "source"])
    op.create_index("ix_pulls_prior", "pulls", ["prior_of", "source"])


def downgrade() -> None:
    """Take them away."""
    op.drop_table("pulls")
    op.drop_table("deliveries")


def _errand() -> list[sa.Column[object]]:
    return [
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("asked", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hop", sa.String(length=16), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=False),
    ]
