"""The report: all figures as Markdown, with the words that keep them honest."""

from collections.abc import Iterator, Sequence

from training.evaluation.calibration_text import calibration_part
from training.evaluation.chest_tables import robustness_part, studies_part
from training.evaluation.failures import failures_part
from training.evaluation.figures import Figures, Previous
from training.evaluation.lesions import LesionFigures, one_a_patient
from training.evaluation.means import SEVERE_PERCENT
from training.evaluation.overlap import AREA_CLASSES_PX, HIT_SHARE
from training.evaluation.plots import PLOTS
from training.evaluation.tables import figure, spread, table

__all__ = ["report"]

_LEAD = """
Made by `make evaluate`. No figure comes from weights that saw the patient as images, labels or
pseudo-labels: the bundle's own `trained_on` and each fold's are looked up, case by case. "bundle"
means the weights that ship; "fold x" those of the cross-validation that left the patient out;
"(stored)" a fold's figure from the evaluation that is kept in the bundle, not measured again.
Percentages are of the given slices' lung; millilitres are reckoned on true spacing only. Brackets
hold 95 % bootstrap intervals of the mean over patients.
""".strip()

_THRESHOLD = (
    "Threshold: all of the found lung at -750 HU or above (infiltrated to -200, collapsed above), "
    "as 3D Slicer's LungCTAnalyzer calls affected; its lungs are the model's own."
)

_MEANS = (
    "patients",
    "n",
    "lesion Dice",
    "threshold Dice",
    "surface Dice 2 px",
    "error, points",
    "bias, points",
    "threshold error",
)
_PATIENTS = (
    "case",
    "HU",
    "weights",
    "lung Dice",
    "lesion Dice",
    "second reader",
    "readers",
    "surface 1 px",
    "2 px",
    "truth %",
    "found %",
    "threshold Dice",
    "threshold %",
)
_AREAS = ("pixels", "drawn", "met %", "recall, pixels %", "found", "true %", "precision, pixels %")


def report(figures: Figures, plots: Sequence[str] = ()) -> str:
    """The figures as Markdown.

    Args:
        figures: Parts that were not asked for are left out.
        plots: Files beside the report.
    """
    made = figures.provenance
    lines = [
        f"# Evaluation of {made.model}",
        "",
        *_LEAD.splitlines(),
        "",
        f"Weights {figures.sha256[:12]}, software {made.software}, commit {made.commit}; "
        f"{made.machine}.",
        "",
        *_means(figures),
        *_patients(figures),
        *_areas(figures),
        *studies_part(figures),
        *robustness_part(figures),
        *(calibration_part(figures.calibration, figures) if figures.calibration else ()),
        *(line for name in plots for line in (f"![{PLOTS[name]}]({name})", "")),
        *failures_part(figures.failures),
        *_gates(figures),
        *_refused(figures),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def _means(figures: Figures) -> Iterator[str]:
    if not figures.groups:
        return
    yield from ("## Means over patients", "")
    yield from table(
        _MEANS,
        (
            [
                row.group,
                str(row.error_points.patients if row.error_points else 0),
                spread(row.lesion_dice),
                spread(row.threshold_dice),
                spread(row.surface_dice_2px),
                spread(row.error_points),
                spread(row.bias_points),
                spread(row.threshold_error_points),
            ]
            for row in figures.groups
        ),
    )
    yield from (_THRESHOLD, "")
    if figures.previous:
        yield from _previous(figures.previous, figures)


def _previous(previous: Previous, figures: Figures) -> Iterator[str]:
    """Both models on the patients that both were blind to."""
    ours = {row.case: row for row in figures.patients}
    studies = {row.study: row for row in figures.studies}
    yield from (f"Beside {previous.model}:", "")
    yield from table(
        ["case", "Dice", "Dice before", "error, points", "error before", "weights before"],
        (
            [
                row.case,
                figure(ours[row.case].lesion_dice),
                figure(row.lesion_dice),
                figure(ours[row.case].error_points),
                figure(row.error_points),
                row.seen_by,
            ]
            for row in previous.patients
            if row.case in ours
        ),
    )
    yield from table(
        ["study", "lesion %", "lesion % before", "AUC", "AUC before"],
        (
            [
                row.study,
                figure(studies[row.study].lesion_percent),
                figure(row.lesion_percent),
                figure(studies[row.study].slice_auc, 3),
                figure(row.slice_auc, 3),
            ]
            for row in previous.studies
            if row.study in studies
        ),
    )


def _patients(figures: Figures) -> Iterator[str]:
    if not figures.patients:
        return
    yield from ("## Patients with expert masks", "")
    yield from table(
        _PATIENTS,
        (_patient(row) for row in figures.patients),
    )
    severe = [row for row in one_a_patient(figures.patients) if row.truth_percent > SEVERE_PERCENT]
    told = "; ".join(
        f"{row.case} found {figure(row.found_percent, 1)} for {figure(row.truth_percent, 1)} %, "
        f"error {figure(row.error_points, 1)} points"
        for row in severe
    )
    yield from (f"Above {SEVERE_PERCENT:.0f} % involvement: {told or 'nobody'}.", "")


def _patient(row: LesionFigures) -> list[str]:
    dices = (row.lung_dice, row.lesion_dice, row.second_dice, row.readers_dice)
    outlines = (row.surface_dice_1px, row.surface_dice_2px)
    percents = (row.truth_percent, row.found_percent)
    return [
        row.case,
        row.intensity,
        row.seen_by,
        *(figure(value, 3) for value in (*dices, *outlines)),
        *(figure(value) for value in percents),
        figure(row.threshold_dice, 3),
        figure(row.threshold_percent),
    ]


def _areas(figures: Figures) -> Iterator[str]:
    """Recall and precision by size."""
    if not figures.areas:
        return
    upper = [f"to {value - 1}" for value in AREA_CLASSES_PX[1:]] + ["and more"]
    yield from ("Connected areas of single slices, by size, all patients together:", "")
    yield from table(
        _AREAS,
        (
            [
                f"{row.from_px} {end}",
                str(row.true_areas),
                _share(row.true_met, row.true_areas),
                _share(row.true_px_found, row.true_px),
                str(row.found_areas),
                _share(row.found_met, row.found_areas),
                _share(row.found_px_true, row.found_px),
            ]
            for row, end in zip(figures.areas, upper, strict=True)
        ),
    )
    yield from (f"An area is met, or true, if at least {HIT_SHARE:.0%} of its pixels agree.", "")


def _share(part: int, whole: int) -> str:
    return figure(100.0 * part / whole if whole else None, 0)


def _gates(figures: Figures) -> Iterator[str]:
    if not figures.gates:
        return
    yield from ("## Gates", "")
    yield from table(
        ["gate", "data", "lesion Dice", "error, points", "healthy %, most", "bound %"],
        (
            [
                name,
                record["sha256"][:12],
                figure(record["lesion_dice"], 3),
                figure(record["error_points"]),
                figure(record["healthy_percent_max"], 3),
                figure(record["healthy_bound_percent"]),
            ]
            for name, record in figures.gates.items()
        ),
    )


def _refused(figures: Figures) -> Iterator[str]:
    if not figures.refused:
        return
    yield from ("## No figure", "")
    yield from table(["study", "why"], ([row.study, row.why] for row in figures.refused))
