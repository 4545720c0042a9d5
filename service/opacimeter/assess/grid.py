"""Between the scanner's grid and the network's.

The network sees axial planes of one pixel size, rows from front to back, columns from the
patient's right to left. Flips and transpositions are undone here, so nobody else thinks of them.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from opacimeter.volume import Volume, oriented, swaps_rows_and_columns

__all__ = ["Grid", "Patch", "in_threads", "make_grid", "patch_of", "to_planes", "upsample"]

AIR_HU = -1024.0
BODY_HU = -400
MULTIPLE = 32
MARGIN_PIXELS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """The network's grid over an oriented volume.

    Attributes:
        groups: For each plane the first and last+1 slice averaged in it.
        plane_mm: Distance of the planes.
        pixel_mm: Row and column size in the planes.
        full: Rows and columns of a whole slice in pixels.
        window: Slices of rows and columns of `full` that the network sees; may be padded.
        shape: Planes, rows, columns of what the network sees, sides multiples of 32.
    """

    groups: tuple[tuple[int, int], ...]
    plane_mm: float
    pixel_mm: tuple[float, float]
    full: tuple[int, int]
    window: tuple[slice, slice]
    shape: tuple[int, int, int]

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Plane, row and column distance in mm."""
        return self.plane_mm, *self.pixel_mm

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel of this grid."""
        return self.plane_mm * self.pixel_mm[0] * self.pixel_mm[1] / 1000.0

    @property
    def centres(self) -> NDArray[np.float64]:
        """Slice coordinates (plane,) of the planes' middles."""
        return np.array([(first + last - 1) / 2 for first, last in self.groups])


def make_grid(volume: Volume, *, pixel_mm: float, plane_mm: float) -> Grid | None:
    """The grid for a volume; None if there is no body in it."""
    slice_mm, row_mm, column_mm = volume.spacing_mm
    hu = oriented(volume.hu, volume.affine)
    if swaps_rows_and_columns(volume.affine):
        row_mm, column_mm = column_mm, row_mm
    full = (round(hu.shape[1] * row_mm / pixel_mm), round(hu.shape[2] * column_mm / pixel_mm))
    window = _body_window(hu, full)
    if window is None:
        return None
    count = max(1, int(plane_mm / slice_mm + 0.1))
    groups = tuple((first, min(first + count, len(hu))) for first in range(0, len(hu), count))
    sides = tuple(-(-(span.stop - span.start) // MULTIPLE) * MULTIPLE for span in window)
    return Grid(
        groups=groups,
        plane_mm=slice_mm * count,
        pixel_mm=(hu.shape[1] * row_mm / full[0], hu.shape[2] * column_mm / full[1]),
        full=full,
        window=window,
        shape=(len(groups), *sides),
    )


def _body_window(hu: NDArray[np.int16], full: tuple[int, int]) -> tuple[slice, slice] | None:
    """Rows and columns of a slice, in pixels of the network, that any body or couch reaches."""
    step = 4
    body = (hu[:: max(1, len(hu) // 64), ::step, ::step] > BODY_HU).any(0)
    if not body.any():
        return None
    spans = []
    for axis, pixels in enumerate(full):
        found = np.flatnonzero(np.any(body, axis=1 - axis)) * step
        scale = pixels / hu.shape[1 + axis]
        first = max(int((found[0] - step + 1) * scale) - MARGIN_PIXELS, 0)
        last = min(int((found[-1] + step) * scale) + MARGIN_PIXELS, pixels)
        spans.append(slice(first, last))
    return spans[0], spans[1]


def to_planes(hu: NDArray[np.int16], grid: Grid, *, threads: int) -> NDArray[np.int16]:
    """Oriented HU on the network's grid, int16 (plane, row, column); air beyond the picture."""
    planes = np.full(grid.shape, AIR_HU, dtype=np.int16)
    rows, columns = grid.window
    height, width = rows.stop - rows.start, columns.stop - columns.start

    def fill(index: int) -> None:
        first, last = grid.groups[index]
        mean = hu[first:last].mean(0, dtype=np.float32)
        # Pillow's bilinear filter widens with the reduction, so nothing aliases.
        picture = Image.fromarray(np.ascontiguousarray(mean))
        small = picture.resize(grid.full[::-1], Image.Resampling.BILINEAR)
        planes[index, :height, :width] = np.rint(np.asarray(small)[rows, columns])

    in_threads(fill, len(planes), threads=threads)
    return planes


@dataclass(frozen=True, slots=True)
class Patch:
    """The part of the oriented slices that a part of the network's planes covers.

    Attributes:
        rows: Rows of a slice, on the scanner's grid.
        columns: Its columns.
        source: Where the patch lies on a plane, in pixels from the outer corner of the first one:
            left, top, right, bottom.
    """

    rows: slice
    columns: slice
    source: tuple[float, float, float, float]


def patch_of(grid: Grid, rows: slice, columns: slice, shape: tuple[int, int]) -> Patch:
    """The patch for rows and columns of the planes; never beyond the window.

    Args:
        grid: The network's grid.
        rows: Of the planes.
        columns: Of the planes.
        shape: Rows and columns of an oriented slice.
    """
    spans, ends = [], []
    for part, window, full, size in zip(
        (rows, columns), grid.window, grid.full, shape, strict=True
    ):
        scale = full / size
        first = max(
            int((window.start + part.start) / scale), math.ceil(window.start / scale - 1e-9)
        )
        last = min(math.ceil((window.start + part.stop) / scale), int(window.stop / scale + 1e-9))
        spans.append(slice(first, last))
        reach = window.stop - window.start
        ends.append((max(first * scale - window.start, 0), min(last * scale - window.start, reach)))
    (top, bottom), (left, right) = ends
    return Patch(spans[0], spans[1], (left, top, right, bottom))


def upsample(plane: NDArray[Any], grid: Grid, patch: Patch) -> NDArray[Any]:
    """A patch of a plane on the scanner's grid: float32 interpolated, uint8 by nearest pixel."""
    rows, columns = grid.window
    seen = plane[: rows.stop - rows.start, : columns.stop - columns.start]
    how = Image.Resampling.NEAREST if plane.dtype == np.uint8 else Image.Resampling.BILINEAR
    size = (patch.columns.stop - patch.columns.start, patch.rows.stop - patch.rows.start)
    picture = Image.fromarray(np.ascontiguousarray(seen))
    return np.asarray(picture.resize(size, how, box=patch.source))


def in_threads(
    function: Callable[[int], None],
    count: int,
    *,
    threads: int,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Call for 0…count-1 in threads; the first error is raised and what waits is given up.

    Args:
        function: Called from any of the threads.
        count: How often.
        threads: How many at once.
        progress: Told 0…1 from the caller's own thread, in order; may raise to stop.
    """
    with ThreadPoolExecutor(threads) as pool:
        for index, _ in enumerate(pool.map(function, range(count)), 1):
            if progress is not None:
                progress(index / count)
