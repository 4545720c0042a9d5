"""Volume in, Segmentation out."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from opacimeter.assess.airways import central_airways
from opacimeter.assess.anatomy import split_lungs
from opacimeter.assess.bundle import Bundle
from opacimeter.assess.gas import without_gas
from opacimeter.assess.grid import Grid, in_threads, make_grid, patch_of, to_planes, upsample
from opacimeter.assess.network import MOST_AT_ONCE, OnnxNetwork
from opacimeter.findings import Label, Segmentation
from opacimeter.volume import Volume, bounding_box, oriented

__all__ = ["Progress", "infer", "segment"]

Progress = Callable[[float], None]

LUNG_CHANNEL, LESION_CHANNEL = 1, 2
SMALLEST_NORMAL = np.finfo(np.float16).smallest_normal
_TO_LESION = np.uint8(Label.LEFT_LESION - Label.LEFT_LUNG)


def segment(
    volume: Volume, bundle: Bundle, network: OnnxNetwork, *, threads: int, progress: Progress
) -> Segmentation:
    """Lungs and lesions of a volume, on its own grid; empty where there is no lung.

    Args:
        volume: The study.
        bundle: Grid and thresholds of the network.
        network: The loaded graph.
        threads: Threads for resampling, and planes that the network sees at a time.
        progress: Told 0…1; may raise to stop.
    """
    grid = make_grid(volume, pixel_mm=bundle.pixel_mm, plane_mm=bundle.plane_mm)
    labels = np.zeros(volume.hu.shape, dtype=np.uint8)
    if grid is None:
        nothing = np.zeros((1, 1, 1), dtype=np.float16)
        return Segmentation(labels, nothing, bundle.network)
    planes = to_planes(oriented(volume.hu, volume.affine), grid, threads=threads)
    lung, lesion = infer(planes, (grid, bundle), network, threads=threads, progress=progress)
    mask = without_gas(planes, lung > bundle.lung_threshold, grid)
    airways = central_airways(planes, mask, grid)
    sides = split_lungs(mask & ~airways, grid)
    # Airways are no lung and filled holes are, whatever the network says of them.
    lung[airways & (sides == 0)] = 0.0
    lung[(sides > 0) & (lung <= bundle.lung_threshold)] = (1 + bundle.lung_threshold) / 2
    _to_scanner(
        oriented(labels, volume.affine), (lung, lesion, _grown(sides)), grid, bundle, threads
    )
    return Segmentation(labels, lesion, bundle.network)


def infer(
    planes: NDArray[np.int16],
    form: tuple[Grid, Bundle],
    network: OnnxNetwork,
    *,
    threads: int,
    progress: Progress,
) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    """Probability of lung with lesion, and of lesion: float16 (plane, row, column) each.

    Planes go through side by side, one thread each: threads that share a plane wait for each other
    at every layer, the longer the busier the machine. The numbers are the same.

    Args:
        planes: int16 (plane, row, column), HU on the grid.
        form: The grid, and the bundle that names context and its distance.
        network: The loaded graph.
        threads: Planes at a time, up to `MOST_AT_ONCE`.
        progress: Told 0…1; may raise to stop.
    """
    grid, bundle = form
    lung = np.empty(grid.shape, dtype=np.float16)
    lesion = np.empty(grid.shape, dtype=np.float16)
    half = bundle.context // 2
    step = max(1, round(bundle.context_mm / grid.plane_mm))

    def fill(index: int) -> None:
        around = np.clip(index + step * np.arange(-half, half + 1), 0, len(planes) - 1)
        probability = network(planes[around][None].astype(np.float32))[0]
        lung[index] = _normal(probability[LUNG_CHANNEL] + probability[LESION_CHANNEL])
        lesion[index] = _normal(probability[LESION_CHANNEL])

    in_threads(fill, len(planes), threads=min(threads, MOST_AT_ONCE), progress=progress)
    return lung, lesion


def _normal(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """Zero for what half precision can only hold as a subnormal number, below 0.0001.

    Most of a plane is that little, and rounding to subnormal numbers takes twenty times as long.
    """
    return np.where(probability < SMALLEST_NORMAL, np.float32(0), probability)


def _grown(sides: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Sides with a rim of two pixels, so that the finer outline of upsampling finds its side."""
    rim = ndimage.maximum_filter(sides, size=(1, 5, 5), mode="constant")
    return np.where(sides == 0, rim, sides)


def _to_scanner(
    labels: NDArray[np.uint8],
    found: tuple[NDArray[np.float16], NDArray[np.float16], NDArray[np.uint8]],
    grid: Grid,
    bundle: Bundle,
    threads: int,
) -> None:
    """Write the labels of every slice; between planes the probabilities are interpolated."""
    lung, lesion, sides = found
    box = bounding_box(sides)
    if box is None:
        return
    patch = patch_of(grid, box[1], box[2], (labels.shape[1], labels.shape[2]))
    position = np.interp(np.arange(len(labels)), grid.centres, np.arange(len(lung)))

    def fill(index: int) -> None:
        side = sides[round(float(position[index]))]
        if not side.any():
            return
        side = upsample(side, grid, patch)
        on_lung, on_lesion = (
            upsample(_between(values, float(position[index])), grid, patch)
            for values in (lung, lesion)
        )
        inside = (on_lung > bundle.lung_threshold) & (side > 0)
        diseased = inside & (on_lesion > bundle.lesion_threshold)
        labels[index, patch.rows, patch.columns] = side * inside + _TO_LESION * diseased

    in_threads(fill, len(labels), threads=threads)


def _between(planes: NDArray[np.float16], position: float) -> NDArray[np.float32]:
    """A plane at a fractional index, interpolated between its neighbours."""
    below, share = int(position), np.float32(position % 1)
    above = min(below + 1, len(planes) - 1)
    lower, upper = planes[below].astype(np.float32), planes[above].astype(np.float32)
    plane: NDArray[np.float32] = (1 - share) * lower + share * upper
    return plane
