"""Air that is no lung: around the body, in the trachea, in stomach and bowel.

Whatever a network says, lung has blood and walls in it, and it does not run out of the body. A
pocket that measures like plain air is lung only where aerated lung lies around it, as around a
bulla; a cavity within consolidated lung is left out here and comes back as a hole that is filled.
"""

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from opacimeter.assess.grid import Grid
from opacimeter.assess.planes import CROSS, border_labels, planar_pieces
from opacimeter.volume import bounding_box

__all__ = ["without_gas"]

OUTSIDE_HU = -950
GAS_HU = -960
"""Plain air measures -1000 HU within its noise; the median of no lung, emphysema or not, lies
below this."""
AERATED_HU = -600
SMALLEST_POCKET_ML = 5.0
RIM_MM = 3.0
"""The blurred edge of air, which is neither air nor wall."""
LEAST_LUNG_AROUND = 0.3
"""A bulla at the pleura has lung on about half of its outline, gas below the diaphragm on none but
what the blur of its walls looks like."""

Mask = NDArray[np.bool_]
Box = tuple[slice, slice, slice]


def without_gas(planes: NDArray[np.int16], lung: Mask, grid: Grid) -> Mask:
    """The lung without air around the body and without pockets of gas that are not in lung.

    Args:
        planes: HU (plane, row, column) on the network's grid.
        lung: The network's lung with lesion there.
        grid: The grid.
    """
    rim = max(1, round(RIM_MM / max(grid.pixel_mm)))
    return _without_pockets(planes, _inside(planes, lung, rim), grid, rim)


def _inside(planes: NDArray[np.int16], lung: Mask, rim: int) -> Mask:
    """The lung without air that reaches the border of its plane, nor the skin beside it."""
    pieces, count = planar_pieces(planes < OUTSIDE_HU)
    reaches = np.zeros(count + 1, dtype=bool)
    reaches[border_labels(pieces)] = True
    reaches[0] = False
    outside = reaches[pieces]
    if not (outside & lung).any():
        return lung
    inside: Mask = lung & ~ndimage.binary_dilation(outside, CROSS, iterations=rim)
    return inside


def _without_pockets(planes: NDArray[np.int16], lung: Mask, grid: Grid, rim: int) -> Mask:
    around = bounding_box(lung)
    if around is None:
        return lung
    box = _wider(around, 2 * rim, lung.shape)
    gas = lung[box] & (planes[box] < GAS_HU)
    aerated = lung[box] & ~gas & (planes[box] < AERATED_HU)
    pockets = cc3d.connected_components(gas, connectivity=6)
    found = cc3d.statistics(pockets)
    millilitres = found["voxel_counts"][1:] * grid.voxel_ml
    kept = lung.copy()
    for label in np.flatnonzero(millilitres >= SMALLEST_POCKET_ML) + 1:
        here = _wider(found["bounding_boxes"][label], 2 * rim, gas.shape)
        whole = ndimage.binary_dilation(pockets[here] == label, CROSS, iterations=rim)
        ring = ndimage.binary_dilation(whole, CROSS, iterations=rim) & ~whole
        plain = np.median(planes[box][here][whole & lung[box][here]]) < GAS_HU
        in_lung = np.count_nonzero(ring & aerated[here])
        if plain and in_lung < LEAST_LUNG_AROUND * np.count_nonzero(ring):
            # With its wall, or what is left of it would be filled again as a hole.
            kept[box][here] &= ~(whole | (ring & ~aerated[here]))
    return kept


def _wider(span: Box, pixels: int, shape: tuple[int, ...]) -> Box:
    """The span with more rows and columns around it, as far as there are any."""
    planes, *sides = span
    rows, columns = (
        slice(max(side.start - pixels, 0), min(side.stop + pixels, size))
        for side, size in zip(sides, shape[1:], strict=True)
    )
    return planes, rows, columns
