"""How the phantom is scanned: geometry, blur and noise."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from training.phantom.anatomy import Rendering, render_chest, render_head
from training.phantom.fields import Field, Points, Slab
from training.phantom.patient import Patient
from training.phantom.syntaxes import Syntax
from training.phantom.truth import LesionTruth, Truth

__all__ = ["Kernel", "Position", "Region", "Scan", "scan"]

_VOXELS_AT_ONCE = 1_500_000
_STORED_HU = (-1024, 3071)  # what 12 bits with an intercept of -1024 can say


class Kernel(StrEnum):
    """Reconstruction kernel."""

    SOFT = "soft"
    SHARP = "sharp"


class Region(StrEnum):
    """Which phantom lies on the table."""

    CHEST = "chest"
    HEAD = "head"


class Position(StrEnum):
    """PatientPosition (0018,5100)."""

    HFS = "HFS"
    HFP = "HFP"
    HFDL = "HFDL"
    HFDR = "HFDR"
    FFS = "FFS"
    FFP = "FFP"
    FFDL = "FFDL"
    FFDR = "FFDR"


# Direction of rows and of columns in LPS, by the last letters of the position. Gravity points down
# the columns. Feet first changes the order of acquisition, not the way the images are shown.
_DIRECTIONS: dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    "S": ((1, 0, 0), (0, 1, 0)),
    "P": ((-1, 0, 0), (0, -1, 0)),
    "DL": ((0, -1, 0), (1, 0, 0)),
    "DR": ((0, 1, 0), (-1, 0, 0)),
}


@dataclass(frozen=True, slots=True)
class Scan:
    """Protocol of one scan.

    Attributes:
        slices: Images.
        rows: Of each image.
        columns: Of each image.
        spacing_mm: Table step, distance of rows, distance of columns.
        thickness_mm: SliceThickness (0018,0050).
        top_mm: z of slice 0's centre. The lungs lie between 118 and -134; what lies
            below is abdomen.
        region: Chest, or a head.
        kernel: Decides blur and the noise's grain.
        noise_hu: Standard deviation of the noise in soft tissue.
        position: How the patient lies; prone and side change which lung is dependent.
        flipped_rows: Rows run from bottom to top: the affine becomes left-handed.
        flipped_columns: Columns run from right to left, likewise.
        tilt_degrees: Gantry tilt about the rows.
        syntax: How the pixels are encoded.
        enhanced: One multi-frame Enhanced CT instance instead of one file a slice.
        seed: Of the noise, and of the series' UIDs.

    Raises:
        ValueError: A scan that no scanner makes.
    """

    slices: int = 110
    rows: int = 320
    columns: int = 320
    spacing_mm: tuple[float, float, float] = (2.5, 1.15, 1.15)
    thickness_mm: float = 2.5
    top_mm: float = 130.0
    region: Region = Region.CHEST
    kernel: Kernel = Kernel.SOFT
    noise_hu: float = 18.0
    position: Position = Position.HFS
    flipped_rows: bool = False
    flipped_columns: bool = False
    tilt_degrees: float = 0.0
    syntax: Syntax = Syntax.EXPLICIT
    enhanced: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        if min(self.slices, self.rows, self.columns) < 1:
            raise ValueError("a scan needs at least one slice, row and column")
        if min(*self.spacing_mm, self.thickness_mm) <= 0:
            raise ValueError("spacing and thickness must be above 0 mm")
        if self.noise_hu < 0 or abs(self.tilt_degrees) > 30:
            raise ValueError("noise must not be negative, tilt within 30 degrees")

    @property
    def directions(self) -> NDArray[np.float64]:
        """Unit vectors in LPS of growing column and of growing row index, (2, 3).

        The order is that of ImageOrientationPatient (PS3.3 C.7.6.2.1.1).
        """
        along_row, along_column = map(np.array, _DIRECTIONS[self.position[2:]])
        angle = np.deg2rad(self.tilt_degrees)
        along_column = along_column * np.cos(angle) + np.array([0, 0, np.sin(angle)])
        if self.flipped_rows:
            along_column = -along_column
        if self.flipped_columns:
            along_row = -along_row
        return np.stack([along_row, along_column]).astype(np.float64)

    @property
    def down(self) -> tuple[float, float]:
        """Direction of gravity, (x, y) of LPS."""
        x, y, _ = _DIRECTIONS[self.position[2:]][1]
        return float(x), float(y)

    @property
    def affine(self) -> NDArray[np.float64]:
        """4x4, index (slice, row, column, 1) to LPS mm."""
        along_row, along_column = self.directions
        step, row_mm, column_mm = self.spacing_mm
        affine = np.eye(4)
        affine[:3, 0] = 0, 0, -step
        affine[:3, 1] = along_column * row_mm
        affine[:3, 2] = along_row * column_mm
        middle = affine[:3, 1] * (self.rows - 1) / 2 + affine[:3, 2] * (self.columns - 1) / 2
        x, y = self.down
        affine[:3, 3] = np.array([12 * x, 12 * y, self.top_mm]) - middle
        return affine

    @property
    def planes_per_slice(self) -> int:
        """Planes whose mean is a slice; odd, so that one lies at the centre."""
        return min(2 * int(self.thickness_mm / 2.4 + 0.5) + 1, 9)


def scan(patient: Patient, protocol: Scan) -> tuple[NDArray[np.int16], Truth]:
    """Scan a patient: images without DICOM.

    Returns:
        HU int16 (slice, row, column), slice 0 the most cranial, and the truth on the same grid.
    """
    shape = (protocol.slices, protocol.rows, protocol.columns)
    hu, labels = np.empty(shape, np.int16), np.empty(shape, np.uint8)
    voxels = np.zeros((len(patient.lesions), 2), np.int64)
    render = render_head if protocol.region is Region.HEAD else render_chest
    for first, slab in _slabs(protocol):
        seen = render(slab, patient, protocol.down)
        here = slice(first, first + len(seen.labels))
        labels[here] = seen.labels
        voxels += _count(seen, len(patient.lesions))
        planes = seen.hu.reshape(len(seen.labels), slab.sub, *shape[1:])
        for offset, image in enumerate(planes.sum(1) / np.float32(slab.sub)):
            hu[first + offset] = _imaged(image, protocol, first + offset)
    return hu, Truth(labels, protocol.affine, _lesions(patient, voxels, protocol.affine))


def _slabs(protocol: Scan) -> Iterator[tuple[int, Slab]]:
    sub, affine = protocol.planes_per_slice, protocol.affine
    at_once = max(1, _VOXELS_AT_ONCE // (protocol.rows * protocol.columns * sub))
    normal = np.cross(*protocol.directions)
    offsets = ((np.arange(sub) + 0.5) / sub - 0.5) * protocol.thickness_mm
    for first in range(0, protocol.slices, at_once):
        count = min(at_once, protocol.slices - first)
        here = affine.copy()
        here[:3, 3] += first * affine[:3, 0]
        along = np.arange(count)[:, None, None] * here[:3, 0] + offsets[:, None] * normal
        points = _points(here, along.reshape(-1, 3), (protocol.rows, protocol.columns))
        reach = protocol.thickness_mm / 2 / protocol.spacing_mm[0] + 0.01
        yield first, Slab(points, here, sub, reach, max(protocol.spacing_mm[1:]))


def _points(affine: NDArray[np.float64], planes_mm: NDArray[np.float64],
            size: tuple[int, int]) -> Points:  # fmt: skip
    """Coordinates that broadcast: an axis along which one does not change has length 1."""
    rows, columns = np.arange(size[0]), np.arange(size[1])
    axes = []
    for axis in range(3):
        value = np.full((1, 1, 1), affine[axis, 3])
        for part, where in (
            (planes_mm[:, axis], (slice(None), None, None)),
            (affine[axis, 1] * rows, (None, slice(None), None)),
            (affine[axis, 2] * columns, (None, None, slice(None))),
        ):
            value = value + (part[where] if part.any() else 0.0)
        axes.append(value.astype(np.float32))
    return Points(*axes)


def _imaged(image: Field, protocol: Scan, index: int) -> NDArray[np.int16]:
    """Blur, kernel and noise of one slice."""
    _, row_mm, column_mm = protocol.spacing_mm
    sharp = protocol.kernel is Kernel.SHARP
    blurred = _blur(image, 0.28 if sharp else 0.62, (row_mm, column_mm))
    if sharp:
        blurred = blurred + np.float32(0.45) * (blurred - _blur(blurred, 1.1, (row_mm, column_mm)))
    grain = _noise(protocol, index) * _noise_share(image, (row_mm, column_mm))
    low, high = _STORED_HU
    return np.clip(np.rint(blurred + grain), low, high).astype(np.int16)


def _noise_share(image: Field, pixels_mm: tuple[float, float]) -> Field:
    """How much of the noise shows: less in air, more where much is absorbed (0.45 to 1).

    Reckoned on every few pixels: it changes over centimetres.
    """
    rows, columns = (max(1, int(6 / mm)) for mm in pixels_mm)
    few = image[::rows, ::columns]
    wide = _blur(few, 25.0, (rows * pixels_mm[0], columns * pixels_mm[1]))
    share = np.float32(0.45) + np.float32(0.55) * np.clip((wide + 1000) / 1000, 0, 1)
    full = np.repeat(np.repeat(share, rows, axis=0), columns, axis=1)
    return np.asarray(full[: image.shape[0], : image.shape[1]], np.float32)


def _noise(protocol: Scan, index: int) -> Field:
    """Noise of one slice; its grain is what the kernel lets through.

    A smoothed field less a wider smoothed one: filtered back-projection passes little power at low
    frequencies. It is scaled to the wanted deviation as measured, so that any pixel size gets it.
    """
    pixels = protocol.spacing_mm[1:]
    white = np.random.default_rng([protocol.seed, 41, index]).standard_normal(
        (protocol.rows, protocol.columns)
    )
    sharp = protocol.kernel is Kernel.SHARP
    fine = gaussian_filter(white, [(0.25 if sharp else 0.62) / mm for mm in pixels], mode="wrap")
    wide = gaussian_filter(white, [(0.9 if sharp else 2.6) / mm for mm in pixels], mode="wrap")
    grain = fine - 0.8 * wide
    spread = float(grain.std())
    if spread == 0:
        return np.zeros(white.shape, np.float32)
    return np.asarray(grain * (protocol.noise_hu / spread), np.float32)


def _blur(image: Field, sigma_mm: float, pixels_mm: tuple[float, float]) -> Field:
    return gaussian_filter(image, [sigma_mm / mm for mm in pixels_mm], mode="nearest", truncate=3.0)


def _count(seen: Rendering, lesions: int) -> NDArray[np.int64]:
    """Voxels of each lesion in the left and the right lung, (lesions, 2)."""
    sides = [
        np.bincount(seen.lesion[seen.labels == label], minlength=lesions + 1) for label in (3, 4)
    ]
    return np.stack(sides, -1)[1:]


def _lesions(
    patient: Patient, voxels: NDArray[np.int64], affine: NDArray[np.float64]
) -> tuple[LesionTruth, ...]:
    voxel_ml = float(abs(np.linalg.det(affine[:3, :3]))) / 1000
    return tuple(
        LesionTruth(str(lesion.kind), lesion.centre_mm, float(left) * voxel_ml,
                    float(right) * voxel_ml)
        for lesion, (left, right) in zip(patient.lesions, voxels, strict=True)
    )  # fmt: skip
