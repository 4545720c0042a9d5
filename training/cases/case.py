"""Case: one patient's images with all that is known about every voxel."""

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from opacimeter.volume import Series, Slice, Volume

__all__ = ["ALLOWED", "GATE", "Case", "Target"]

GATE = frozenset({"case-03", "case-06", "case-10", "volume-3", "volume-4"})
"""Cases of the data folder that no shipped model is ever trained on; with the DICOM studies
covid-p001, cap-001 and normal-001, which this package does not read at all, they decide
promotions. A case folder marks its own in cases.json."""


class Target(IntEnum):
    """What is known about a voxel."""

    BACKGROUND = 0
    LUNG = 1
    LESION = 2
    LUNG_OR_LESION = 3
    NOT_LESION = 4
    UNKNOWN = 5


ALLOWED = np.array(
    [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 1, 1]], dtype=np.float32
)
"""float32 (target, class): 1 where the target allows the class background, lung, lesion."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One patient's images, or one heap of single slices.

    Attributes:
        name: The case's name in its folder.
        patient: Cases of one patient never stand on both sides of a split.
        kind: lesion, slices, volume or other.
        hu: int16 (slice, row, column).
        target: uint8 (slice, row, column), values of `Target`.
        second: Another reader's targets; UNKNOWN on slices that this reader did not see.
        spacing_mm: Slice, row, column; may be nominal for kind lesion.
        intensity: restored, estimated, windowed or true: how far the HU can be believed.
        gate: May never be trained on by a model that ships.
        heap: The slices are single ones, no neighbours in a patient.
    """

    name: str
    patient: str
    kind: str
    hu: NDArray[np.int16]
    target: NDArray[np.uint8]
    second: NDArray[np.uint8] | None = None
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)
    intensity: str = "true"
    gate: bool = False
    heap: bool = False

    @property
    def neighbours(self) -> bool:
        """Are consecutive slices neighbours in the patient?"""
        return self.kind != "slices" and not self.heap

    def volume(self) -> Volume:
        """The case as intake would deliver it; the millimetres may be nominal."""
        slice_mm, row_mm, column_mm = self.spacing_mm
        affine = np.zeros((4, 4))
        affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = -slice_mm, row_mm, column_mm, 1
        header = Dataset()
        slices = tuple(Slice(header, Path(self.name), index) for index in range(len(self.hu)))
        return Volume(self.hu.copy(), affine, Series(self.name, self.name, slices))
