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
from opacimeter.assess.planes import planar_pieces
from opacimeter.volume import bounding_box

__all__ = ["LEFT", "RIGHT", "split_lungs"]

LEFT, RIGHT = 1, 2

SMALLEST_PIECE_ML = 15.0
SMALLEST_OF_LARGEST = 0.02
SMALLEST_SHARE = 0.10
"""Less than this of a piece across the midline is the lung bulging over it."""
STILL_JOINED = 0.20
"""More than this of an eroded part across the midline means that it is still both lungs."""
DEEPEST_VALLEY = 0.6
"""Between two lungs their breadth falls below this share of the lesser one's."""
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
    sides = np.zeros(lung.shape, dtype=np.uint8)
    around = bounding_box(lung)
    if around is None:
        return sides
    lung = _without_strays(lung[around], grid)
    box = bounding_box(lung)
    if box is None:
        return sides
    centre = (grid.window[1].stop - grid.window[1].start) / 2
    inner = sides[around][box]
    inner[:] = _sides(lung[box], grid, centre=centre - around[2].start - box[2].start)
    for side in (LEFT, RIGHT):
        inner[_filled(inner == side, grid) & (inner == 0)] = side
    return sides


def _without_strays(lung: Mask, grid: Grid) -> Mask:
    """Drop pieces that are too small for lung: gas in oesophagus or bowel, noise elsewhere."""
    pieces = cc3d.connected_components(lung, connectivity=6)
    millilitres = cc3d.statistics(pieces)["voxel_counts"] * grid.voxel_ml
    millilitres[0] = 0.0
    kept = millilitres >= max(SMALLEST_PIECE_ML, SMALLEST_OF_LARGEST * millilitres.max())
    cleaned: Mask = kept[pieces]
    return cleaned


def _sides(lung: Mask, grid: Grid, *, centre: float) -> NDArray[np.uint8]:
    """Left or right for every voxel of the lungs, also where they touch in front of the heart."""
    valley = _valley(lung, grid)
    middle = centre if valley is None else valley
    pieces = cc3d.connected_components(lung, connectivity=6)
    shares = _shares_left(pieces, middle)
    sides = np.where(shares > 0.5, LEFT, RIGHT).astype(np.uint8)
    sides[0] = 0
    found: NDArray[np.uint8] = sides[pieces]
    if valley is not None:
        across = np.minimum(shares, 1 - shares) >= SMALLEST_SHARE
        for label in np.flatnonzero(across[1:]) + 1:
            piece = pieces == label
            found[piece] = _parted(piece, grid, middle)[piece]
    return found


def _valley(lung: Mask, grid: Grid) -> float | None:
    """Column between two lungs; None where there is one alone.

    The deepest valley of the lungs' breadth, seen from both of its sides.
    """
    profile = ndimage.gaussian_filter1d(
        lung.sum((0, 1), dtype=np.float64), 5.0 / grid.pixel_mm[1], mode="constant"
    )
    right, left = np.maximum.accumulate(profile), np.maximum.accumulate(profile[::-1])[::-1]
    lesser = np.minimum(right, left)
    column = int((lesser - profile).argmax())
    two = lesser[column] > SMALLEST_SHARE * profile.max()
    deep = profile[column] < DEEPEST_VALLEY * lesser[column]
    return float(column) if two and deep else None


def _shares_left(pieces: NDArray[Any], middle: float) -> NDArray[np.float64]:
    """Of each piece, and of 0, the share of voxels to the left of a column."""
    first = int(np.floor(middle)) + 1
    right = np.bincount(pieces[:, :, :first].ravel(), minlength=int(pieces.max()) + 1)
    left = np.bincount(pieces[:, :, first:].ravel(), minlength=len(right))
    shares: NDArray[np.float64] = left / np.maximum(left + right, 1)
    return shares


def _parted(piece: Mask, grid: Grid, middle: float) -> NDArray[np.uint8]:
    """Part lungs that touch: erode in plane until they fall apart, then grow both back."""
    core, least = piece, SMALLEST_SHARE * np.count_nonzero(piece)
    for _ in range(round(DEEPEST_CONTACT_MM / max(grid.pixel_mm) / 2)):
        core = _eroded(_eroded(core))
        seeds = _seeds(core, middle, least)
        if seeds is not None:
            return _grown_back(piece, seeds)
    # They never fell apart: the column between them is the best that is left.
    left = np.arange(piece.shape[2]) > middle
    return np.where(left, LEFT, RIGHT).astype(np.uint8) * piece


def _eroded(mask: Mask) -> Mask:
    """The mask less one pixel all around in every plane; scipy takes five times as long."""
    core = np.zeros_like(mask)
    rows = mask[:, :-2] & mask[:, 1:-1] & mask[:, 2:]
    core[:, 1:-1, 1:-1] = rows[:, :, :-2] & rows[:, :, 1:-1] & rows[:, :, 2:]
    return core


def _seeds(core: Mask, middle: float, least: float) -> NDArray[np.uint8] | None:
    """The parts of an eroded piece with their sides; None while a large one is on both.

    One lung may fall in two before the lungs let go of each other, so two large parts alone do
    not mean that they are parted.
    """
    parts = cc3d.connected_components(core, connectivity=6)
    shares = _shares_left(parts, middle)
    large = cc3d.statistics(parts)["voxel_counts"] > least
    large[0] = False
    joined = np.minimum(shares, 1 - shares)[large] > STILL_JOINED
    left = shares > 0.5
    if joined.any() or len(np.unique(left[large])) < 2:
        return None
    side_of_part = np.where(left, LEFT, RIGHT).astype(np.uint8)
    side_of_part[0] = 0
    seeds: NDArray[np.uint8] = side_of_part[parts]
    return seeds


def _grown_back(piece: Mask, seeds: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give every voxel of the piece the side of the seed it reaches first within the piece."""
    grown = np.pad(seeds, 1)  # so that every voxel has six neighbours
    flat = grown.ravel()
    steps = [sign * stride for stride in grown.strides for sign in (1, -1)]
    todo = np.flatnonzero(np.pad(piece, 1).ravel() & (flat == 0))
    while len(todo):
        reached = np.maximum.reduce([flat[todo + step] for step in steps])
        if not reached.any():
            break
        flat[todo] = reached
        todo = todo[reached == 0]
    return grown[1:-1, 1:-1, 1:-1]


def _filled(side: Mask, grid: Grid) -> Mask:
    """One lung with its holes filled: closed ones of any size, and small ones in a plane."""
    box = bounding_box(side)
    if box is None:
        return side
    # Padded, so that all outside is one piece, and one in each plane, known by its corner.
    padded = np.pad(side[box], 1)
    pieces = cc3d.connected_components(~padded, connectivity=6)
    inner = pieces != pieces[0, 0, 0]
    holes, _ = planar_pieces(~inner)
    largest = LARGEST_HOLE_CM2 * 100.0 / (grid.pixel_mm[0] * grid.pixel_mm[1])
    small = np.bincount(holes.ravel()) <= largest
    small[0] = False
    small[holes[:, 0, 0]] = False
    inner |= small[holes]
    filled = side.copy()
    filled[box] = inner[1:-1, 1:-1, 1:-1]
    return filled
