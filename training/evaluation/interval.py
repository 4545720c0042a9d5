"""The interval of the lesion percentage, calibrated on patients that were left out.

Residuals are those of cross-validation: each patient is measured by weights that never saw the
patient, as in CV+ (Barber, Candès, Ramdas, Tibshirani 2021, doi:10.1214/20-AOS1965). They are
scaled by burden, because an error of two points means little at 50 % and all at 1 %, and their ends
are laid around the figure of the model that ships. CV+ proper would ask every fold's model for its
own figure of the new patient; a service runs one model, so what is proven of CV+ holds for this
interval as far as the folds and the model that ships agree.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from opacimeter import assess

__all__ = ["Interval", "Pair", "calibrate", "ends", "guaranteed", "residual"]

LEVEL = 0.9
METHOD = "cv+"
OFFSET_POINTS = 1.0
"""The scale of a clean lung, in points: below it errors no longer fall with the burden."""
FEWEST_PATIENTS = 5


@dataclass(frozen=True, slots=True)
class Pair:
    """One left-out patient: lesion in percent of the lung, found and true."""

    patient: str
    found_percent: float
    truth_percent: float


@dataclass(frozen=True, slots=True)
class Interval:
    """What the bundle's `interval` holds.

    Attributes:
        level: The share of patients that the interval is meant to cover.
        method: How it was found.
        patients: How many were left out and measured.
        offset_points: See `OFFSET_POINTS`.
        below: The interval reaches this many scales below the found percentage.
        above: And this many above.
        covered: Patients whose true percentage lies in the interval calibrated on the others.
            Nearly fixed by the ranks, whatever the model: whoever makes an end is outside without.
        mean_width_points: Mean width over these patients, within 0…100.
    """

    level: float
    method: str
    patients: int
    offset_points: float
    below: float
    above: float
    covered: int
    mean_width_points: float


def calibrate(pairs: Sequence[Pair], *, level: float = LEVEL) -> Interval | None:
    """The interval for new patients.

    Args:
        pairs: One a patient, found by weights that never saw the patient.
        level: What the interval is to cover.

    Returns:
        None with fewer than `FEWEST_PATIENTS` patients.
    """
    if len(pairs) < FEWEST_PATIENTS:
        return None
    below, above = _reach(pairs, level)
    spans = [ends(pair.found_percent, below, above) for pair in pairs]
    return Interval(
        level=level,
        method=METHOD,
        patients=len(pairs),
        offset_points=OFFSET_POINTS,
        below=below,
        above=above,
        covered=sum(_covered(index, pairs, level) for index in range(len(pairs))),
        mean_width_points=round(sum(high - low for low, high in spans) / len(spans), 2),
    )


def ends(found_percent: float, below: float, above: float) -> tuple[float, float]:
    """Low and high end in percent of the lung, within 0…100."""
    return _served(below, above).around(found_percent)


def residual(pair: Pair) -> float:
    """True minus found, in scales: positive where too little was found."""
    return (pair.truth_percent - pair.found_percent) / _scale(pair.found_percent)


def guaranteed(patients: int, *, level: float = LEVEL) -> float:
    """What exchangeability alone promises for the residual of one more patient.

    Each end is an order statistic of the residuals, so a new one lies beyond it with probability
    1 - rank / (patients + 1). Below 19 patients even the extremes cannot promise 90 %.
    """
    return 1.0 - 2.0 * (1.0 - _rank(patients, level) / (patients + 1))


def _scale(percent: float) -> float:
    return _served(0.0, 0.0).scale(percent)


def _served(below: float, above: float) -> assess.Interval:
    """The interval as the service reckons it."""
    return assess.Interval(
        method=METHOD, patients=0, offset_points=OFFSET_POINTS, below=below, above=above
    )


def _rank(patients: int, level: float) -> int:
    """Which of the sorted residuals is an end: the finite-sample quantile, half the miss a side."""
    return min(patients, math.ceil((patients + 1) * (1.0 - (1.0 - level) / 2.0) - 1e-9))


def _reach(pairs: Sequence[Pair], level: float) -> tuple[float, float]:
    """Below and above, rounded outwards so that the end's own patient stays inside."""
    residuals = [residual(pair) for pair in pairs]
    rank = _rank(len(pairs), level)
    sides = (sorted(-value for value in residuals), sorted(residuals))
    below, above = (math.ceil(max(0.0, side[rank - 1]) * 1000.0) / 1000.0 for side in sides)
    return below, above


def _covered(index: int, pairs: Sequence[Pair], level: float) -> bool:
    """Is a patient inside the interval that the others alone would have given?"""
    others = [pair for other, pair in enumerate(pairs) if other != index]
    low, high = ends(pairs[index].found_percent, *_reach(others, level))
    return low <= pairs[index].truth_percent <= high
