"""The report's part on whole studies and on the same study delivered otherwise."""

from collections.abc import Iterator, Sequence

from training.evaluation.figures import Figures
from training.evaluation.studies import StudyFigures
from training.evaluation.tables import figure, table

__all__ = ["robustness_part", "studies_part", "weak_sides"]

WEAKER_BY = 0.1

_STUDIES = (
    "study",
    "weights",
    "lung ml",
    "lung Dice",
    "lesion %",
    "threshold %",
    "AUC of slices",
    "threshold AUC",
    "AUC left",
    "AUC right",
    "one-sided slices on the right side",
    "nodule marked %",
    "slice mm",
    "s",
)


def studies_part(figures: Figures) -> Iterator[str]:
    """Whole studies and the detection limit."""
    if not figures.studies:
        return
    yield from ("## Whole studies", "")
    yield from table(
        _STUDIES,
        (_study(row) for row in figures.studies),
    )
    yield from _words(figures.studies)
    summary = figures.summary
    if "healthy_percent_max" in summary:
        number = int(summary["healthy_chests"])
        yield (
            f"Detection limit: {figure(summary['healthy_percent_max'], 3)} % of the lung, the most "
            f"that was found in {number} chests without opacity. So few say that a healthy one may "
            "be that high, not how rarely one is higher. Chests judged by a fold do not count."
        )
        yield ""


def _words(studies: Sequence[StudyFigures]) -> Iterator[str]:
    """What the table shows and is easily passed over."""
    for row in studies:
        for side, auc in weak_sides(row):
            yield (
                f"{row.study}: in the {side} lung marked slices are told apart with an AUC of "
                f"{figure(auc, 2)} only, far less than for the whole slices."
            )
            yield ""
        if row.other:
            nodule = "" if row.nodule_percent is None else (
                f", and {figure(row.nodule_percent, 0)} % of the nodule's voxels"
            )  # fmt: skip
            yield (
                f"{row.study} bears {row.other} and no pneumonia; {row.seen_by} marks "
                f"{figure(row.lesion_percent)} % of its lung{nodule}."
            )
            yield ""


def weak_sides(row: StudyFigures) -> Iterator[tuple[str, float]]:
    """Sides on which the marks are met far worse than those of the whole slices."""
    if row.sides is None or row.slice_auc is None:
        return
    for side, auc in (("left", row.sides.auc_left), ("right", row.sides.auc_right)):
        if auc is not None and auc < row.slice_auc - WEAKER_BY:
            yield side, auc


def _study(row: StudyFigures) -> list[str]:
    sides = row.sides
    return [
        row.study,
        row.seen_by,
        figure(row.lung_ml, 0),
        figure(row.lung_dice, 3),
        figure(row.lesion_percent),
        figure(row.threshold_percent),
        figure(row.slice_auc, 3),
        figure(row.threshold_auc, 3),
        figure(sides.auc_left if sides else None, 3),
        figure(sides.auc_right if sides else None, 3),
        f"{sides.one_sided_right} of {sides.one_sided}" if sides else figure(None),
        figure(row.nodule_percent, 0),
        figure(row.slice_mm, 1),
        figure(row.seconds, 1),
    ]


def robustness_part(figures: Figures) -> Iterator[str]:
    """How far the percentage moves."""
    if not figures.robustness:
        return
    yield from ("## The same study delivered otherwise", "")
    yield from table(
        ["study", "change", "lesion %", "moved, points"],
        (
            [
                row.study,
                row.variation,
                figure(row.percent),
                "identical voxels" if row.identical else f"{round(row.moved_points, 2) + 0.0:+.2f}",
            ]
            for row in figures.robustness
        ),
    )
