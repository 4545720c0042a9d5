"""Means over patients with bootstrap intervals, by subgroup and severity."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.evaluation.lesions import LEAST_PERCENT, LesionFigures, counts, one_a_patient
from training.evaluation.studies import StudyFigures

__all__ = ["GROUPS", "GroupFigures", "Mean", "bootstrap", "group_figures", "summary"]

RESAMPLES = 10_000
SEED = 20261123
SEVERE_PERCENT = 25.0

Rows = Sequence[LesionFigures]


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over patients.

    Attributes:
        value: The mean.
        low: 2.5th percentile of the means of resampled patients.
        high: 97.5th percentile.
        patients: How many.
    """

    value: float
    low: float
    high: float
    patients: int


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """Means of one group of patients; None where the group has nobody for it.

    Attributes:
        group: Its name.
        lesion_dice: Over patients with enough lesion for a Dice.
        surface_dice_2px: The same.
        threshold_dice: The same, by the threshold baseline.
        error_points: Mean absolute error of the percentage.
        bias_points: Mean error, found minus true.
        threshold_error_points: Mean absolute error of the threshold baseline.
    """

    group: str
    lesion_dice: Mean | None
    surface_dice_2px: Mean | None
    threshold_dice: Mean | None
    error_points: Mean | None
    bias_points: Mean | None
    threshold_error_points: Mean | None


GROUPS: Mapping[str, Callable[[LesionFigures], bool]] = {
    "restored": lambda row: row.intensity == "restored" and counts(row),
    "estimated": lambda row: row.intensity == "estimated" and counts(row),
    "true HU": lambda row: row.intensity == "true" and counts(row),
    "burden below 0.1 %": lambda row: not counts(row),
    "burden below 5 %": lambda row: LEAST_PERCENT <= row.truth_percent < 5,
    "burden 5 to 25 %": lambda row: 5 <= row.truth_percent <= SEVERE_PERCENT,
    "burden above 25 %": lambda row: row.truth_percent > SEVERE_PERCENT,
    "judged by the bundle itself": lambda row: row.seen_by == "bundle",
    "all": lambda row: True,
}
"""Name in the report, and who belongs."""


def bootstrap(values: Sequence[float], *, seed: int = SEED) -> Mean | None:
    """Mean and its 95 % percentile interval over resampled patients; None without patients."""
    if not values:
        return None
    array = np.asarray(values, dtype=np.float64)
    random = np.random.default_rng(seed)
    means = array[random.integers(0, len(array), (RESAMPLES, len(array)))].mean(1)
    low, high = np.percentile(means, (2.5, 97.5))
    return Mean(float(array.mean()), float(low), float(high), len(array))


def group_figures(rows: Rows) -> tuple[GroupFigures, ...]:
    """Means of every group that has a patient; one row a patient."""
    patients = one_a_patient(rows)
    groups = ((name, [row for row in patients if has(row)]) for name, has in GROUPS.items())
    return tuple(_group(name, mine) for name, mine in groups if mine)


def _group(name: str, rows: Rows) -> GroupFigures:
    judged = [row for row in rows if counts(row)]
    thresholds = [
        row.threshold_percent - row.truth_percent
        for row in rows
        if row.threshold_percent is not None
    ]
    return GroupFigures(
        group=name,
        lesion_dice=bootstrap([row.lesion_dice for row in judged]),
        surface_dice_2px=_mean(row.surface_dice_2px for row in judged),
        threshold_dice=_mean(row.threshold_dice for row in judged),
        error_points=bootstrap([abs(row.error_points) for row in rows]),
        bias_points=bootstrap([row.error_points for row in rows]),
        threshold_error_points=bootstrap([abs(error) for error in thresholds]),
    )


def _mean(values: Iterable[float | None]) -> Mean | None:
    return bootstrap([value for value in values if value is not None])


def summary(rows: Rows, studies: Sequence[StudyFigures]) -> dict[str, float]:
    """The means that are quoted, as the bundle's `figures` holds them; absent where not measured.

    Healthy chests count for the detection limit if they are clean and the bundle itself, not a
    fold, measured them.
    """
    figures: dict[str, float] = {}
    for group in group_figures(rows):
        if group.group not in {"restored", "estimated", "true HU", "all"}:
            continue
        name = group.group.replace(" ", "_")
        if group.lesion_dice:
            figures[f"lesion_dice_{name}"] = group.lesion_dice.value
        if group.error_points:
            figures[f"error_points_{name}"] = group.error_points.value
    lungs = [row.lung_dice for row in rows if row.lung_dice is not None]
    if lungs:
        figures["lung_dice"] = float(np.mean(lungs))
    clean = [row.lesion_percent for row in studies if row.clean and row.seen_by == "bundle"]
    if clean:
        figures |= {"healthy_percent_max": _up(max(clean)), "healthy_chests": len(clean)}
    return figures


def _up(percent: float) -> float:
    """In thousandths, rounded up: the chest that sets the limit is not itself above it."""
    return math.ceil(round(percent * 1000, 6)) / 1000
