"""Run: one attempt at one version, the desk that the pipeline works at."""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Delete, delete, or_, select
from sqlalchemy.orm import Session

from opacimeter.checks import Check
from opacimeter.document import Document
from opacimeter.errors import Cancelled
from opacimeter.record import Record
from opacimeter.store.arrivals import add_event, plain
from opacimeter.store.database import Database
from opacimeter.store.entries import Artifact, Status
from opacimeter.store.files import Files
from opacimeter.store.onward import Onward
from opacimeter.store.rows import DocumentRow, InstanceRow, VersionRow

__all__ = ["About", "Ending", "Run", "delete_documents", "holding"]

_SEEN_S = 0.25


@dataclass(frozen=True, slots=True)
class Ending:
    """Ends versions.

    Attributes:
        clock: Now, UTC.
        onward: Makes what follows.
    """

    clock: Callable[[], datetime]
    onward: Onward

    def __call__(
        self, session: Session, row: VersionRow, status: Status, names: Sequence[str] = ()
    ) -> None:
        """Put a version into a final state, tell those who watch, make what follows."""
        row.status, row.finished = status, self.clock()
        row.cancelling, row.step, row.fraction = False, None, 1.0
        add_event(session, row, self.clock())
        session.flush()
        self.onward(session, row, names)


@dataclass(frozen=True, slots=True)
class About:
    """What a run is about.

    Attributes:
        record: The row it is filed under.
        problems: What was wrong with the delivery beyond its files.
        images_of: The version whose images are measured: the corrected one's where a person's
            changes make this version, since late images were not painted on.
        end: Ends the version.
    """

    record: Record
    problems: tuple[Check, ...]
    images_of: int
    end: Ending


class Run:
    """One attempt at one version: the desk that the pipeline works at.

    Attributes:
        record: The row it is filed under.
        problems: What was wrong with the delivery beyond its files.
    """

    def __init__(
        self, db: Database, files: Files, *, job: str, about: About,
        clock: Callable[[], datetime],
    ) -> None:  # fmt: skip
        """Made by `Runs.begin`."""
        self._db, self._files, self._job, self._clock = db, files, job, clock
        self._step, self._told, self._end = "", 0.0, about.end
        self.record, self.problems, self._images_of = about.record, about.problems, about.images_of

    def files(self) -> tuple[Path, ...]:
        """The received files that belong to this version."""
        rows = select(InstanceRow.name).where(
            InstanceRow.assessment_id == str(self.record.id),
            InstanceRow.since <= self._images_of,
            or_(InstanceRow.until.is_(None), InstanceRow.until > self._images_of),
        )
        with self._db.read() as session:
            names = sorted(session.scalars(rows))
        return tuple(self._files.instance(self.record.id, name) for name in names)

    def document(self, version: int, name: str) -> Path:
        """A document of an earlier version."""
        return self._files.document(self.record.id, version, name)

    def painting(self) -> Path:
        """What a person painted for this version."""
        return self._files.painting(self.record.id, self.record.version)

    def progress(self, step: str, fraction: float) -> None:
        """Tell those who watch, no more often than they could see and only what is new.

        Raises:
            Cancelled: The user asked to stop, or this attempt has lost the right to go on.
        """
        now = time.monotonic()
        if step == self._step and now - self._told < _SEEN_S:
            return
        self._step, self._told = step, now
        with self._db.write() as session:
            row = self._held(session)
            if row.cancelling:
                raise Cancelled("the user cancelled the assessment")
            if (row.step, row.fraction) != (step, fraction):
                row.step, row.fraction = step, fraction
                add_event(session, row, self._clock())

    def keep(
        self,
        documents: Sequence[Document],
        *,
        checks: Sequence[Check],
        summary: Mapping[str, Any],
    ) -> None:
        """Keep all documents and complete the version, or keep none.

        Args:
            documents: What the report made.
            checks: Of the assessment.
            summary: What the list shows: volume_ml, lesion_ml, lesion_percent, ct_ss ….

        Raises:
            Cancelled: This attempt has lost the right to write.
        """
        self._keep(documents, status=Status.COMPLETE, checks=checks, summary=summary)

    def reject(self, documents: Sequence[Document], *, checks: Sequence[Check]) -> None:
        """Keep what there is to say about a study that cannot be measured.

        Raises:
            Cancelled: This attempt has lost the right to write.
        """
        self._keep(documents, status=Status.REJECTED, checks=checks, summary={})

    def _keep(
        self,
        documents: Sequence[Document],
        *,
        status: Status,
        checks: Sequence[Check],
        summary: Mapping[str, Any],
    ) -> None:
        began = time.perf_counter()
        staged, artifacts = self._files.stage(documents)
        seconds = {"report": round(time.perf_counter() - began, 3)}
        try:
            with self._db.write() as session:
                row = self._held(session)
                session.execute(delete_documents(row))
                self._files.publish(staged, self.record.id, self.record.version)
                session.add_all(_document_rows(row, artifacts))
                row.checks, row.summary = [plain(check) for check in checks], dict(summary)
                row.seconds = seconds
                self._end(session, row, status, [made.name for made in artifacts])
        finally:
            shutil.rmtree(staged, ignore_errors=True)

    def end(self, status: Status, error: str | None = None) -> None:
        """Finish without documents: cancelled, or failed with a sentence for the user."""
        with self._db.write() as session:
            row = holding(session, self._job)
            if row is not None and not Status(row.status).final:
                row.error = error
                self._end(session, row, status)

    def release(self) -> None:
        """Give the attempt back uncounted: the worker stops, and that is not the study's fault."""
        with self._db.write() as session:
            row = holding(session, self._job)
            if row is not None and row.status == Status.RUNNING:
                row.attempts = max(0, row.attempts - 1)

    def _held(self, session: Session) -> VersionRow:
        row = holding(session, self._job)
        if row is None or row.status != Status.RUNNING:
            raise Cancelled("the assessment was ended or removed meanwhile")
        return row


def holding(session: Session, job: str) -> VersionRow | None:
    """The version that a job is about; None where the job has lost its right to it."""
    key, number, token = job.split(":")
    row = session.get(VersionRow, (key, int(number)), with_for_update=True)
    return row if row is not None and row.token == token else None


def delete_documents(row: VersionRow) -> Delete:
    """Forgets the documents of a version."""
    return delete(DocumentRow).where(
        DocumentRow.assessment_id == row.assessment_id, DocumentRow.version == row.number
    )


def _document_rows(row: VersionRow, artifacts: Sequence[Artifact]) -> list[DocumentRow]:
    return [
        DocumentRow(
            assessment_id=row.assessment_id, version=row.number, name=made.name,
            position=position, media_type=made.media_type, size_bytes=made.size_bytes,
            sha256=made.sha256,
        )
        for position, made in enumerate(artifacts)
    ]  # fmt: skip
