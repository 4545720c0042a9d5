"""Series and Volume: what comes in.

Axes are (slice, row, column) everywhere; world coordinates are DICOM's patient coordinates, LPS in
millimetres (PS3.3 C.7.6.2.1.1). Slice 0 is the most cranial.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from opacimeter.checks import Check

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = [
    "OtherSeries",
    "Series",
    "Slice",
    "Volume",
    "bounding_box",
    "oriented",
    "read_only",
    "swaps_rows_and_columns",
]


Scalar = TypeVar("Scalar", bound=np.generic)


def read_only(array: NDArray[Scalar]) -> NDArray[Scalar]:
    """The same array with its write flag cleared; values that pass between rooms do not change."""
    array.flags.writeable = False
    return array


@dataclass(frozen=True, slots=True)
class Slice:
    """Where one axial image comes from.

    Attributes:
        header: The instance's dataset without pixels; of a multi-frame instance all its slices
            share one.
        file: The file that holds it.
        frame: Zero-based frame number within the file.
    """

    header: "Dataset"
    file: Path
    frame: int = 0


@dataclass(frozen=True, slots=True)
class OtherSeries:
    """A series of the study that was not chosen, and the reason in words.

    Attributes:
        uid: SeriesInstanceUID.
        why_not: A sentence.
        number: SeriesNumber, if there is one.
        description: SeriesDescription in upper case.
    """

    uid: str
    why_not: str
    number: int | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """The chosen series, in the order of the volume's slices.

    Attributes:
        study_uid: StudyInstanceUID.
        uid: SeriesInstanceUID.
        slices: One entry a slice, same order as `Volume.hu`, for Enhanced CT too.
        chosen_because: The rule that decided, in words.
        others: The series passed over.
    """

    study_uid: str
    uid: str
    slices: tuple[Slice, ...]
    chosen_because: str = ""
    others: tuple[OtherSeries, ...] = ()

    @property
    def header(self) -> "Dataset":
        """The header of the most cranial slice; what holds for the whole series is read here."""
        return self.slices[0].header


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A CT volume on the scanner's own grid.

    Attributes:
        hu: int16 (slice, row, column), Hounsfield units; padding reads -1024.
        affine: float64 4x4, index (slice, row, column, 1) to LPS mm. Left-handed where the source
            is mirrored, sheared where the gantry is tilted: never assume otherwise.
        series: Where the slices come from.
        checks: What intake noticed.

    Raises:
        ValueError: A shape, type or determinant that no CT volume has.
    """

    hu: NDArray[np.int16]
    affine: NDArray[np.float64]
    series: Series
    checks: tuple[Check, ...] = ()

    def __post_init__(self) -> None:
        if self.hu.ndim != 3 or self.hu.dtype != np.int16:
            found = f"{self.hu.dtype} {self.hu.shape}"
            raise ValueError(f"hu must be int16 (slice, row, column), not {found}")
        if self.affine.shape != (4, 4) or not np.array_equal(self.affine[3], (0, 0, 0, 1)):
            raise ValueError("affine must be 4x4 with a last row of 0 0 0 1")
        if not np.isfinite(self.affine).all() or abs(np.linalg.det(self.affine)) < 1e-9:
            raise ValueError("affine must be finite and invertible")
        if len(self.series.slices) != len(self.hu):
            raise ValueError(f"{len(self.series.slices)} slice headers for {len(self.hu)} slices")
        if self.affine[2, 0] >= 0:
            raise ValueError("slice 0 must be the most cranial: z has to fall along the slices")
        object.__setattr__(self, "hu", read_only(self.hu))
        object.__setattr__(self, "affine", read_only(self.affine.astype(np.float64)))

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel in ml: the determinant, so that a tilted gantry does not inflate it."""
        return float(abs(np.linalg.det(self.affine[:3, :3])) / 1000.0)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance of neighbouring planes, rows and columns in mm.

        Between planes it is measured along their common normal; with a tilted gantry that is less
        than the table's step.
        """
        row_step, column_step = self.affine[:3, 1], self.affine[:3, 2]
        row_mm, column_mm = float(np.linalg.norm(row_step)), float(np.linalg.norm(column_step))
        return self.voxel_ml * 1000.0 / (row_mm * column_mm), row_mm, column_mm

    def position_mm(self, index: NDArray[np.float64]) -> NDArray[np.float64]:
        """LPS mm of indices (n, 3) in (slice, row, column)."""
        mm: NDArray[np.float64] = index @ self.affine[:3, :3].T + self.affine[:3, 3]
        return mm


def bounding_box(array: NDArray[Any]) -> tuple[slice, slice, slice] | None:
    """The smallest box (slice, row, column) that holds all that is not 0; None if all is 0."""
    planes = np.flatnonzero([plane.any() for plane in array])
    if not len(planes):
        return None
    flat = np.asarray(np.any(array[planes[0] : planes[-1] + 1], axis=0))
    ends = [planes, *(np.flatnonzero(np.any(flat, axis=axis)) for axis in (1, 0))]
    slices, rows, columns = (slice(int(end[0]), int(end[-1]) + 1) for end in ends)
    return slices, rows, columns


def oriented(array: NDArray[Scalar], affine: NDArray[np.float64]) -> NDArray[Scalar]:
    """A view of (slice, row, column) with rows nearest to +y (back), columns to +x (left).

    Writing to the view writes to the array, so results go back the way the images came.

    Args:
        array: On the grid of `affine`.
        affine: Index (slice, row, column) to LPS mm, as `Volume.affine`.
    """
    row, column = affine[:3, 1], affine[:3, 2]
    if swaps_rows_and_columns(affine):
        array, row, column = array.transpose(0, 2, 1), column, row
    if row[1] < 0:
        array = array[:, ::-1]
    if column[0] < 0:
        array = array[:, :, ::-1]
    return array


def swaps_rows_and_columns(affine: NDArray[np.float64]) -> bool:
    """Does `oriented` transpose the plane, as with a patient lying on the side?"""
    return bool(abs(affine[0, 1]) > abs(affine[1, 1]))
