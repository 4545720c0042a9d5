"""Judge a bundle: `python -m training.evaluate [--bundle FOLDER] [--runs DIR]`.

Every figure on a patient comes from weights that never saw the patient: the gate is judged with the
bundle itself, the other lesion cases with the fold that left them out, exported and run through the
same code as the service. Prints the report and writes it, with all figures as JSON, into the
bundle's evaluation/ folder.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu
from tqdm import tqdm

from opacimeter.assess import Assessor
from opacimeter.findings import Assessment, Label, Quantity
from opacimeter.intake import find, load
from training.cases import Case, Target, data_folder, read_cases
from training.export import BUNDLE, export_run, record_evaluation
from training.train import CONFIG, RUNS, read_config

__all__ = ["LesionFigures", "main"]

HEALTHY = ("normal-001", "volume-4")
"""Chests without any opacity, never trained on; volume-3 has a small infiltrate of its own."""


@dataclass(frozen=True, slots=True)
class LesionFigures:
    """One patient with expert masks.

    Attributes:
        case: The case's name.
        intensity: restored or estimated.
        seen_by: Which weights: the bundle, or the fold that left the patient out.
        lung_dice: Lung with lesion.
        lesion_dice: Against the first reader.
        second_dice: Against the second reader, on the slices that reader saw.
        readers_dice: The readers with each other, on those slices.
        truth_percent: Lesion in percent of the given slices' lung, by the first reader.
        found_percent: The same, found.
    """

    case: str
    intensity: str
    seen_by: str
    lung_dice: float
    lesion_dice: float
    second_dice: float | None
    readers_dice: float | None
    truth_percent: float
    found_percent: float


@dataclass(frozen=True, slots=True)
class StudyFigures:
    """A whole study without masks: what was found, and whether the diseased slices stand out."""

    study: str
    lung_ml: float
    lesion_percent: float
    slice_auc: float | None
    slice_mm: float
    seconds: float


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Dice of two masks; 1 where both are empty."""
    total = int(a.sum()) + int(b.sum())
    return 2.0 * int((a & b).sum()) / total if total else 1.0


def judge_lesions(case: Case, assessor: Assessor, seen_by: str) -> LesionFigures:
    """Compare the labels of a case with its readers'."""
    labels = assessor(case.volume()).segmentation.labels
    lesion, lung = labels >= Label.LEFT_LESION, labels > 0
    truth, true_lung = case.target == Target.LESION, case.target > 0
    second = readers = None
    if case.second is not None:
        read = (case.second != Target.UNKNOWN).any((1, 2))
        other = case.second[read] == Target.LESION
        second, readers = dice(lesion[read], other), dice(truth[read], other)
    return LesionFigures(
        case=case.name,
        intensity=case.intensity,
        seen_by=seen_by,
        lung_dice=dice(lung, true_lung),
        lesion_dice=dice(lesion, truth),
        second_dice=second,
        readers_dice=readers,
        truth_percent=100.0 * float(truth.sum() / true_lung.sum()),
        found_percent=100.0 * float(lesion.sum() / max(lung.sum(), 1)),
    )


def judge_study(name: str, assessment: Assessment, infected: Sequence[int]) -> StudyFigures:
    """Figures of a whole study; the AUC asks whether marked slices bear more lesion than others."""
    areas = assessment.profile.lesion_cm2
    marked = np.zeros(len(areas), dtype=bool)
    marked[list(infected)] = True
    auc = None
    if marked.any() and not marked.all():
        statistic = mannwhitneyu(areas[marked], areas[~marked]).statistic
        auc = float(statistic) / float(marked.sum() * (~marked).sum())
    return StudyFigures(
        study=name,
        lung_ml=assessment.value(Quantity.VOLUME_ML) or 0.0,
        lesion_percent=assessment.value(Quantity.LESION_PERCENT) or 0.0,
        slice_auc=auc,
        slice_mm=assessment.volume.spacing_mm[0],
        seconds=sum(assessment.seconds.values()),
    )


def judge_gate_studies(
    data: Path, cases: Sequence[Case], assessor: Assessor
) -> Iterator[StudyFigures]:
    """The gate's whole chests: three DICOM studies and two volumes."""
    marks = json.loads((data / "labels.json").read_text())["studies"]
    for name in ("covid-p001", "cap-001", "normal-001"):
        with tempfile.TemporaryDirectory() as workspace:
            (study,) = find([data / "dicom" / name], workspace=Path(workspace))
            assessment = assessor(load(study))
        yield judge_study(name, assessment, marks[name]["infected_slices"])
    for case in cases:
        if case.kind == "volume" and case.gate:
            yield judge_study(case.name, assessor(case.volume()), ())


def judge_patients(
    cases: Sequence[Case], assessor: Assessor, folds: Mapping[str, Sequence[str]], runs: Path
) -> list[LesionFigures]:
    """The gate's lesion cases with the bundle, the others with the folds that exist."""
    lesion = [case for case in cases if case.kind == "lesion"]
    figures = [judge_lesions(case, assessor, "bundle") for case in lesion if case.gate]
    for fold, patients in folds.items():
        run = runs / f"fold-{fold}"
        if not (run / "checkpoint.pt").exists():
            print(f"fold {fold} has not been trained: its patients are left out")
            continue
        left_out = Assessor.from_bundle(export_run(run, run / "bundle"))
        mine = [case for case in lesion if case.patient in set(patients) and not case.gate]
        for case in tqdm(mine, desc=f"fold {fold}"):
            figures.append(judge_lesions(case, left_out, f"fold {fold}"))
    return sorted(figures, key=lambda row: row.case)


def summary(patients: Sequence[LesionFigures], studies: Sequence[StudyFigures]) -> dict[str, float]:
    """The means that are quoted.

    case-14 (one faint spot in one slice) and the second reconstruction of case-01 are listed, but
    stand in no mean of lesion Dice.
    """
    means: dict[str, float] = {}
    for intensity in ("restored", "estimated"):
        mine = [row for row in patients if row.intensity == intensity and _counts(row)]
        if mine:
            means[f"lesion_dice_{intensity}"] = float(np.mean([row.lesion_dice for row in mine]))
            errors = [abs(row.found_percent - row.truth_percent) for row in mine]
            means[f"error_points_{intensity}"] = float(np.mean(errors))
    means["lung_dice"] = float(np.mean([row.lung_dice for row in patients]))
    healthy = [row.lesion_percent for row in studies if row.study in HEALTHY]
    means["healthy_percent_max"] = max(healthy)
    means["healthy_chests"] = len(healthy)
    return means


def _counts(row: LesionFigures) -> bool:
    return row.case not in {"case-14", "case-01-thin"}


def report(
    patients: Sequence[LesionFigures],
    studies: Sequence[StudyFigures],
    means: Mapping[str, float],
    model: str,
) -> str:
    """The figures as Markdown."""
    lines = [
        f"# Evaluation of {model}",
        "",
        "Made by `make evaluate`. No figure comes from weights that saw the patient: gate cases",
        "are judged with the bundle, the others with the fold of the cross-validation that left",
        "them out. Percentages are of the given slices' lung.",
        "",
        "| case | HU | weights | lung Dice | lesion Dice | second reader | readers | truth % "
        "| found % |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row.case} | {row.intensity} | {row.seen_by} | {row.lung_dice:.3f} | "
        f"{row.lesion_dice:.3f} | {_or_dash(row.second_dice)} | {_or_dash(row.readers_dice)} | "
        f"{row.truth_percent:.2f} | {row.found_percent:.2f} |"
        for row in patients
    ]
    lines += [
        "",
        "| study | lung ml | lesion % | AUC of slices | slice mm | s |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row.study} | {row.lung_ml:.0f} | {row.lesion_percent:.2f} | "
        f"{_or_dash(row.slice_auc)} | {row.slice_mm:.1f} | {row.seconds:.1f} |"
        for row in studies
    ]
    lines += ["", "| mean | value |", "| --- | --- |"]
    lines += [f"| {name} | {value:.3f} |" for name, value in means.items()]
    return "\n".join(lines) + "\n"


def _or_dash(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=BUNDLE)
    parser.add_argument("--runs", type=Path, default=RUNS)
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument("--data", type=Path, default=data_folder())
    asked = parser.parse_args()
    config = read_config(asked.config)
    cases = read_cases(asked.data, pixel_mm=float(config.get_parsed_content("pixel_mm")))
    assessor = Assessor.from_bundle(asked.bundle)
    folds = config.get_parsed_content("folds")
    patients = judge_patients(cases, assessor, folds, asked.runs)
    studies = list(judge_gate_studies(asked.data, cases, assessor))
    means = summary(patients, studies)
    network = assessor.network
    text = report(patients, studies, means, f"{network.name} {network.version}")
    print(text)
    figures = {
        "sha256": network.sha256,
        "patients": [asdict(row) for row in patients],
        "studies": [asdict(row) for row in studies],
        "summary": means,
    }
    record_evaluation(asked.bundle, figures, text)


if __name__ == "__main__":
    main()
