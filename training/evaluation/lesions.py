"""Figures of one patient with expert masks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from opacimeter.errors import IntakeRejected
from opacimeter.findings import Assessment, Label
from opacimeter.volume import Volume
from training.cases import Case, Target
from training.evaluation.overlap import AreaClass, Mask, areas_by_size, dice, surface_dice
from training.evaluation.reliability import Reliability, reliability

__all__ = ["AFFECTED_HU", "Judge", "LesionFigures", "counts", "judge_lesions", "one_a_patient"]

AFFECTED_HU = -750
"""The threshold baseline: lung at or above it is affected. 3D Slicer's LungCTAnalyzer calls lung
from -750 HU infiltrated and, further up, collapsed."""
_OPEN = (Target.LUNG_OR_LESION, Target.UNKNOWN)
LEAST_PERCENT = 0.1
"""Below this burden a Dice is about single pixels and enters no mean."""


class Judge(Protocol):
    """What is judged: `opacimeter.assess.Assessor`, or a fake that draws what it is told."""

    def __call__(self, volume: Volume) -> Assessment:
        """Lungs and lesions of a volume."""
        ...

    def on_network_grid(self, volume: Volume, image: NDArray[np.int16]) -> NDArray[np.int16]:
        """An image of the volume's grid on the grid of the probabilities."""
        ...


@dataclass(frozen=True, slots=True)
class LesionFigures:
    """One patient with expert masks; everything about lesion is on the given slices.

    Attributes:
        case: The case's name.
        intensity: restored, estimated or true.
        seen_by: Which weights: the bundle, or the fold that left the patient out.
        lung_dice: Lung with lesion; None where the reader drew no lungs.
        lesion_dice: Against the first reader.
        second_dice: Against the second reader, on the slices that reader saw.
        readers_dice: The readers with each other, on those slices.
        truth_percent: Lesion in percent of the given slices' lung, by the first reader; of the lung
            that was found where the reader drew no lungs.
        found_percent: The same, found.
        patient: Cases of one patient share it.
        surface_dice_1px: Share of the outlines within one pixel.
        surface_dice_2px: And within two.
        areas: Recall and precision by size.
        threshold_dice: Lesion Dice of the threshold baseline in the lungs that were found.
        threshold_percent: Its percentage.
        reliability: Voxels inside the reader's lungs, on the network's grid.
    """

    case: str
    intensity: str
    seen_by: str
    lung_dice: float | None
    lesion_dice: float
    second_dice: float | None
    readers_dice: float | None
    truth_percent: float
    found_percent: float
    patient: str = ""
    surface_dice_1px: float | None = None
    surface_dice_2px: float | None = None
    areas: tuple[AreaClass, ...] = ()
    threshold_dice: float | None = None
    threshold_percent: float | None = None
    reliability: Reliability | None = None

    @property
    def error_points(self) -> float:
        """Found minus true, in points of the lung."""
        return self.found_percent - self.truth_percent


def judge_lesions(case: Case, judge: Judge, seen_by: str) -> LesionFigures:
    """Compare what is found in a case with its readers' drawings.

    Voxels that the reader left open take part in nothing. A case in which no lung is found has
    found nothing: its figures are those of empty labels.

    Args:
        case: With lesion in its target.
        judge: Weights that never saw the patient; the caller answers for that.
        seen_by: Their name.
    """
    volume = case.volume()
    labels, bins = _found(case, judge, volume)
    known = ~np.isin(case.target, _OPEN)
    lesion, lung = known & (labels >= Label.LEFT_LESION), known & (labels > 0)
    truth, drawn = case.target == Target.LESION, not (case.target == Target.NOT_LESION).any()
    true_lung = known & (case.target > 0) if drawn else lung | truth
    affected = lung & (volume.hu >= AFFECTED_HU)
    one_px, two_px = surface_dice(truth, lesion, (1.0, 2.0))
    return LesionFigures(
        case=case.name,
        intensity=case.intensity,
        seen_by=seen_by,
        lung_dice=dice(lung, true_lung) if drawn else None,
        lesion_dice=dice(lesion, truth),
        **_second(case, lesion, truth),
        truth_percent=_percent(truth, true_lung),
        found_percent=_percent(lesion, lung),
        patient=case.patient,
        surface_dice_1px=one_px,
        surface_dice_2px=two_px,
        areas=areas_by_size(truth, lesion),
        threshold_dice=dice(affected, truth),
        threshold_percent=_percent(affected, lung),
        reliability=bins,
    )


def _found(
    case: Case, judge: Judge, volume: Volume
) -> tuple[NDArray[np.uint8], Reliability | None]:
    try:
        segmentation = judge(volume).segmentation
    except IntakeRejected:
        return np.zeros(volume.hu.shape, dtype=np.uint8), None
    return segmentation.labels, _bins(case, judge, volume, segmentation.lesion_probability)


def _bins(
    case: Case, judge: Judge, volume: Volume, probability: NDArray[np.float16]
) -> Reliability:
    """Reliability inside the reader's lungs; masks travel as parts of a thousand."""
    lung, lesion = (
        judge.on_network_grid(volume, (1000 * mask).astype(np.int16)).astype(np.float32) / 1000.0
        for mask in (
            np.isin(case.target, (Target.LUNG, Target.LESION)),
            case.target == Target.LESION,
        )
    )
    inside = lung > 0.5
    return reliability(probability[inside].astype(np.float32), np.clip(lesion[inside], 0.0, 1.0))


def _second(case: Case, lesion: Mask, truth: Mask) -> dict[str, Any]:
    """The second reader's agreement, on the slices that this reader read."""
    if case.second is None:
        return {"second_dice": None, "readers_dice": None}
    read = (case.second != Target.UNKNOWN).any((1, 2))
    other = case.second[read] == Target.LESION
    return {"second_dice": dice(lesion[read], other), "readers_dice": dice(truth[read], other)}


def _percent(part: Mask, whole: Mask) -> float:
    return 100.0 * float(part.sum() / max(int(whole.sum()), 1))


def counts(row: LesionFigures) -> bool:
    """Is there enough lesion for its Dice to mean something?"""
    return row.truth_percent >= LEAST_PERCENT


def one_a_patient(rows: Sequence[LesionFigures]) -> list[LesionFigures]:
    """The first case of every patient: a second reconstruction is no second patient."""
    first: dict[str, LesionFigures] = {}
    for row in rows:
        first.setdefault(row.patient or row.case, row)
    return list(first.values())
