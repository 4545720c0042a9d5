"""From a scanner's grid to the one the network sees.

The service averages thin slices in groups and shrinks the planes with a filter as wide as the
reduction (opacimeter.assess); what a network is trained on is made the same way.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from training.cases.case import ALLOWED, Target

__all__ = ["Resampling", "planes_of"]

_TIE = 1e-4
_BITS = np.array([1, 2, 4])


def _targets_by_bits() -> NDArray[np.uint8]:
    """The target that allows a set of classes; UNKNOWN for the one set that has no name."""
    table = np.full(8, Target.UNKNOWN, dtype=np.uint8)
    for target in Target:
        table[int(ALLOWED[target] @ _BITS)] = target
    return table


_BY_BITS = _targets_by_bits()


@dataclass(frozen=True, slots=True)
class Resampling:
    """How a volume is brought to planes.

    Attributes:
        groups: First and last+1 slice of each plane.
        side: Rows and columns of a plane.
        spacing_mm: Of the planes: plane, row, column.
    """

    groups: tuple[tuple[int, int], ...]
    side: tuple[int, int]
    spacing_mm: tuple[float, float, float]

    def images(self, hu: NDArray[np.int16]) -> NDArray[np.int16]:
        """The mean HU of each plane, int16 (plane, row, column)."""
        planes = [
            self._shrunk(hu[first:last].mean(0, dtype=np.float32)) for first, last in self.groups
        ]
        return np.rint(np.stack(planes)).astype(np.int16)

    def targets(self, target: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The target that holds in most of each new voxel, uint8 (plane, row, column).

        Where two hold in equal parts the voxel may have the classes of both.
        """
        present = np.unique(target)
        planes = [self._vote(target[first:last], present) for first, last in self.groups]
        return np.stack(planes)

    def _vote(self, group: NDArray[np.uint8], present: NDArray[Any]) -> NDArray[np.uint8]:
        shares = np.stack(
            [self._shrunk((group == value).mean(0, dtype=np.float32)) for value in present]
        )
        winners = shares >= shares.max(0) - _TIE
        allowed = np.einsum("trc,tk->rck", winners, ALLOWED[present]) > 0
        target: NDArray[np.uint8] = _BY_BITS[allowed @ _BITS]
        return target

    def _shrunk(self, plane: NDArray[np.float32]) -> NDArray[np.float32]:
        picture = PIL.Image.fromarray(np.ascontiguousarray(plane))
        return np.asarray(picture.resize(self.side[::-1], PIL.Image.Resampling.BILINEAR))


def planes_of(
    shape: tuple[int, ...],
    spacing_mm: tuple[float, float, float],
    *,
    pixel_mm: float,
    plane_mm: float,
) -> Resampling:
    """The resampling of a volume.

    Args:
        shape: Slices, rows, columns.
        spacing_mm: Of them.
        pixel_mm: Wanted in plane; met as nearly as whole pixels allow.
        plane_mm: Slices are averaged in groups no thicker than this; thicker ones stay alone.
    """
    slice_mm, row_mm, column_mm = spacing_mm
    count = max(1, int(plane_mm / slice_mm + 0.1))
    groups = tuple((first, min(first + count, shape[0])) for first in range(0, shape[0], count))
    rows = max(1, round(shape[1] * row_mm / pixel_mm))
    columns = max(1, round(shape[2] * column_mm / pixel_mm))
    pixel = (shape[1] * row_mm / rows, shape[2] * column_mm / columns)
    return Resampling(groups, (rows, columns), (slice_mm * count, *pixel))
