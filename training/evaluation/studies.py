"""Figures of one whole study without lesion masks: burden, marks by slice and side, nodules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from opacimeter.findings import Assessment, Label, Quantity
from opacimeter.volume import Volume
from training.evaluation.lesions import AFFECTED_HU, Judge
from training.evaluation.overlap import Mask, dice

__all__ = ["Chest", "Sides", "StudyFigures", "judge_study", "slice_auc"]


@dataclass(frozen=True, slots=True, eq=False)
class Chest:
    """A whole study and what is known of it.

    Attributes:
        name: Of the study, which is its patient's too.
        volume: The images.
        clean: A chest without any opacity; counts for the detection limit.
        healthy: A chest whose burden is bounded by the gate; may bear a small infiltrate.
        infected: Slices that radiologists marked.
        sides: The same by side: left, right.
        lung: bool (slice, row, column), a reader's lungs.
        nodule: bool (slice, row, column), a nodule, which is other disease.
        other: What other disease it bears, no pneumonia; empty where none is known.
    """

    name: str
    volume: Volume
    clean: bool = False
    healthy: bool = False
    infected: Sequence[int] = ()
    sides: Mapping[str, Sequence[int]] = field(default_factory=dict)
    lung: Mask | None = None
    nodule: Mask | None = None
    other: str = ""


@dataclass(frozen=True, slots=True)
class Sides:
    """Radiologists' marks by side against what was found on that side.

    Attributes:
        auc_left: Do the left lung's marked slices bear more lesion than its others?
        auc_right: The same of the right lung.
        one_sided: Slices marked on one side only in which any lesion was found.
        one_sided_right: Those of them with more lesion on the marked side.
    """

    auc_left: float | None
    auc_right: float | None
    one_sided: int
    one_sided_right: int


@dataclass(frozen=True, slots=True)
class StudyFigures:
    """A whole study: what was found, and whether the diseased slices stand out.

    Attributes:
        study: Its name.
        lung_ml: Volume of both lungs.
        lesion_percent: Burden.
        slice_auc: Do marked slices bear more lesion than the others?
        slice_mm: Distance of the slices.
        seconds: Segmenting and measuring, on the machine of the evaluation.
        seen_by: Which weights.
        clean: See `Chest`.
        healthy: See `Chest`.
        lung_dice: Against a reader's lungs.
        sides: Left and right.
        nodule_percent: Share of a nodule's voxels that are marked as lesion.
        threshold_percent: Burden by the threshold baseline.
        threshold_auc: Slices by the threshold baseline.
        other: See `Chest`.
    """

    study: str
    lung_ml: float
    lesion_percent: float
    slice_auc: float | None
    slice_mm: float
    seconds: float
    seen_by: str = "bundle"
    clean: bool = False
    healthy: bool = False
    lung_dice: float | None = None
    sides: Sides | None = None
    nodule_percent: float | None = None
    threshold_percent: float | None = None
    threshold_auc: float | None = None
    other: str = ""


def slice_auc(areas: NDArray[Any], marked: Sequence[int]) -> float | None:
    """Chance that a marked slice bears more than an unmarked one; None where all are alike.

    Args:
        areas: (slice,).
        marked: Indices of the slices that are marked.
    """
    is_marked = np.zeros(len(areas), dtype=bool)
    is_marked[list(marked)] = True
    if not is_marked.any() or is_marked.all():
        return None
    statistic = mannwhitneyu(areas[is_marked], areas[~is_marked]).statistic
    return float(statistic) / float(is_marked.sum() * (~is_marked).sum())


def judge_study(chest: Chest, judge: Judge, seen_by: str) -> StudyFigures:
    """Measure a study and compare with what is known of it.

    Args:
        chest: The study.
        judge: Weights that never saw it; the caller answers for that.
        seen_by: Their name.
    """
    assessment = judge(chest.volume)
    labels = assessment.segmentation.labels
    lung = labels > 0
    affected = lung & (chest.volume.hu >= AFFECTED_HU)
    return StudyFigures(
        study=chest.name,
        lung_ml=_value(assessment, Quantity.VOLUME_ML),
        lesion_percent=_value(assessment, Quantity.LESION_PERCENT),
        slice_auc=slice_auc((labels >= Label.LEFT_LESION).sum((1, 2)), chest.infected),
        slice_mm=round(chest.volume.spacing_mm[0], 3),
        seconds=round(sum(assessment.seconds.values()), 2),
        seen_by=seen_by,
        clean=chest.clean,
        healthy=chest.healthy,
        lung_dice=None if chest.lung is None else dice(lung, chest.lung),
        sides=_sides(labels, chest.sides) if chest.sides else None,
        nodule_percent=_nodule_percent(labels, chest.nodule),
        threshold_percent=100.0 * float(affected.sum() / lung.sum()),
        threshold_auc=slice_auc(affected.sum((1, 2)), chest.infected),
        other=chest.other,
    )


def _value(assessment: Assessment, quantity: Quantity) -> float:
    value = assessment.value(quantity)
    if value is None:
        raise ValueError(f"the study has lungs but no {quantity}")
    return value


def _nodule_percent(labels: NDArray[np.uint8], nodule: Mask | None) -> float | None:
    if nodule is None:
        return None
    return 100.0 * float((labels[nodule] >= Label.LEFT_LESION).mean())


def _sides(labels: NDArray[np.uint8], marks: Mapping[str, Sequence[int]]) -> Sides:
    """Marks and findings by side: the lobe is not compared, the marks are not that exact."""
    left, right = ((labels == side).sum((1, 2)) for side in (3, 4))
    only_left = sorted(set(marks["left"]) - set(marks["right"]))
    only_right = sorted(set(marks["right"]) - set(marks["left"]))
    more_left = left.astype(np.int64) - right
    signed = np.concatenate([more_left[only_left], -more_left[only_right]])
    any_found = np.concatenate([(left + right)[only_left], (left + right)[only_right]]) > 0
    return Sides(
        auc_left=slice_auc(left, marks["left"]),
        auc_right=slice_auc(right, marks["right"]),
        one_sided=int(any_found.sum()),
        one_sided_right=int((signed[any_found] > 0).sum()),
    )
