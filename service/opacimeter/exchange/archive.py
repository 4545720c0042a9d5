"""Archive: what every peer can be asked, whatever it speaks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

__all__ = [
    "Archive",
    "Confirmed",
    "Failure",
    "Fetched",
    "FoundStudy",
    "Instance",
    "Question",
    "Sent",
]


@dataclass(frozen=True, slots=True)
class Question:
    """Which studies; what is None does not matter.

    Attributes:
        study_uid: StudyInstanceUID (0020,000D).
        patient_id: PatientID (0010,0020), exactly.
        dates: First and last StudyDate (0008,0020) as YYYYMMDD, each may be empty.
        times: First and last StudyTime (0008,0030) as HHMMSS.FFFFFF, of one day.
        modality: One of ModalitiesInStudy (0008,0061).
    """

    study_uid: str | None = None
    patient_id: str | None = None
    dates: tuple[str, str] | None = None
    times: tuple[str, str] | None = None
    modality: str | None = "CT"


@dataclass(frozen=True, slots=True)
class FoundStudy:
    """A study that an archive has; what it does not tell is empty.

    Attributes:
        uid: StudyInstanceUID.
        date: StudyDate, YYYYMMDD.
        time: StudyTime, HHMMSS and maybe a fraction.
        description: StudyDescription (0008,1030).
        patient_id: PatientID.
        issuer: IssuerOfPatientID (0010,0021).
        birth_date: PatientBirthDate, YYYYMMDD.
        sex: PatientSex.
        body_parts: BodyPartExamined (0018,0015), where the archive tells it of a study.
        modalities: ModalitiesInStudy (0008,0061).
    """

    uid: str
    date: str = ""
    time: str = ""
    description: str = ""
    patient_id: str = ""
    issuer: str = ""
    birth_date: str = ""
    sex: str = ""
    body_parts: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of a study.

    Attributes:
        files: The files that came.
        expected: How many the archive told of; None where it told nothing.
    """

    files: tuple[Path, ...]
    expected: int | None

    @property
    def complete(self) -> bool:
        """Whether all came that the archive told of."""
        return self.expected is None or len(self.files) >= self.expected


@dataclass(frozen=True, slots=True)
class Instance:
    """What names an object to an archive, and how it is encoded."""

    sop_class: str
    uid: str
    study_uid: str
    series_uid: str
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an archive has not stored an instance.

    Attributes:
        reason: In words, with the code where there is one.
        lasting: Sending it again would change nothing.
    """

    reason: str
    lasting: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """What an archive said of each instance that it was sent.

    Attributes:
        stored: SOPInstanceUIDs that its answer says are stored.
        failed: All others.
    """

    stored: frozenset[str]
    failed: Mapping[str, Failure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What an archive says it holds when asked afterwards.

    Attributes:
        held: SOPInstanceUIDs.
        missing: All others that were asked for, each with the reason.
    """

    held: frozenset[str]
    missing: Mapping[str, str] = field(default_factory=dict)


class Archive(Protocol):
    """A peer. Every method raises ArchiveUnreachable or ArchiveRefused."""

    @property
    def name(self) -> str:
        """Its name in the settings."""
        ...

    def echo(self) -> str:
        """What answered, in words."""
        ...

    def studies(self, wanted: Question) -> tuple[FoundStudy, ...]:
        """Studies that it has."""
        ...

    def fetch(self, study_uid: str, folder: Path) -> Fetched:
        """The CT images of a study, a file each, into a folder."""
        ...

    def send(self, files: Sequence[Path]) -> Sent:
        """Hand over DICOM files of one study."""
        ...

    def confirm(self, instances: Sequence[Instance]) -> Confirmed | None:
        """Ask whether it holds what it was sent; None where it cannot be asked."""
        ...
