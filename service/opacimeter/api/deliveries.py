"""Routes: what goes to archives and webhooks, what is fetched, and what became of it."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from opacimeter.api.problems import Problem, responses
from opacimeter.api.services import Services, ServicesDep
from opacimeter.errors import NotFound
from opacimeter.store import (
    Delivery,
    DeliveryKind,
    DeliveryStatus,
    Origin,
    Pull,
    PullStatus,
)

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["archives"])

Cursor = Annotated[str | None, Query(max_length=200, description="Of the page before.")]
Limit = Annotated[int, Query(ge=1, le=200)]


class DeliveryView(BaseModel):
    """One version's documents on their way to one archive, or word of its end to a webhook."""

    id: UUID
    assessment: UUID
    version: int = Field(examples=[1])
    study_uid: str = Field(examples=["1.2.3"])
    destination: str = Field(examples=["pacs"])
    kind: DeliveryKind
    status: DeliveryStatus
    attempts: int = Field(description="Begun since it was last asked for.", examples=[1])
    next_attempt: datetime | None = None
    hop: str | None = Field(
        default=None, description="Where the last attempt ended: connect, store, confirm, notify."
    )
    reason: str | None = Field(default=None, description="Why, in words.")
    objects: list[dict[str, Any]] = Field(
        default_factory=list, description="name, uid, stored and maybe reason of each document."
    )
    created: datetime
    updated: datetime

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """The view of a delivery."""
        return cls.model_validate(delivery, from_attributes=True)


class Deliveries(BaseModel):
    """A page of deliveries, newest first."""

    deliveries: list[DeliveryView]
    cursor: str | None = Field(default=None, description="Asks for the next page; null at the end.")


class Destined(BaseModel):
    """Asks for results to be brought to an archive."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"archive": "pacs"}]})

    archive: str = Field(max_length=64, description="Its name in the settings.")


class Retried(BaseModel):
    """How many deliveries are tried again."""

    retried: int = Field(examples=[3])


class PullView(BaseModel):
    """One study on its way here."""

    id: UUID
    source: str = Field(examples=["pacs"])
    study_uid: str | None = Field(
        default=None, description="Null until the archive was asked which earlier study it is."
    )
    origin: Origin
    prior_of: UUID | None = None
    status: PullStatus
    attempts: int
    next_attempt: datetime | None = None
    hop: str | None = None
    reason: str | None = None
    assessment: UUID | None = Field(default=None, description="What it was filed under.")
    images: int | None = None
    created: datetime
    updated: datetime

    @classmethod
    def of(cls, pull: Pull) -> Self:
        """The view of a pull."""
        return cls.model_validate(pull, from_attributes=True)


class Pulls(BaseModel):
    """A page of pulls, newest first."""

    pulls: list[PullView]
    cursor: str | None = Field(default=None, description="Asks for the next page; null at the end.")


class PullAsked(BaseModel):
    """Asks for a study of an archive."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"study_uid": "1.2.3", "source": "pacs"}]}
    )

    study_uid: str = Field(
        pattern=r"^[0-9]+(\.[0-9]+)*$", max_length=64, description="StudyInstanceUID."
    )
    source: str = Field(max_length=64, description="Name of the archive in the settings.")


@router.get("/deliveries", responses=responses(422))
def deliveries(  # noqa: PLR0913, PLR0917 - one parameter a part of the address
    services: ServicesDep,
    assessment: Annotated[UUID | None, Query(description="Only of this assessment.")] = None,
    status: Annotated[DeliveryStatus | None, Query(description="Only in this state.")] = None,
    destination: Annotated[
        str | None, Query(max_length=64, description="Only to this archive or webhook.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Deliveries:
    """List what goes to archives and webhooks: which study, where it is, why it is not there."""
    try:
        page = services.store.deliveries.page(
            assessment=assessment,
            status=status,
            destination=destination,
            cursor=cursor,
            limit=limit,
        )
    except ValueError as error:
        raise Problem(422, str(error)) from error
    views = [DeliveryView.of(each) for each in page.deliveries]
    return Deliveries(deliveries=views, cursor=page.cursor)


@router.post(
    "/deliveries/{delivery}/retry", status_code=202, responses=responses(403, 404, 409, 422)
)
def retry(delivery: UUID, services: ServicesDep) -> DeliveryView:
    """Try a delivery again that has failed, or now one that waits."""
    services.store.deliveries.retry(delivery)
    found = services.store.deliveries.get(delivery)
    if found is None:
        raise NotFound("there is no such delivery")
    return DeliveryView.of(found)


@router.post("/deliveries/retry", responses=responses(403, 422))
def retry_ended(
    services: ServicesDep,
    destination: Annotated[
        str | None, Query(max_length=64, description="Only to this archive or webhook.")
    ] = None,
) -> Retried:
    """Try again all deliveries that failed or were given up, after a long outage, say."""
    return Retried(retried=services.store.deliveries.retry_ended(destination))


@router.post(
    "/assessments/{assessment}/deliveries",
    status_code=202,
    responses=responses(400, 403, 404, 409, 422),
)
def deliver(assessment: UUID, asked: Destined, services: ServicesDep) -> DeliveryView:
    """Bring the newest complete version to an archive, whatever came of it before.

    For an archive that was named later, and for studies that were fetched unasked.
    """
    _require_archive(services, asked.archive)
    return DeliveryView.of(services.store.deliveries.ask(assessment, asked.archive))


@router.get("/pulls", responses=responses(422))
def pulls(services: ServicesDep, cursor: Cursor = None, limit: Limit = 50) -> Pulls:
    """List what is fetched from archives."""
    try:
        page = services.store.pulls.page(cursor=cursor, limit=limit)
    except ValueError as error:
        raise Problem(422, str(error)) from error
    return Pulls(pulls=[PullView.of(each) for each in page.pulls], cursor=page.cursor)


@router.post("/pulls", status_code=202, responses=responses(400, 403, 404, 422))
def pull(asked: PullAsked, services: ServicesDep) -> PullView:
    """Fetch a study from an archive and assess it; one on its way is not asked for twice."""
    _require_archive(services, asked.source)
    return PullView.of(services.store.pulls.ask(asked.study_uid, asked.source))


@router.post("/pulls/{pull}/retry", status_code=202, responses=responses(403, 404, 409, 422))
def retry_pull(pull: UUID, services: ServicesDep) -> PullView:
    """Fetch again what has failed, or now what waits."""
    services.store.pulls.retry(pull)
    found = services.store.pulls.get(pull)
    if found is None:
        raise NotFound("there is no such pull")
    return PullView.of(found)


def _require_archive(services: Services, name: str) -> None:
    if name not in services.archives:
        known = ", ".join(services.archives) or "none"
        raise NotFound(f"the settings name no such archive; they name: {known}")
