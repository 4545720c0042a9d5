"""Arrivals: what is new about images that came in, and the version that answers it."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from opacimeter.checks import Check
from opacimeter.errors import Conflict, IntakeRejected, NotFound
from opacimeter.record import assessment_id
from opacimeter.store.database import Database
from opacimeter.store.entries import Incoming, Origin, Receipt, Status
from opacimeter.store.files import Files
from opacimeter.store.identity import told
from opacimeter.store.novelty import Found, Novelty, Verdict
from opacimeter.store.onward import Onward, nothing
from opacimeter.store.reading import document_names
from opacimeter.store.rows import AssessmentRow, EventRow, InstanceRow, RemovedRow, VersionRow

__all__ = ["Arrivals", "add_event", "job_of", "plain"]


class Arrivals:
    """Takes studies in. The same images again change nothing; others make the next version."""

    def __init__(
        self, db: Database, files: Files, *, novelty: Novelty, clock: Callable[[], datetime],
        onward: Onward = nothing,
    ) -> None:  # fmt: skip
        """Wire it.

        Args:
            db: Where the rows are.
            files: Where the images go.
            novelty: Tells what the store has already.
            clock: Now, UTC.
            onward: Makes what follows where somebody wants what had been fetched unasked.
        """
        self._db, self._files, self._novelty, self._clock = db, files, novelty, clock
        self._onward = onward

    def receive(self, incoming: Incoming, *, model_sha256: str | None = None) -> Receipt:
        """File a study's images and say which version answers them.

        Args:
            incoming: The study; its files are moved.
            model_sha256: The network the workers have now; None where no worker has told.

        Raises:
            IntakeRejected: `uid-conflict`, an instance known with other content; nothing is kept.
                Where the newest version was rejected, the new content takes the old one's place:
                a study that came damaged may be sent again.
            Conflict: The study was deleted meanwhile.
        """
        assessment = assessment_id(incoming.study_uid)
        new = self._new_files(incoming)
        # Before the transaction, which nobody should wait for: a file without a row is nothing.
        for found in new:
            if found.file.name is None:
                self._files.take(found.file.path, assessment, found.name)
        problems = [plain(check) for check in incoming.problems]
        with self._db.write() as session:
            row = _assessment(session, incoming, self._clock())
            for found in new:
                self._add_instance(session, row, found)
            session.flush()
            instances = _instances_hash(session, row.id)
            asked = _Question(None, instances, problems, incoming.origin)
            return self._answer(session, row, asked, model_sha256=model_sha256)

    def want(self, assessment: UUID, origin: Origin) -> None:
        """Somebody sends images that are known.

        Where they had been fetched unasked, what was made of them goes where it would have gone
        if they had been sent at first.
        """
        with self._db.read() as session:  # every image that is sent again asks
            newest = _newest(session, assessment)
            if newest is None or not Origin(newest.origin).unasked:
                return
        with self._db.write() as session:
            newest = _newest(session, assessment)
            if newest is not None:
                self._wanted(session, newest, origin)

    def another_series(self, assessment: UUID, series_uid: str) -> Receipt:
        """Ask for another series of a known study.

        Raises:
            NotFound: No such assessment.
        """
        with self._db.write() as session:
            row = session.get(AssessmentRow, str(assessment))
            newest = session.get(VersionRow, (row.id, row.version)) if row is not None else None
            if row is None or newest is None:
                raise NotFound("there is no such assessment")
            instances = _instances_hash(session, row.id)
            asked = _Question(series_uid, instances, newest.problems, Origin(newest.origin))
            return self._answer(session, row, asked, model_sha256=None)

    def _new_files(self, incoming: Incoming) -> list[Found]:
        assessment = assessment_id(incoming.study_uid)
        known = self._novelty.known(assessment)
        found = self._novelty.found(
            assessment, incoming.files, lambda uid: known.in_force.get(uid, ())
        )
        changed = [each for each in found if each.verdict is Verdict.CHANGED]
        if changed and not known.rejected:
            raise IntakeRejected((_conflict(len(changed)),))
        return [each for each in found if each.verdict is not Verdict.KNOWN]

    def _add_instance(self, session: Session, row: AssessmentRow, found: Found) -> None:
        if not self._files.instance(UUID(row.id), found.name).exists():
            raise Conflict("the study was deleted while it arrived: send it again")
        number = row.version + 1
        for name in found.beside if found.verdict is Verdict.CHANGED else ():
            session.get_one(InstanceRow, (row.id, name)).until = number
        known = session.get(InstanceRow, (row.id, found.name))
        if known is None:
            known = InstanceRow(assessment_id=row.id, name=found.name, uid_hash=found.uid)
            known.since, known.aside = number, found.file.aside
            session.add(known)
        elif known.until is not None:
            known.since, known.until = number, None

    def _answer(
        self, session: Session, row: AssessmentRow, asked: "_Question", *, model_sha256: str | None
    ) -> Receipt:
        for version in session.scalars(asked.query(row.id)):
            made_by = version.model.get("sha256")
            known = made_by is None or model_sha256 in {None, made_by}
            if known and version.problems == asked.problems:
                self._wanted(session, version, asked.origin)
                return Receipt(UUID(row.id), version.number, None)
        return self._next_version(session, row, asked)

    def _wanted(self, session: Session, version: VersionRow, origin: Origin) -> None:
        before = Origin(version.origin)
        if not before.unasked or origin in (before, Origin.PRIOR):
            return
        version.origin = origin
        session.flush()
        if Status(version.status).final:
            self._onward(session, version, document_names(session, version))

    def _next_version(self, session: Session, row: AssessmentRow, asked: "_Question") -> Receipt:
        version = VersionRow(
            assessment_id=row.id, number=row.version + 1, series_uid=asked.series_uid,
            instances_hash=asked.instances, problems=asked.problems, model={},
            status=Status.RECEIVED, token=uuid4().hex, attempts=0, cancelling=False, step=None,
            fraction=0.0, created=self._clock(), started=None, finished=None, error=None,
            checks=[], summary={}, seconds={}, origin=asked.origin,
        )  # fmt: skip
        session.add(version)
        row.version, row.status, row.received = version.number, Status.RECEIVED, version.created
        add_event(session, version, version.created)
        return Receipt(UUID(row.id), version.number, job_of(version))


@dataclass(frozen=True, slots=True)
class _Question:
    """What a version answers, but for the model."""

    series_uid: str | None
    instances: str
    problems: list[Any]
    origin: Origin

    def query(self, key: str) -> Select[VersionRow]:
        """The versions that answered it, the newest first."""
        return (
            select(VersionRow)
            .where(
                VersionRow.assessment_id == key,
                VersionRow.instances_hash == self.instances,
                VersionRow.series_uid.is_not_distinct_from(self.series_uid),
                # A person's changes answer no question about images.
                VersionRow.correction.is_(None),
            )
            .order_by(VersionRow.number.desc())
        )


def _newest(session: Session, assessment: UUID) -> VersionRow | None:
    row = session.get(AssessmentRow, str(assessment))
    return session.get(VersionRow, (row.id, row.version)) if row is not None else None


def job_of(version: VersionRow) -> str:
    """The name of one attempt at one version: all that the queue carries."""
    return f"{version.assessment_id}:{version.number}:{version.token}"


def add_event(session: Session, version: VersionRow, now: datetime) -> None:
    """Tell those who watch, and keep what the list repeats of the newest version."""
    event = EventRow(
        assessment_id=version.assessment_id, version=version.number, time=now,
        status=version.status, step=version.step, fraction=version.fraction,
    )  # fmt: skip
    session.add(event)
    newest = (AssessmentRow.id == version.assessment_id) & (AssessmentRow.version == version.number)
    percent = version.summary.get("lesion_percent")
    repeated = {"status": version.status, "lesion_percent": percent}
    session.execute(update(AssessmentRow).where(newest).values(repeated))


def _assessment(session: Session, incoming: Incoming, now: datetime) -> AssessmentRow:
    key = str(assessment_id(incoming.study_uid))
    row = session.get(AssessmentRow, key, with_for_update=True)
    if row is None:
        # Objects of a version that was removed may be in archives: its number is not used again.
        removed = session.get(RemovedRow, key)
        row = AssessmentRow(
            id=key, study_uid=incoming.study_uid, received=now,
            version=removed.version if removed is not None else 0,
            status=Status.RECEIVED, patient={}, study={},
        )  # fmt: skip
        session.add(row)
    told(row, incoming)
    session.flush()
    return row


def plain(check: Check) -> dict[str, Any]:
    """A check as JSON."""
    return {
        "code": check.code,
        "severity": check.severity.value,
        "message": check.message,
        "detail": dict(check.detail),
    }


def _instances_hash(session: Session, key: str) -> str:
    names = select(InstanceRow.name).where(
        InstanceRow.assessment_id == key, InstanceRow.until.is_(None), InstanceRow.aside.is_(False)
    )
    return _digest(sorted(session.scalars(names)))


def _digest(names: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def _conflict(count: int) -> Check:
    message = (
        f"{count} images of the study are known under the same SOPInstanceUID with other content; "
        "an instance must never change. Send them under new UIDs, or delete the study first."
    )
    return Check("uid-conflict", message, {"files": count})
