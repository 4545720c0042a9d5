"""Deliveries: which documents go where, who is told of them, and what became of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from opacimeter.errors import Conflict, NotFound
from opacimeter.store.destinations import DeliveryKind, Destination, Ended
from opacimeter.store.entries import Origin, Status
from opacimeter.store.errands import Errands, ErrandStatus, cursor_after, holding, start
from opacimeter.store.rows import AssessmentRow, EventRow, VersionRow
from opacimeter.store.rows_errands import DeliveryRow

__all__ = [
    "Deliveries",
    "Delivery",
    "DeliveryPage",
    "DeliveryStatus",
]


class DeliveryStatus(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    QUEUED = "queued"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"
    ABANDONED = "abandoned"


_TOLD = {
    ErrandStatus.UNDER_WAY: DeliveryStatus.SENDING,
    ErrandStatus.DONE: DeliveryStatus.DELIVERED,
}
_ASKED = {told.value: status.value for status, told in _TOLD.items()}


@dataclass(frozen=True, slots=True)
class Delivery:
    """One version's documents, or word of its end, on their way to one destination.

    Attributes:
        id: Of the delivery.
        assessment: Whose version it is.
        version: Which one.
        study_uid: StudyInstanceUID.
        destination: Name of the archive or webhook.
        kind: What goes.
        status: Where it stands.
        attempts: Begun since it was last asked for.
        next_attempt: When it is tried next, UTC; None where it is not.
        hop: Where on the way the last attempt ended: connect, store, confirm, notify; None where
            well.
        reason: Why.
        objects: name, uid, stored and maybe reason of each document, after the first answer.
        created: When it was made.
        updated: When it last changed.
    """

    id: UUID
    assessment: UUID
    version: int
    study_uid: str
    destination: str
    kind: DeliveryKind
    status: DeliveryStatus
    attempts: int
    next_attempt: datetime | None
    hop: str | None
    reason: str | None
    objects: Sequence[Mapping[str, Any]]
    created: datetime
    updated: datetime


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """A page of the list, newest first; `cursor` asks for the next one, None at the end."""

    deliveries: tuple[Delivery, ...]
    cursor: str | None


class Deliveries(Errands[DeliveryRow]):
    """Makes deliveries, and keeps what became of them."""

    row_class = DeliveryRow
    words = _TOLD

    def announce(
        self, session: Session, version: VersionRow, names: Iterable[str],
        destinations: Sequence[Destination],
    ) -> None:  # fmt: skip
        """Make the deliveries of a version that ended, in the transaction that ends it.

        A kill between the two would otherwise lose them.
        """
        status, origin = Status(version.status), Origin(version.origin)
        ended = Ended(status, origin, frozenset(names))
        for destination in destinations:
            kind = destination.wants(ended)
            if kind is not None and not self._asked_since(session, version, destination.name, kind):
                self._ask(session, version, destination.name, kind)

    def reject(self, session: Session, version: VersionRow) -> None:
        """Make the deliveries of a rejection note, to each destination of the version's result.

        In the transaction that keeps the review, for the same reason.
        """
        query = select(DeliveryRow.destination).where(
            DeliveryRow.assessment_id == version.assessment_id,
            DeliveryRow.version == version.number,
            DeliveryRow.kind == DeliveryKind.RESULT,
        )
        for name in session.scalars(query).all():
            self._ask(session, version, name, DeliveryKind.REJECTION)

    def ask(self, assessment: UUID, destination: str) -> Delivery:
        """Have the newest complete version brought to an archive, whatever came of it before.

        For an archive that was named later, and for what was fetched unasked.

        Raises:
            NotFound: No such assessment.
            Conflict: No version of it is complete, or it is under way there.
        """
        with self._db.write() as session:
            version = _newest_complete(session, assessment)
            row = _row(session, _key(version), destination, DeliveryKind.RESULT)
            if row is not None and row.status == ErrandStatus.UNDER_WAY:
                raise Conflict("it is on its way there")
            made = self._ask(session, version, destination, DeliveryKind.RESULT)
            session.flush()
            return _delivery(made)

    def retry_ended(self, destination: str | None = None) -> int:
        """Try again all that failed or was abandoned, there or everywhere; how many that is."""
        only = [] if destination is None else [DeliveryRow.destination == destination]
        return self.retry_all(*only)

    def begin(self, turn: str) -> Delivery | None:
        """Begin a turn; None where there is nothing left to do."""
        with self._db.write() as session:
            row = self._begin(session, turn)
            return None if row is None else _delivery(row)

    def told(self, turn: str, objects: Sequence[Mapping[str, Any]], *, done: bool) -> None:
        """Keep what the archive said of each document; `done` where it holds them all."""
        with self._db.write() as session:
            row = holding(session, DeliveryRow, turn)
            if row is not None:
                row.objects, row.updated = [dict(each) for each in objects], self._clock()
                if done:
                    row.status, row.hop, row.reason = ErrandStatus.DONE, None, None
                    self._note_again(session, row)
                    self._came_to_its_end(session, row)

    def get(self, delivery: UUID) -> Delivery | None:
        """One delivery; None where there is none."""
        with self._db.read() as session:
            row = session.get(DeliveryRow, str(delivery))
            return None if row is None else _delivery(row)

    def result(self, of: Delivery) -> Delivery | None:
        """The delivery of the result of the same version to the same destination."""
        with self._db.read() as session:
            key = str(of.assessment), of.version
            row = _row(session, key, of.destination, DeliveryKind.RESULT)
            return None if row is None else _delivery(row)

    def page(
        self, *, assessment: UUID | None = None, status: DeliveryStatus | None = None,
        destination: str | None = None, cursor: str | None = None, limit: int = 50,
    ) -> DeliveryPage:  # fmt: skip
        """A page of deliveries, newest first; what is None does not matter.

        Raises:
            ValueError: The cursor is none that this list gave.
        """
        asked = {
            DeliveryRow.assessment_id: str(assessment) if assessment else None,
            DeliveryRow.status: _ASKED.get(status.value, status.value) if status else None,
            DeliveryRow.destination: destination,
        }
        conditions = [column == value for column, value in asked.items() if value]
        with self._db.read() as session:
            rows = self._page(session, conditions, cursor, limit)
        after = cursor_after(rows[limit - 1]) if len(rows) > limit else None
        return DeliveryPage(tuple(_delivery(row) for row in rows[:limit]), after)

    def _came_to_its_end(self, session: Session, row: DeliveryRow) -> None:
        """Tell those who watch which share of the version's deliveries has arrived."""
        session.flush()
        query = select(DeliveryRow.status).where(
            DeliveryRow.assessment_id == row.assessment_id, DeliveryRow.version == row.version
        )
        stand = session.scalars(query).all()
        version = session.get_one(VersionRow, (row.assessment_id, row.version))
        event = EventRow(
            assessment_id=row.assessment_id, version=row.version, time=self._clock(),
            status=version.status, step="deliver",
            fraction=stand.count(ErrandStatus.DONE) / len(stand),
        )  # fmt: skip
        session.add(event)

    def _note_again(self, session: Session, row: DeliveryRow) -> None:
        """A result is whole in the archive at last: the note about it names all of it now."""
        if row.kind != DeliveryKind.RESULT:
            return
        key = row.assessment_id, row.version
        note = _row(session, key, row.destination, DeliveryKind.REJECTION)
        if note is not None and note.status != ErrandStatus.UNDER_WAY:
            start(note, self._clock())

    def _asked_since(
        self, session: Session, version: VersionRow, destination: str, kind: DeliveryKind
    ) -> bool:
        """Whether it was asked for since the version ended: nothing is sent twice."""
        row = _row(session, _key(version), destination, kind)
        return row is not None and version.finished is not None and row.asked >= version.finished

    def _ask(
        self, session: Session, version: VersionRow, destination: str, kind: DeliveryKind
    ) -> DeliveryRow:
        row = _row(session, _key(version), destination, kind)
        if row is not None and kind.event:
            # It ended so before, and was retried: news with a name of its own, no repetition.
            session.delete(row)
            session.flush()
            row = None
        if row is None:
            head = session.get_one(AssessmentRow, version.assessment_id)
            row = DeliveryRow(
                assessment_id=version.assessment_id, version=version.number,
                study_uid=head.study_uid, destination=destination, kind=kind, objects=[],
            )  # fmt: skip
            session.add(row)
        start(row, self._clock())
        return row


def _newest_complete(session: Session, assessment: UUID) -> VersionRow:
    if session.get(AssessmentRow, str(assessment)) is None:
        raise NotFound("there is no such assessment")
    query = select(VersionRow).where(
        VersionRow.assessment_id == str(assessment), VersionRow.status == Status.COMPLETE
    )
    version = session.scalars(query.order_by(VersionRow.number.desc())).first()
    if version is None:
        raise Conflict("no version of the assessment is complete")
    return version


def _key(version: VersionRow) -> tuple[str, int]:
    return version.assessment_id, version.number


def _row(
    session: Session, version: tuple[str, int], destination: str, kind: DeliveryKind
) -> DeliveryRow | None:
    """The delivery of a version, told by its assessment and number."""
    query = select(DeliveryRow).where(
        DeliveryRow.assessment_id == version[0],
        DeliveryRow.version == version[1],
        DeliveryRow.destination == destination,
        DeliveryRow.kind == kind,
    )
    return session.scalars(query).one_or_none()


def _delivery(row: DeliveryRow) -> Delivery:
    status = ErrandStatus(row.status)
    waits = status is ErrandStatus.WAITING
    return Delivery(
        id=UUID(row.id), assessment=UUID(row.assessment_id), version=row.version,
        study_uid=row.study_uid, destination=row.destination, kind=DeliveryKind(row.kind),
        status=_TOLD.get(status) or DeliveryStatus(status.value), attempts=row.attempts,
        next_attempt=row.next_attempt if waits else None, hop=row.hop, reason=row.reason,
        objects=row.objects, created=row.created, updated=row.updated,
    )  # fmt: skip
