"""Grey values and outlines, for the contact sheet and for single slices."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["LESION_COLOUR", "LUNG_COLOUR", "LUNG_WINDOW", "outlined", "windowed"]

LUNG_WINDOW = (-600, 1500)
"""Centre and width in HU, the customary lung window."""
LESION_COLOUR = (255, 140, 0)
LUNG_COLOUR = (70, 150, 255)


def windowed(hu: NDArray[np.int16], window: tuple[float, float]) -> NDArray[np.uint8]:
    """Grey values 0…255 of HU through a linear window (PS3.3 C.11.2.1.2.1, centre and width)."""
    centre, width = window
    low = centre - width / 2
    scaled = (hu.astype(np.float32) - low) * (255.0 / max(width, 1.0))
    grey: NDArray[np.uint8] = np.clip(scaled, 0, 255).astype(np.uint8)
    return grey


def outlined(
    grey: NDArray[np.uint8], lung: NDArray[np.bool_], lesion: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """RGB (row, column, 3): the picture with one-pixel outlines, so that nothing is covered."""
    picture = np.repeat(grey[:, :, None], 3, axis=2)
    for mask, colour in ((lung, LUNG_COLOUR), (lesion, LESION_COLOUR)):
        picture[mask & ~ndimage.binary_erosion(mask)] = colour
    return picture
