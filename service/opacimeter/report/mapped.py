"""Kept NIfTI files unpacked once and mapped from there, so that a reader loads what it shows."""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opacimeter.report.nifti import read_nifti

__all__ = ["mapped"]


def mapped(packed: Path, cache: Path) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """The array (slice, row, column) of a .nii.gz and its affine to LPS mm.

    It is mapped from an unpacked copy, made at the first call. Whoever owns the cache may delete it
    at any time.

    Args:
        packed: What `write_nifti` wrote.
        cache: A folder of this file's version.
    """
    copy = cache / f"{packed.name.split('.')[0]}.npy"
    side = copy.with_suffix(".affine.npy")
    if not (copy.exists() and side.exists()):
        cache.mkdir(parents=True, exist_ok=True)
        array, affine = read_nifti(packed)
        _save(side, affine)
        _save(copy, np.ascontiguousarray(array))
    return np.load(copy, mmap_mode="r"), np.load(side)


def _save(path: Path, array: NDArray[Any]) -> None:
    """Save so that a second process never maps half a file."""
    handle, partial = tempfile.mkstemp(dir=path.parent, suffix=".npy")
    with os.fdopen(handle, "wb") as file:
        np.save(file, array)
    Path(partial).replace(path)
