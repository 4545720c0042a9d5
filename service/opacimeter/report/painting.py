"""Paintings: labels that a person drew on a volume, as NIfTI from outside."""

import gzip
import math
import zlib
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from opacimeter.report.nifti import read_nifti, write_nifti

__all__ = ["accept_painting", "classes_of", "read_painting", "volume_voxels"]

_LESION = 2
_SAME_MM = 1e-3
"""Headers hold 32-bit numbers: the corners of one grid may differ by this much, no more."""
_HEADER_BYTES = 1 << 16
"""Room for the header and its extensions."""
_HEADER = 348
_MAGIC = b"n+1\0"
_UINT8 = 2
"""nifti1.h: sizeof_hdr; one file with header and voxels; DT_UINT8."""
_GZIP = b"\x1f\x8b"


def accept_painting(path: Path, *, volume: Path, labels: Path, out: Path) -> None:
    """Read a painting from outside and write it as all of ours are, the same bytes each time.

    Args:
        path: See `read_painting`.
        volume: The volume.nii.gz that it was painted on.
        labels: The labels.nii.gz that it changes.
        out: Where to write it, .nii.gz.

    Raises:
        ValueError: It is no painting of this volume, or changes nothing.
    """
    painted = read_painting(path, volume)
    found, affine = read_nifti(labels)
    if np.array_equal(painted, classes_of(found)):
        raise ValueError(
            "the painting is what the labels say already: there is nothing to correct; a result "
            "that is right is accepted by a review"
        )
    write_nifti(out, painted, affine)


def volume_voxels(path: Path) -> int:
    """How many voxels a volume.nii.gz has; a painting of it has a byte for each."""
    volume: Any = nib.load(path)
    return math.prod(volume.shape)


def classes_of(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Labels as a painting has them: 0 background, 1 lung, 2 lesion, the sides forgotten."""
    return np.array([0, 1, 1, _LESION, _LESION], dtype=np.uint8)[labels]


def read_painting(path: Path, like: Path) -> NDArray[np.uint8]:
    """The classes that a person painted on a volume; the file may come from anybody.

    Axes may be stored in another order or direction, as long as the voxels are the same.

    Args:
        path: NIfTI-1, uint8: 0 background, 1 lung, 2 lesion; may be gzipped.
        like: A volume that `write_nifti` wrote.

    Returns:
        uint8 (slice, row, column) on the volume's grid.

    Raises:
        ValueError: It is no painting of this volume; the message says why.
    """
    volume: Any = nib.load(like)
    content = _unpacked(path, math.prod(volume.shape) + _HEADER_BYTES)
    header = _header(content)
    shape, affine = _grid(header)
    turn = _turn(affine, volume.affine)
    turned = tuple(shape[axis] for axis in np.argsort(turn[:, 0]))
    if turned != volume.shape:
        raise ValueError(
            f"the painting has {_sizes(turned)} voxels; the volume has {_sizes(volume.shape)}"
        )
    affine = affine @ nib.orientations.inv_ornt_aff(turn, shape)
    _require_place(affine, volume.affine, turned)
    painted = nib.orientations.apply_orientation(_voxels(content, header, shape), turn).T
    _require_classes(painted)
    return np.ascontiguousarray(painted)


def _unpacked(path: Path, most_bytes: int) -> bytes:
    """The file's content, never more of it than a painting of the volume can have."""
    with path.open("rb") as file:
        packed = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        try:
            source = gzip.GzipFile(fileobj=file) if packed else file
            content = source.read(most_bytes + 1)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError("the painting is a damaged gzip file: send it again") from error
    if len(content) > most_bytes:
        raise ValueError(
            f"the painting unpacks to more than {most_bytes} bytes, which is all that one byte a "
            "voxel of this volume takes; it must be uint8 on the volume's own grid"
        )
    return content


def _header(content: bytes) -> Any:  # noqa: ANN401 - nibabel has no types
    """The header, of bytes that stand as they are.

    Unchecked by nibabel, which mends what it finds broken and tells the log of it.
    """
    if len(content) <= _HEADER or content[344:348] != _MAGIC:  # the header's last field
        raise ValueError("the painting is no NIfTI-1 file")
    header: Any = nib.Nifti1Header(content[:_HEADER], check=False)
    code = int(header["datatype"])
    if code != _UINT8:
        raise ValueError(
            f"the painting holds numbers of NIfTI's type {code}; it must hold uint8, type {_UINT8}"
        )
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    # A slope of 0, or none, says that nothing is scaled (nifti1.h).
    if not (slope == 0.0 or math.isnan(slope) or (slope, intercept) == (1.0, 0.0)):
        raise ValueError("the painting's header scales its values; classes must stand as they are")
    return header


def _grid(header: Any) -> tuple[tuple[int, ...], NDArray[np.float64]]:  # noqa: ANN401
    count, *sizes = (int(size) for size in header["dim"])
    axes = sizes[: max(count, 0)]
    if count < 3 or any(size != 1 for size in axes[3:]) or min(axes) < 1:
        raise ValueError(f"the painting has {count} axes of {sizes}; a volume has 3")
    try:
        affine: NDArray[np.float64] = header.get_best_affine()
    except ValueError as error:
        raise ValueError("the painting's header tells no place in the patient") from error
    return tuple(axes[:3]), affine


def _turn(affine: NDArray[np.float64], like: NDArray[np.float64]) -> NDArray[np.float64]:
    """How the painting's axes lie in the volume's, as nibabel writes orientations."""
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine)) < 1e-9:
        raise ValueError("the painting's affine is no map from voxels to millimetres")
    theirs, ours = (nib.orientations.io_orientation(each) for each in (affine, like))
    if np.isnan(theirs).any():  # one axis is all but lost beside the others
        raise ValueError("the painting's affine is no map from voxels to millimetres")
    turn: NDArray[np.float64] = nib.orientations.ornt_transform(theirs, ours)
    return turn


def _require_place(
    affine: NDArray[np.float64], like: NDArray[np.float64], shape: tuple[int, ...]
) -> None:
    ends = np.stack(np.meshgrid(*((0, size - 1) for size in shape)), axis=-1).reshape(-1, 3)
    apart = nib.affines.apply_affine(affine, ends) - nib.affines.apply_affine(like, ends)
    far_mm = float(np.linalg.norm(apart, axis=1).max())
    if far_mm > _SAME_MM:
        raise ValueError(
            f"the painting lies up to {far_mm:.3g} mm off the volume; it must lie on the volume's "
            f"own grid, to {_SAME_MM:g} mm: keep the header of volume.nii.gz"
        )


def _voxels(content: bytes, header: Any, shape: tuple[int, ...]) -> NDArray[np.uint8]:  # noqa: ANN401
    begin, count = float(header["vox_offset"]), math.prod(shape)
    if not _HEADER <= begin <= len(content) - count:
        raise ValueError("the painting ends before its last voxel: send it again")
    stored = np.frombuffer(content, np.uint8, count, int(begin))
    return stored.reshape(shape, order="F")


def _require_classes(painted: NDArray[np.uint8]) -> None:
    highest = int(painted.max(initial=0))
    if highest > _LESION:
        raise ValueError(
            f"the painting has the value {highest}; it may have 0 background, 1 lung and 2 lesion"
        )
    if not highest:
        raise ValueError("the painting holds no lung: without lung there is nothing to measure")


def _sizes(shape: tuple[int, ...]) -> str:
    return " × ".join(str(size) for size in shape)
