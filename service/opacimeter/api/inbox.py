"""Routes: what came in object by object and waits to be assessed."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from opacimeter.api.problems import responses
from opacimeter.api.schemas import ReceivedStudy, base_of
from opacimeter.api.services import ServicesDep
from opacimeter.store import Origin, Role, Waiting

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/inbox", tags=["inbox"])

StudyUid = Annotated[str, Path(max_length=128, description="StudyInstanceUID (0020,000D).")]


class WaitingView(BaseModel):
    """A study of which objects wait."""

    study_uid: str = Field(examples=["1.2.3"])
    origin: Origin = Field(examples=["stow"])
    received: datetime = Field(description="When its first waiting object came.")
    due: datetime | None = Field(
        description="When it is assessed unless more of its images come; null where somebody has "
        "to ask for it."
    )
    images: int = Field(description="CT images that wait.", examples=[301])
    unwanted: int = Field(description="CT images that the rules do not ask for.", examples=[0])
    refused: int = Field(
        description="CT images whose UIDs came with other content by another way.", examples=[0]
    )
    others: int = Field(description="Objects that are no CT images.", examples=[1])

    @classmethod
    def of(cls, waiting: Waiting) -> Self:
        """The view of a study that waits."""
        counts = waiting.counts
        return cls(
            study_uid=waiting.study_uid,
            origin=waiting.origin,
            received=waiting.received,
            due=waiting.due,
            images=counts.get(Role.IMAGE, 0),
            unwanted=counts.get(Role.UNWANTED, 0),
            refused=counts.get(Role.REFUSED, 0),
            others=counts.get(Role.ASIDE, 0) + counts.get(Role.OURS, 0),
        )


class Inbox(BaseModel):
    """What waits."""

    studies: list[WaitingView]


@router.get("", responses=responses(422))
def listed(
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=1000, description="Most entries.")] = 200,
) -> Inbox:
    """List the studies that wait to be assessed, the next one due first."""
    waiting = services.store.inbox.waiting(limit=limit)
    return Inbox(studies=[WaitingView.of(each) for each in waiting])


@router.post(
    "/{study_uid}/assess",
    status_code=202,
    responses={
        200: {"model": ReceivedStudy, "description": "Known already."},
        **responses(403, 404, 409, 422),
    },
)
def assess(study_uid: StudyUid, response: Response, services: ServicesDep) -> ReceivedStudy:
    """Assess at once what waits of a study, also what the rules do not ask for."""
    receipt = services.take_in(study_uid, asked=True)
    if receipt.job is None:
        response.status_code = 200
    version = services.store.catalogue.get(receipt.id, receipt.version).version
    return ReceivedStudy(
        id=receipt.id,
        version=receipt.version,
        new=receipt.job is not None,
        status=version.status,
        href=base_of(receipt.id),
    )


@router.delete("/{study_uid}", status_code=204, responses=responses(403, 404, 422))
def remove(study_uid: StudyUid, services: ServicesDep) -> None:
    """Remove what waits of a study; what was assessed of it stays."""
    services.store.inbox.remove(study_uid)
