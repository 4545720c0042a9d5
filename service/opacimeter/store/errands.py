"""Errands: what has to be done elsewhere, tried until it is done or cannot be.

A row is the memory of an errand: the queue only carries its turns. It waits until its time has
come, is handed to the queue, is under way, and then is done, waits again (longer each time), or has
come to its end. A turn has a token; a turn whose token the row no longer bears can write nothing.
"""

import base64
import binascii
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar
from uuid import UUID, uuid4

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from opacimeter.errors import Conflict, NotFound
from opacimeter.store.database import Database
from opacimeter.store.rows_errands import DeliveryRow, PullRow

__all__ = [
    "AT_ONCE",
    "ErrandStatus",
    "Errands",
    "Mishap",
    "Patience",
    "Turn",
    "cursor_after",
    "holding",
    "start",
    "turn_of",
]

Row = TypeVar("Row", DeliveryRow, PullRow)

_LONGEST_PAUSE = timedelta(hours=1)
AT_ONCE = 100


class ErrandStatus(StrEnum):
    """Where an errand stands; the last three change only if somebody asks."""

    WAITING = "waiting"
    QUEUED = "queued"
    UNDER_WAY = "under-way"
    DONE = "done"
    FAILED = "failed"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of an errand.

    Attributes:
        job: What the queue carries.
        archive: Name of the archive or webhook it is about.
    """

    job: str
    archive: str


@dataclass(frozen=True, slots=True)
class Mishap:
    """Why an attempt came to nothing.

    Attributes:
        hop: Where on the way.
        reason: In words; no patient data.
        lasting: Trying again would change nothing.
    """

    hop: str
    reason: str
    lasting: bool


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an errand is tried.

    Attributes:
        limit: After this it is abandoned.
        jitter: Between 0 and 1; keeps errands that failed together from coming back together.
    """

    limit: timedelta = timedelta(days=3)
    jitter: Callable[[], float] = random.random

    def pause(self, attempts: int) -> timedelta:
        """Before the next attempt: 1, 2, 4 … s up to an hour, the last half of it by chance."""
        longest = min(timedelta(seconds=2 ** min(attempts - 1, 20)), _LONGEST_PAUSE)
        return longest * (0.5 + 0.5 * self.jitter())


class Errands(Generic[Row]):
    """The turns of the errands of one table."""

    row_class: type[Row]
    words: Mapping[ErrandStatus, str]

    def __init__(self, db: Database, *, clock: Callable[[], datetime], patience: Patience) -> None:
        """Wire it."""
        self._db, self._clock, self._patience = db, clock, patience

    def due(self) -> tuple[Turn, ...]:
        """Turns whose time has come, the longest due first, a hundred at once."""
        with self._db.read() as session:
            return tuple(turn_of(each) for each in self._due(session))

    def counts(self) -> dict[str, int]:
        """How many there are in each state, in this table's own words."""
        row = self.row_class
        query = select(row.status, func.count()).group_by(row.status)
        with self._db.read() as session:
            found = {ErrandStatus(status): number for status, number in session.execute(query)}
        return {self.words.get(one, one.value): found.get(one, 0) for one in ErrandStatus}

    def queued(self, turn: str) -> None:
        """The queue has taken a turn."""
        with self._db.write() as session:
            row = holding(session, self.row_class, turn)
            if row is not None and row.status == ErrandStatus.WAITING:
                row.status, row.updated = ErrandStatus.QUEUED, self._clock()

    def abandon(self, turn: str, reason: str) -> None:
        """Give up an errand whose turn the queue has given up."""
        with self._db.write() as session:
            row = holding(session, self.row_class, turn)
            if row is not None:
                row.status, row.updated = ErrandStatus.ABANDONED, self._clock()
                row.hop, row.reason = None, reason
                self._came_to_its_end(session, row)

    def retry(self, errand: UUID) -> None:
        """Try a failed or abandoned errand again, or a waiting one now.

        Raises:
            NotFound: There is none.
            Conflict: It is done, or under way.
        """
        with self._db.write() as session:
            row = session.get(self.row_class, str(errand), with_for_update=True)
            if row is None:
                raise NotFound("there is no such errand")
            if row.status in (ErrandStatus.DONE, ErrandStatus.UNDER_WAY):
                raise Conflict(
                    f"it is {self.words[ErrandStatus(row.status)]}: there is nothing to retry"
                )
            start(row, self._clock())

    def retry_all(self, *conditions: object) -> int:
        """Try again all that failed or was abandoned and meets the conditions; how many that is."""
        row = self.row_class
        ended = row.status.in_([ErrandStatus.FAILED, ErrandStatus.ABANDONED])
        with self._db.write() as session:
            rows = session.scalars(select(row).where(ended, *conditions)).all()  # type: ignore[arg-type]
            for each in rows:
                start(each, self._clock())
            return len(rows)

    def mishap(self, turn: str, mishap: Mishap) -> None:
        """An attempt came to nothing: wait and try again, unless that makes no sense."""
        with self._db.write() as session:
            row = holding(session, self.row_class, turn)
            if row is not None:
                self._missed(session, row, mishap)

    def _due(self, session: Session, *conditions: object, limit: int = AT_ONCE) -> list[Row]:
        """Rows whose time has come, of those that meet the conditions."""
        row = self.row_class
        query = (
            select(row)
            .where(
                row.status == ErrandStatus.WAITING,
                row.next_attempt <= self._clock(),
                *conditions,  # type: ignore[arg-type]
            )
            .order_by(row.next_attempt)
            .limit(limit)
        )
        return list(session.scalars(query))

    def _begin(self, session: Session, turn: str) -> Row | None:
        """Begin a turn, or begin it again after a worker that died; None where it has no right."""
        row = holding(session, self.row_class, turn)
        begun = (ErrandStatus.WAITING, ErrandStatus.QUEUED, ErrandStatus.UNDER_WAY)
        if row is None or row.status not in begun:
            return None
        now = self._clock()
        # Patience begins with the first attempt: what waited for others is not given up sooner.
        row.asked = row.asked if row.attempts else now
        row.status, row.attempts, row.updated = ErrandStatus.UNDER_WAY, row.attempts + 1, now
        return row

    def _came_to_its_end(self, session: Session, row: Row) -> None:
        """Called in the transaction in which an errand is done or given up."""

    def _missed(self, session: Session, row: Row, mishap: Mishap) -> None:
        now = self._clock()
        row.hop, row.reason, row.updated = mishap.hop, mishap.reason, now
        row.token = uuid4().hex
        if mishap.lasting:
            row.status = ErrandStatus.FAILED
        elif now - row.asked > self._patience.limit:
            row.status = ErrandStatus.ABANDONED
        else:
            row.status = ErrandStatus.WAITING
            row.next_attempt = now + self._patience.pause(row.attempts)
        if row.status != ErrandStatus.WAITING:
            self._came_to_its_end(session, row)

    def _page(
        self, session: Session, conditions: Sequence[object], cursor: str | None, limit: int
    ) -> list[Row]:
        """The newest rows that meet the conditions, one more than `limit`.

        Raises:
            ValueError: The cursor is none that this list gave.
        """
        row = self.row_class
        query = select(row).where(*conditions)  # type: ignore[arg-type]
        if cursor is not None:
            query = query.where(tuple_(row.created, row.id) < _place(cursor))
        query = query.order_by(row.created.desc(), row.id.desc()).limit(limit + 1)
        return list(session.scalars(query))


def start(row: DeliveryRow | PullRow, now: datetime) -> None:
    """Put a row at the beginning of its way."""
    row.id = row.id or str(uuid4())
    row.status, row.token, row.attempts = ErrandStatus.WAITING, uuid4().hex, 0
    row.created = row.created or now
    row.asked = row.next_attempt = row.updated = now


def holding(session: Session, row_class: type[Row], turn: str) -> Row | None:
    """The row that a turn is about; None where the turn has lost its right to it."""
    key, token = turn.split(":")
    row = session.get(row_class, key, with_for_update=True)
    return row if row is not None and row.token == token else None


def cursor_after(row: DeliveryRow | PullRow) -> str:
    """What asks for the page behind this row."""
    told = json.dumps([row.created.isoformat(), row.id])
    return base64.urlsafe_b64encode(told.encode()).decode()


def turn_of(row: DeliveryRow | PullRow) -> Turn:
    """The turn that a row is at."""
    archive = row.destination if isinstance(row, DeliveryRow) else row.source
    return Turn(f"{row.id}:{row.token}", archive)


def _place(cursor: str) -> tuple[datetime, str]:
    try:
        created, key = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        return datetime.fromisoformat(created).astimezone(UTC), str(UUID(key))
    except (ValueError, TypeError, AttributeError, OverflowError, binascii.Error) as error:
        raise ValueError("the cursor is none that this list gave") from error
