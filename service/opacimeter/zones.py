"""The six zones of the lungs."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from opacimeter.findings import Label
from opacimeter.volume import Volume, bounding_box

__all__ = ["lung_zones"]

_SIDES = ((Label.RIGHT_LUNG, Label.RIGHT_LESION), (Label.LEFT_LUNG, Label.LEFT_LESION))


def lung_zones(volume: Volume, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Zones 1–6 in the order of `findings.ZONES`, 0 outside the lungs: uint8, shape of labels.

    Each lung is cut in thirds of its own height along the patient's z, which with a tilted gantry
    is not the slice's index alone.
    """
    zones = np.zeros(labels.shape, dtype=np.uint8)
    box = bounding_box(labels)
    if box is None:
        return zones
    z_mm = _heights(volume, box)
    for side, (lung, lesion) in enumerate(_SIDES):
        masks = (labels[box] == lung) | (labels[box] == lesion)
        occupied = [index for index, mask in enumerate(masks) if mask.any()]
        if not occupied:
            continue
        # Half a slice on both ends: a voxel's own height counts.
        half = abs(volume.affine[2, 0]) / 2
        top = max(z_mm(index)[masks[index]].max() for index in occupied) + half
        bottom = min(z_mm(index)[masks[index]].min() for index in occupied) - half
        upper, lower = top - (top - bottom) / 3, top - 2 * (top - bottom) / 3
        for index in occupied:
            height = z_mm(index)
            zone = np.uint8(1 + 3 * side) + (height <= upper) + (height <= lower)
            np.copyto(zones[box][index], zone, where=masks[index])
    return zones


def _heights(
    volume: Volume, box: tuple[slice, slice, slice]
) -> Callable[[int], NDArray[np.float64]]:
    """The patient's z in mm for every pixel of a plane of the box, by the plane's index in it."""
    slices, rows, columns = box
    in_plane = np.add.outer(
        volume.affine[2, 1] * np.arange(rows.start, rows.stop),
        volume.affine[2, 2] * np.arange(columns.start, columns.stop),
    )

    def z_mm(index: int) -> NDArray[np.float64]:
        middle = float(volume.affine[2, 3] + volume.affine[2, 0] * (slices.start + index))
        heights: NDArray[np.float64] = in_plane + middle
        return heights

    return z_mm
