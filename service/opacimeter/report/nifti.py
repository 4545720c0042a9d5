"""NIfTI files on the scanner's grid, the same bytes each time."""

import gzip
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

__all__ = ["read_nifti", "write_nifti"]

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""DICOM's axes run to the left and back, NIfTI's to the right and front."""
_REVERSE = np.eye(4)[[2, 1, 0, 3]]
"""NIfTI's index runs (column, row, slice)."""


def write_nifti(
    path: Path, array: NDArray[Any], affine: NDArray[np.float64], *, about: str = ""
) -> None:
    """Write an array (slice, row, column) with its affine to LPS mm as .nii.gz.

    Args:
        path: The file.
        array: The voxels.
        affine: Index (slice, row, column, 1) to LPS mm.
        about: For the header's `descrip`, which holds 80 bytes of ASCII.
    """
    image: Any = nib.Nifti1Image(array.T, _LPS_TO_RAS @ affine @ _REVERSE, dtype=array.dtype)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = about.encode("ascii")[:80]
    # Without a name and a time in the gzip header the same volume gives the same bytes; level 1,
    # since noise does not compress and higher levels take five times as long.
    with path.open("wb") as file, gzip.GzipFile("", "wb", 1, file, mtime=0) as packed:
        image.to_stream(packed)


def read_nifti(path: Path) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """What `write_nifti` wrote: the array (slice, row, column) and the affine to LPS mm."""
    image: Any = nib.load(path)
    return np.asarray(image.dataobj).T, _LPS_TO_RAS @ image.affine @ _REVERSE
