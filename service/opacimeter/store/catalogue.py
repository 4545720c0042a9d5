"""Catalogue: finding, reading and removing what is there."""

from uuid import UUID

from sqlalchemy import Select, func, select

from opacimeter.errors import NotFound
from opacimeter.record import assessment_id
from opacimeter.store.database import Database
from opacimeter.store.entries import Artifact, Entry, Event, Page, Status, Version
from opacimeter.store.files import Files
from opacimeter.store.forgetting import forget_waiting
from opacimeter.store.listing import (
    Order,
    Sort,
    Wanted,
    conditions,
    count,
    cursor_after,
    found,
    queries,
)
from opacimeter.store.patients import standing
from opacimeter.store.reading import document_names, entry_of, version_of
from opacimeter.store.rows import AssessmentRow, DocumentRow, EventRow, RemovedRow, VersionRow

__all__ = ["Catalogue"]

_NOTHING = "there is no such assessment"
_ALL = Wanted()


class Catalogue:
    """Answers questions; the only change it makes is to remove."""

    def __init__(self, db: Database, files: Files) -> None:
        """Wire it."""
        self._db, self._files = db, files

    def page(
        self, wanted: Wanted = _ALL, *, sort: Sort = Sort.RECEIVED,
        order: Order = Order.DESCENDING, cursor: str | None = None, limit: int = 50,
    ) -> Page:  # fmt: skip
        """A page of the list, by default of all assessments, newest first.

        Args:
            wanted: Which assessments.
            sort: By what; those without such a value come last.
            order: Which way.
            cursor: Of the page before.
            limit: Entries on a page.

        Raises:
            ValueError: The cursor is none that this list, in this order, gave.
        """
        parts = queries(wanted, sort=sort, order=order, cursor=cursor)
        with self._db.read() as session:
            rows = found(session, parts, limit + 1)
            total = count(session, wanted)
        entries = tuple(entry_of(*row) for row in rows[:limit])
        more = len(rows) > limit
        after = cursor_after(rows[limit - 1][0], sort=sort, order=order) if more else None
        return Page(entries, after, total)

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
            return entry_of(row, chosen, document_names(session, chosen))

    def knows(self, study_uid: str) -> bool:
        """Whether there is an assessment of a study."""
        with self._db.read() as session:
            return session.get(AssessmentRow, str(assessment_id(study_uid))) is not None

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
            return tuple(version_of(row, document_names(session, row)) for row in rows)

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

    def of_each(self, name: str, wanted: Wanted = _ALL) -> tuple[Artifact, ...]:
        """One document of each assessment that has it, in the version that stands, newest first."""
        documents: dict[str, dict[int, DocumentRow]] = {}
        versions: dict[str, list[VersionRow]] = {}
        with self._db.read() as session:
            for version, document in session.execute(_documents_named(name, wanted)):
                versions.setdefault(version.assessment_id, []).append(version)
                documents.setdefault(version.assessment_id, {})[version.number] = document
        chosen = ((key, standing(each)) for key, each in versions.items())
        return tuple(
            self._artifact(UUID(key), documents[key][one.number]) for key, one in chosen if one
        )

    def counts(self) -> dict[Status, int]:
        """How many assessments are in each state."""
        query = select(AssessmentRow.status, func.count()).group_by(AssessmentRow.status)
        with self._db.read() as session:
            found = {Status(status): number for status, number in session.execute(query)}
        return {status: found.get(status, 0) for status in Status}

    def remove(self, assessment: UUID) -> None:
        """Remove an assessment whole: rows, images, documents. A run of it comes to nothing.

        The number of its last version is kept: objects of the versions may be in archives, and if
        the study comes again, what is made of it must not bear their UIDs.

        Raises:
            NotFound: No such assessment.
        """
        with self._db.write() as session:
            row = session.get(AssessmentRow, str(assessment), with_for_update=True)
            if row is None:
                raise NotFound(_NOTHING)
            session.merge(RemovedRow(assessment_id=row.id, version=row.version))
            session.delete(row)
            forget_waiting(session, row.id)
            session.flush()
            # Inside the transaction: the same study arriving again waits until all is gone.
            self._files.forget(assessment)

    def _artifact(self, assessment: UUID, row: DocumentRow) -> Artifact:
        path = self._files.document(assessment, row.version, row.name)
        return Artifact(row.name, row.media_type, row.size_bytes, row.sha256, path)


def _documents_named(name: str, wanted: Wanted) -> Select[VersionRow, DocumentRow]:
    of_version = (DocumentRow.assessment_id == VersionRow.assessment_id) & (
        DocumentRow.version == VersionRow.number
    )
    return (
        select(VersionRow, DocumentRow)
        .join(AssessmentRow, AssessmentRow.id == VersionRow.assessment_id)
        .join(DocumentRow, of_version & (DocumentRow.name == name))
        .where(*conditions(wanted))
        .order_by(AssessmentRow.received.desc(), AssessmentRow.id.desc())
    )
