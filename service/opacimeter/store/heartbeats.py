"""Heartbeats: which workers live, and with which network."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from opacimeter.store.database import Database
from opacimeter.store.entries import Worker
from opacimeter.store.rows import WorkerRow

__all__ = ["Heartbeats"]

_FORGOTTEN_AFTER = timedelta(days=1)


class Heartbeats:
    """Each worker's last word."""

    def __init__(self, db: Database, *, clock: Callable[[], datetime]) -> None:
        """Wire it."""
        self._db, self._clock = db, clock

    def beat(self, worker: str, *, model: Mapping[str, str], problem: str | None = None) -> None:
        """Say that a worker lives, with which network, and what is wrong with one it lacks."""
        row = WorkerRow(name=worker, beat=self._clock(), model=dict(model), problem=problem)
        with self._db.write() as session:
            session.merge(row)
            session.execute(delete(WorkerRow).where(WorkerRow.beat < row.beat - _FORGOTTEN_AFTER))

    def stopped(self, worker: str) -> None:
        """A worker stops in order."""
        with self._db.write() as session:
            session.execute(delete(WorkerRow).where(WorkerRow.name == worker))

    def recent(self, limit_s: float) -> tuple[Worker, ...]:
        """Workers that spoke within the limit, the latest first."""
        since = self._clock() - timedelta(seconds=limit_s)
        query = select(WorkerRow).where(WorkerRow.beat >= since).order_by(WorkerRow.beat.desc())
        with self._db.read() as session:
            rows = session.scalars(query).all()
        return tuple(Worker(row.name, row.beat, row.model, row.problem) for row in rows)

    def model(self) -> Mapping[str, str]:
        """The network of the worker that spoke last; empty where none has told."""
        query = select(WorkerRow).order_by(WorkerRow.beat.desc())
        with self._db.read() as session:
            models = (row.model for row in session.scalars(query))
            return next((model for model in models if model), {})
