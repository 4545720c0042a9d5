"""Trachea and main bronchi: air that is no lung.

A tube is followed from plane to plane downward: what overlaps the lumen above it and has not grown
into the lung belongs to it. Two tubes of the size of a main bronchus are left below the carina;
they are followed no further than to the hila, since a lobar bronchus lies inside the lung.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from opacimeter.assess.grid import Grid

__all__ = ["central_airways"]

LUMEN_HU = -860
"""Lumen measures about -1000 HU, aerated lung around -850 and its walls far more; blurred at the
edge, the lumen keeps within this."""
TRACHEA_MM2 = (60.0, 700.0)
BRONCHUS_MM2 = (35.0, 300.0)
LONGEST_BRONCHUS_MM = 45.0
SHORTEST_TRACHEA_MM = 25.0
OFF_CENTRE_MM = 45.0
WALL_PIXELS = 1
GROWTH = 1.8

Mask = NDArray[np.bool_]


def central_airways(planes: NDArray[np.int16], lung: Mask, grid: Grid) -> Mask:
    """Trachea and main bronchi with their walls.

    Args:
        planes: HU (plane, row, column) on the network's grid.
        lung: The network's lung with lesion there.
        grid: The grid.

    Returns:
        bool (plane, row, column); empty where no trachea was found, which loses nothing: the
        network leaves most of it out by itself.
    """
    lumen = np.zeros(planes.shape, dtype=bool)
    present = np.flatnonzero(lung.any(axis=(1, 2)))
    if not len(present):
        return lumen
    middle = _middle(lung)
    last_start = int(present[0]) + round(60.0 / grid.plane_mm)
    for start in range(min(last_start, len(planes))):
        seed = _seed(planes[start], middle, grid)
        if seed is None:
            continue
        found = _follow(planes, seed, start, grid)
        if found.any(axis=(1, 2)).sum() * grid.plane_mm >= SHORTEST_TRACHEA_MM:
            lumen = found
            break
    wall = ndimage.generate_binary_structure(2, 2)[None]
    return np.asarray(ndimage.binary_dilation(lumen, wall, iterations=WALL_PIXELS))


def _middle(lung: Mask) -> float:
    """Column halfway between the outer borders of the lungs."""
    columns = np.flatnonzero(lung.any(axis=(0, 1)))
    return float(columns[0] + columns[-1]) / 2


def _seed(plane: NDArray[np.int16], middle: float, grid: Grid) -> Mask | None:
    """The cross-section of a trachea in a plane: round, of its size, near the middle."""
    pieces, _ = ndimage.label(plane < LUMEN_HU)
    best, least = None, OFF_CENTRE_MM
    for label, span in enumerate(ndimage.find_objects(pieces), start=1):
        piece = pieces[span] == label
        area_mm2 = piece.sum() * grid.pixel_mm[0] * grid.pixel_mm[1]
        height, width = piece.shape
        off_mm = abs((span[1].start + span[1].stop) / 2 - middle) * grid.pixel_mm[1]
        round_enough = 0.4 < height / width < 2.5 and piece.mean() > 0.5
        if TRACHEA_MM2[0] < area_mm2 < TRACHEA_MM2[1] and round_enough and off_mm < least:
            best, least = label, off_mm
    return None if best is None else pieces == best


def _follow(planes: NDArray[np.int16], seed: Mask, start: int, grid: Grid) -> Mask:
    """The lumen from a seed downward: one tube, then two."""
    lumen = np.zeros(planes.shape, dtype=bool)
    lumen[start] = seed
    pixel_mm2 = grid.pixel_mm[0] * grid.pixel_mm[1]
    areas = [float(seed.sum()) * pixel_mm2]
    split_at: int | None = None
    for index in range(start + 1, len(planes)):
        pieces, _ = ndimage.label(planes[index] < LUMEN_HU)
        touched = np.unique(pieces[lumen[index - 1]])
        sizes = {
            int(label): float((pieces == label).sum()) * pixel_mm2 for label in touched if label
        }
        largest = GROWTH * float(np.median(areas)) if split_at is None else BRONCHUS_MM2[1]
        kept = [label for label, area in sizes.items() if BRONCHUS_MM2[0] < area < largest]
        if not kept:
            break
        lumen[index] = np.isin(pieces, kept)
        if split_at is None and len(kept) > 1:
            split_at = index
        if split_at is None:
            areas.append(max(sizes[label] for label in kept))
        elif (index - split_at) * grid.plane_mm > LONGEST_BRONCHUS_MM:
            break
    return lumen
