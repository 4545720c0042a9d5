"""What comes in object by object, where a version's images came from, and what is no CT image."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the inbox and the two columns."""
    op.create_table(
        "inbox",
        sa.Column("assessment_id", sa.String(length=36), nullable=False),
        sa.Column("study_uid", sa.String(length=128), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("received", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=True),
        sa.Column("patient", sa.JSON(), nullable=False),
        sa.Column("study", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("assessment_id"),
    )
    op.create_index("ix_inbox_due", "inbox", ["due"])
    op.create_table(
        "inbox_objects",
        sa.Column("assessment_id", sa.String(length=36), nullable=False),
        sa.Column("uid_hash", sa.String(length=32), nullable=False),
        sa.Column("instance_uid", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["assessment_id"], ["inbox.assessment_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("assessment_id", "uid_hash"),
    )
    op.add_column(
        "versions",
        sa.Column("origin", sa.String(length=16), nullable=False, server_default="upload"),
    )
    # Of what came before nobody knows; counted as before, it goes on answering the same images.
    op.add_column(
        "instances", sa.Column("aside", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    """Take them away."""
    op.drop_column("instances", "aside")
    op.drop_column("versions", "origin")
    op.drop_table("inbox_objects")
    op.drop_index("ix_inbox_due", "inbox")
    op.drop_table("inbox")
