"""Single slices as pictures, at the speed of scrolling."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from opacimeter.errors import NotFound
from opacimeter.findings import ZONES, Label
from opacimeter.report.drawing import LESION_COLOUR, LUNG_COLOUR, windowed
from opacimeter.report.mapped import mapped
from opacimeter.volume import oriented, swaps_rows_and_columns

__all__ = ["LUNG_SHARE", "Plane", "SliceRenderer", "Style", "oriented_affine"]

Plane = Literal["axial", "coronal", "sagittal"]
Style = Literal["contours", "fill", "none"]
LUNG_SHARE = 0.35
"""How much of the lesion's opacity the lung gets when filled: a backdrop, not a cover."""
_AXIS: dict[Plane, int] = {"axial": 0, "coronal": 1, "sagittal": 2}


class SliceRenderer:
    """Renders slices of a kept volume.

    Args:
        volume: volume.nii.gz as `render` made it.
        labels: labels.nii.gz of the same assessment.
        cache: A folder of this version's own; see `mapped`.

    Attributes:
        affine: float64 4x4, oriented index (slice, row, column) to LPS mm: slices count from the
            head, rows from the front, columns from the patient's right.
    """

    def __init__(self, volume: Path, labels: Path, cache: Path) -> None:
        with ThreadPoolExecutor(1) as beside:  # unpacking leaves Python to others
            unpacking = beside.submit(mapped, labels, cache)
            hu, affine = mapped(volume, cache)
        self._hu = oriented(hu, affine)
        self._labels = oriented(unpacking.result()[0], affine)
        self.affine = oriented_affine(affine, hu.shape)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of axial, coronal and sagittal slices."""
        slices, rows, columns = self._hu.shape
        return slices, rows, columns

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Step in mm from slice to slice, row to row, column to column."""
        slice_mm, row_mm, column_mm = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(slice_mm), float(row_mm), float(column_mm)

    def zones(self) -> dict[str, tuple[int, int, int]]:
        """A voxel to look at in each of the six zones, by name; those without lung are absent.

        It lies on the middle slice of the zone, in the middle of its lung there. Thirds are counted
        in slices, which is near enough for looking.
        """
        found: dict[str, tuple[int, int, int]] = {}
        for side, parity in enumerate((0, 1)):  # the right lung's labels are even, the left's odd
            present = np.array([_has(plane[::4, ::4], parity) for plane in self._labels])
            lung = np.flatnonzero(present)
            if not len(lung):
                continue
            for third, name in enumerate(ZONES[3 * side : 3 * side + 3]):
                index = int(lung[0] + (lung[-1] - lung[0]) * (2 * third + 1) / 6)
                mask = (self._labels[index] > 0) & (self._labels[index] % 2 == parity)
                if mask.any():
                    row, column = (round(float(at.mean())) for at in np.nonzero(mask))
                    found[name.value] = (index, row, column)
        return found

    def hu(self, index: tuple[int, int, int]) -> int:
        """HU of a voxel of the oriented grid.

        Raises:
            NotFound: It lies outside.
        """
        if not all(0 <= at < size for at, size in zip(index, self.shape, strict=True)):
            raise NotFound(f"The volume has {self.shape} slices, rows and columns, counted from 0.")
        return int(self._hu[index])

    def webp(
        self,
        plane: Plane,
        index: int,
        *,
        window: tuple[float, float],
        style: Style,
        opacity: float = 1.0,
    ) -> bytes:
        """One slice as WebP, in equal mm, the patient's right on the left, head up.

        Args:
            plane: Which plane; coronal slices count from the front, sagittal from the right.
            index: Zero-based.
            window: Centre and width in HU.
            style: Lung and lesion as one-pixel outlines, filled, or not at all.
            opacity: Of outlines or lesion, 0 to 1.

        Raises:
            NotFound: There is no such slice.
        """
        axis = _AXIS[plane]
        if not 0 <= index < self._hu.shape[axis]:
            raise NotFound(f"There are {self._hu.shape[axis]} {plane} slices, counted from 0.")
        hu = np.take(self._hu, index, axis)
        picture = self._stretched(windowed(hu, window), axis)
        if style != "none":
            label = self._stretched(np.take(self._labels, index, axis), axis, exact=True)
            picture = _marked(picture, label, style, opacity)
        packed = io.BytesIO()
        # Lossless: a lossy picture smears one-pixel outlines and takes longer to make.
        Image.fromarray(picture).save(packed, format="WEBP", lossless=True, quality=0, method=0)
        return packed.getvalue()

    def _stretched(
        self, picture: NDArray[np.uint8], axis: int, *, exact: bool = False
    ) -> NDArray[np.uint8]:
        """The picture with equal mm along both sides."""
        row_mm, column_mm = (mm for i, mm in enumerate(self.spacing_mm) if i != axis)
        finest = min(row_mm, column_mm)
        height = round(picture.shape[0] * row_mm / finest)
        width = round(picture.shape[1] * column_mm / finest)
        how = Image.Resampling.NEAREST if exact else Image.Resampling.BILINEAR
        return np.asarray(
            Image.fromarray(np.ascontiguousarray(picture)).resize((width, height), how)
        )


def oriented_affine(affine: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The affine of what `oriented` gives: the same voxels stay at the same mm.

    Args:
        affine: Index (slice, row, column) to LPS mm.
        shape: Of the array before it is oriented.
    """
    turned, sizes = affine.copy(), list(shape)
    if swaps_rows_and_columns(affine):
        turned[:, [1, 2]] = turned[:, [2, 1]]
        sizes[1], sizes[2] = sizes[2], sizes[1]
    for axis, along in ((1, 1), (2, 0)):  # rows run to the back (y), columns to the left (x)
        if turned[along, axis] < 0:
            turned[:3, 3] += turned[:3, axis] * (sizes[axis] - 1)
            turned[:3, axis] *= -1
    return turned


def _has(plane: NDArray[np.uint8], parity: int) -> bool:
    return bool(((plane > 0) & (plane % 2 == parity)).any())


def _marked(
    grey: NDArray[np.uint8], label: NDArray[np.uint8], style: Style, opacity: float
) -> NDArray[np.uint8]:
    """RGB (row, column, 3) of the picture with lung and lesion marked."""
    lung, lesion = label > 0, label >= Label.LEFT_LESION
    marks = [(lung & ~lesion, LUNG_COLOUR, opacity * LUNG_SHARE), (lesion, LESION_COLOUR, opacity)]
    if style == "contours":
        marks = [(_rim(lung), LUNG_COLOUR, opacity), (_rim(lesion), LESION_COLOUR, opacity)]
    picture = np.repeat(grey[:, :, None], 3, axis=2)
    for mask, colour, share in marks:
        mixed = picture[mask] * (1 - share) + np.array(colour) * share
        picture[mask] = np.rint(mixed).astype(np.uint8)
    return picture


def _rim(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    rim: NDArray[np.bool_] = mask & ~ndimage.binary_erosion(mask)
    return rim
