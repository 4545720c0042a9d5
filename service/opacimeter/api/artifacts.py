"""Routes: documents."""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from opacimeter.api.assessments import VersionQuery
from opacimeter.api.problems import responses
from opacimeter.api.schemas import PREFIX, Artifacts, ArtifactView
from opacimeter.api.services import ServicesDep
from opacimeter.errors import NotFound

__all__ = ["router"]

router = APIRouter(prefix=PREFIX, tags=["documents"])

# Shown in the page; all else is offered for saving, so that no document can act as a page.
_SHOWN = {"application/json", "image/png", "image/webp", "application/pdf"}


@router.get("/{assessment}/artifacts", responses=responses(404, 422))
def artifacts(assessment: UUID, services: ServicesDep, version: VersionQuery = None) -> Artifacts:
    """List the documents of an assessment."""
    number = services.store.catalogue.get(assessment, version).version.number
    found = services.store.catalogue.artifacts(assessment, number)
    views = [ArtifactView.of(assessment, number, artifact) for artifact in found]
    return Artifacts(version=number, artifacts=views)


@router.get(
    "/{assessment}/artifacts/{name}",
    response_class=FileResponse,
    responses={
        200: {
            "description": "The document.",
            "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
        },
        206: {"description": "A part of it."},
        304: {"description": "Unchanged."},
        **responses(400, 404, 416, 422),
    },
)
def artifact(
    request: Request,
    assessment: UUID,
    name: str,
    services: ServicesDep,
    version: VersionQuery = None,
) -> Response:
    """Give one document."""
    number = services.store.catalogue.get(assessment, version).version.number
    found = services.store.catalogue.artifact(assessment, number, name)
    if not found.path.exists():
        raise NotFound("the assessment was removed meanwhile")
    headers = {"ETag": f'"{found.sha256}"', "Cache-Control": "private, no-cache"}
    if found.sha256 in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return FileResponse(
        found.path,
        media_type=found.media_type,
        filename=found.name,
        content_disposition_type="inline" if found.media_type in _SHOWN else "attachment",
        headers=headers,
    )
