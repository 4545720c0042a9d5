"""Smooth random fields of the patient's coordinates: texture of tissues, outlines of lesions."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from training.phantom.fields import Field, Points

__all__ = ["texture"]

_SIDE = 64  # cells of the lattice, which repeats; every seed begins elsewhere in it


@lru_cache(maxsize=1)
def _lattice() -> NDArray[np.float32]:
    """A periodic random field, mean 0 and standard deviation 1."""
    white = np.random.default_rng(11).standard_normal((_SIDE,) * 3)
    smooth = gaussian_filter(white, 0.8, mode="wrap")
    return np.asarray((smooth - smooth.mean()) / smooth.std(), np.float32)


def texture(p: Points, *, cell_mm: float, seed: int) -> Field:
    """A random field with details of about twice `cell_mm`, standard deviation near 1.

    The same seed gives the same value at the same place, whatever grid asks.
    """
    shape = p.shape
    scale = np.float32(1 / cell_mm)
    shift = np.random.default_rng([seed, 13]).uniform(0, _SIDE, 3).astype(np.float32)
    axes = zip((p.z, p.y, p.x), shift, strict=True)
    where = [np.broadcast_to(axis * scale + by, shape) for axis, by in axes]
    return map_coordinates(_lattice(), where, order=1, mode="grid-wrap")
