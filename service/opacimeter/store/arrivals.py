"""Arrivals: what is new about images that came in, and the version that answers it."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from opacimeter.checks import Check
from opacimeter.errors import Conflict, IntakeRejected, NotFound
from opacimeter.record import assessment_id
from opacimeter.store.database import Database
from opacimeter.store.entries import Incoming, Receipt, Status
from opacimeter.store.files import Files, uid_hash
from opacimeter.store.rows import AssessmentRow, EventRow, InstanceRow, VersionRow

__all__ = ["Arrivals", "SameImages", "add_event", "job_of", "plain"]

SameImages = Callable[[Sequence[tuple[Path, Path]]], Sequence[bool]]


@dataclass(frozen=True, slots=True)
class _New:
    """A file that the store has not: its name there, its instance, and whose place it takes."""

    path: Path
    name: str
    uid: str | None
    replaces: tuple[str, ...] = ()


class Arrivals:
    """Takes studies in. The same images again change nothing; others make the next version."""

    def __init__(
        self, db: Database, files: Files, *, same_images: SameImages, clock: Callable[[], datetime]
    ) -> None:
        """Wire it.

        Args:
            db: Where the rows are.
            files: Where the images go.
            same_images: For each pair of files of one SOPInstanceUID, whether they hold the same
                pixels in the same place; asked only where their bytes differ.
            clock: Now, UTC.
        """
        self._db, self._files, self._same, self._clock = db, files, same_images, clock

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
        for file in new:
            self._files.take(file.path, assessment, file.name)
        problems = [plain(check) for check in incoming.problems]
        with self._db.write() as session:
            row = _assessment(session, incoming, self._clock())
            for file in new:
                self._add_instance(session, row, file)
            session.flush()
            asked = _Question(None, _instances_hash(session, row.id), problems)
            return self._answer(session, row, asked, model_sha256=model_sha256)

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
            asked = _Question(series_uid, _instances_hash(session, row.id), newest.problems)
            return self._answer(session, row, asked, model_sha256=None)

    def _new_files(self, incoming: Incoming) -> list[_New]:
        assessment = assessment_id(incoming.study_uid)
        known, rejected = self._known(assessment)
        new: list[_New] = []
        suspects: list[_New] = []
        for file in incoming.files:
            uid = uid_hash(file.instance_uid) if file.instance_uid else None
            name = _name(file.path, uid)
            others = tuple(known.get(uid, ()))
            if name in others:
                continue
            if uid is None or not others:
                new.append(_New(file.path, name, uid))
            else:
                suspects.append(_New(file.path, name, uid, others))
        changed = self._changed(assessment, suspects)
        if changed and not rejected:
            raise IntakeRejected((_conflict(len(changed)),))
        return new + changed

    def _known(self, assessment: UUID) -> tuple[dict[str | None, list[str]], bool]:
        """Names of the files in force by instance; and whether the newest version was rejected."""
        rows = select(InstanceRow).where(
            InstanceRow.assessment_id == str(assessment), InstanceRow.until.is_(None)
        )
        known: dict[str | None, list[str]] = {}
        with self._db.read() as session:
            for row in session.scalars(rows):
                known.setdefault(row.uid_hash, []).append(row.name)
            head = session.get(AssessmentRow, str(assessment))
        return known, head is not None and head.status == Status.REJECTED

    def _changed(self, assessment: UUID, suspects: Sequence[_New]) -> list[_New]:
        """Those that an archive did not merely re-encode."""
        pairs = [
            (suspect, self._files.instance(assessment, name))
            for suspect in suspects
            for name in suspect.replaces
        ]
        same = self._same([(suspect.path, known) for suspect, known in pairs]) if pairs else ()
        alike = {suspect.path for (suspect, _), equal in zip(pairs, same, strict=True) if equal}
        return [suspect for suspect in suspects if suspect.path not in alike]

    def _add_instance(self, session: Session, row: AssessmentRow, file: _New) -> None:
        if not self._files.instance(UUID(row.id), file.name).exists():
            raise Conflict("the study was deleted while it arrived: send it again")
        number = row.version + 1
        for name in file.replaces:
            session.get_one(InstanceRow, (row.id, name)).until = number
        known = session.get(InstanceRow, (row.id, file.name))
        if known is None:
            known = InstanceRow(assessment_id=row.id, name=file.name, uid_hash=file.uid)
            known.since = number
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
                return Receipt(UUID(row.id), version.number, None)
        return self._next_version(session, row, asked)

    def _next_version(self, session: Session, row: AssessmentRow, asked: "_Question") -> Receipt:
        version = VersionRow(
            assessment_id=row.id, number=row.version + 1, series_uid=asked.series_uid,
            instances_hash=asked.instances, problems=asked.problems, model={},
            status=Status.RECEIVED, token=uuid4().hex, attempts=0, cancelling=False, step=None,
            fraction=0.0, created=self._clock(), started=None, finished=None, error=None,
            checks=[], summary={}, seconds={},
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

    def query(self, key: str) -> Select[VersionRow]:
        """The versions that answered it, the newest first."""
        return (
            select(VersionRow)
            .where(
                VersionRow.assessment_id == key,
                VersionRow.instances_hash == self.instances,
                VersionRow.series_uid.is_not_distinct_from(self.series_uid),
            )
            .order_by(VersionRow.number.desc())
        )


def job_of(version: VersionRow) -> str:
    """The name of one attempt at one version: all that the queue carries."""
    return f"{version.assessment_id}:{version.number}:{version.token}"


def add_event(session: Session, version: VersionRow, now: datetime) -> None:
    """Tell those who watch, and keep the list's copy of the newest version's status."""
    event = EventRow(
        assessment_id=version.assessment_id, version=version.number, time=now,
        status=version.status, step=version.step, fraction=version.fraction,
    )  # fmt: skip
    session.add(event)
    newest = (AssessmentRow.id == version.assessment_id) & (AssessmentRow.version == version.number)
    session.execute(update(AssessmentRow).where(newest).values(status=version.status))


def _assessment(session: Session, incoming: Incoming, now: datetime) -> AssessmentRow:
    key = str(assessment_id(incoming.study_uid))
    row = session.get(AssessmentRow, key, with_for_update=True)
    if row is None:
        row = AssessmentRow(
            id=key, study_uid=incoming.study_uid, received=now, version=0,
            status=Status.RECEIVED, patient_id=_short(incoming.patient.get("id")),
            patient=dict(incoming.patient), study=dict(incoming.study),
        )  # fmt: skip
        session.add(row)
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
        InstanceRow.assessment_id == key, InstanceRow.until.is_(None)
    )
    return _digest(sorted(session.scalars(names)))


def _digest(names: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def _name(path: Path, uid: str | None) -> str:
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{uid or 'damaged'}-{content[:24]}"


def _short(text: str | None) -> str | None:
    # PatientID is LO, 64 characters (PS3.5 6.2); what breaks that must not break the column.
    return None if text is None else text[:256]


def _conflict(count: int) -> Check:
    message = (
        f"{count} images of the study are known under the same SOPInstanceUID with other content; "
        "an instance must never change. Send them under new UIDs, or delete the study first."
    )
    return Check("uid-conflict", message, {"files": count})
