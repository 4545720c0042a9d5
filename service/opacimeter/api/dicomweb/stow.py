"""STOW-RS (PS3.18 10.5): DICOM objects come in, of one study or of many, in any order."""

from functools import partial
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from python_multipart.exceptions import FormParserError
from starlette.requests import ClientDisconnect

from opacimeter.api.dicomweb.address import (
    DICOM_JSON,
    ROOT,
    StudyUid,
    instance_url,
    require_accepted,
)
from opacimeter.api.dicomweb.receiving import Receiving
from opacimeter.api.dicomweb.related import Related, boundary_of
from opacimeter.api.filing import FINDING, upload_folder
from opacimeter.api.problems import Problem, responses
from opacimeter.api.services import Services, ServicesDep
from opacimeter.api.uploads import batches, bounded

__all__ = ["router"]

router = APIRouter(prefix=f"{ROOT}/studies", tags=["DICOMweb"])

# Objects are made durable in groups: one wait for the disk, and few bytes to send again.
_GROUP_BYTES, _GROUP_PARTS = 64 << 20, 500

_TOLD: dict[str, Any] = {"content": {DICOM_JSON: {"schema": {"type": "object"}}}}
_ABOUT: dict[str, Any] = {
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {
                "multipart/related": {
                    "schema": {"type": "string", "format": "binary"},
                }
            },
        }
    },
    "response_class": Response,
    "responses": {
        200: {"description": "All objects are here.", **_TOLD},
        202: {"description": "Some are, and it says which not and why.", **_TOLD},
        **responses(400, 403, 406, 413, 415, 422, 507),
        409: {"description": "None is.", **_TOLD},
    },
}


@router.post("", **_ABOUT)
async def store(request: Request, services: ServicesDep) -> Response:
    """Store DICOM objects (STOW-RS). A study is assessed when no more images of it come."""
    return await _store(request, services, None)


@router.post("/{study}", **_ABOUT)
async def store_in_study(study: StudyUid, request: Request, services: ServicesDep) -> Response:
    """Store DICOM objects of one study (STOW-RS); those of another are refused."""
    return await _store(request, services, study)


async def _store(request: Request, services: Services, study: str | None) -> Response:
    require_accepted(request)
    boundary = boundary_of(request)
    with upload_folder(services) as folder:
        parts = Related(boundary, folder, max_parts=services.bounds.upload_files)
        receiving = Receiving(services, study, url=partial(instance_url, request))
        try:
            await _receive(request, parts, receiving)
        finally:
            parts.close()
    answer = receiving.answer
    if not answer.count:
        raise Problem(400, "the body holds no DICOM object")
    base = str(request.base_url).rstrip("/")
    url = f"{base}{ROOT}/studies/{receiving.study}" if receiving.study else None
    return JSONResponse(answer.json(url), answer.status, media_type=DICOM_JSON)


async def _receive(request: Request, parts: Related, receiving: Receiving) -> None:
    limit = receiving.services.bounds.upload_bytes
    try:
        async for batch in batches(bounded(request, limit)):
            await to_thread.run_sync(parts.write, batch)
            if parts.held_bytes >= _GROUP_BYTES or parts.held >= _GROUP_PARTS:
                await to_thread.run_sync(receiving.keep, parts.take(), limiter=FINDING)
        parts.finish()
    except ClientDisconnect as error:
        # Nobody hears the answer. What was kept so far stays: sent again, it is known.
        raise Problem(400, "the request was broken off: send it again") from error
    except FormParserError as error:
        raise Problem(400, "the multipart body is malformed") from error
    await to_thread.run_sync(receiving.keep, parts.take(), limiter=FINDING)
