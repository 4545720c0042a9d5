"""Can the network's probabilities be believed? Reliability by bins, and the expected error."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["BINS", "Reliability", "expected_error", "pool", "reliability"]

BINS = 15


@dataclass(frozen=True, slots=True)
class Reliability:
    """Voxels by the probability they were given, in `BINS` bins of equal width over 0…1.

    Attributes:
        voxels: How many fell into each bin.
        probability: Sum of their probabilities of lesion.
        truth: Sum of their true shares of lesion.
    """

    voxels: tuple[int, ...]
    probability: tuple[float, ...]
    truth: tuple[float, ...]


def reliability(probability: NDArray[np.float32], truth: NDArray[np.float32]) -> Reliability:
    """Sort voxels into bins.

    Args:
        probability: (voxel,), of lesion, 0…1.
        truth: (voxel,), the share of the voxel that the reader calls lesion, 0…1.
    """
    which = np.clip((probability * BINS).astype(np.int64), 0, BINS - 1)
    sums = [np.bincount(which, weights=value, minlength=BINS) for value in (probability, truth)]
    voxels = np.bincount(which, minlength=BINS)
    return Reliability(
        tuple(int(n) for n in voxels),
        *(tuple(round(float(value), 3) for value in total) for total in sums),
    )


def pool(patients: Sequence[Reliability]) -> Reliability:
    """Several patients together, each voxel counting alike."""
    return Reliability(
        tuple(sum(values) for values in zip(*(each.voxels for each in patients), strict=True)),
        tuple(sum(values) for values in zip(*(each.probability for each in patients), strict=True)),
        tuple(sum(values) for values in zip(*(each.truth for each in patients), strict=True)),
    )


def expected_error(bins: Reliability, *, first: int = 0) -> float | None:
    """Expected calibration error (Guo 2017): mean |probability - truth| over bins, by voxels.

    Args:
        bins: Pooled over patients.
        first: The lowest bin that counts. Most of the lung is surely clean and fills bin 0; from
            bin 1 on, the figure is about what the network thought of at all.

    Returns:
        None where no voxel fell into these bins.
    """
    voxels = sum(bins.voxels[first:])
    if not voxels:
        return None
    gaps = zip(bins.probability[first:], bins.truth[first:], strict=True)
    return sum(abs(probability - truth) for probability, truth in gaps) / voxels
