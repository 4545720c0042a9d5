"""The interval of the lesion percentage, calibrated on patients that were left out.

Residuals are those of cross-validation: each patient is measured by weights that never saw the
patient, as in CV+ (Barber, Candès, Ramdas, Tibshirani 2021, doi:10.1214/20-AOS1965). They are
scaled by burden, because an error of two points means little at 50 % and all at 1 %: by what grows
like the standard deviation of a proportion. Their quantile is laid to both sides of the figure of
the model that ships. CV+ proper would ask every fold's model for its own figure of the new patient;
a service runs one model, so what is proven of CV+ holds for this interval as far as the folds and
the model that ships agree.
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
EXPONENT = 0.5
"""The scale grows with the root of p·(1 - p), as the standard deviation of a proportion does."""
FEWEST_PATIENTS = 5


@dataclass(frozen=True, slots=True)
class Pair:
    """One left-out patient: lesion in percent of the lung, found and true.

    Attributes:
        patient: Who.
        found_percent: By weights that never saw the patient.
        truth_percent: By an expert's outlines; 0 of a control.
        control: A chest known to bear no opacity. A service meets them too.
    """

    patient: str
    found_percent: float
    truth_percent: float
    control: bool = False


@dataclass(frozen=True, slots=True)
class Interval:
    """What the bundle's `interval` holds.

    Attributes:
        level: The share of patients that the interval is meant to cover.
        method: How it was found.
        patients: How many were left out and measured, controls among them.
        controls: How many of them bear no opacity.
        offset_points: See `OFFSET_POINTS`.
        exponent: See `EXPONENT`.
        below: The interval reaches this many scales below the found percentage.
        above: And as many above.
        covered: Patients with opacity whose true percentage lies in the interval calibrated on the
            others. Nearly fixed by the ranks, whatever the model: the worst are outside without.
        mean_width_points: Mean width over the patients with opacity, within 0…100.
    """

    level: float
    method: str
    patients: int
    controls: int
    offset_points: float
    exponent: float
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
        None with fewer than `FEWEST_PATIENTS` patients, or with controls alone.
    """
    if len(pairs) < FEWEST_PATIENTS:
        return None
    diseased = [index for index, pair in enumerate(pairs) if not pair.control]
    if not diseased:
        return None
    reach = _reach(pairs, level)
    spans = [ends(pairs[index].found_percent, reach) for index in diseased]
    return Interval(
        level=level,
        method=METHOD,
        patients=len(pairs),
        controls=len(pairs) - len(diseased),
        offset_points=OFFSET_POINTS,
        exponent=EXPONENT,
        below=reach,
        above=reach,
        covered=sum(_covered(index, pairs, level) for index in diseased),
        mean_width_points=round(sum(high - low for low, high in spans) / len(spans), 2),
    )


def ends(found_percent: float, reach: float) -> tuple[float, float]:
    """Low and high end in percent of the lung, within 0…100, so many scales away."""
    return _served(reach).around(found_percent)


def residual(pair: Pair) -> float:
    """True minus found, in scales: positive where too little was found."""
    scale = _served(0.0).scale(pair.found_percent)
    return (pair.truth_percent - pair.found_percent) / scale


def guaranteed(patients: int, *, level: float = LEVEL) -> float:
    """What exchangeability alone promises for the residual of one more patient.

    The reach is an order statistic of the residuals' sizes, so a new one exceeds it with
    probability 1 - rank / (patients + 1). Below 9 patients not even the largest promises 90 %.
    """
    return _rank(patients, level) / (patients + 1)


def _served(reach: float) -> assess.Interval:
    """The interval as the service reckons it."""
    return assess.Interval(
        method=METHOD,
        patients=0,
        offset_points=OFFSET_POINTS,
        exponent=EXPONENT,
        below=reach,
        above=reach,
    )


def _rank(patients: int, level: float) -> int:
    """Which of the sorted sizes is the reach: the finite-sample quantile."""
    return min(patients, math.ceil((patients + 1) * level - 1e-9))


def _reach(pairs: Sequence[Pair], level: float) -> float:
    """To either side, in scales, rounded outwards so that the end's own patient stays inside."""
    sizes = sorted(abs(residual(pair)) for pair in pairs)
    return math.ceil(round(sizes[_rank(len(pairs), level) - 1] * 1000.0, 6)) / 1000.0


def _covered(index: int, pairs: Sequence[Pair], level: float) -> bool:
    """Is a patient inside the interval that the others alone would have given?"""
    others = [pair for other, pair in enumerate(pairs) if other != index]
    low, high = ends(pairs[index].found_percent, _reach(others, level))
    return low <= pairs[index].truth_percent <= high
