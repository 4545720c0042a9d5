"""Volume in, Segmentation out."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from opacimeter.assess.airways import central_airways
from opacimeter.assess.anatomy import split_lungs
from opacimeter.assess.bundle import Bundle
from opacimeter.assess.grid import Grid, in_threads, make_grid, to_planes, upsample
from opacimeter.assess.network import OnnxNetwork
from opacimeter.findings import Label, Segmentation
from opacimeter.volume import Volume, oriented

__all__ = ["Progress", "segment"]

Progress = Callable[[float], None]

LUNG_CHANNEL, LESION_CHANNEL = 1, 2


def segment(
    volume: Volume, bundle: Bundle, network: OnnxNetwork, *, threads: int, progress: Progress
) -> Segmentation:
    """Lungs and lesions of a volume, on its own grid; empty where there is no lung.

    Args:
        volume: The study.
        bundle: Grid and thresholds of the network.
        network: The loaded graph.
        threads: Threads for resampling.
        progress: Told 0…1; may raise to stop.
    """
    grid = make_grid(volume, pixel_mm=bundle.pixel_mm, plane_mm=bundle.plane_mm)
    labels = np.zeros(volume.hu.shape, dtype=np.uint8)
    if grid is None:
        nothing = np.zeros((1, 1, 1), dtype=np.float16)
        return Segmentation(labels, nothing, bundle.network)
    planes = to_planes(oriented(volume.hu, volume.affine), grid, threads=threads)
    lung, lesion = _infer(planes, grid, bundle, network, progress)
    lung[central_airways(planes, lung > bundle.lung_threshold, grid)] = 0.0
    sides = split_lungs(lung > bundle.lung_threshold, grid)
    # Filled holes are lung whatever the network says of a vessel.
    lung[(sides > 0) & (lung <= bundle.lung_threshold)] = 0.75
    _to_scanner(
        oriented(labels, volume.affine), (lung, lesion, _grown(sides)), grid, bundle, threads
    )
    return Segmentation(labels, lesion, bundle.network)


def _infer(
    planes: NDArray[np.int16],
    grid: Grid,
    bundle: Bundle,
    network: OnnxNetwork,
    progress: Progress,
) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    """Probability of lung with lesion, and of lesion: float16 (plane, row, column) each."""
    lung = np.empty(grid.shape, dtype=np.float16)
    lesion = np.empty(grid.shape, dtype=np.float16)
    half = bundle.context // 2
    step = max(1, round(bundle.context_mm / grid.plane_mm))
    for index in range(len(planes)):
        around = np.clip(index + step * np.arange(-half, half + 1), 0, len(planes) - 1)
        probability = network(planes[around][None].astype(np.float32))[0]
        lung[index] = probability[LUNG_CHANNEL] + probability[LESION_CHANNEL]
        lesion[index] = probability[LESION_CHANNEL]
        progress((index + 1) / len(planes))
    return lung, lesion


def _grown(sides: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Sides with a rim of two pixels, so that the finer outline of upsampling finds its side."""
    grown = sides
    for axis in (1, 2, 1, 2):
        for shift in (1, -1):
            rolled = np.roll(grown, shift, axis)
            grown = np.where(grown == 0, rolled, grown)
    return grown


def _to_scanner(
    labels: NDArray[np.uint8],
    found: tuple[NDArray[np.float16], NDArray[np.float16], NDArray[np.uint8]],
    grid: Grid,
    bundle: Bundle,
    threads: int,
) -> None:
    """Write the labels of every slice; between planes the probabilities are interpolated."""
    lung, lesion, sides = found
    shape = (labels.shape[1], labels.shape[2])
    position = np.interp(np.arange(len(labels)), grid.centres, np.arange(len(lung)))
    occupied = np.asarray(sides.any(axis=(1, 2)))

    def fill(index: int) -> None:
        below, share = int(position[index]), float(position[index] % 1)
        above = min(below + 1, len(lung) - 1)
        if not (occupied[below] or occupied[above]):
            return

        def between(values: NDArray[np.float16]) -> NDArray[np.float32]:
            plane = (1 - share) * values[below].astype(np.float32)
            return upsample(plane + share * values[above].astype(np.float32), grid, shape)

        side = _nearest(sides[round(float(position[index]))], grid, shape)
        inside = (between(lung) > bundle.lung_threshold) & (side > 0)
        diseased = inside & (between(lesion) > bundle.lesion_threshold)
        labels[index] = np.where(inside, side, 0) + (Label.LEFT_LESION - Label.LEFT_LUNG) * diseased

    in_threads(fill, len(labels), threads=threads)


def _nearest(plane: NDArray[np.uint8], grid: Grid, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """The side at each pixel of a whole oriented slice, 0 outside the window."""
    rows, columns = grid.window
    whole = np.zeros(grid.full, dtype=np.uint8)
    whole[rows, columns] = plane[: rows.stop - rows.start, : columns.stop - columns.start]
    row = ((np.arange(shape[0]) + 0.5) * grid.full[0] / shape[0]).astype(np.intp)
    column = ((np.arange(shape[1]) + 0.5) * grid.full[1] / shape[1]).astype(np.intp)
    return whole[row[:, None], column[None, :]]
