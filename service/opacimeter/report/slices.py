"""Single slices as pictures, at the speed of scrolling."""

import io
import os
import tempfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from opacimeter.errors import NotFound
from opacimeter.findings import Label
from opacimeter.report.drawing import outlined, windowed
from opacimeter.report.nifti import read_nifti
from opacimeter.volume import oriented, swaps_rows_and_columns

__all__ = ["Plane", "SliceRenderer"]

Plane = Literal["axial", "coronal", "sagittal"]
_AXIS: dict[Plane, int] = {"axial": 0, "coronal": 1, "sagittal": 2}


class SliceRenderer:
    """Renders slices of a kept volume.

    The packed files are unpacked once into the cache folder and mapped from there, so a step
    through the slices reads only what it shows. Whoever owns the cache may delete it at any time.

    Args:
        volume: volume.nii.gz as `render` made it.
        labels: labels.nii.gz of the same assessment.
        cache: A folder of this version's own.
    """

    def __init__(self, volume: Path, labels: Path, cache: Path) -> None:
        hu, affine = _unpacked(volume, cache)
        self._hu = oriented(hu, affine)
        self._labels = oriented(_unpacked(labels, cache)[0], affine)
        steps = np.linalg.norm(affine[:3, :3], axis=0)
        if swaps_rows_and_columns(affine):
            steps = steps[[0, 2, 1]]
        self._spacing_mm = tuple(float(step) for step in steps)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of axial, coronal and sagittal slices."""
        slices, rows, columns = self._hu.shape
        return slices, rows, columns

    def webp(
        self, plane: Plane, index: int, *, window: tuple[float, float], overlay: bool
    ) -> bytes:
        """One slice as WebP, in equal mm, the patient's right on the left, head up.

        Args:
            plane: Which plane; coronal slices count from the front, sagittal from the right.
            index: Zero-based.
            window: Centre and width in HU.
            overlay: Draw the outlines of lung and lesion.

        Raises:
            NotFound: There is no such slice.
        """
        axis = _AXIS[plane]
        if not 0 <= index < self._hu.shape[axis]:
            raise NotFound(f"There are {self._hu.shape[axis]} {plane} slices, counted from 0.")
        hu = np.take(self._hu, index, axis)
        picture = self._stretched(windowed(hu, window), axis)
        if overlay:
            label = self._stretched(np.take(self._labels, index, axis), axis, exact=True)
            picture = outlined(picture, label > 0, label >= Label.LEFT_LESION)
        packed = io.BytesIO()
        # Lossless: a lossy picture smears one-pixel outlines and takes longer to make.
        Image.fromarray(picture).save(packed, format="WEBP", lossless=True, quality=0, method=0)
        return packed.getvalue()

    def _stretched(
        self, picture: NDArray[np.uint8], axis: int, *, exact: bool = False
    ) -> NDArray[np.uint8]:
        """The picture with equal mm along both sides."""
        row_mm, column_mm = (mm for i, mm in enumerate(self._spacing_mm) if i != axis)
        finest = min(row_mm, column_mm)
        height = round(picture.shape[0] * row_mm / finest)
        width = round(picture.shape[1] * column_mm / finest)
        how = Image.Resampling.NEAREST if exact else Image.Resampling.BILINEAR
        return np.asarray(
            Image.fromarray(np.ascontiguousarray(picture)).resize((width, height), how)
        )


def _unpacked(packed: Path, cache: Path) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """The array of a .nii.gz mapped from an unpacked copy, made at the first call."""
    copy = cache / f"{packed.name.split('.')[0]}.npy"
    side = copy.with_suffix(".affine.npy")
    if not (copy.exists() and side.exists()):
        cache.mkdir(parents=True, exist_ok=True)
        array, affine = read_nifti(packed)
        _save(side, affine)
        _save(copy, np.ascontiguousarray(array))
    return np.load(copy, mmap_mode="r"), np.load(side)


def _save(path: Path, array: NDArray[Any]) -> None:
    """Save so that a second process never maps half a file."""
    handle, partial = tempfile.mkstemp(dir=path.parent, suffix=".npy")
    with os.fdopen(handle, "wb") as file:
        np.save(file, array)
    Path(partial).replace(path)
