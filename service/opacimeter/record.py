"""Record: the row an assessment is filed under."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

__all__ = ["Record", "assessment_id"]

# Namespace of assessment ids; fixed for ever, or the same study would get a second id.
_NAMESPACE = UUID("7d1f8a52-5c60-4f0e-9f3c-0d0a8f3b6c11")


def assessment_id(study_uid: str) -> UUID:
    """The assessment's id: UUIDv5 of its StudyInstanceUID, known from the first header."""
    return uuid5(_NAMESPACE, study_uid)


@dataclass(frozen=True, slots=True)
class Record:
    """What identifies one version of one study's assessment.

    Attributes:
        id: UUIDv5 of the StudyInstanceUID, see `assessment_id`.
        version: 1, 2, …: counts (series, instances, model, correction) seen for this study.
        created: When this version was made; timezone-aware UTC. Documents take their dates from
            here, so that writing them twice gives the same bytes.
        study_uid: StudyInstanceUID (0020,000D).
        series_uid: The series the user asked for; None leaves the choice to intake.
    """

    id: UUID
    version: int
    created: datetime
    study_uid: str
    series_uid: str | None = None
