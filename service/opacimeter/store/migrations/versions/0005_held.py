"""An object that came in is found by its UID alone, as storage commitment asks."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the indexes."""
    op.create_index("ix_instances_hash", "instances", ["uid_hash"])
    op.create_index("ix_inbox_objects_hash", "inbox_objects", ["uid_hash"])


def downgrade() -> None:
    """Take them away."""
    op.drop_index("ix_inbox_objects_hash", "inbox_objects")
    op.drop_index("ix_instances_hash", "instances")
