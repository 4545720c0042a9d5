"""Key pictures: the slices that show the answer, drawn once and shared by the documents."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from opacimeter.findings import Assessment, Label
from opacimeter.report.drawing import LUNG_WINDOW, outlined, windowed
from opacimeter.volume import oriented, swaps_rows_and_columns

__all__ = ["Picture", "Pictures", "jpeg"]

AXIAL: Final = 5
"""Axial key slices of a page, beside one coronal picture."""
CAPTURED: Final = 24
SIDE: Final = 512
"""Pixels along the longer side of a picture."""
_MARGIN_MM: Final = 12.0
_GAP_MM: Final = 15.0
"""Key slices of a page lie no closer, or they would show the same."""

Box = tuple[slice, slice]


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One slice in grey with the outlines of lung and lesion.

    As a radiologist faces the patient: the patient's right is on the left, axial slices with the
    front up, coronal ones with the head up.

    Attributes:
        plane: Which plane.
        index: Axial: index of the slice in the volume. Coronal: row of the slices as they lie.
        position_mm: LPS z of an axial, y of a coronal picture, at its middle.
        rgb: uint8 (row, column, 3), equal mm along both sides, no letters in it.
    """

    plane: Literal["axial", "coronal"]
    index: int
    position_mm: float
    rgb: NDArray[np.uint8]


class Pictures:
    """The key pictures of an assessment, each drawn when first asked for.

    Several documents share them, possibly from several threads.
    """

    def __init__(self, assessment: Assessment) -> None:
        """Nothing is drawn yet."""
        self._assessment = assessment
        affine = assessment.volume.affine
        self._hu = oriented(assessment.volume.hu, affine)
        self._labels = oriented(assessment.segmentation.labels, affine)
        slice_mm, row_mm, column_mm = assessment.volume.spacing_mm
        swapped = swaps_rows_and_columns(affine)
        self._mm = (slice_mm, column_mm, row_mm) if swapped else (slice_mm, row_mm, column_mm)
        self._drawn: dict[int, Picture] = {}
        self._lock = Lock()

    @cached_property
    def page_slices(self) -> tuple[int, ...]:
        """Axial slices for a page: at the largest lesions, then spread; from head to foot."""
        chosen = _at_lesions(self._assessment, AXIAL)
        gap = max(round(_GAP_MM / self._mm[0]), 1)
        return tuple(sorted(_spread(chosen, self._candidates, AXIAL, gap)))

    @cached_property
    def captured_slices(self) -> tuple[int, ...]:
        """Those of the page and more of the same kind, at most 24; from head to foot."""
        return tuple(sorted(_spread(list(self.page_slices), self._candidates, CAPTURED, 1)))

    def axial(self, index: int) -> Picture:
        """An axial slice, cut to the lungs with a margin."""
        with self._lock:
            if index not in self._drawn:
                box, mm = self._box, self._mm[1:]
                rgb = _drawing(self._hu[index][box], self._labels[index][box], mm)
                z_mm = float(self._assessment.profile.position_mm[index])
                self._drawn[index] = Picture("axial", index, z_mm, rgb)
            return self._drawn[index]

    @cached_property
    def coronal(self) -> Picture:
        """The coronal slice through the largest lesion, or through the middle of the lungs."""
        heights = self._row_positions()
        if self._assessment.lesions:
            y_mm = self._assessment.lesions[0].centre_mm[1]
            row = int(np.abs(heights - y_mm).argmin())
        else:
            row = (self._box[0].start + self._box[0].stop) // 2
        columns, slices = self._box[1], self._slices
        hu, labels = self._hu[slices, row, columns], self._labels[slices, row, columns]
        rgb = _drawing(hu, labels, (self._mm[0], self._mm[2]))
        return Picture("coronal", row, float(heights[row]), rgb)

    @cached_property
    def _candidates(self) -> NDArray[np.intp]:
        """Slices with lesion, else with lung, else all."""
        profile = self._assessment.profile
        for area in (profile.lesion_cm2, profile.lung_cm2):
            if area.any():
                return np.flatnonzero(area)
        return np.arange(len(self._hu))

    @cached_property
    def _slices(self) -> slice:
        lung = np.flatnonzero(self._assessment.profile.lung_cm2)
        if not len(lung):
            return slice(0, len(self._hu))
        margin = round(_MARGIN_MM / self._mm[0])
        return slice(max(int(lung[0]) - margin, 0), int(lung[-1]) + margin + 1)

    @cached_property
    def _box(self) -> Box:
        """Rows and columns of all lung with a margin, the same in every picture."""
        flat = np.bitwise_or.reduce(self._labels, axis=0) > 0
        sides = []
        for axis, mm in ((1, self._mm[1]), (0, self._mm[2])):
            found = np.flatnonzero(flat.any(axis))
            if not len(found):
                return slice(0, flat.shape[0]), slice(0, flat.shape[1])
            margin = round(_MARGIN_MM / mm)
            sides.append(slice(max(int(found[0]) - margin, 0), int(found[-1]) + margin + 1))
        return sides[0], sides[1]

    def _row_positions(self) -> NDArray[np.float64]:
        """LPS y in mm of each row of the oriented middle slice, at its middle column."""
        volume = self._assessment.volume
        middle = len(volume.hu) // 2
        rows, columns = (np.arange(count) for count in volume.hu.shape[1:])
        y_mm = np.add.outer(volume.affine[1, 1] * rows, volume.affine[1, 2] * columns)
        y_mm += volume.affine[1, 3] + volume.affine[1, 0] * middle
        plane = oriented(y_mm[None], volume.affine)[0]
        heights: NDArray[np.float64] = plane[:, plane.shape[1] // 2]
        return heights


def jpeg(rgb: NDArray[np.uint8]) -> bytes:
    """A picture (row, column, 3) packed; colours are not thinned out, or thin outlines smear."""
    packed = io.BytesIO()
    Image.fromarray(rgb).save(packed, format="JPEG", quality=90, subsampling=0)
    return packed.getvalue()


def _at_lesions(assessment: Assessment, count: int) -> list[int]:
    """For each of the largest lesions the slice where most is to be seen, each slice once."""
    area = assessment.profile.lesion_cm2
    gap_mm = _GAP_MM
    position = assessment.profile.position_mm
    chosen: list[int] = []
    for lesion in assessment.lesions:
        window = np.arange(lesion.slices[0], lesion.slices[1] + 1)
        near = [np.abs(position[window] - position[index]) < gap_mm for index in chosen]
        free = window[~np.logical_or.reduce(near)] if near else window
        if len(free):
            chosen.append(int(free[area[free].argmax()]))
        if len(chosen) == count:
            break
    return chosen


def _spread(chosen: Sequence[int], candidates: NDArray[np.intp], count: int, gap: int) -> list[int]:
    """More slices, each as far as can be from those before it and no closer than the gap."""
    found = list(chosen) or [int(candidates[len(candidates) // 2])]
    while len(found) < count:
        distance = np.abs(candidates[:, None] - np.array(found)).min(1)
        if distance.max() < gap:
            break
        found.append(int(candidates[distance.argmax()]))
    return found


def _drawing(
    hu: NDArray[np.int16], labels: NDArray[np.uint8], pixel_mm: tuple[float, float]
) -> NDArray[np.uint8]:
    """Grey values in equal mm, lesion outlined in orange and lung in blue."""
    height, width = hu.shape[0] * pixel_mm[0], hu.shape[1] * pixel_mm[1]
    scale = SIDE / max(height, width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    grey = Image.fromarray(windowed(hu, LUNG_WINDOW)).resize(size, Image.Resampling.BICUBIC)
    return outlined(
        np.asarray(grey), _resized(labels > 0, size), _resized(labels >= Label.LEFT_LESION, size)
    )


def _resized(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    picture = Image.fromarray(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(picture) > 127
