"""Routes: what a viewer shows at once. Rendered slices, their grid, HU, a volume of half size."""

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from opacimeter.api.assessments import VersionQuery
from opacimeter.api.problems import Problem, responses
from opacimeter.api.schemas import PREFIX
from opacimeter.api.services import Plane, Services, ServicesDep, Slices, Style
from opacimeter.errors import NotFound
from opacimeter.report import PREVIEW_FORM, Preview, write_preview
from opacimeter.store import Artifact

__all__ = ["OpenSlices", "router"]

router = APIRouter(prefix=PREFIX, tags=["documents"])

_AXIS: dict[Plane, int] = {"axial": 0, "coronal": 1, "sagittal": 2}  # of (slice, row, column)
_REMOVED = "the assessment was removed meanwhile"
# Not a tuple: its schema would bear a keyword that OpenAPI 3.1 has no place for.
_THREE = Field(min_length=3, max_length=3)


class Grid(BaseModel):
    """The grid of the rendered slices: from the head, from the front, from the patient's right."""

    shape: Annotated[list[int], _THREE] = Field(description="Axial, coronal and sagittal slices.")
    spacing_mm: Annotated[list[float], _THREE] = Field(description="Between them.")
    affine: list[list[float]] = Field(
        description="4x4, index (axial, coronal, sagittal) to DICOM's patient coordinates in mm."
    )
    zones: dict[str, Annotated[list[int], _THREE]] = Field(
        description="A voxel in each zone's middle."
    )


class Attenuation(BaseModel):
    """One voxel."""

    hu: int = Field(examples=[-820])


class OpenSlices:
    """Keeps the last few volumes open, for who looks at one slice looks at the next."""

    def __init__(self, capacity: int = 2) -> None:
        """Nothing is open."""
        self._open: OrderedDict[Path, Slices] = OrderedDict()
        self._lock = threading.Lock()
        self._making = threading.Lock()
        self._capacity = capacity

    def get(self, services: Services, volume: Artifact, labels: Artifact, cache: Path) -> Slices:
        """The slices of a volume."""
        key = _folder(volume, labels, cache)
        with self._lock:
            if key not in self._open:
                self._open[key] = services.slices(volume.path, labels.path, key)
                services.store.files.trim_cache(services.bounds.cache_bytes)
            self._open.move_to_end(key)
            while len(self._open) > self._capacity:
                self._open.popitem(last=False)
            return self._open[key]

    def preview(self, kind: Preview, volume: Artifact, labels: Artifact, cache: Path) -> Path:
        """The file of a preview, made when first asked for; one at a time, they take memory."""
        key = _folder(volume, labels, cache)
        target = key / f"preview-{PREVIEW_FORM}-{kind}.nii.gz"
        with self._making:
            if not target.exists():
                packed = volume if kind == "volume" else labels
                write_preview(target, packed.path, key, kind=kind)
        return target


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
    style: Annotated[Style, Query(description="How they are drawn.")] = "contours",
    opacity: Annotated[int, Query(ge=0, le=100, description="Percent.")] = 100,
    version: VersionQuery = None,
) -> Response:
    """Render one slice."""
    slices = _slices(request, services, assessment, version)
    if not 0 <= index < slices.shape[_AXIS[plane]]:
        last = slices.shape[_AXIS[plane]] - 1
        raise NotFound(f"there is no {plane} slice {index}; the last one is {last}")
    picture = slices.webp(
        plane,
        index,
        window=_window(window),
        style=style if overlay else "none",
        opacity=opacity / 100,
    )
    headers = {"Cache-Control": "private, max-age=3600"}
    return Response(picture, media_type="image/webp", headers=headers)


@router.get("/{assessment}/slices", responses=responses(404, 422))
def grid(
    request: Request, services: ServicesDep, assessment: UUID, version: VersionQuery = None
) -> Grid:
    """Tell the grid that slices are counted on."""
    slices = _slices(request, services, assessment, version)
    return Grid(
        shape=list(slices.shape),
        spacing_mm=list(slices.spacing_mm),
        affine=slices.affine.tolist(),
        zones={name: list(place) for name, place in slices.zones().items()},
    )


@router.get("/{assessment}/hu", responses=responses(404, 422))
def attenuation(
    request: Request,
    services: ServicesDep,
    assessment: UUID,
    at: Annotated[
        str, Query(pattern=r"^[0-9]{1,5},[0-9]{1,5},[0-9]{1,5}$", description="Index on the grid.")
    ],
    version: VersionQuery = None,
) -> Attenuation:
    """Give the HU of one voxel."""
    axial, coronal, sagittal = (int(number) for number in at.split(","))
    slices = _slices(request, services, assessment, version)
    return Attenuation(hu=slices.hu((axial, coronal, sagittal)))


@router.get(
    "/{assessment}/preview/{kind}.nii.gz",
    response_class=FileResponse,
    responses={
        200: {
            "description": "NIfTI.",
            "content": {"application/gzip": {"schema": {"type": "string", "format": "binary"}}},
        },
        304: {"description": "Unchanged."},
        **responses(404, 422),
    },
)
def preview(
    request: Request,
    assessment: UUID,
    kind: Preview,
    services: ServicesDep,
    version: VersionQuery = None,
) -> Response:
    """Give the volume or its labels at half resolution."""
    volume, labels, cache = _sources(services, assessment, version)
    source = volume if kind == "volume" else labels
    tag = f"{source.sha256[:32]}-preview-{PREVIEW_FORM}"
    headers = {"ETag": f'"{tag}"', "Cache-Control": "private, no-cache"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    opened: OpenSlices = request.app.state.slices
    try:
        path = opened.preview(kind, volume, labels, cache)
    except FileNotFoundError as error:
        raise NotFound(_REMOVED) from error
    return FileResponse(path, media_type="application/gzip", headers=headers)


def _sources(
    services: Services, assessment: UUID, version: int | None
) -> tuple[Artifact, Artifact, Path]:
    catalogue = services.store.catalogue
    number = catalogue.get(assessment, version).version.number
    volume = catalogue.artifact(assessment, number, "volume.nii.gz")
    labels = catalogue.artifact(assessment, number, "labels.nii.gz")
    return volume, labels, services.store.files.cache(assessment, number)


def _slices(request: Request, services: Services, assessment: UUID, version: int | None) -> Slices:
    volume, labels, cache = _sources(services, assessment, version)
    opened: OpenSlices = request.app.state.slices
    try:
        return opened.get(services, volume, labels, cache)
    except FileNotFoundError as error:
        raise NotFound(_REMOVED) from error


def _folder(volume: Artifact, labels: Artifact, cache: Path) -> Path:
    folder = cache / f"{volume.sha256[:16]}-{labels.sha256[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _window(text: str) -> tuple[float, float]:
    centre, width = (float(number) for number in text.split(","))
    if width < 1:
        raise Problem(422, "the window's width must be at least 1 HU")
    return centre, width
