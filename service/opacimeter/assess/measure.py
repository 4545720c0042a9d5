"""Every quantity of the result, from one joint histogram of zone and HU on the scanner's grid."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cc3d
import numpy as np
from numpy.typing import NDArray

from opacimeter.findings import (
    HIGH_OPACITY_HU,
    LOW_ATTENUATION_HU,
    ZONES,
    Histogram,
    Label,
    Lesion,
    Measurement,
    Profile,
    Quantity,
    Region,
)
from opacimeter.volume import Volume, bounding_box
from opacimeter.zones import lung_zones

__all__ = ["Measured", "measure"]

LOWEST_HU, HIGHEST_HU = -1024, 3071
BINS = HIGHEST_HU - LOWEST_HU + 1
SMALLEST_LESION_ML = 0.1
HISTOGRAM_EDGES_HU = np.arange(-1025.0, 226.0, 25.0)

_HU = np.arange(LOWEST_HU, HIGHEST_HU + 1, dtype=np.float64)
_ZONES_OF_REGION = {
    Region.LUNGS: range(6),
    Region.RIGHT_LUNG: range(3),
    Region.LEFT_LUNG: range(3, 6),
    **{zone: (index,) for index, zone in enumerate(ZONES)},
}


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What `measure` returns; see `findings.Assessment` for each part."""

    measurements: tuple[Measurement, ...]
    lesions: tuple[Lesion, ...]
    profile: Profile
    histogram: Histogram


def measure(volume: Volume, labels: NDArray[np.uint8]) -> Measured:
    """Measure labelled lungs.

    Args:
        volume: HU and geometry.
        labels: uint8 (slice, row, column), values of `findings.Label`, on the volume's grid.
    """
    zones = lung_zones(volume, labels)
    counts = _joint_histogram(volume.hu, labels, zones)
    lesions = _lesions(volume, labels, zones)
    rows = [
        Measurement(quantity, region, value)
        for region in Region
        for quantity, value in _quantities(counts, volume.voxel_ml, region, lesions)
    ]
    return Measured(
        tuple(rows), lesions, _profile(volume, labels), _histogram(counts, volume.voxel_ml)
    )


def _joint_histogram(
    hu: NDArray[np.int16], labels: NDArray[np.uint8], zones: NDArray[np.uint8]
) -> NDArray[np.int64]:
    """Voxels (zone, lesion, HU from LOWEST_HU): int64 (6, 2, BINS). One pass, slice by slice."""
    counts = np.zeros(6 * 2 * BINS, dtype=np.int64)
    for plane, label, zone in zip(hu, labels, zones, strict=True):
        inside = zone > 0
        lesion = label[inside] >= Label.LEFT_LESION
        row = 2 * (zone[inside].astype(np.int64) - 1) + lesion
        value = np.clip(plane[inside], LOWEST_HU, HIGHEST_HU).astype(np.int64) - LOWEST_HU
        counts += np.bincount(row * BINS + value, minlength=len(counts))
    return counts.reshape(6, 2, BINS)


def _quantities(
    counts: NDArray[np.int64], voxel_ml: float, region: Region, lesions: tuple[Lesion, ...]
) -> Iterator[tuple[Quantity, float]]:
    """All quantities of a region; without lung there are none, without lesion no mean of it."""
    both = counts[list(_ZONES_OF_REGION[region])].sum(0)
    lesion, lung = both[1], both.sum(0)
    voxels, lesion_voxels = int(lung.sum()), int(lesion.sum())
    if not voxels:
        return
    high = int(lesion[HIGH_OPACITY_HU - LOWEST_HU :].sum())
    low = int(lung[: LOW_ATTENUATION_HU - LOWEST_HU].sum())
    mean = float(lung @ _HU) / voxels
    variance = float(lung @ (_HU - mean) ** 2) / voxels
    yield Quantity.VOLUME_ML, voxels * voxel_ml
    yield Quantity.LESION_ML, lesion_voxels * voxel_ml
    yield Quantity.LESION_PERCENT, 100.0 * lesion_voxels / voxels
    yield Quantity.HIGH_OPACITY_ML, high * voxel_ml
    yield Quantity.HIGH_OPACITY_PERCENT, 100.0 * high / voxels
    yield Quantity.LOW_ATTENUATION_PERCENT, 100.0 * low / voxels
    yield Quantity.MASS_G, _mass_g(lung, voxel_ml)
    yield Quantity.LESION_MASS_G, _mass_g(lesion, voxel_ml)
    yield Quantity.MEAN_HU, mean
    yield Quantity.SD_HU, float(np.sqrt(variance))
    if lesion_voxels:
        yield Quantity.LESION_MEAN_HU, float(lesion @ _HU) / lesion_voxels
    regions = {ZONES[index] for index in _ZONES_OF_REGION[region]}
    yield Quantity.LESION_COUNT, float(sum(found.region in regions for found in lesions))


def _mass_g(counts: NDArray[np.int64], voxel_ml: float) -> float:
    """Σ voxel_ml·(HU+1000)/1000, HU from -1000 up: water weighs 1 g/ml, air nothing."""
    return float(counts @ np.maximum(_HU + 1000.0, 0.0)) * voxel_ml / 1000.0


def _lesions(
    volume: Volume, labels: NDArray[np.uint8], zones: NDArray[np.uint8]
) -> tuple[Lesion, ...]:
    """26-connected lesions of at least 0.1 ml, largest first; one never spans both lungs."""
    box = bounding_box(labels >= Label.LEFT_LESION)
    if box is None:
        return ()
    mask = np.where(labels[box] >= Label.LEFT_LESION, labels[box], 0)
    pieces = cc3d.connected_components(mask, connectivity=26)
    found = cc3d.statistics(pieces)
    hu_sums, zone_counts = _sums(pieces, volume.hu[box], zones[box])
    sizes = found["voxel_counts"].astype(np.int64)
    large = np.flatnonzero(sizes * volume.voxel_ml >= SMALLEST_LESION_ML - 1e-9)
    origin = np.array([span.start for span in box], dtype=np.float64)
    lesions = [
        Lesion(
            volume_ml=float(sizes[label] * volume.voxel_ml),
            mean_hu=float(hu_sums[label] / sizes[label]),
            centre_mm=_point(volume, origin + found["centroids"][label]),
            region=ZONES[int(zone_counts[label].argmax()) - 1],
            slices=_span(found["bounding_boxes"][label][0], box[0].start),
        )
        for label in large
        if label
    ]
    return tuple(sorted(lesions, key=lambda lesion: -lesion.volume_ml))


def _sums(
    pieces: NDArray[Any], hu: NDArray[np.int16], zones: NDArray[np.uint8]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """For each piece its sum of HU (piece,) and its voxels by zone (piece, 7).

    Slice by slice: index arrays of a whole diseased lung would outweigh the volume.
    """
    count = int(pieces.max()) + 1
    hu_sums, zone_counts = np.zeros(count), np.zeros(count * 7, dtype=np.int64)
    for plane, values, zone in zip(pieces, hu, zones, strict=True):
        inside = plane > 0
        # The pieces are counted in 16 bits, which times 7 would overflow.
        label = plane[inside].astype(np.int64)
        clipped = np.clip(values[inside], LOWEST_HU, HIGHEST_HU)
        hu_sums += np.bincount(label, weights=clipped, minlength=count)
        zone_counts += np.bincount(label * 7 + zone[inside], minlength=count * 7)
    return hu_sums, zone_counts.reshape(count, 7)


def _point(volume: Volume, index: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = volume.position_mm(index[None])[0]
    return float(x), float(y), float(z)


def _span(span: slice, offset: int) -> tuple[int, int]:
    return int(span.start) + offset, int(span.stop) - 1 + offset


def _profile(volume: Volume, labels: NDArray[np.uint8]) -> Profile:
    """Areas by slice; z is that of the slice's centre."""
    _, row_mm, column_mm = volume.spacing_mm
    cm2 = row_mm * column_mm / 100.0
    middle = np.array(
        [[i, (labels.shape[1] - 1) / 2, (labels.shape[2] - 1) / 2] for i in range(len(labels))]
    )
    return Profile(
        position_mm=volume.position_mm(middle)[:, 2],
        lung_cm2=np.array([np.count_nonzero(plane) for plane in labels]) * cm2,
        lesion_cm2=np.array([np.count_nonzero(plane >= Label.LEFT_LESION) for plane in labels])
        * cm2,
    )


def _histogram(counts: NDArray[np.int64], voxel_ml: float) -> Histogram:
    """The joint histogram in bins of 25 HU; the last bin takes all above."""
    inner = np.clip(
        np.searchsorted(HISTOGRAM_EDGES_HU, _HU, side="right") - 1, 0, len(HISTOGRAM_EDGES_HU) - 2
    )
    width = len(HISTOGRAM_EDGES_HU) - 1
    lesion = counts[:, 1].sum(0)
    lungs = counts.sum((0, 1))
    return Histogram(
        edges_hu=HISTOGRAM_EDGES_HU,
        lungs_ml=_binned(inner, lungs, width) * voxel_ml,
        lesion_ml=_binned(inner, lesion, width) * voxel_ml,
    )


def _binned(
    bin_of_hu: NDArray[np.intp], counts: NDArray[np.int64], width: int
) -> NDArray[np.float64]:
    return np.bincount(bin_of_hu, weights=counts, minlength=width).astype(np.float64)
