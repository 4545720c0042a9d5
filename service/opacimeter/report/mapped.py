"""Kept NIfTI files unpacked once and mapped from there, so that a reader loads what it shows."""

import os
import tempfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from opacimeter.report.nifti import read_nifti

__all__ = ["mapped"]

_GZIP = 16 + zlib.MAX_WBITS
_CHUNK_BYTES = 1 << 20


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
        with os.fdopen(handle, "wb") as target, packed.open("rb") as source:
            _unpack(source, target)
        Path(partial).replace(copy)
    return read_nifti(copy)


def _unpack(source: IO[bytes], target: IO[bytes]) -> None:
    """Unpack without the checks and small buffers of `gzip`, in half its time."""
    stream = zlib.decompressobj(_GZIP)
    while chunk := source.read(_CHUNK_BYTES):
        target.write(stream.decompress(chunk))
    target.write(stream.flush())
