"""Pulls: studies to be fetched from archives, and what came of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from opacimeter.record import assessment_id
from opacimeter.store.entries import Origin
from opacimeter.store.errands import (
    Errands,
    ErrandStatus,
    Turn,
    cursor_after,
    holding,
    start,
    turn_of,
)
from opacimeter.store.rows import VersionRow
from opacimeter.store.rows_errands import PullRow

__all__ = ["Pull", "PullPage", "PullStatus", "Pulls"]

_BACKFILLS = 2
"""As many for a date range are in an archive's line at once."""


class PullStatus(StrEnum):
    """Where a pull stands."""

    WAITING = "waiting"
    QUEUED = "queued"
    FETCHING = "fetching"
    FETCHED = "fetched"
    FAILED = "failed"
    ABANDONED = "abandoned"


_TOLD = {ErrandStatus.UNDER_WAY: PullStatus.FETCHING, ErrandStatus.DONE: PullStatus.FETCHED}


@dataclass(frozen=True, slots=True)
class Pull:
    """One study on its way here.

    Attributes:
        id: Of the pull.
        source: Name of the archive.
        study_uid: StudyInstanceUID; None until the source was asked which earlier study it is,
            or where it has none.
        origin: pull, prior or backfill.
        prior_of: The assessment whose patient's earlier study is wanted; else None.
        status: Where it stands.
        attempts: Begun since it was last asked for.
        next_attempt: When it is tried next, UTC; None where it is not.
        hop: Where on the way the last attempt ended: connect, query, fetch, file; None where well.
        reason: Why.
        assessment: What it was filed under; None until then.
        images: How many images came; None until then.
        created: When it was made.
        updated: When it last changed.
    """

    id: UUID
    source: str
    study_uid: str | None
    origin: Origin
    prior_of: UUID | None
    status: PullStatus
    attempts: int
    next_attempt: datetime | None
    hop: str | None
    reason: str | None
    assessment: UUID | None
    images: int | None
    created: datetime
    updated: datetime


@dataclass(frozen=True, slots=True)
class PullPage:
    """A page of the list, newest first; `cursor` asks for the next one, None at the end."""

    pulls: tuple[Pull, ...]
    cursor: str | None


class Pulls(Errands[PullRow]):
    """Makes pulls, and keeps what became of them."""

    row_class = PullRow
    words = _TOLD

    def ask(self, study_uid: str, source: str, origin: Origin = Origin.PULL) -> Pull:
        """Ask for a study; one that is on its way already is not asked for twice."""
        with self._db.write() as session:
            query = select(PullRow).where(
                PullRow.study_uid == study_uid, PullRow.source == source,
                PullRow.status.in_(
                    [ErrandStatus.WAITING, ErrandStatus.QUEUED, ErrandStatus.UNDER_WAY]
                ),
            )  # fmt: skip
            row = session.scalars(query).first()
            if row is None:
                row = PullRow(study_uid=study_uid, source=source, origin=origin)
                start(row, self._clock())
                session.add(row)
            elif Origin(row.origin).unasked and not origin.unasked:
                row.origin = origin
            session.flush()
            return _pull(row)

    def due(self) -> tuple[Turn, ...]:
        """Turns whose time has come; of those for a date range a few an archive, after all others.

        A queue is worked off in its order: what is asked for by hand would come after thousands.
        """
        backfill = PullRow.origin == Origin.BACKFILL
        with self._db.read() as session:
            rows = self._due(session, ~backfill)
            waiting = select(PullRow.source).where(backfill, PullRow.status == ErrandStatus.WAITING)
            for source in session.scalars(waiting.distinct()):
                mine = (backfill, PullRow.source == source)
                begun = PullRow.status.in_([ErrandStatus.QUEUED, ErrandStatus.UNDER_WAY])
                count = session.scalar(select(func.count()).where(*mine, begun)) or 0
                rows += self._due(session, *mine, limit=max(0, _BACKFILLS - count))
            return tuple(turn_of(row) for row in rows)

    def latest(self, study_uid: str, source: str) -> Pull | None:
        """The pull of a study that was asked for last; None where it never was."""
        query = (
            select(PullRow)
            .where(PullRow.study_uid == study_uid, PullRow.source == source)
            .order_by(PullRow.created.desc(), PullRow.id.desc())
            .limit(1)
        )
        with self._db.read() as session:
            row = session.scalars(query).one_or_none()
            return None if row is None else _pull(row)

    def seek_prior(self, session: Session, version: VersionRow, sources: Sequence[str]) -> None:
        """Have the patient's earlier study looked for, once for each study that somebody sent."""
        for source in sources if not Origin(version.origin).unasked else ():
            query = select(PullRow.id).where(
                PullRow.prior_of == version.assessment_id, PullRow.source == source
            )
            if session.scalars(query).first() is None:
                row = PullRow(source=source, origin=Origin.PRIOR, prior_of=version.assessment_id)
                start(row, self._clock())
                session.add(row)

    def begin(self, turn: str) -> Pull | None:
        """Begin a turn; None where there is nothing left to do."""
        with self._db.write() as session:
            row = self._begin(session, turn)
            return None if row is None else _pull(row)

    def fetched(self, turn: str, *, study_uid: str | None, images: int) -> None:
        """A pull is done; `study_uid` is None where the source has no earlier study."""
        with self._db.write() as session:
            row = holding(session, PullRow, turn)
            if row is not None:
                row.status, row.hop, row.reason = ErrandStatus.DONE, None, None
                row.study_uid, row.images, row.updated = study_uid, images, self._clock()
                row.assessment_id = str(assessment_id(study_uid)) if study_uid and images else None

    def get(self, pull: UUID) -> Pull | None:
        """One pull; None where there is none."""
        with self._db.read() as session:
            row = session.get(PullRow, str(pull))
            return None if row is None else _pull(row)

    def page(self, *, cursor: str | None = None, limit: int = 50) -> PullPage:
        """A page of pulls, newest first.

        Raises:
            ValueError: The cursor is none that this list gave.
        """
        with self._db.read() as session:
            rows = self._page(session, (), cursor, limit)
        after = cursor_after(rows[limit - 1]) if len(rows) > limit else None
        return PullPage(tuple(_pull(row) for row in rows[:limit]), after)


def _pull(row: PullRow) -> Pull:
    status = ErrandStatus(row.status)
    waits = status is ErrandStatus.WAITING
    return Pull(
        id=UUID(row.id), source=row.source, study_uid=row.study_uid, origin=Origin(row.origin),
        prior_of=UUID(row.prior_of) if row.prior_of else None,
        status=_TOLD.get(status) or PullStatus(status.value), attempts=row.attempts,
        next_attempt=row.next_attempt if waits else None, hop=row.hop, reason=row.reason,
        assessment=UUID(row.assessment_id) if row.assessment_id else None, images=row.images,
        created=row.created, updated=row.updated,
    )  # fmt: skip
