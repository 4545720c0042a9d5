"""Pieces of every plane by itself, for all planes in one call."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["CROSS", "border_labels", "planar_pieces"]

CROSS = ndimage.generate_binary_structure(3, 1) & np.array([False, True, False])[:, None, None]
"""The four neighbours within a plane, as a structure (plane, row, column)."""


def planar_pieces(mask: NDArray[np.bool_]) -> tuple[NDArray[Any], int]:
    """4-connected pieces within each plane, numbered through from 1; 0 outside the mask.

    Args:
        mask: bool (plane, row, column).

    Returns:
        int32 of the mask's shape, and the number of pieces.
    """
    pieces: NDArray[Any]
    pieces, count = ndimage.label(mask, CROSS)
    return pieces, int(count)


def border_labels(pieces: NDArray[Any]) -> NDArray[Any]:
    """The labels that touch the first or last row or column of any plane."""
    borders = (pieces[:, 0], pieces[:, -1], pieces[:, :, 0], pieces[:, :, -1])
    return np.unique(np.concatenate([border.ravel() for border in borders]))
