"""Volume and labels at half resolution, for a viewer that shows something before all is there."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from opacimeter.findings import Label
from opacimeter.report.mapped import mapped
from opacimeter.report.nifti import write_nifti

__all__ = [
    "PREVIEW_FORM",
    "Preview",
    "halved_hu",
    "halved_labels",
    "preview_affine",
    "write_preview",
]

Preview = Literal["volume", "labels"]
PREVIEW_FORM = 1
"""Raised when a preview of the same volume would come out otherwise."""

_THIN_MM = 2.5
Blocks = tuple[int, int, int]


def write_preview(target: Path, packed: Path, cache: Path, *, kind: Preview) -> None:
    """Write a preview; the same volume gives the same bytes.

    Rows and columns are halved; slices too, where they lie closer than 2.5 mm.

    Args:
        target: A .nii.gz, there whole or not at all.
        packed: volume.nii.gz or labels.nii.gz of an assessment.
        cache: Where its unpacked copy may lie, see `mapped`.
        kind: Which of the two it is.
    """
    array, affine = mapped(packed, cache)
    slice_mm = float(np.linalg.norm(affine[:3, 0]))
    blocks = (2 if slice_mm < _THIN_MM else 1, 2, 2)
    halved = (halved_hu if kind == "volume" else halved_labels)(array, blocks)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        whole = Path(folder) / target.name
        write_nifti(whole, halved, preview_affine(affine, blocks))
        whole.replace(target)


def preview_affine(affine: NDArray[np.float64], blocks: Blocks) -> NDArray[np.float64]:
    """Index to LPS mm of a grid whose voxels are blocks, each standing at its block's middle."""
    sizes = np.array(blocks)
    coarse = affine.copy()
    coarse[:3, :3] = affine[:3, :3] * sizes
    coarse[:3, 3] = affine[:3, 3] + affine[:3, :3] @ ((sizes - 1) / 2)
    return coarse


def halved_hu(hu: NDArray[np.int16], blocks: Blocks) -> NDArray[np.int16]:
    """Mean HU of each block (slices, rows, columns), rounded; an odd end repeats its last voxel."""

    def mean(parts: NDArray[np.int16]) -> NDArray[np.int16]:
        rounded: NDArray[np.int16] = np.rint(parts.mean(0, dtype=np.float32)).astype(np.int16)
        return rounded

    return _by_blocks(hu, blocks, mean)


def halved_labels(labels: NDArray[np.uint8], blocks: Blocks) -> NDArray[np.uint8]:
    """Labels of blocks: lung, or lesion, where at least half of the block is; the larger side."""

    def most(parts: NDArray[np.uint8]) -> NDArray[np.uint8]:
        half = len(parts) / 2
        lesion = (parts >= Label.LEFT_LESION).sum(0) >= half
        right = ((parts > 0) & (parts % 2 == 0)).sum(0) > (parts % 2 == 1).sum(0)
        lung = (parts > 0).sum(0) >= half
        return np.where(lung, 1 + right + 2 * lesion, 0).astype(np.uint8)

    return _by_blocks(labels, blocks, most)


def _by_blocks(
    array: NDArray[Any], blocks: Blocks, one: Callable[[NDArray[Any]], NDArray[Any]]
) -> NDArray[Any]:
    """Reduce blocks; one slab of slices at a time, so that no second volume lies in memory.

    Args:
        array: (slice, row, column).
        blocks: Voxels along each axis that make one.
        one: From (voxel of the block, row, column) to (row, column).
    """
    deep, high, wide = blocks
    shape = [-(-size // block) for size, block in zip(array.shape, blocks, strict=True)]
    made = np.empty(shape, array.dtype)
    ends = [(0, -size % block) for size, block in zip(array.shape, blocks, strict=True)]
    for index in range(shape[0]):
        slab = np.asarray(array[index * deep : (index + 1) * deep])
        slab = np.pad(slab, [(0, deep - len(slab)), *ends[1:]], mode="edge")
        parts = slab.reshape(deep, shape[1], high, shape[2], wide).transpose(0, 2, 4, 1, 3)
        made[index] = one(parts.reshape(deep * high * wide, shape[1], shape[2]))
    return made
