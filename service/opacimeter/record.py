"""Record: the row an assessment is filed under."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

__all__ = ["Correction", "Prior", "Record", "assessment_id"]

# Namespace of assessment ids; fixed for ever, or the same study would get a second id.
_NAMESPACE = UUID("7d1f8a52-5c60-4f0e-9f3c-0d0a8f3b6c11")


def assessment_id(study_uid: str) -> UUID:
    """The assessment's id: UUIDv5 of its StudyInstanceUID, known from the first header."""
    return uuid5(_NAMESPACE, study_uid)


@dataclass(frozen=True, slots=True)
class Prior:
    """The earlier assessment of the same patient that a new one is compared with.

    Attributes:
        id: The earlier assessment.
        version: Its version.
        result: The content of its result.json.
    """

    id: UUID
    version: int
    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Correction:
    """A person's changes to the labels of an earlier version.

    Attributes:
        of: The version that was changed.
        author: Who changed it, as they gave their name.
        reason: Why, in their words.
    """

    of: int
    author: str
    reason: str


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
        prior: The latest earlier assessment of the patient; None where there is none.
        correction: Whose changes this version holds; None where the network's labels stand.
        mismatch: What of the identity, birth_date or sex, disagrees with another assessment under
            the same patient ID; such a one is never the prior.
        predecessor: The newest earlier version that has results; None where none has.
    """

    id: UUID
    version: int
    created: datetime
    study_uid: str
    series_uid: str | None = None
    prior: Prior | None = None
    correction: Correction | None = None
    mismatch: tuple[str, ...] = ()
    predecessor: int | None = None
