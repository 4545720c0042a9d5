"""From probabilities to two lungs: clean, complete, and told apart.

Everything here works on the network's grid: oriented planes, column index rising to the patient's
left. Distances are in mm, so that thick planes and thin ones are treated alike.
"""

from typing import Any

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from opacimeter.assess.grid import Grid

__all__ = ["LEFT", "RIGHT", "split_lungs"]

LEFT, RIGHT = 1, 2

SMALLEST_PIECE_ML = 15.0
SMALLEST_SHARE = 0.10
LARGEST_HOLE_CM2 = 1.5
DEEPEST_CONTACT_MM = 18.0

Mask = NDArray[np.bool_]


def split_lungs(lung: Mask, grid: Grid) -> NDArray[np.uint8]:
    """The lungs of a mask of lung with lesion.

    Args:
        lung: bool (plane, row, column).
        grid: Its grid.

    Returns:
        uint8 (plane, row, column): 0, `LEFT` or `RIGHT`. Stray pieces are gone, holes such as
        vessels are filled.
    """
    lung = _without_strays(lung, grid)
    sides = np.zeros(lung.shape, dtype=np.uint8)
    if not lung.any():
        return sides
    box = ndimage.find_objects(lung.astype(np.uint8))[0]
    sides[box] = _sides(lung[box], grid, offset=box[2].start)
    for side in (LEFT, RIGHT):
        filled = _filled(sides == side, grid)
        sides[filled & (sides == 0)] = side
    return sides


def _without_strays(lung: Mask, grid: Grid) -> Mask:
    """Drop pieces that are no lung: bowel gas, air in the oesophagus, noise outside the body."""
    pieces = cc3d.connected_components(lung, connectivity=6)
    millilitres = np.bincount(pieces.ravel()) * grid.voxel_ml
    millilitres[0] = 0.0
    kept = millilitres >= max(SMALLEST_PIECE_ML, 0.02 * millilitres.max())
    cleaned: Mask = kept[pieces]
    return cleaned


def _sides(lung: Mask, grid: Grid, *, offset: int) -> NDArray[np.uint8]:
    """Left or right for every voxel of the lungs, also where they touch in front of the heart."""
    middle = _midline(lung, grid, offset)
    pieces = cc3d.connected_components(lung, connectivity=6)
    sides = np.zeros(lung.shape, dtype=np.uint8)
    for label in range(1, int(pieces.max()) + 1):
        piece = pieces == label
        columns = np.nonzero(piece)[2]
        share = float((columns > middle).mean())
        if min(share, 1 - share) < SMALLEST_SHARE:
            sides[piece] = LEFT if share > 0.5 else RIGHT
        else:
            _split_touching(piece, grid, middle, sides)
    return sides


def _midline(lung: Mask, grid: Grid, offset: int) -> float:
    """Column between the lungs, relative to the box of `lung`.

    With two lungs it is the column with least lung in the middle half of their box; the middle of
    the window decides when there is one lung only.
    """
    profile = lung.sum((0, 1), dtype=np.float64)
    quarter = len(profile) // 4
    inner = ndimage.gaussian_filter1d(profile, 5.0 / grid.pixel_mm[1])[quarter : 3 * quarter]
    centre = (grid.window[1].stop - grid.window[1].start) / 2 - offset
    if not len(inner):
        return float(centre)
    valley = quarter + int(inner.argmin())
    one_sided = inner.min() > 0.6 * profile.max()
    return float(centre) if one_sided else float(valley)


def _split_touching(piece: Mask, grid: Grid, middle: float, sides: NDArray[np.uint8]) -> None:
    """Part lungs that touch: erode in plane until they fall apart, then grow both back."""
    total, pixel_mm = int(piece.sum()), max(grid.pixel_mm)
    core = piece
    for _ in range(round(DEEPEST_CONTACT_MM / pixel_mm)):
        core = ndimage.binary_erosion(core, np.ones((1, 3, 3), dtype=bool))
        parts = cc3d.connected_components(core, connectivity=6)
        sizes = np.bincount(parts.ravel())[1:]
        if len(sizes) > 1 and np.sort(sizes)[-2] > SMALLEST_SHARE * total:
            _grow_back(piece, _seeds(parts, sizes, middle), sides)
            return
    # They never fell apart: the column between them is the best that is left.
    left = np.arange(piece.shape[2]) > middle
    sides[piece & left] = LEFT
    sides[piece & ~left] = RIGHT


def _seeds(
    parts: NDArray[np.unsignedinteger[Any]], sizes: NDArray[np.int64], middle: float
) -> NDArray[np.uint8]:
    """The eroded parts with their sides, by where the middle of each lies."""
    columns = np.broadcast_to(np.arange(parts.shape[2]), parts.shape)
    sums = np.bincount(parts.ravel(), weights=columns.ravel())[1:]
    side_of_part = np.zeros(len(sizes) + 1, dtype=np.uint8)
    side_of_part[1:] = np.where(sums / sizes > middle, LEFT, RIGHT)
    seeds: NDArray[np.uint8] = side_of_part[parts]
    return seeds


def _grow_back(piece: Mask, seeds: NDArray[np.uint8], sides: NDArray[np.uint8]) -> None:
    """Give every voxel of the piece the side of the seed it reaches first within the piece."""
    grown = seeds
    while True:
        empty = piece & (grown == 0)
        wider = np.where(empty, ndimage.grey_dilation(grown, footprint=_CROSS), grown)
        if np.array_equal(wider, grown):
            break
        grown = wider.astype(np.uint8)
    sides[piece] = grown[piece]


_CROSS = ndimage.generate_binary_structure(3, 1)


def _filled(side: Mask, grid: Grid) -> Mask:
    """One lung with its holes filled: closed ones of any size, and small ones in a plane."""
    if not side.any():
        return side
    box = ndimage.find_objects(side.astype(np.uint8))[0]
    inner = ndimage.binary_fill_holes(side[box])
    largest = LARGEST_HOLE_CM2 * 100.0 / (grid.pixel_mm[0] * grid.pixel_mm[1])
    for plane in inner:
        holes, count = ndimage.label(ndimage.binary_fill_holes(plane) & ~plane)
        if count:
            small = np.bincount(holes.ravel()) <= largest
            small[0] = False
            plane |= small[holes]
    filled = side.copy()
    filled[box] = inner
    return filled
