"""Corrections: versions that a person's changes to the labels of an earlier one make."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from opacimeter.errors import Conflict, NotFound
from opacimeter.record import Correction
from opacimeter.store.arrivals import add_event, job_of
from opacimeter.store.database import Database
from opacimeter.store.entries import Receipt, Status
from opacimeter.store.files import Files
from opacimeter.store.rows import AssessmentRow, VersionRow

__all__ = ["Corrections", "images_of"]


class Corrections:
    """Takes corrections in. The same one again changes nothing."""

    def __init__(self, db: Database, files: Files, *, clock: Callable[[], datetime]) -> None:
        """Wire it."""
        self._db, self._files, self._clock = db, files, clock

    def receive(
        self, assessment: UUID, correction: Correction, painting: Path, *, series_uid: str
    ) -> Receipt:
        """File a painting as the next version.

        Args:
            assessment: The study.
            correction: Which version was painted on, by whom and why.
            painting: What `report.accept_painting` wrote; it is moved.
            series_uid: SeriesInstanceUID that the corrected version was measured on.

        Raises:
            NotFound: No such assessment or version.
            Conflict: That version is not complete.
        """
        with painting.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        asked = {"of": correction.of, "author": correction.author, "reason": correction.reason}
        told = {**asked, "sha256": digest}
        with self._db.write() as session:
            head, corrected = _complete(session, assessment, correction.of)
            known = _known(session, head, told)
            if known is not None:
                return Receipt(assessment, known, None)
            row = self._version(corrected, head.version + 1, told, series_uid)
            session.add(row)
            head.version, head.status, head.received = row.number, row.status, row.created
            add_event(session, row, row.created)
            session.flush()
            # Before the commit: a row without its painting could never be worked on.
            self._files.take_painting(painting, assessment, row.number)
            return Receipt(assessment, row.number, job_of(row))

    def finished(self) -> tuple[tuple[UUID, int], ...]:
        """The newest complete correction of each assessment that has one: id and version."""
        query = (
            select(VersionRow.assessment_id, VersionRow.number)
            .where(VersionRow.status == Status.COMPLETE, VersionRow.correction.is_not(None))
            .order_by(VersionRow.assessment_id, VersionRow.number)
        )
        with self._db.read() as session:
            newest = {UUID(key): number for key, number in session.execute(query)}
        return tuple(newest.items())

    def _version(
        self, corrected: VersionRow, number: int, told: dict[str, Any], series_uid: str
    ) -> VersionRow:
        return VersionRow(
            assessment_id=corrected.assessment_id, number=number, series_uid=series_uid,
            instances_hash=corrected.instances_hash, problems=corrected.problems,
            # The network's labels are what was changed, whichever one the workers have now.
            model=corrected.model, correction={**told, "images_of": images_of(corrected)},
            status=Status.RECEIVED, token=uuid4().hex, attempts=0, cancelling=False, step=None,
            fraction=0.0, created=self._clock(), started=None, finished=None, error=None,
            checks=[], summary={}, seconds={}, reviews=[],
        )  # fmt: skip


def _complete(session: Session, assessment: UUID, version: int) -> tuple[AssessmentRow, VersionRow]:
    head = session.get(AssessmentRow, str(assessment), with_for_update=True)
    if head is None:
        raise NotFound("there is no such assessment")
    row = session.get(VersionRow, (head.id, version))
    if row is None:
        raise NotFound(f"the assessment has no version {version}")
    if row.status != Status.COMPLETE:
        raise Conflict(f"version {version} is {row.status}; only a complete one can be corrected")
    return head, row


def _known(session: Session, head: AssessmentRow, told: dict[str, Any]) -> int | None:
    """The newest version that this very correction made already."""
    query = select(VersionRow).where(VersionRow.assessment_id == head.id)
    for row in session.scalars(query.order_by(VersionRow.number.desc())):
        if row.correction is not None and told.items() <= row.correction.items():
            return row.number
    return None


def images_of(row: VersionRow) -> int:
    """The version whose images were measured: late ones were not painted on."""
    return int((row.correction or {}).get("images_of", row.number))
