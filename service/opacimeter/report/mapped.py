"""Kept NIfTI files unpacked once and mapped from there, so that a reader loads what it shows."""

import os
import tempfile
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from opacimeter.report.nifti import read_nifti

__all__ = ["mapped"]

_ISIZE_BYTES = 4


def mapped(packed: Path, cache: Path) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """The array (slice, row, column) of a .nii.gz and its affine to LPS mm.

    It is mapped from an unpacked copy, made at the first call. Whoever owns the cache may delete it
    at any time.

    Args:
        packed: What `write_nifti` wrote.
        cache: A folder of this file's version.
    """
    copy = cache / packed.name.removesuffix(".gz")
    if not copy.exists():
        cache.mkdir(parents=True, exist_ok=True)
        # Renamed when it is whole, so that a second process never maps half a file.
        handle, partial = tempfile.mkstemp(dir=cache)
        os.close(handle)
        _unpack(packed, Path(partial))
        Path(partial).replace(copy)
    return read_nifti(copy)


def _unpack(packed: Path, target: Path) -> None:
    """Unpack from mapping to mapping: the pages are the system's to keep, and Python goes on.

    The file is one gzip member, whose last four bytes tell its size (RFC 1952, 2.3.1) below 4 GiB;
    volumes are far smaller.
    """
    source = np.memmap(packed, np.uint8, mode="r")
    size = int.from_bytes(source[-_ISIZE_BYTES:].tobytes(), "little")
    unpacked = np.memmap(target, np.uint8, mode="w+", shape=(size,))
    imagecodecs.gzip_decode(source, out=unpacked)  # type: ignore[arg-type]
