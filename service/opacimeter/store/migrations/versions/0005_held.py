"""Objects found by their UID alone, versions that were removed, and the age of what waits."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the indexes, the table and the column."""
    op.create_index("ix_instances_hash", "instances", ["uid_hash"])
    op.create_index("ix_inbox_objects_hash", "inbox_objects", ["uid_hash"])
    op.create_table(
        "removed",
        sa.Column("assessment_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("assessment_id"),
    )
    op.add_column("inbox", sa.Column("updated", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Take them away."""
    op.drop_column("inbox", "updated")
    op.drop_table("removed")
    op.drop_index("ix_inbox_objects_hash", "inbox_objects")
    op.drop_index("ix_instances_hash", "instances")
