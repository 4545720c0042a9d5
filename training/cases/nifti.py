"""NIfTI files, read into the one orientation and written in it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

__all__ = ["Image", "OrientationError", "read_nifti", "write_nifti"]

_OURS = nib.orientations.axcodes2ornt(("L", "P", "I"))
"""Index (column, row, slice) to the patient's left, to the back, to the feet."""
_LEAST_COSINE = 0.9


class OrientationError(ValueError):
    """The file holds no volume that can be turned to axial slices without resampling."""


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """A volume of a file, turned to axial slices.

    Attributes:
        array: (slice, row, column), slice 0 the most cranial, rows to the back, columns to the
            patient's left, as far as the header tells the truth.
        affine: float64 4x4, index (slice, row, column, 1) to the header's world, RAS mm.
        told: Whether the header tells an orientation at all (a code of sform or qform).
        turn: How the stored axes were turned, as nibabel writes orientations.
    """

    array: NDArray[Any]
    affine: NDArray[np.float64]
    told: bool
    turn: NDArray[np.float64]

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Lengths of the steps along slice, row and column."""
        slice_mm, row_mm, column_mm = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(slice_mm), float(row_mm), float(column_mm)


def read_nifti(path: Path, *, turn: NDArray[np.float64] | None = None) -> Image:
    """Read a NIfTI volume in whatever axis order it is stored.

    Args:
        path: The file, .nii or .nii.gz.
        turn: Turn the axes like this instead of as the file's own header tells.

    Raises:
        OrientationError: Not three axes, a header without sizes, or axes more than 25° off the
            patient's.
    """
    image = nib.load(path, mmap=False)
    values = _values(image)
    if values.ndim != 3:
        raise OrientationError(f"The file has {values.ndim} axes; a volume has 3.")
    affine = image.affine
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine)) < 1e-9:
        raise OrientationError("The header's affine is no map from voxels to millimetres.")
    turned_by_header = turn is None
    if turn is None:
        turn = nib.orientations.ornt_transform(nib.orientations.io_orientation(affine), _OURS)
    turned = nib.orientations.apply_orientation(values, turn).T
    affine = affine @ nib.orientations.inv_ornt_aff(turn, values.shape)
    affine = affine[:, [2, 1, 0, 3]]
    steps = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    cosines = np.abs(steps[[2, 1, 0], [0, 1, 2]])
    if turned_by_header and cosines.min() < _LEAST_COSINE:
        raise OrientationError(
            "The axes lie more than 25 degrees off the patient's; resample to axial slices first."
        )
    told = bool(image.header["sform_code"] or image.header["qform_code"])
    return Image(np.ascontiguousarray(turned), affine, told, turn)


def _values(image: nib.Nifti1Image) -> NDArray[Any]:
    """The stored numbers where the header does not scale them, else float32; no axes of one."""
    slope, intercept = image.header.get_slope_inter()
    if slope in (None, 1.0) and not intercept:
        values: NDArray[Any] = np.asanyarray(image.dataobj)
    else:
        values = image.get_fdata(dtype=np.float32, caching="unchanged")
    extra = tuple(axis for axis in range(3, values.ndim) if values.shape[axis] == 1)
    return values.squeeze(extra)


def write_nifti(path: Path, array: NDArray[Any], *, spacing_mm: tuple[float, float, float]) -> None:
    """Write (slice, row, column) in our orientation, index (column, row, slice), origin 0."""
    slice_mm, row_mm, column_mm = spacing_mm
    affine = np.diag([-column_mm, -row_mm, -slice_mm, 1.0])
    nib.save(nib.Nifti1Image(np.ascontiguousarray(array.T), affine), path)
