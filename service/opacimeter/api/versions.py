"""Routes: the versions of an assessment, and what people say of them."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from opacimeter.api.assessments import VersionQuery
from opacimeter.api.problems import Problem, responses
from opacimeter.api.reading import assessment_view
from opacimeter.api.schemas import PREFIX, AssessmentView, correction_of, review_of, state_of
from opacimeter.api.services import ServicesDep
from opacimeter.store import Review, ReviewState, Status, Version

__all__ = ["Author", "Reason", "router"]

router = APIRouter(prefix=PREFIX, tags=["versions"])

# Letters and signs of any script; no control characters, which a name does not need.
_PRINTED = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"

Author = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=_PRINTED, strip_whitespace=True)
]
Reason = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]


class CorrectionView(BaseModel):
    """Whose changes made a version."""

    of: int = Field(description="The version that was changed.", examples=[1])
    author: str = Field(examples=["Dr. Doe"])
    reason: str = Field(examples=["effusion taken for opacity"])


class ReviewView(BaseModel):
    """What a person said of a version."""

    state: ReviewState = Field(examples=["accepted"])
    author: str = Field(examples=["Dr. Doe"])
    reason: str = Field(examples=[""])
    time: datetime


class VersionView(BaseModel):
    """Where one version stands, what made it, and what it says."""

    version: int = Field(examples=[1])
    status: Status = Field(examples=["running"])
    created: datetime
    finished: datetime | None = None
    step: str | None = Field(
        default=None,
        description="read, segment, measure, report or deliver while running.",
        examples=["segment"],
    )
    fraction: float = Field(ge=0, le=1, description="Done of the step.", examples=[0.4])
    cancelling: bool = Field(default=False, description="It stops at its next step.")
    series_uid: str | None = Field(default=None, description="The series that was asked for.")
    error: str | None = Field(default=None, description="Why it failed, in a sentence.")
    model: dict[str, str] = Field(
        default_factory=dict,
        description="The network; of a correction the one whose labels were changed.",
        examples=[{"name": "lung-lesion", "version": "1.0.0", "sha256": "7debb0f3…"}],
    )
    summary: dict[str, Any] | None = Field(
        default=None, examples=[{"lesion_ml": 512.1, "lesion_percent": 11.9}]
    )
    correction: CorrectionView | None = None
    review: ReviewView | None = Field(default=None, description="The latest of `reviews`.")
    reviews: list[ReviewView] = Field(default_factory=list, description="Oldest first.")

    @classmethod
    def of(cls, version: Version) -> Self:
        """The view of a version."""
        return cls.model_validate(
            {
                "version": version.number,
                **state_of(version),
                "model": dict(version.model),
                "summary": dict(version.summary) or None,
                "correction": correction_of(version),
                "review": review_of(version),
                "reviews": list(version.reviews),
            }
        )


class Versions(BaseModel):
    """All versions of an assessment, oldest first."""

    versions: list[VersionView]


class ReviewAsked(BaseModel):
    """Accepts or rejects a result."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"state": "accepted", "author": "Dr. Doe"}]}
    )

    state: ReviewState
    author: Author = Field(description="Who says so.")
    reason: Reason = Field(default="", description="Why; needed where a result is rejected.")


@router.get("/{assessment}/versions", responses=responses(404, 422))
def versions(assessment: UUID, services: ServicesDep) -> Versions:
    """List the versions of an assessment, oldest first."""
    found = services.store.catalogue.versions(assessment)
    return Versions(versions=[VersionView.of(version) for version in found])


@router.post("/{assessment}/review", responses=responses(400, 403, 404, 409, 422))
def review(
    assessment: UUID, asked: ReviewAsked, services: ServicesDep, version: VersionQuery = None
) -> AssessmentView:
    """Say of a result that it is accepted or rejected; the latest review holds, all are kept.

    Archives that have the result of a rejected one get a rejection note.
    """
    catalogue = services.store.catalogue
    number = catalogue.get(assessment, version).version.number
    reason = asked.reason.strip()
    if asked.state is ReviewState.REJECTED and not reason:
        raise Problem(422, "a result that is rejected needs a reason")
    services.store.reviews.add(assessment, number, Review(asked.state, asked.author, reason))
    return assessment_view(services, catalogue.get(assessment, number))
