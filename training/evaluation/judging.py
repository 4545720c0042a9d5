"""Judging: every figure on a study from weights that never saw it, kept between runs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tqdm import tqdm

from opacimeter.errors import IntakeRejected
from training.cases import Case
from training.evaluation.failures import Picture, draw_failure, worst
from training.evaluation.figures import Calibration, Previous, Refusal
from training.evaluation.gate import Gate, GateRefused, gate_hash, healthy_rows
from training.evaluation.interval import Pair, calibrate, guaranteed
from training.evaluation.lesions import LesionFigures, judge_lesions, one_a_patient
from training.evaluation.material import Pending, lesion_cases
from training.evaluation.reliability import expected_error, pool
from training.evaluation.results import Kept, content_hash
from training.evaluation.robustness import VariationFigures, Vary, judge_variation, variations_of
from training.evaluation.studies import Chest, StudyFigures, judge_study
from training.evaluation.weights import Fold, Seen, Weights, blind_weights

__all__ = ["Court", "calibration"]

Item = TypeVar("Item")

ROBUSTNESS_STUDIES = ("covid-p001", "cap-001")
"""The studies with disease, and with files, that are delivered otherwise."""


@dataclass(frozen=True, slots=True)
class Court:
    """The judged weights with the folds that may speak in their place.

    Attributes:
        bundle: What is judged.
        folds: Of its cross-validation; each speaks on its own patients only.
        stored: Out-of-fold figures of an earlier evaluation, by case.
        kept: Results of before.
    """

    bundle: Weights
    folds: Sequence[Fold]
    stored: Mapping[str, LesionFigures]
    kept: Kept

    def lesions(self, cases: Sequence[Case]) -> tuple[list[LesionFigures], list[Refusal]]:
        """Figures of every lesion case, by name; refusals of those that all weights saw."""
        rows, refused = [], []
        for case in _bar(lesion_cases(cases), f"lesion cases, {self.bundle.name}"):
            try:
                rows.append(self._lesion(case))
            except Seen as why:
                refused.append(Refusal(case.name, str(why)))
        return sorted(rows, key=lambda row: row.case), refused

    def _lesion(self, case: Case) -> LesionFigures:
        try:
            weights = blind_weights((case.name, case.patient), self.bundle, self.folds)
        except Seen:
            if case.name not in self.stored:
                raise
            return self.stored[case.name]
        return self.kept.row(
            LesionFigures,
            (*_who(weights), case.name, case.intensity, _case_hash(case)),
            lambda: judge_lesions(case, weights.judge, weights.name),
        )

    def failures(self, cases: Sequence[Case], rows: Sequence[LesionFigures]) -> list[Picture]:
        """Pictures of the worst of the rows; none of a case whose blind weights are gone.

        Raises:
            ValueError: See `draw_failure`.
        """
        by_name = {case.name: case for case in cases}
        pictures = []
        for row in _bar(worst(rows), "failure cases"):
            case = by_name[row.case]
            try:
                weights = blind_weights((case.name, case.patient), self.bundle, self.folds)
            except Seen:
                continue
            pictures.append(draw_failure(case, weights.judge, row))
        return pictures

    def studies(
        self, pending: Iterable[Pending], *, robustness: bool
    ) -> tuple[list[StudyFigures], list[VariationFigures], list[Refusal]]:
        """Figures of whole studies; with `robustness` also of their variations, read only once."""
        rows: list[StudyFigures] = []
        varied: list[VariationFigures] = []
        refused: list[Refusal] = []
        for study in _bar(list(pending), f"studies, {self.bundle.name}"):
            try:
                weights = blind_weights((study.name,), self.bundle, self.folds)
                chest = study.read()
                rows.append(self._study(chest, weights))
                if robustness and study.name in ROBUSTNESS_STUDIES and weights is self.bundle:
                    varied.extend(self._varied(chest, rows[-1].lesion_percent))
            except Seen as why:
                refused.append(Refusal(study.name, str(why)))
            except IntakeRejected as rejected:
                refused.append(Refusal(study.name, "; ".join(c.message for c in rejected.checks)))
        return rows, varied, refused

    def _study(self, chest: Chest, weights: Weights) -> StudyFigures:
        return self.kept.row(
            StudyFigures,
            (*_who(weights), chest.name, _chest_hash(chest)),
            lambda: judge_study(chest, weights.judge, weights.name),
        )

    def _varied(self, chest: Chest, percent: float) -> list[VariationFigures]:
        volume, bundle = chest.volume, self.bundle
        rows = []
        for name, vary in _bar(list(variations_of(volume)), f"{chest.name} delivered otherwise"):

            def measured(name: str = name, vary: Vary = vary) -> VariationFigures:
                return judge_variation(chest.name, volume, (name, vary), bundle.judge, percent)

            parts = (*_who(bundle), chest.name, _chest_hash(chest), name)
            rows.append(self.kept.row(VariationFigures, parts, measured))
        return rows

    def gate(self, name: str, cases: Sequence[Case], pending: Sequence[Pending]) -> Gate:
        """Figures on a gate's data, all by the bundle itself.

        Args:
            name: Of the gate.
            cases: Its cases with lesion.
            pending: Its whole studies; the healthy ones bound what may be found in health.

        Raises:
            GateRefused: The weights saw a case of it, or find no lung in a study.
        """
        seen = [case.name for case in cases if not self.bundle.blind_to(case.name, case.patient)]
        seen += [study.name for study in pending if not self.bundle.blind_to(study.name)]
        if seen:
            raise GateRefused(
                f"The gate {name} holds {', '.join(sorted(set(seen)))}, which the model was "
                "trained on; take these out of the gate, or train without them."
            )
        contents = [_case_hash(case) for case in cases]
        lesions = tuple(self._lesion(case) for case in cases)
        studies = []
        for study in pending:
            chest = study.read()
            contents.append(_chest_hash(chest))
            try:
                studies.append(self._study(chest, self.bundle))
            except IntakeRejected as rejected:
                told = "; ".join(check.message for check in rejected.checks)
                raise GateRefused(f"The gate {name}, study {chest.name}: {told}") from rejected
        return Gate(name, gate_hash(contents), lesions, healthy_rows(studies))

    def beside(self, cases: Sequence[Case], pending: Sequence[Pending], model: str) -> Previous:
        """The same patients by these weights, to stand beside another model's figures."""
        patients, _ = self.lesions(cases)
        studies, _, _ = self.studies(pending, robustness=False)
        return Previous(model, tuple(patients), tuple(studies))


def _who(weights: Weights) -> tuple[str, str, str]:
    """What a kept result hangs on, besides the study."""
    return weights.name, weights.sha256, weights.form


def _case_hash(case: Case) -> str:
    return content_hash(case.name, (case.hu, case.target, case.second))


def _chest_hash(chest: Chest) -> str:
    """Images, geometry and all that is known of a study."""
    sides = {side: list(marks) for side, marks in chest.sides.items()}
    # Not what other disease there is: it only names a row.
    known = f"{chest.name} {chest.clean} {chest.healthy} {list(chest.infected)} {sides}"
    arrays = (chest.volume.hu, chest.volume.affine, chest.lung, chest.nodule)
    return content_hash(known, arrays)


def calibration(rows: Sequence[LesionFigures], chests: Sequence[StudyFigures]) -> Calibration:
    """Interval and reliability from left-out patients, one row each.

    Args:
        rows: None of them by weights that saw the patient.
        chests: Whole studies, likewise; those known to bear no opacity are the controls.
    """
    patients = one_a_patient(rows)
    pairs = [
        Pair(row.patient or row.case, row.found_percent, row.truth_percent) for row in patients
    ]
    pairs += [
        Pair(chest.study, chest.lesion_percent, 0.0, control=True)
        for chest in chests
        if chest.clean or chest.other
    ]
    interval = calibrate(pairs)
    bins = [row.reliability for row in patients if row.reliability is not None]
    pooled = pool(bins) if bins else None
    return Calibration(
        interval=interval,
        guaranteed=guaranteed(len(pairs)) if interval else None,
        reliability=pooled,
        expected_error=expected_error(pooled) if pooled else None,
        expected_error_marked=expected_error(pooled, first=1) if pooled else None,
    )


def _bar(items: Sequence[Item], what: str) -> Iterable[Item]:
    """Progress on stderr."""
    bar: Iterable[Item] = tqdm(items, desc=what, mininterval=1)
    return bar
