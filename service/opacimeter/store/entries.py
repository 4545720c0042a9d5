"""The values that go into the store and come out of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

from opacimeter.checks import Check
from opacimeter.record import Prior

__all__ = [
    "Artifact",
    "Earlier",
    "Entry",
    "Event",
    "FollowUp",
    "Followed",
    "Incoming",
    "IncomingFile",
    "Origin",
    "Page",
    "Receipt",
    "Status",
    "Version",
    "Worker",
]


class Status(StrEnum):
    """States of a version; the last four are final."""

    RECEIVED = "received"
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETE = "complete"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing more happens unless somebody asks."""
        return self in FINAL


FINAL = frozenset({Status.COMPLETE, Status.REJECTED, Status.FAILED, Status.CANCELLED})


class Origin(StrEnum):
    """How the images of a version came: by whom they were asked for, or that nobody did."""

    UPLOAD = "upload"
    STOW = "stow"
    DIMSE = "dimse"
    PULL = "pull"
    PRIOR = "prior"
    BACKFILL = "backfill"

    @property
    def unasked(self) -> bool:
        """Whether it can wait for all others, and its results are nobody's wish."""
        return self in (Origin.PRIOR, Origin.BACKFILL)


@dataclass(frozen=True, slots=True)
class IncomingFile:
    """A file on its way into the store.

    Attributes:
        path: Where it lies now, on the store's own file system; the store moves it.
        instance_uid: SOPInstanceUID (0008,0018), None where the file is too damaged to tell.
        aside: It is no CT image: kept, and told of, but no reason for another version.
        name: Its name in the store, where it lies at its place already.
    """

    path: Path
    instance_uid: str | None
    aside: bool = False
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Incoming:
    """One study as it arrived.

    Attributes:
        study_uid: StudyInstanceUID (0020,000D).
        files: Its files.
        patient: id, issuer, name, birth_date, sex; what is unknown is absent.
        study: date, time, description, accession; likewise.
        problems: What is wrong with the delivery beyond its files, such as an archive that ends
            early; it rejects the version made of it.
        origin: How it came.
    """

    study_uid: str
    files: Sequence[IncomingFile]
    patient: Mapping[str, str] = field(default_factory=dict)
    study: Mapping[str, str] = field(default_factory=dict)
    problems: Sequence[Check] = ()
    origin: Origin = Origin.UPLOAD


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a request for an assessment.

    Attributes:
        id: The assessment.
        version: The version that answers the request.
        job: The job to submit; None where the version was known already.
    """

    id: UUID
    version: int
    job: str | None


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an assessment.

    Attributes:
        number: 1, 2, …
        status: Where it stands.
        created: When it was made, UTC.
        finished: When it became final, UTC.
        step: read, segment, measure, report or deliver while running.
        fraction: 0…1 within the step.
        series_uid: The series the user asked for; None leaves the choice to intake.
        model: name, version and sha256 of the network; empty before the work has begun.
        error: A sentence for the user where the version failed.
        checks: Of a finished version, as in the result.
        summary: Of a complete version, as in the result.
        seconds: Times beyond those in the result: report.
        cancelling: The user asked to stop, and the worker has not yet noticed.
        documents: Names of the documents.
        correction: of, author and reason where a person's changes made this version; else None.
        review: state, author, reason and time of the latest review; None while there is none.
        reviews: All reviews, oldest first.
        origin: How its images came.
    """

    number: int
    status: Status
    created: datetime
    finished: datetime | None
    step: str | None
    fraction: float
    series_uid: str | None
    model: Mapping[str, str]
    error: str | None
    checks: Sequence[Mapping[str, Any]]
    summary: Mapping[str, Any]
    seconds: Mapping[str, float]
    cancelling: bool
    documents: tuple[str, ...]
    correction: Mapping[str, Any] | None = None
    review: Mapping[str, Any] | None = None
    reviews: Sequence[Mapping[str, Any]] = ()
    origin: Origin = Origin.UPLOAD


@dataclass(frozen=True, slots=True)
class Entry:
    """An assessment, with one of its versions.

    Attributes:
        id: UUIDv5 of the StudyInstanceUID.
        study_uid: StudyInstanceUID.
        received: When its newest version was asked for, UTC.
        patient: id, issuer, name, birth_date, sex.
        study: date, time, description, accession.
        version: The version asked for, the newest unless said otherwise.
    """

    id: UUID
    study_uid: str
    received: datetime
    patient: Mapping[str, str]
    study: Mapping[str, str]
    version: Version


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the list.

    Attributes:
        entries: In the order asked for.
        cursor: Asks for the next page; None at the end.
        total: Entries on all pages together.
    """

    entries: tuple[Entry, ...]
    cursor: str | None
    total: int


@dataclass(frozen=True, slots=True)
class Earlier:
    """What came before an assessment.

    Attributes:
        prior: What it is compared with; None where there is nothing.
        mismatch: What of the identity, birth_date or sex, disagrees with another assessment under
            the same patient ID; such a one is never the prior.
    """

    prior: Prior | None
    mismatch: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Followed:
    """An assessment under a patient's ID.

    Attributes:
        entry: With the version that stands, or the newest where none does.
        mismatch: What shows that it is another person's: birth_date, sex.
    """

    entry: Entry
    mismatch: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A patient's assessments, oldest study first.

    Attributes:
        studies: The patient's.
        mismatched: Under the same ID, and another person's.
    """

    studies: tuple[Followed, ...]
    mismatched: tuple[Followed, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """A step of the work; `number` grows over the whole store."""

    number: int
    version: int
    time: datetime
    status: Status
    step: str | None
    fraction: float


@dataclass(frozen=True, slots=True)
class Artifact:
    """A kept document.

    Attributes:
        name: Its name under `/artifacts/`.
        media_type: IANA media type.
        size_bytes: Its length.
        sha256: Of its bytes, in hexadecimal.
        path: Where it lies.
    """

    name: str
    media_type: str
    size_bytes: int
    sha256: str
    path: Path


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker's last word: name, time, the network it has, and what is wrong with one it lacks."""

    name: str
    beat: datetime
    model: Mapping[str, str]
    problem: str | None

    @property
    def able(self) -> bool:
        """Whether it can work: one that cannot load a new network goes on with the old one."""
        return self.problem is None or bool(self.model)
