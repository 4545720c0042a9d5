"""Routes: corrections, from what a person painted to the version made of it."""

from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ValidationError

from opacimeter.api.assessments import VersionQuery
from opacimeter.api.filing import upload_folder
from opacimeter.api.problems import Problem, responses
from opacimeter.api.reading import assessment_view, kept_result
from opacimeter.api.schemas import PREFIX, AssessmentView
from opacimeter.api.services import Services, ServicesDep
from opacimeter.api.uploads import save_upload
from opacimeter.api.versions import Author, Reason
from opacimeter.errors import Conflict, NotFound
from opacimeter.record import Correction
from opacimeter.report import accept_painting, volume_voxels
from opacimeter.store import Entry, Receipt, Status

__all__ = ["router"]

router = APIRouter(prefix=PREFIX, tags=["versions"])

# A painting and the labels that it changes lie in memory while they are compared.
_reading = CapacityLimiter(1)

_BESIDE_BYTES = 1 << 20
"""Headers of the file and the form, and texts; one byte a voxel is the rest."""

_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["labels", "author", "reason"],
                    "properties": {
                        "labels": {
                            "type": "string",
                            "format": "binary",
                            "description": "NIfTI-1 (.nii or .nii.gz), uint8, on the grid of "
                            "volume.nii.gz: 0 background, 1 lung, 2 lesion.",
                        },
                        "author": {"type": "string", "minLength": 1, "maxLength": 200},
                        "reason": {"type": "string", "minLength": 1, "maxLength": 2000},
                    },
                }
            }
        },
    }
}


class _Told(BaseModel):
    """What a person says beside what they painted."""

    author: Author
    reason: Reason


@router.post(
    "/{assessment}/corrections",
    status_code=202,
    openapi_extra=_FORM,
    responses={
        200: {"model": AssessmentView, "description": "Known already."},
        **responses(400, 403, 404, 409, 413, 415, 422, 507),
    },
)
async def correct(
    request: Request,
    assessment: UUID,
    response: Response,
    services: ServicesDep,
    version: VersionQuery = None,
) -> AssessmentView:
    """Make what a person painted over a version's labels the next version, measured anew.

    The corrected version stays. The same painting, author and reason again answer 200 and change
    nothing.
    """
    found = await to_thread.run_sync(_Painted.on, services, assessment, version)
    with upload_folder(services) as folder:
        texts = await save_upload(
            request,
            folder,
            max_bytes=found.voxels + _BESIDE_BYTES,
            max_files=1,
            no_file="the form holds no labels: send what was painted as NIfTI",
        )
        correction = _correction(texts, found.number)
        filing = partial(found.file, services, folder, correction)
        receipt = await to_thread.run_sync(filing, limiter=_reading)
    response.status_code = 200 if receipt.job is None else 202
    return await to_thread.run_sync(_answer, services, receipt)


class _Painted:
    """The version that is painted on."""

    def __init__(self, services: Services, entry: Entry) -> None:
        self.id, self.number = entry.id, entry.version.number
        result: dict[str, Any] = kept_result(services, entry) or {}
        self._series_uid = str(result["series"]["uid"])
        self._volume = self._document(services, "volume.nii.gz")
        self._labels = self._document(services, "labels.nii.gz")
        self.voxels = volume_voxels(self._volume)

    @classmethod
    def on(cls, services: Services, assessment: UUID, version: int | None) -> "_Painted":
        """The version asked for; raises NotFound, Conflict."""
        entry = services.store.catalogue.get(assessment, version)
        if entry.version.status is not Status.COMPLETE:
            raise Conflict(
                f"version {entry.version.number} is {entry.version.status}; only a complete one "
                "can be corrected"
            )
        try:
            return cls(services, entry)
        except FileNotFoundError as error:
            raise NotFound("the assessment was removed meanwhile") from error

    def file(self, services: Services, folder: Path, correction: Correction) -> Receipt:
        """Read the one file of the upload and file it as the next version."""
        (sent,) = folder.iterdir()
        painting = folder / "painting.nii.gz"
        try:
            accept_painting(sent, volume=self._volume, labels=self._labels, out=painting)
        except ValueError as error:
            raise Problem(422, str(error)) from error
        except FileNotFoundError as error:
            raise NotFound("the assessment was removed meanwhile") from error
        receipt = services.store.corrections.receive(
            self.id, correction, painting, series_uid=self._series_uid
        )
        if receipt.job is not None:
            services.enqueue(receipt.job)
        return receipt

    def _document(self, services: Services, name: str) -> Path:
        return services.store.catalogue.artifact(self.id, self.number, name).path


def _correction(texts: dict[str, str], version: int) -> Correction:
    try:
        told = _Told.model_validate(texts)
    except ValidationError as error:
        wrong = [
            {"where": f"body.{'.'.join(str(part) for part in each['loc'])}", "message": each["msg"]}
            for each in error.errors(include_input=False, include_url=False)
        ]
        raise Problem(
            422, "a correction needs its author's name and a reason, in plain text", errors=wrong
        ) from error
    reason = told.reason.strip()
    if not reason:
        raise Problem(422, "a correction needs a reason")
    return Correction(version, told.author, reason)


def _answer(services: Services, receipt: Receipt) -> AssessmentView:
    return assessment_view(services, services.store.catalogue.get(receipt.id, receipt.version))
