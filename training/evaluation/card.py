"""The model card's figures: between two marks in its text stands what the evaluation found.

Nobody types a figure into the card, so none is left there when the model has become another one.
"""

from collections.abc import Iterator, Sequence

from training.evaluation.chest_tables import weak_sides
from training.evaluation.failures import failures_part
from training.evaluation.figures import Calibration, Figures
from training.evaluation.lesions import LesionFigures, counts, one_a_patient
from training.evaluation.means import SEVERE_PERCENT, Mean, bootstrap
from training.evaluation.studies import StudyFigures
from training.evaluation.tables import figure, spread, table

__all__ = ["BEGIN", "END", "card_part", "with_figures"]

BEGIN = "<!-- figures: written by training.evaluate, not by hand -->"
END = "<!-- end of figures -->"
EVALUATION = "../evaluation/"


def with_figures(card: str, figures: Figures) -> str:
    """The card with the figures of an evaluation between its marks; as it is without marks."""
    head, begin, rest = card.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        return card
    return f"{head}{BEGIN}\n\n{card_part(figures)}\n{END}{tail}"


def card_part(figures: Figures) -> str:
    """What stands between the marks, as Markdown."""
    patients = one_a_patient(figures.patients)
    lines = [
        f"Figures of {figures.provenance.model}, weights {figures.sha256[:12]}, on patients that "
        "the measuring weights never saw: the model that ships where it did not see them, else the "
        "fold of the cross-validation that left them out. Brackets: 95 % bootstrap intervals of "
        "the mean over patients.",
        "",
        *_groups(figures),
        *_lungs(patients),
        *_readers([row for row in patients if row.second_dice is not None and counts(row)]),
        *_severe([row for row in patients if row.truth_percent > SEVERE_PERCENT]),
        *_chests(figures),
        *_delivery(figures),
        *(_calibration(figures.calibration) if figures.calibration else ()),
        *(line.replace("](failure", f"]({EVALUATION}failure").replace("## ", "### ")
          for line in failures_part(figures.failures)),
    ]  # fmt: skip
    return "\n".join(lines).rstrip("\n") + "\n"


def _groups(figures: Figures) -> Iterator[str]:
    yield from table(
        ["patients", "n", "lesion Dice", "error, points of lung", "bias, points",
         "thresholds: Dice", "thresholds: error"],
        (
            [
                row.group,
                str(row.error_points.patients if row.error_points else 0),
                spread(row.lesion_dice),
                spread(row.error_points, 1),
                spread(row.bias_points, 1),
                spread(row.threshold_dice),
                spread(row.threshold_error_points, 1),
            ]
            for row in figures.groups
        ),
    )  # fmt: skip


def _lungs(patients: Sequence[LesionFigures]) -> Iterator[str]:
    lungs = bootstrap([row.lung_dice for row in patients if row.lung_dice is not None])
    if lungs:
        yield f"Lung Dice {spread(lungs, 3)} over {lungs.patients} patients."
        yield ""


def _readers(rows: Sequence[LesionFigures]) -> Iterator[str]:
    """By reader, on the patients that two read."""

    def over(name: str) -> Mean | None:
        return bootstrap([getattr(row, name) for row in rows])

    if rows:
        yield (
            f"By reader, {len(rows)} patients that two have read: Dice "
            f"{spread(over('lesion_dice'))} against the first, {spread(over('second_dice'))} "
            f"against the second on the slices that one read; the readers with each other "
            f"{spread(over('readers_dice'))}."
        )
        yield ""


def _severe(rows: Sequence[LesionFigures]) -> Iterator[str]:
    told = "; ".join(
        f"{row.case} {figure(row.found_percent, 0)} for {figure(row.truth_percent, 0)} %"
        for row in rows
    )
    if told:
        yield f"Above {SEVERE_PERCENT:.0f} % involvement, found for true: {told}."
        yield ""


def _chests(figures: Figures) -> Iterator[str]:
    yield from table(
        ["whole chest", "weights", "opacity %", "thresholds %", "marked slices: AUC"],
        (
            [
                row.study + _known(row),
                row.seen_by,
                figure(row.lesion_percent),
                figure(row.threshold_percent),
                figure(row.slice_auc, 3),
            ]
            for row in figures.studies
        ),
    )
    for row in figures.studies:
        for side, auc in weak_sides(row):
            yield (
                f"In {row.study} marked slices of the {side} lung have an AUC of "
                f"{figure(auc)} only."
            )
            yield ""
    limit, chests = (figures.summary.get(f"healthy_{key}") for key in ("percent_max", "chests"))
    if limit is not None and chests is not None:
        yield (
            f"Detection limit: {figure(limit, 3)} % of the lung, the most that was found in "
            f"{int(chests)} chests without opacity."
        )
        yield ""


def _known(row: StudyFigures) -> str:
    """What is known of a study, in brackets."""
    if row.clean:
        return " (healthy)"
    return " (near normal)" if row.healthy else f" ({row.other})" if row.other else ""


def _delivery(figures: Figures) -> Iterator[str]:
    """The most that a percentage moves, by study."""
    moved: dict[str, tuple[float, str]] = {}
    for row in figures.robustness:
        before = moved.get(row.study, (-1.0, ""))
        moved[row.study] = max(before, (abs(row.moved_points), row.variation))
    told = "; ".join(
        f"{study} by at most {figure(points)} points ({what})"
        for study, (points, what) in moved.items()
    )
    if told:
        yield f"The same study delivered otherwise moves: {told}."
        yield ""


def _calibration(found: Calibration) -> Iterator[str]:
    interval = found.interval
    if interval and found.guaranteed is not None:
        yield (
            f"The {100 * interval.level:.0f} % interval of the percentage rests on "
            f"{interval.patients} left-out patients, {interval.controls} of them without opacity; "
            f"its mean width is {figure(interval.mean_width_points, 1)} points of lung on the "
            f"others, and what so few patients can promise is {100 * found.guaranteed:.0f} %. "
            f"Calibrated on all but one it holds {interval.covered} of those "
            f"{interval.patients - interval.controls}, which follows from the ranks and is next to "
            "no evidence: what tells models apart is the width."
        )
        yield ""
    if found.expected_error is not None:
        yield (
            f"Probabilities inside the lungs: expected calibration error "
            f"{figure(found.expected_error)}, {figure(found.expected_error_marked)} beyond the "
            "lowest bin: middling probabilities are no percentages."
        )
        yield ""
