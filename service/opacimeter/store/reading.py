"""Reading: rows become the values that leave the store."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from opacimeter.store.entries import Entry, Origin, Status, Version
from opacimeter.store.rows import AssessmentRow, DocumentRow, VersionRow

__all__ = ["document_names", "entry_of", "version_of"]


def entry_of(row: AssessmentRow, version: VersionRow, documents: tuple[str, ...] = ()) -> Entry:
    """An assessment with one of its versions; a list leaves its documents out."""
    return Entry(
        UUID(row.id), row.study_uid, row.received, row.patient, row.study,
        version_of(version, documents),
    )  # fmt: skip


def version_of(row: VersionRow, documents: tuple[str, ...] = ()) -> Version:
    """A version."""
    return Version(
        number=row.number, status=Status(row.status), created=row.created,
        finished=row.finished, step=row.step, fraction=row.fraction, series_uid=row.series_uid,
        model=row.model, error=row.error, checks=row.checks, summary=row.summary,
        seconds=row.seconds, cancelling=row.cancelling, documents=documents,
        correction=row.correction, review=row.review, reviews=row.reviews,
        origin=Origin(row.origin),
    )  # fmt: skip


def document_names(session: Session, row: VersionRow) -> tuple[str, ...]:
    """Names of a version's documents, in the order in which the report made them."""
    query = select(DocumentRow.name).where(
        DocumentRow.assessment_id == row.assessment_id, DocumentRow.version == row.number
    )
    return tuple(session.scalars(query.order_by(DocumentRow.position)))
