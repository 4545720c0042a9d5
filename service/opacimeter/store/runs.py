"""Runs: the work on a version, from the queue to its documents.

A run is one attempt under one token. Whoever holds a token that the row no longer bears (cancelled
and retried, deleted, given up) can write nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from opacimeter.checks import Check
from opacimeter.errors import Conflict, NotFound
from opacimeter.record import Correction, Record
from opacimeter.store.arrivals import add_event, job_of
from opacimeter.store.corrections import images_of
from opacimeter.store.database import Database
from opacimeter.store.entries import Earlier, Status
from opacimeter.store.files import Files
from opacimeter.store.onward import Onward
from opacimeter.store.patients import earlier_of
from opacimeter.store.rows import AssessmentRow, VersionRow
from opacimeter.store.run import About, Ending, Run, delete_documents, holding

__all__ = ["Runs"]


class Runs:
    """Begins, cancels and retries the work."""

    def __init__(
        self, db: Database, files: Files, *, clock: Callable[[], datetime], onward: Onward
    ) -> None:
        """Wire it."""
        self._db, self._files, self._clock = db, files, clock
        self._end = Ending(clock, onward)

    def unqueued(self) -> tuple[str, ...]:
        """Jobs that were received and not yet queued: the sender died in between."""
        rows = select(VersionRow).where(VersionRow.status == Status.RECEIVED)
        with self._db.read() as session:
            return tuple(job_of(row) for row in session.scalars(rows))

    def queued(self, job: str) -> None:
        """The queue has taken the job."""
        with self._db.write() as session:
            row = holding(session, job)
            if row is not None and row.status == Status.RECEIVED:
                row.status = Status.QUEUED
                add_event(session, row, self._clock())

    def begin(self, job: str, *, attempts: int, model: Mapping[str, str]) -> Run | None:
        """Begin one attempt; None where there is nothing left to do.

        An attempt that finds the version running comes after a worker that died. After `attempts`
        of them the study itself is taken to be the cause, and the version fails.
        """
        with self._db.write() as session:
            row = holding(session, job)
            if row is None or Status(row.status).final:
                return None
            if row.cancelling or row.attempts >= attempts:
                self._end(session, row, _given_up(row))
                return None
            row.attempts += 1
            row.status, row.step, row.fraction = Status.RUNNING, "read", 0.0
            row.started = self._clock()
            # A correction changes what the corrected version's network found.
            row.model = row.model if row.correction else dict(model)
            add_event(session, row, self._clock())
            about = self._about(session, row)
        return Run(self._db, self._files, job=job, about=about, clock=self._clock)

    def abandon(self, job: str, error: str) -> None:
        """Fail a job that the queue has given up."""
        with self._db.write() as session:
            row = holding(session, job)
            if row is not None and not Status(row.status).final:
                row.error = error
                self._end(session, row, Status.FAILED)

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
            if row.status == Status.RUNNING:
                add_event(session, row, self._clock())
            else:
                self._end(session, row, Status.CANCELLED)

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
            session.execute(delete_documents(row))
            _reset(row)
            add_event(session, row, self._clock())
            return job_of(row)

    def _about(self, session: Session, row: VersionRow) -> About:
        head = session.get_one(AssessmentRow, row.assessment_id)
        record = replace(
            _record(row, head, earlier_of(session, self._files, head)),
            predecessor=session.scalars(_completed_before(row)).first(),
        )
        problems = tuple(_check(told) for told in row.problems)
        return About(record, problems, images_of(row), self._end)


def _newest(session: Session, assessment: UUID) -> VersionRow:
    head = session.get(AssessmentRow, str(assessment), with_for_update=True)
    row = session.get(VersionRow, (head.id, head.version)) if head is not None else None
    if row is None:
        raise NotFound("there is no such assessment")
    return row


def _completed_before(row: VersionRow) -> Select[int]:
    """The numbers of the complete versions before this one, the newest first."""
    return (
        select(VersionRow.number)
        .where(
            VersionRow.assessment_id == row.assessment_id,
            VersionRow.number < row.number,
            VersionRow.status == Status.COMPLETE,
        )
        .order_by(VersionRow.number.desc())
    )


def _record(row: VersionRow, head: AssessmentRow, earlier: Earlier) -> Record:
    return Record(
        id=UUID(row.assessment_id),
        version=row.number,
        created=row.created,
        study_uid=head.study_uid,
        series_uid=row.series_uid,
        prior=earlier.prior,
        correction=_correction(row),
        mismatch=earlier.mismatch,
    )


def _correction(row: VersionRow) -> Correction | None:
    told = row.correction
    return Correction(told["of"], told["author"], told["reason"]) if told else None


def _check(told: Mapping[str, Any]) -> Check:
    return Check(told["code"], told["message"], told["detail"])


def _given_up(row: VersionRow) -> Status:
    if row.cancelling:
        return Status.CANCELLED
    row.error = (
        f"The worker ended {row.attempts} times while assessing this study; the limit is "
        f"{row.attempts}. Retry it when the machine has more memory, or report the study."
    )
    return Status.FAILED


def _reset(row: VersionRow) -> None:
    row.status, row.token, row.attempts = Status.RECEIVED, uuid4().hex, 0
    row.step, row.fraction, row.cancelling = None, 0.0, False
    row.started = row.finished = row.error = None
    row.model = row.model if row.correction else {}
    row.checks, row.summary, row.seconds = [], {}, {}
