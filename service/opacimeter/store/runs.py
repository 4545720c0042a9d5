"""Runs: the work on a version, from the queue to its documents.

A run is one attempt under one token. Whoever holds a token that the row no longer bears (cancelled
and retried, deleted, given up) can write nothing.
"""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Delete, delete, or_, select
from sqlalchemy.orm import Session

from opacimeter.checks import Check
from opacimeter.document import Document
from opacimeter.errors import Cancelled, Conflict, NotFound
from opacimeter.record import Record
from opacimeter.store.arrivals import add_event, job_of, plain
from opacimeter.store.database import Database
from opacimeter.store.entries import Artifact, Status
from opacimeter.store.files import Files
from opacimeter.store.rows import AssessmentRow, DocumentRow, InstanceRow, VersionRow

__all__ = ["Run", "Runs"]

_SEEN_S = 0.25


class Runs:
    """Begins, cancels and retries the work."""

    def __init__(self, db: Database, files: Files, *, clock: Callable[[], datetime]) -> None:
        """Wire it."""
        self._db, self._files, self._clock = db, files, clock

    def unqueued(self) -> tuple[str, ...]:
        """Jobs that were received and not yet queued: the sender died in between."""
        rows = select(VersionRow).where(VersionRow.status == Status.RECEIVED)
        with self._db.read() as session:
            return tuple(job_of(row) for row in session.scalars(rows))

    def queued(self, job: str) -> None:
        """The queue has taken the job."""
        with self._db.write() as session:
            row = _holding(session, job)
            if row is not None and row.status == Status.RECEIVED:
                row.status = Status.QUEUED
                add_event(session, row, self._clock())

    def begin(self, job: str, *, attempts: int, model: Mapping[str, str]) -> "Run | None":
        """Begin one attempt; None where there is nothing left to do.

        An attempt that finds the version running comes after a worker that died. After `attempts`
        of them the study itself is taken to be the cause, and the version fails.
        """
        with self._db.write() as session:
            row = _holding(session, job)
            if row is None or Status(row.status).final:
                return None
            if row.cancelling or row.attempts >= attempts:
                _finish(row, now=self._clock(), status=_given_up(row))
                add_event(session, row, self._clock())
                return None
            row.attempts += 1
            row.status, row.step, row.fraction = Status.RUNNING, "read", 0.0
            row.started, row.model = self._clock(), dict(model)
            add_event(session, row, self._clock())
            record = _record(session, row)
            problems = tuple(_check(told) for told in row.problems)
        return Run(self._db, self._files, job=job, about=(record, problems), clock=self._clock)

    def abandon(self, job: str, error: str) -> None:
        """Fail a job that the queue has given up."""
        with self._db.write() as session:
            row = _holding(session, job)
            if row is not None and not Status(row.status).final:
                _finish(row, now=self._clock(), status=Status.FAILED)
                row.error = error
                add_event(session, row, self._clock())

    def cancel(self, assessment: UUID) -> None:
        """Stop the newest version: at once while it waits, at its next step while it runs.

        Raises:
            NotFound: No such assessment.
            Conflict: It is finished.
        """
        with self._db.write() as session:
            row = _newest(session, assessment)
            if Status(row.status).final:
                raise Conflict(f"the assessment is {row.status}: there is nothing to cancel")
            row.cancelling = True
            if row.status != Status.RUNNING:
                _finish(row, now=self._clock(), status=Status.CANCELLED)
            add_event(session, row, self._clock())

    def retry(self, assessment: UUID) -> str:
        """Do the newest version again; returns the job to submit.

        Raises:
            NotFound: No such assessment.
            Conflict: It is complete, or still under way.
        """
        with self._db.write() as session:
            row = _newest(session, assessment)
            if row.status not in (Status.REJECTED, Status.FAILED, Status.CANCELLED):
                raise Conflict(
                    f"the assessment is {row.status}; only a rejected, failed or cancelled one "
                    "can be retried"
                )
            session.execute(_delete_documents(row))
            _reset(row)
            add_event(session, row, self._clock())
            return job_of(row)


class Run:
    """One attempt at one version: the desk that the pipeline works at.

    Attributes:
        record: The row it is filed under.
        problems: What was wrong with the delivery beyond its files.
    """

    def __init__(
        self, db: Database, files: Files, *, job: str, about: tuple[Record, tuple[Check, ...]],
        clock: Callable[[], datetime],
    ) -> None:  # fmt: skip
        """Made by `Runs.begin`."""
        self._db, self._files, self._job, self._clock = db, files, job, clock
        self._step, self._told = "", 0.0
        self.record, self.problems = about

    def files(self) -> tuple[Path, ...]:
        """The received files that belong to this version."""
        rows = select(InstanceRow.name).where(
            InstanceRow.assessment_id == str(self.record.id),
            InstanceRow.since <= self.record.version,
            or_(InstanceRow.until.is_(None), InstanceRow.until > self.record.version),
        )
        with self._db.read() as session:
            names = sorted(session.scalars(rows))
        return tuple(self._files.instance(self.record.id, name) for name in names)

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
        summary: Mapping[str, float],
    ) -> None:
        """Keep all documents and complete the version, or keep none.

        Args:
            documents: What the report made.
            checks: Of the assessment.
            summary: What the list shows: lesion_ml, lesion_percent.

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
        summary: Mapping[str, float],
    ) -> None:
        began = time.perf_counter()
        staged, artifacts = self._files.stage(documents)
        seconds = {"report": round(time.perf_counter() - began, 3)}
        try:
            with self._db.write() as session:
                row = self._held(session)
                session.execute(_delete_documents(row))
                self._files.publish(staged, self.record.id, self.record.version)
                session.add_all(_document_rows(row, artifacts))
                row.checks, row.summary = [plain(check) for check in checks], dict(summary)
                row.seconds = seconds
                _finish(row, now=self._clock(), status=status)
                add_event(session, row, self._clock())
        finally:
            shutil.rmtree(staged, ignore_errors=True)

    def end(self, status: Status, error: str | None = None) -> None:
        """Finish without documents: cancelled, or failed with a sentence for the user."""
        with self._db.write() as session:
            row = _holding(session, self._job)
            if row is not None and not Status(row.status).final:
                _finish(row, now=self._clock(), status=status)
                row.error = error
                add_event(session, row, self._clock())

    def release(self) -> None:
        """Give the attempt back uncounted: the worker stops, and that is not the study's fault."""
        with self._db.write() as session:
            row = _holding(session, self._job)
            if row is not None and row.status == Status.RUNNING:
                row.attempts = max(0, row.attempts - 1)

    def _held(self, session: Session) -> VersionRow:
        row = _holding(session, self._job)
        if row is None or row.status != Status.RUNNING:
            raise Cancelled("the assessment was ended or removed meanwhile")
        return row


def _holding(session: Session, job: str) -> VersionRow | None:
    key, number, token = job.split(":")
    row = session.get(VersionRow, (key, int(number)), with_for_update=True)
    return row if row is not None and row.token == token else None


def _newest(session: Session, assessment: UUID) -> VersionRow:
    head = session.get(AssessmentRow, str(assessment), with_for_update=True)
    row = session.get(VersionRow, (head.id, head.version)) if head is not None else None
    if row is None:
        raise NotFound("there is no such assessment")
    return row


def _record(session: Session, row: VersionRow) -> Record:
    head = session.get_one(AssessmentRow, row.assessment_id)
    return Record(UUID(row.assessment_id), row.number, row.created, head.study_uid, row.series_uid)


def _check(told: Mapping[str, Any]) -> Check:
    return Check(told["code"], told["message"], told["detail"])


def _delete_documents(row: VersionRow) -> Delete:
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


def _given_up(row: VersionRow) -> Status:
    if row.cancelling:
        return Status.CANCELLED
    row.error = (
        f"The worker ended {row.attempts} times while assessing this study; the limit is "
        f"{row.attempts}. Retry it when the machine has more memory, or report the study."
    )
    return Status.FAILED


def _finish(row: VersionRow, *, now: datetime, status: Status) -> None:
    row.status, row.finished = status, now
    row.cancelling, row.step, row.fraction = False, None, 1.0


def _reset(row: VersionRow) -> None:
    row.status, row.token, row.attempts = Status.RECEIVED, uuid4().hex, 0
    row.step, row.fraction, row.cancelling = None, 0.0, False
    row.started = row.finished = row.error = None
    row.model, row.checks, row.summary, row.seconds = {}, [], {}, {}
