"""Routes: documents and rendered slices."""

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse

from opacimeter.api.assessments import VersionQuery
from opacimeter.api.problems import Problem, responses
from opacimeter.api.schemas import PREFIX, Artifacts, ArtifactView
from opacimeter.api.services import Plane, Services, ServicesDep, Slices
from opacimeter.errors import NotFound
from opacimeter.store import Artifact

__all__ = ["OpenSlices", "router"]

router = APIRouter(prefix=PREFIX, tags=["documents"])

# Shown in the page; all else is offered for saving, so that no document can act as a page.
_SHOWN = {"application/json", "image/png", "image/webp", "application/pdf"}


_AXIS: dict[Plane, int] = {"axial": 0, "coronal": 1, "sagittal": 2}  # of (slice, row, column)


class OpenSlices:
    """Keeps the last few volumes open, for who looks at one slice looks at the next."""

    def __init__(self, capacity: int = 2) -> None:
        """Nothing is open."""
        self._open: OrderedDict[Path, Slices] = OrderedDict()
        self._lock = threading.Lock()
        self._capacity = capacity

    def get(self, services: Services, volume: Artifact, labels: Artifact, cache: Path) -> Slices:
        """The slices of a volume."""
        key = cache / f"{volume.sha256[:16]}-{labels.sha256[:16]}"
        with self._lock:
            if key not in self._open:
                key.mkdir(parents=True, exist_ok=True)
                self._open[key] = services.slices(volume.path, labels.path, key)
            self._open.move_to_end(key)
            while len(self._open) > self._capacity:
                self._open.popitem(last=False)
            return self._open[key]


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


@router.get(
    "/{assessment}/slices/{index}.webp",
    response_class=Response,
    responses={
        200: {
            "description": "The picture.",
            "content": {"image/webp": {"schema": {"type": "string", "format": "binary"}}},
        },
        **responses(404, 422),
    },
)
def slice_picture(  # noqa: PLR0913, PLR0917 - one parameter a part of the address
    request: Request,
    services: ServicesDep,
    assessment: UUID,
    index: Annotated[int, "0 is the most cranial, anterior or rightmost"],
    plane: Plane = "axial",
    window: Annotated[
        str, Query(pattern=r"^-?[0-9]{1,5},[0-9]{1,5}$", description="Centre and width in HU.")
    ] = "-600,1500",
    overlay: Annotated[bool, Query(description="Draw lungs and lesions.")] = True,  # noqa: FBT002
    version: VersionQuery = None,
) -> Response:
    """Render one slice."""
    slices = _slices(request, services, assessment, version)
    if not 0 <= index < slices.shape[_AXIS[plane]]:
        last = slices.shape[_AXIS[plane]] - 1
        raise NotFound(f"there is no {plane} slice {index}; the last one is {last}")
    picture = slices.webp(plane, index, window=_window(window), overlay=overlay)
    headers = {"Cache-Control": "private, max-age=3600"}
    return Response(picture, media_type="image/webp", headers=headers)


def _slices(request: Request, services: Services, assessment: UUID, version: int | None) -> Slices:
    catalogue = services.store.catalogue
    number = catalogue.get(assessment, version).version.number
    volume = catalogue.artifact(assessment, number, "volume.nii.gz")
    labels = catalogue.artifact(assessment, number, "labels.nii.gz")
    opened: OpenSlices = request.app.state.slices
    try:
        return opened.get(services, volume, labels, services.store.files.cache(assessment, number))
    except FileNotFoundError as error:
        raise NotFound("the assessment was removed meanwhile") from error


def _window(text: str) -> tuple[float, float]:
    centre, width = (float(number) for number in text.split(","))
    if width < 1:
        raise Problem(422, "the window's width must be at least 1 HU")
    return centre, width
