"""Catalogue: finding, reading and removing what is there."""

import base64
import binascii
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import Session

from opacimeter.errors import NotFound
from opacimeter.store.database import Database
from opacimeter.store.entries import Artifact, Entry, Event, Page, Status, Version
from opacimeter.store.files import Files
from opacimeter.store.rows import AssessmentRow, DocumentRow, EventRow, VersionRow

__all__ = ["Catalogue"]

_NOTHING = "there is no such assessment"


class Catalogue:
    """Answers questions; the only change it makes is to remove."""

    def __init__(self, db: Database, files: Files) -> None:
        """Wire it."""
        self._db, self._files = db, files

    def page(
        self, *, patient: str | None = None, status: Status | None = None,
        cursor: str | None = None, limit: int = 50,
    ) -> Page:  # fmt: skip
        """A page of the list, newest first.

        Args:
            patient: Only this PatientID (0010,0020), exactly.
            status: Only assessments whose newest version is in this state.
            cursor: Of the page before.
            limit: Entries on a page.

        Raises:
            ValueError: The cursor is none that this list gave.
        """
        query = list_query(patient=patient, status=status, cursor=cursor)
        with self._db.read() as session:
            rows = session.execute(query.limit(limit + 1)).all()
            entries = tuple(_entry(session, row[0], row[1], listed=True) for row in rows[:limit])
        more = len(rows) > limit
        return Page(entries, _cursor(rows[limit - 1][0]) if more else None)

    def get(self, assessment: UUID, version: int | None = None) -> Entry:
        """An assessment with one of its versions, the newest by default.

        Raises:
            NotFound: There is none.
        """
        with self._db.read() as session:
            row = session.get(AssessmentRow, str(assessment))
            if row is None:
                raise NotFound(_NOTHING)
            chosen = session.get(VersionRow, (row.id, version or row.version))
            if chosen is None:
                raise NotFound(f"the assessment has no version {version}")
            return _entry(session, row, chosen)

    def versions(self, assessment: UUID) -> tuple[Version, ...]:
        """All versions, oldest first.

        Raises:
            NotFound: No such assessment.
        """
        query = select(VersionRow).where(VersionRow.assessment_id == str(assessment))
        with self._db.read() as session:
            rows = session.scalars(query.order_by(VersionRow.number)).all()
            if not rows:
                raise NotFound(_NOTHING)
            return tuple(_version(row, _document_names(session, row)) for row in rows)

    def events(self, assessment: UUID, *, after: int = 0, limit: int = 500) -> tuple[Event, ...]:
        """What happened after event number `after`, oldest first."""
        query = select(EventRow).where(
            EventRow.assessment_id == str(assessment), EventRow.number > after
        )
        with self._db.read() as session:
            rows = session.scalars(query.order_by(EventRow.number).limit(limit)).all()
        return tuple(
            Event(row.number, row.version, row.time, Status(row.status), row.step, row.fraction)
            for row in rows
        )

    def artifacts(self, assessment: UUID, version: int) -> tuple[Artifact, ...]:
        """The documents of a version, in the order in which the report made them."""
        query = select(DocumentRow).where(
            DocumentRow.assessment_id == str(assessment), DocumentRow.version == version
        )
        with self._db.read() as session:
            rows = session.scalars(query.order_by(DocumentRow.position)).all()
        return tuple(self._artifact(assessment, row) for row in rows)

    def artifact(self, assessment: UUID, version: int, name: str) -> Artifact:
        """One document.

        Raises:
            NotFound: The version has none of that name.
        """
        with self._db.read() as session:
            row = session.get(DocumentRow, (str(assessment), version, name))
        if row is None:
            raise NotFound("the assessment has no such document")
        return self._artifact(assessment, row)

    def counts(self) -> dict[Status, int]:
        """How many assessments are in each state."""
        query = select(AssessmentRow.status, func.count()).group_by(AssessmentRow.status)
        with self._db.read() as session:
            found = {Status(status): number for status, number in session.execute(query)}
        return {status: found.get(status, 0) for status in Status}

    def remove(self, assessment: UUID) -> None:
        """Remove an assessment whole: rows, images, documents. A run of it comes to nothing.

        Raises:
            NotFound: No such assessment.
        """
        with self._db.write() as session:
            row = session.get(AssessmentRow, str(assessment), with_for_update=True)
            if row is None:
                raise NotFound(_NOTHING)
            session.delete(row)
            session.flush()
            # Inside the transaction: the same study arriving again waits until all is gone.
            self._files.forget(assessment)

    def _artifact(self, assessment: UUID, row: DocumentRow) -> Artifact:
        path = self._files.document(assessment, row.version, row.name)
        return Artifact(row.name, row.media_type, row.size_bytes, row.sha256, path)


def list_query(
    *, patient: str | None, status: Status | None, cursor: str | None
) -> Select[AssessmentRow, VersionRow]:
    """The list's query: keyset paging, so that page 200 costs what page 1 does."""
    query = select(AssessmentRow, VersionRow).join(
        VersionRow,
        (VersionRow.assessment_id == AssessmentRow.id)
        & (VersionRow.number == AssessmentRow.version),
    )
    if patient is not None:
        query = query.where(AssessmentRow.patient_id == patient)
    if status is not None:
        query = query.where(AssessmentRow.status == status.value)
    if cursor is not None:
        received, key = _position(cursor)
        query = query.where(tuple_(AssessmentRow.received, AssessmentRow.id) < (received, key))
    return query.order_by(AssessmentRow.received.desc(), AssessmentRow.id.desc())


def _cursor(row: AssessmentRow) -> str:
    return base64.urlsafe_b64encode(f"{row.received.isoformat()} {row.id}".encode()).decode()


def _position(cursor: str) -> tuple[datetime, str]:
    try:
        received, key = base64.urlsafe_b64decode(cursor.encode()).decode().split(" ")
        return datetime.fromisoformat(received).astimezone(UTC), str(UUID(key))
    except (ValueError, OverflowError, binascii.Error) as error:
        raise ValueError("the cursor is none that this list gave") from error


def _entry(
    session: Session, row: AssessmentRow, version: VersionRow, *, listed: bool = False
) -> Entry:
    # The list does not show documents: it spares a query an entry.
    documents = () if listed else _document_names(session, version)
    return Entry(
        UUID(row.id), row.study_uid, row.received, row.patient, row.study,
        _version(version, documents),
    )  # fmt: skip


def _version(row: VersionRow, documents: tuple[str, ...]) -> Version:
    return Version(
        number=row.number, status=Status(row.status), created=row.created,
        finished=row.finished, step=row.step, fraction=row.fraction, series_uid=row.series_uid,
        model=row.model, error=row.error, checks=row.checks, summary=row.summary,
        seconds=row.seconds, cancelling=row.cancelling, documents=documents,
    )  # fmt: skip


def _document_names(session: Session, row: VersionRow) -> tuple[str, ...]:
    query = select(DocumentRow.name).where(
        DocumentRow.assessment_id == row.assessment_id, DocumentRow.version == row.number
    )
    return tuple(session.scalars(query.order_by(DocumentRow.position)))
