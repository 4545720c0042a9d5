"""Routes: assessments, from their images to their removal."""

import errno
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Annotated, Any
from uuid import UUID

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Query, Request, Response

from opacimeter.api.problems import Problem, rejection, responses
from opacimeter.api.schemas import (
    PREFIX,
    AnotherSeries,
    Assessments,
    AssessmentView,
    CheckView,
    Received,
    ReceivedStudy,
    RefusedStudy,
    Versions,
    VersionView,
    base_of,
)
from opacimeter.api.services import Services, ServicesDep
from opacimeter.api.uploads import save_upload
from opacimeter.errors import IntakeRejected, NotFound
from opacimeter.store import Entry, Incoming, Receipt, Status

__all__ = ["router"]

router = APIRouter(prefix=PREFIX, tags=["assessments"])

# Reading thousands of headers holds the interpreter: more at once would only starve the loop.
_finding = CapacityLimiter(2)

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
    with _upload_folder(services) as folder:
        files = folder / "files"
        files.mkdir()
        bounds = services.bounds
        await save_upload(
            request, files, max_bytes=bounds.upload_bytes, max_files=bounds.upload_files
        )
        received = await to_thread.run_sync(_file, services, folder, limiter=_finding)
    if not any(study.new for study in received.assessments):
        response.status_code = 200
    return received


@router.get("", responses=responses(422))
def listed(
    services: ServicesDep,
    patient: Annotated[
        str | None, Query(max_length=256, description="PatientID (0010,0020), exactly.")
    ] = None,
    status: Annotated[Status | None, Query(description="State of the newest version.")] = None,
    cursor: Annotated[str | None, Query(max_length=200, description="Of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Assessments:
    """List assessments, newest first."""
    try:
        page = services.store.catalogue.page(
            patient=patient, status=status, cursor=cursor, limit=limit
        )
    except ValueError as error:
        raise Problem(422, str(error)) from error
    views = [AssessmentView.of(entry) for entry in page.entries]
    return Assessments(assessments=views, cursor=page.cursor)


@router.get("/{assessment}", responses=responses(404, 422))
def one(assessment: UUID, services: ServicesDep, version: VersionQuery = None) -> AssessmentView:
    """Give an assessment: its state, and its result once there is one."""
    return _view(services, services.store.catalogue.get(assessment, version))


@router.delete("/{assessment}", status_code=204, responses=responses(403, 404, 422))
def remove(assessment: UUID, services: ServicesDep) -> None:
    """Remove an assessment whole: images, documents and rows."""
    services.store.catalogue.remove(assessment)


@router.get("/{assessment}/versions", responses=responses(404, 422))
def versions(assessment: UUID, services: ServicesDep) -> Versions:
    """List the versions of an assessment, oldest first."""
    found = services.store.catalogue.versions(assessment)
    return Versions(versions=[VersionView.of(version) for version in found])


@router.post("/{assessment}/cancel", status_code=202, responses=responses(403, 404, 409, 422))
def cancel(assessment: UUID, services: ServicesDep) -> AssessmentView:
    """Stop the work: at once while it waits, at its next step while it runs."""
    services.store.runs.cancel(assessment)
    return _view(services, services.store.catalogue.get(assessment))


@router.post("/{assessment}/retry", status_code=202, responses=responses(403, 404, 409, 422))
def retry(assessment: UUID, services: ServicesDep) -> AssessmentView:
    """Do a rejected, failed or cancelled assessment again."""
    services.enqueue(services.store.runs.retry(assessment))
    return _view(services, services.store.catalogue.get(assessment))


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
    return _view(services, services.store.catalogue.get(assessment, receipt.version))


@contextmanager
def _upload_folder(services: Services) -> Iterator[Path]:
    free = services.store.files.free_bytes()
    if free < services.bounds.free_bytes:
        raise _disk_full(services)
    folder = services.store.files.upload()
    try:
        yield folder
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _disk_full(services) from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _disk_full(services: Services) -> Problem:
    limit = services.bounds.free_bytes
    return Problem(507, f"less than {limit} bytes are free: remove assessments, or add space")


def _file(services: Services, folder: Path) -> Received:
    """Find the studies of an upload and file each; one that is refused does not hide another."""
    workspace = Path(mkdtemp(dir=folder))
    studies = services.find(folder / "files", workspace)
    received, refusals = [], []
    for study in studies:
        try:
            received.append(_receive(services, study))
        except IntakeRejected as error:
            refusals.append(error)
    if not received and refusals:
        checks = [check for error in refusals for check in error.checks]
        raise Problem(422, str(refusals[0]), **rejection(checks))
    return Received(assessments=received, refused=[_refused(error) for error in refusals])


def _receive(services: Services, study: Incoming) -> ReceivedStudy:
    if not study.files:
        raise IntakeRejected(tuple(study.problems))
    receipt = services.store.arrivals.receive(study, model_sha256=services.model().get("sha256"))
    if receipt.job is not None:
        services.enqueue(receipt.job)
    return _received(services, receipt)


def _received(services: Services, receipt: Receipt) -> ReceivedStudy:
    entry = services.store.catalogue.get(receipt.id, receipt.version)
    return ReceivedStudy(
        id=receipt.id,
        version=receipt.version,
        new=receipt.job is not None,
        status=entry.version.status,
        href=base_of(receipt.id),
    )


def _refused(error: IntakeRejected) -> RefusedStudy:
    return RefusedStudy(detail=str(error), checks=[CheckView.of(check) for check in error.checks])


def _view(services: Services, entry: Entry) -> AssessmentView:
    return AssessmentView.of(entry, _result(services, entry))


def _result(services: Services, entry: Entry) -> dict[str, Any] | None:
    if "result.json" not in entry.version.documents:
        return None
    number = entry.version.number
    artifact = services.store.catalogue.artifact(entry.id, number, "result.json")
    try:
        result: dict[str, Any] = json.loads(artifact.path.read_bytes())
    except FileNotFoundError as error:
        raise NotFound("the assessment was removed meanwhile") from error
    return result


def _require_series(services: Services, assessment: UUID, series_uid: str) -> None:
    """Refuse a series that the newest result shows not to be there."""
    result = _result(services, services.store.catalogue.get(assessment))
    series = (result or {}).get("series") or {}
    if "others" not in series:
        return
    known = {series.get("uid"), *(other.get("uid") for other in series["others"])}
    if series_uid not in known:
        raise NotFound("the study has no such series")
