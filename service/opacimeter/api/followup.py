"""Route: a patient over time."""

from typing import Any, Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from opacimeter.api.problems import responses
from opacimeter.api.schemas import PREFIX, base_of, review_of
from opacimeter.api.services import ServicesDep
from opacimeter.store import Followed, Status

__all__ = ["router"]

router = APIRouter(prefix=PREFIX, tags=["assessments"])


class FollowedView(BaseModel):
    """One assessment of a patient; numbers are there where it is complete."""

    id: UUID
    version: int = Field(
        description="The version that stands: the newest complete one that no review rejected; the "
        "newest of all where there is none."
    )
    href: str
    status: Status = Field(examples=["complete"])
    study: dict[str, Any] = Field(
        examples=[{"uid": "1.2.3", "date": "2026-11-23", "description": "CT chest"}]
    )
    current: bool = Field(description="The assessment that was asked for.")
    latest: bool = Field(description="The patient's latest study, by its date.")
    lesion_ml: float | None = Field(default=None, examples=[512.1])
    lesion_percent: float | None = Field(default=None, examples=[11.9])
    interval_90_percent: list[float] | None = Field(default=None, examples=[[9.4, 14.6]])
    volume_ml: float | None = Field(default=None, examples=[4312.5])
    ct_ss: dict[str, Any] | None = Field(default=None, examples=[{"grade": 2}])
    review: dict[str, Any] | None = Field(default=None, examples=[{"state": "accepted"}])
    mismatch: list[str] = Field(
        default_factory=list,
        description="What shows that it is another person's: birth_date, sex.",
    )

    @classmethod
    def of(cls, followed: Followed, *, asked: UUID, latest: UUID | None) -> Self:
        """The view of one assessment, seen from the one that was asked for."""
        entry, version = followed.entry, followed.entry.version
        numbers = {
            name: version.summary.get(name)
            for name in ("lesion_ml", "lesion_percent", "interval_90_percent", "volume_ml", "ct_ss")
        }
        study = {"uid": entry.study_uid, "date": None, "time": None, "description": None}
        return cls(
            id=entry.id, version=version.number, status=version.status,
            href=f"{base_of(entry.id)}?version={version.number}",
            study={name: entry.study.get(name, value) for name, value in study.items()},
            current=entry.id == asked, latest=entry.id == latest,
            review=review_of(version), mismatch=list(followed.mismatch), **numbers,
        )  # fmt: skip


class FollowUpView(BaseModel):
    """A patient's assessments, oldest study first."""

    studies: list[FollowedView] = Field(description="Of the same patient ID and issuer.")
    mismatched: list[FollowedView] = Field(
        description="Under the same ID, but another birth date or sex: never compared."
    )


@router.get("/{assessment}/follow-up", responses=responses(404, 422))
def follow_up(assessment: UUID, services: ServicesDep) -> FollowUpView:
    """List the assessments of the same patient, oldest study first, this one among them.

    A patient without an ID has this one alone.
    """
    found = services.store.patients.follow_up(assessment)
    dated = [one.entry.id for one in found.studies if one.entry.study.get("date")]
    latest = dated[-1] if dated else None
    views = {
        name: [FollowedView.of(one, asked=assessment, latest=latest) for one in studies]
        for name, studies in (("studies", found.studies), ("mismatched", found.mismatched))
    }
    return FollowUpView(**views)
