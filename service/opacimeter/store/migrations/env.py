"""Alembic's entry: runs the migrations on the connection that `Database.migrate` hands over."""

from alembic import context

from opacimeter.store.rows import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite alters a table by copying it.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
