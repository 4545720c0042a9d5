"""Routes: assessments, from their images to their removal."""

from typing import Annotated
from uuid import UUID

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response

from opacimeter.api.filing import FINDING, file_studies, upload_folder
from opacimeter.api.problems import responses
from opacimeter.api.reading import assessment_view, kept_result
from opacimeter.api.schemas import (
    PREFIX,
    AnotherSeries,
    AssessmentView,
    Received,
)
from opacimeter.api.services import Services, ServicesDep
from opacimeter.api.uploads import save_upload
from opacimeter.errors import NotFound

__all__ = ["router"]

router = APIRouter(prefix=PREFIX, tags=["assessments"])

_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "string", "format": "binary"},
                            "description": "DICOM files, zips of them, or both.",
                        }
                    },
                }
            }
        },
    }
}

VersionQuery = Annotated[
    int | None, Query(ge=1, le=1_000_000, description="The newest version where absent.")
]


@router.post(
    "",
    status_code=202,
    openapi_extra=_UPLOAD,
    responses={
        200: {"model": Received, "description": "All known."},
        **responses(400, 403, 409, 413, 415, 422, 507),
    },
)
async def receive(request: Request, response: Response, services: ServicesDep) -> Received:
    """Take in a study: DICOM files, a zip, or both; one assessment for each study found.

    Answers 202 where something is new, 200 where all of it was known, 422 where nothing can be
    filed under a study.
    """
    with upload_folder(services) as folder:
        files = folder / "files"
        files.mkdir()
        bounds = services.bounds
        await save_upload(
            request, files, max_bytes=bounds.upload_bytes, max_files=bounds.upload_files
        )
        received = await to_thread.run_sync(file_studies, services, folder, limiter=FINDING)
    if not any(study.new for study in received.assessments):
        response.status_code = 200
    return received


@router.get("/{assessment}", responses=responses(404, 422))
def one(assessment: UUID, services: ServicesDep, version: VersionQuery = None) -> AssessmentView:
    """Give an assessment: its state, and its result once there is one."""
    return assessment_view(services, services.store.catalogue.get(assessment, version))


@router.delete("/{assessment}", status_code=204, responses=responses(403, 404, 422))
def remove(assessment: UUID, services: ServicesDep) -> None:
    """Remove an assessment whole: images, documents and rows."""
    services.store.catalogue.remove(assessment)


@router.post("/{assessment}/cancel", status_code=202, responses=responses(403, 404, 409, 422))
def cancel(assessment: UUID, services: ServicesDep) -> AssessmentView:
    """Stop the work: at once while it waits, at its next step while it runs."""
    services.store.runs.cancel(assessment)
    return assessment_view(services, services.store.catalogue.get(assessment))


@router.post("/{assessment}/retry", status_code=202, responses=responses(403, 404, 409, 422))
def retry(assessment: UUID, services: ServicesDep) -> AssessmentView:
    """Do a rejected, failed or cancelled assessment again."""
    services.enqueue(services.store.runs.retry(assessment))
    return assessment_view(services, services.store.catalogue.get(assessment))


@router.post(
    "/{assessment}/series",
    status_code=202,
    responses={
        200: {"model": AssessmentView, "description": "Known already."},
        **responses(400, 403, 404, 422),
    },
)
def another_series(
    assessment: UUID, asked: AnotherSeries, response: Response, services: ServicesDep
) -> AssessmentView:
    """Assess another series of the study, as the next version."""
    _require_series(services, assessment, asked.series_uid)
    receipt = services.store.arrivals.another_series(assessment, asked.series_uid)
    if receipt.job is None:
        response.status_code = 200
    else:
        services.enqueue(receipt.job)
    return assessment_view(services, services.store.catalogue.get(assessment, receipt.version))


def _require_series(services: Services, assessment: UUID, series_uid: str) -> None:
    """Refuse a series that the newest result shows not to be there."""
    result = kept_result(services, services.store.catalogue.get(assessment))
    series = (result or {}).get("series") or {}
    if "others" not in series:
        return
    known = {series.get("uid"), *(other.get("uid") for other in series["others"])}
    if series_uid not in known:
        raise NotFound("the study has no such series")
