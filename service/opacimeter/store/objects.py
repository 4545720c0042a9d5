"""The DICOM objects that were made or came in, for those who ask as they would ask an archive."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import Select, select

from opacimeter.errors import NotFound
from opacimeter.record import assessment_id
from opacimeter.store.database import Database
from opacimeter.store.entries import Artifact, Status
from opacimeter.store.files import Files, uid_hash
from opacimeter.store.rows import AssessmentRow, DocumentRow, InstanceRow, VersionRow
from opacimeter.store.rows_inbox import WaitingRow

__all__ = ["MadeStudy", "Objects"]

_MEDIA_TYPE = "application/dicom"
_PAGE = 100


@dataclass(frozen=True, slots=True)
class MadeStudy:
    """A study with the DICOM objects that were made of it.

    Attributes:
        id: The assessment.
        study_uid: StudyInstanceUID.
        objects: (version, document) of all complete versions, the oldest version first.
    """

    id: UUID
    study_uid: str
    objects: Sequence[tuple[int, Artifact]]


class Objects:
    """Finds them."""

    def __init__(self, db: Database, files: Files) -> None:
        """Wire it."""
        self._db, self._files = db, files

    def studies(
        self, *, study_uids: Sequence[str] = (), patient_id: str | None = None,
        accession: str | None = None,
    ) -> Iterator[MadeStudy]:  # fmt: skip
        """Studies that have such objects, the newest first, read as they are asked for.

        Args:
            study_uids: Only these.
            patient_id: Only of this PatientID.
            accession: Only of this accession number.
        """
        query = _with_objects()
        if study_uids:
            query = query.where(AssessmentRow.study_uid.in_(study_uids))
        if patient_id is not None:
            query = query.where(AssessmentRow.patient_id == patient_id)
        if accession is not None:
            query = query.where(AssessmentRow.accession == accession)
        last: tuple[object, str] | None = None
        while True:
            page = self._page(query, last)
            yield from (self._made(row) for row in page)
            if len(page) < _PAGE:
                return
            last = page[-1].received, page[-1].id

    def received(self, study_uid: str, instance_uid: str) -> Path:
        """An object that came in.

        Raises:
            NotFound: There is none.
        """
        assessment, key = assessment_id(study_uid), uid_hash(instance_uid)
        in_force = select(InstanceRow.name).where(
            InstanceRow.assessment_id == str(assessment),
            InstanceRow.uid_hash == key,
            InstanceRow.until.is_(None),
        )
        with self._db.read() as session:
            waiting = session.get(WaitingRow, (str(assessment), key))
            name = session.scalars(in_force).first() or (waiting.name if waiting else None)
        if name is None:
            raise NotFound("there is no such instance")
        return self._files.instance(assessment, name)

    def held(self, instance_uid: str) -> tuple[Path, ...]:
        """The files that came in under a SOPInstanceUID, whatever their study."""
        key = uid_hash(instance_uid)
        filed = select(InstanceRow.assessment_id, InstanceRow.name).where(
            InstanceRow.uid_hash == key, InstanceRow.until.is_(None)
        )
        waiting = select(WaitingRow.assessment_id, WaitingRow.name).where(
            WaitingRow.uid_hash == key
        )
        with self._db.read() as session:
            rows = session.execute(filed.union(waiting)).all()
        paths = (self._files.instance(UUID(assessment), name) for assessment, name in rows)
        return tuple(path for path in paths if path.exists())

    def _page(
        self, query: Select[AssessmentRow], last: tuple[object, str] | None
    ) -> Sequence[AssessmentRow]:
        if last is not None:
            received, key = last
            query = query.where(
                (AssessmentRow.received < received)
                | ((AssessmentRow.received == received) & (AssessmentRow.id < key))
            )
        order = (AssessmentRow.received.desc(), AssessmentRow.id.desc())
        with self._db.read() as session:
            return session.scalars(query.order_by(*order).limit(_PAGE)).all()

    def _made(self, row: AssessmentRow) -> MadeStudy:
        query = _documents().where(DocumentRow.assessment_id == row.id)
        order = (DocumentRow.version, DocumentRow.position)
        with self._db.read() as session:
            documents = session.scalars(query.order_by(*order)).all()
        key = UUID(row.id)
        return MadeStudy(
            key, row.study_uid, [(each.version, self._artifact(key, each)) for each in documents]
        )

    def _artifact(self, assessment: UUID, row: DocumentRow) -> Artifact:
        path = self._files.document(assessment, row.version, row.name)
        return Artifact(row.name, row.media_type, row.size_bytes, row.sha256, path)


def _documents() -> Select[DocumentRow]:
    of_version = (DocumentRow.assessment_id == VersionRow.assessment_id) & (
        DocumentRow.version == VersionRow.number
    )
    return (
        select(DocumentRow)
        .join(VersionRow, of_version)
        .where(DocumentRow.media_type == _MEDIA_TYPE, VersionRow.status == Status.COMPLETE)
    )


def _with_objects() -> Select[AssessmentRow]:
    has = _documents().where(DocumentRow.assessment_id == AssessmentRow.id).exists()
    return select(AssessmentRow).where(has)
