"""The same study as another scan might have delivered it: thicker, noisier, sharper, shifted.

Each function takes a volume and gives another one of the same patient, on its true geometry. All
work in float32 slice by slice or axis by axis and round to whole HU at the end.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from opacimeter.volume import Volume

__all__ = ["VARIATIONS", "half_a_voxel_on", "noised", "rethickened", "sharpened", "softened"]

THICK_MM = 5.0
NOISE_HU = 30.0
NOISE_SEED = 20261123
BLUR_MM = 1.0
LOWEST_HU, HIGHEST_HU = -1024, 3071
_HALF_STEP = np.array([-1.0, 9.0, 9.0, -1.0]) / 16.0
"""Cubic convolution (Keys 1981) halfway between two samples: shifts and hardly blurs."""

Slice2D = NDArray[np.float32]


def rethickened(volume: Volume, *, thickness_mm: float = THICK_MM) -> Volume:
    """Slices averaged into slabs of a thickness, side by side; a remainder at the base is dropped.

    A volume whose slices are that far apart already is returned as it is.
    """
    steps = thickness_mm / volume.spacing_mm[0]
    count = int(len(volume.hu) / steps + 1e-6)
    if steps <= 1.0 + 1e-6 or not count:
        return volume
    hu = np.stack([_slab(volume.hu, index * steps, (index + 1) * steps) for index in range(count)])
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, 0] * (steps / 2.0 - 0.5)
    affine[:3, 0] *= steps
    middles = [round((index + 0.5) * steps - 0.5) for index in range(count)]
    slices = tuple(volume.series.slices[middle] for middle in middles)
    return Volume(hu, affine, replace(volume.series, slices=slices), volume.checks)


def _slab(hu: NDArray[np.int16], start: float, stop: float) -> NDArray[np.int16]:
    """Mean of the slices between two depths; slice i lies between i and i + 1."""
    first, last = int(start), min(math.ceil(stop - 1e-6), len(hu))
    shares = [min(index + 1, stop) - max(index, start) for index in range(first, last)]
    return _whole(np.average(hu[first:last], axis=0, weights=shares))


def noised(volume: Volume) -> Volume:
    """White noise of `NOISE_HU` standard deviation, the same at every call."""
    random = np.random.default_rng(NOISE_SEED)
    return _each_slice(
        volume, lambda hu: hu + NOISE_HU * random.standard_normal(hu.shape, dtype=np.float32)
    )


def softened(volume: Volume) -> Volume:
    """A Gaussian of `BLUR_MM` in plane, as a softer kernel."""
    sigma = _pixels(volume, BLUR_MM)
    return _each_slice(volume, lambda hu: ndimage.gaussian_filter(hu, sigma))


def sharpened(volume: Volume, *, amount: float = 1.0, width_mm: float = BLUR_MM) -> Volume:
    """Unsharp masking in plane.

    Args:
        volume: The study.
        amount: How much of the detail is added once more.
        width_mm: Standard deviation of the Gaussian that tells detail from the rest.
    """
    sigma = _pixels(volume, width_mm)
    return _each_slice(
        volume, lambda hu: hu + np.float32(amount) * (hu - ndimage.gaussian_filter(hu, sigma))
    )


def half_a_voxel_on(volume: Volume) -> Volume:
    """Sampled half a voxel further along all three axes; the geometry says so too."""
    hu = volume.hu.astype(np.float32)
    for axis in range(3):
        hu = ndimage.correlate1d(hu, _HALF_STEP, axis=axis, mode="nearest", origin=-1)
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, :3].sum(1) / 2.0
    return Volume(_whole(hu), affine, volume.series, volume.checks)


def _each_slice(volume: Volume, change: Callable[[Slice2D], Slice2D]) -> Volume:
    hu = np.stack([_whole(change(plane.astype(np.float32))) for plane in volume.hu])
    return Volume(hu, volume.affine, volume.series, volume.checks)


def _whole(hu: NDArray[np.floating]) -> NDArray[np.int16]:
    whole: NDArray[np.int16] = np.rint(np.clip(hu, LOWEST_HU, HIGHEST_HU)).astype(np.int16)
    return whole


def _pixels(volume: Volume, width_mm: float) -> tuple[float, float]:
    _, row_mm, column_mm = volume.spacing_mm
    return width_mm / row_mm, width_mm / column_mm


def _lung_kernel(volume: Volume) -> Volume:
    """A stand-in for a lung kernel: fine detail, and with it the noise, raised strongly."""
    return sharpened(volume, amount=2.5, width_mm=0.7)


VARIATIONS: Mapping[str, Callable[[Volume], Volume]] = {
    "5 mm slices": rethickened,
    "noise of 30 HU": noised,
    "sharpened": sharpened,
    "softened": softened,
    "half a voxel shifted": half_a_voxel_on,
    "other kernel (simulated: unsharp mask 0.7 mm x 2.5)": _lung_kernel,
}
"""Name in the report, and what makes it."""
