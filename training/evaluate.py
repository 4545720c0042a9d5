"""Judge a bundle: `python -m training.evaluate [--bundle FOLDER] [--gate NAME=FOLDER]`.

Every figure on a patient comes from weights that never saw the patient: the bundle itself where it
did not, else the fold that left the patient out, exported and run through the same code as the
service; where that run is gone, the figure that an earlier evaluation of the same weights stored.
Prints the report, keeps the results of single studies under --out, so that an interrupted
evaluation goes on, and writes report, figures, plots, gates, interval and detection limit into the
bundle. With --only nothing is written into the bundle.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from opacimeter.assess import Assessor
from training.cases import Case, CaseFolderError, folders_of, join, read_cases
from training.evaluation.failures import Picture, keep_pictures
from training.evaluation.figures import (
    SCHEMA,
    Figures,
    Previous,
    Provenance,
    Refusal,
    from_json,
)
from training.evaluation.gate import OWN, GateRefused, gate_record
from training.evaluation.judging import Court, calibration
from training.evaluation.material import Pending, chests_of, lesion_cases
from training.evaluation.means import group_figures, summary
from training.evaluation.metadata import read_metadata
from training.evaluation.overlap import pooled
from training.evaluation.recording import (
    provenance,
    record,
    record_card,
    record_gates,
    write_evaluation,
)
from training.evaluation.results import Kept, software
from training.evaluation.weights import Fold, Seen, Weights, saw, stored_figures
from training.export import BUNDLE, export_run
from training.run import read_config
from training.train import CONFIG, RUNS

__all__ = ["main"]

PARTS = ("lesions", "studies", "robustness", "calibration")
OUT = RUNS.parent / "work" / "evaluation"


@dataclass(frozen=True, slots=True)
class Data:
    """A folder's cases and whole studies."""

    cases: Sequence[Case]
    studies: Sequence[Pending]


def read_data(folder: Path) -> Data:
    """What there is to judge on in a data folder, or in a case folder."""
    try:
        cases = read_cases(folder)
    except CaseFolderError as error:
        raise SystemExit(str(error)) from error
    return Data(cases, list(chests_of(folder, cases)))


def together(sets: Sequence[Data]) -> Data:
    """All that is in several folders."""
    try:
        cases = join(each.cases for each in sets)
    except CaseFolderError as error:
        raise SystemExit(str(error)) from error
    return Data(cases, [study for each in sets for study in each.studies])


def gate_of(data: Data) -> Data:
    """What is marked as gate; everything in a folder where nothing is marked."""
    marked = [study for study in data.studies if study.gate]
    cases = [case for case in lesion_cases(data.cases) if case.gate]
    return Data(cases, marked) if cases or marked else Data(lesion_cases(data.cases), data.studies)


def weights_of(bundle: Path, name: str, cases: Sequence[Case], threads: int | None) -> Weights:
    """A bundle's weights, with whom they saw by the bundle's own word."""
    assessor = Assessor.from_bundle(bundle, threads=threads)
    seen = saw(read_metadata(bundle), cases)
    return Weights(name, assessor.network.sha256, seen, assessor, assessor.bundle.form)


def folds_of(asked: argparse.Namespace, cases: Sequence[Case]) -> list[Fold]:
    """The configuration's folds; each is exported when the first of its patients is judged."""
    folds: Mapping[str, Sequence[str]] = read_config(asked.config).get_parsed_content("folds")

    def loader(name: str) -> Callable[[], Weights]:
        return cache(lambda: _fold_weights(name, asked, cases))

    return [Fold(name, frozenset(patients), loader(name)) for name, patients in folds.items()]


def _fold_weights(name: str, asked: argparse.Namespace, cases: Sequence[Case]) -> Weights:
    run: Path = asked.runs / f"fold-{name}"
    if not (run / "checkpoint.pt").exists():
        raise Seen(f"the bundle saw it; fold {name} left it out, but has no run here")
    try:
        with redirect_stdout(sys.stderr):
            bundle = _exported(run, asked.config)
    except SystemExit as error:
        raise Seen(f"the bundle saw it; fold {name} cannot be used: {error}") from error
    return weights_of(bundle, f"fold {name}", cases, asked.threads)


def _exported(run: Path, config: Path) -> Path:
    """The run's bundle, made anew if the run or the configuration has changed since."""
    made = run / "bundle" / "configs" / "metadata.json"
    sources = (run / "checkpoint.pt", config)
    if made.exists() and all(made.stat().st_mtime > path.stat().st_mtime for path in sources):
        return run / "bundle"
    return export_run(run, run / "bundle", config=config)


def evaluate(court: Court, data: Data, parts: Sequence[str], figures: Figures) -> Figures:
    """The parts asked for, added to figures that so far say what made them.

    Args:
        court: The judged weights and their folds.
        data: What to judge on.
        parts: Some of `PARTS`.
        figures: Without any.
    """
    if {"lesions", "calibration"} & set(parts):
        rows, refused = court.lesions(data.cases)
        figures = replace(figures, patients=tuple(rows), refused=tuple(refused))
    if "lesions" in parts:
        areas = pooled([row.areas for row in figures.patients])
        figures = replace(figures, areas=areas, groups=group_figures(figures.patients))
    if {"studies", "robustness", "calibration"} & set(parts):
        studies, varied, refused = court.studies(data.studies, robustness="robustness" in parts)
        figures = replace(
            figures,
            studies=tuple(studies),
            robustness=tuple(varied),
            refused=(*figures.refused, *refused),
        )
    if "calibration" in parts:
        figures = replace(figures, calibration=calibration(figures.patients, figures.studies))
    return replace(figures, summary=summary(figures.patients, figures.studies))


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    asked = _arguments(arguments)
    sets = {folder: read_data(folder) for folder in asked.folders}
    data = together(list(sets.values()))
    gates = {name: gate_of(read_data(folder)) for name, folder in asked.gate}
    for folder, each in sets.items():
        if (folder / "lesion_cases").is_dir():
            gates[OWN] = gate_of(each)
    court = _court(asked, [*data.cases, *(case for gate in gates.values() for case in gate.cases)])
    if asked.pictures == "only":
        _redrawn(asked.bundle, court, data)
        return
    bundle = court.bundle
    figures = Figures(SCHEMA, bundle.sha256, _made(asked.bundle), form=bundle.form)
    figures = evaluate(court, data, asked.only or PARTS, figures)
    if asked.previous:
        figures = replace(figures, previous=_beside(asked, data, court.kept))
    if not asked.only:
        figures = _gated(court, gates, figures)
    folders = [asked.out] if asked.only else [asked.out, asked.bundle / "evaluation"]
    if asked.pictures:
        figures = _pictured(figures, court.failures(data.cases, figures.patients), folders)
    print(_written(asked, figures))
    told = [f"{each.study}: {each.why}" for each in figures.refused if each.study.startswith(_GATE)]
    if told:
        raise SystemExit("\n".join(told))


def _court(asked: argparse.Namespace, known: Sequence[Case]) -> Court:
    """The bundle with its folds and what was found before."""
    bundle = weights_of(asked.bundle, "bundle", known, asked.threads)
    stored = stored_figures(asked.bundle, bundle, known)
    return Court(bundle, folds_of(asked, known), stored, Kept(asked.out / "studies", software()))


def _pictured(figures: Figures, pictures: Sequence[Picture], folders: Sequence[Path]) -> Figures:
    for folder in folders:
        keep_pictures(folder, pictures)
    return replace(figures, failures=tuple(picture.failure for picture in pictures))


def _redrawn(bundle: Path, court: Court, data: Data) -> None:
    """The pictures alone, of the figures that the bundle holds."""
    folder = bundle / "evaluation"
    try:
        figures = from_json((folder / "figures.json").read_text())
    except OSError as error:
        raise SystemExit("the bundle holds no figures: evaluate it first") from error
    if not court.bundle.made(figures.sha256, figures.form):
        raise SystemExit("the bundle's figures are of other weights or thresholds: evaluate it")
    names = {case.name for case in data.cases}
    try:
        pictures = court.failures(data.cases, [r for r in figures.patients if r.case in names])
    except ValueError as error:
        raise SystemExit(str(error)) from error
    figures = _pictured(figures, pictures, [folder])
    write_evaluation(folder, figures)
    record_card(bundle, figures)


_GATE = "gate "


def _gated(court: Court, gates: Mapping[str, Data], figures: Figures) -> Figures:
    """The gates' records; one that cannot be had stands among the refusals."""
    judged, refused = dict(figures.gates), list(figures.refused)
    for name, gate in gates.items():
        try:
            judged[name] = gate_record(court.gate(name, gate.cases, gate.studies), court.bundle)
        except GateRefused as why:
            refused.append(Refusal(_GATE + name, str(why)))
    return replace(figures, gates=judged, refused=tuple(refused))


def _made(bundle: Path) -> Provenance:
    metadata = read_metadata(bundle)
    return provenance(f"{metadata['name']} {metadata['version']}", software())


def _beside(asked: argparse.Namespace, data: Data, kept: Kept) -> Previous:
    weights = weights_of(asked.previous, "bundle", data.cases, asked.threads)
    stored = stored_figures(asked.previous, weights, data.cases)
    model = _made(asked.previous).model
    return Court(weights, (), stored, kept).beside(data.cases, data.studies, model)


def _written(asked: argparse.Namespace, figures: Figures) -> str:
    """Into --out always; into the bundle only what is whole."""
    text = write_evaluation(asked.out, figures)
    if asked.only:
        print("a part alone is not written into the bundle", file=sys.stderr)
    elif asked.folders:
        record(asked.bundle, figures)
    else:
        record_gates(asked.bundle, figures)
    return text


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", type=Path, default=BUNDLE, help="what is judged")
    parser.add_argument("--previous", type=Path, help="an earlier bundle, to stand beside it")
    parser.add_argument("--runs", type=Path, default=RUNS, help="folder of the folds' runs")
    parser.add_argument("--config", type=Path, default=CONFIG, help="it names the folds")
    parser.add_argument("--data", type=Path, help="data or case folder; by default OPACIMETER_DATA")
    parser.add_argument("--cases", type=Path, nargs="+", action="extend", default=[],
                        metavar="FOLDER", help="case folders of your own, besides")  # fmt: skip
    parser.add_argument("--gate", type=_named, action="append", default=[], metavar="NAME=FOLDER",
                        help="a gate of your own: a case folder")  # fmt: skip
    parser.add_argument("--only", choices=PARTS, action="append", help="a part alone")
    parser.add_argument("--pictures", choices=("with", "only"),
                        help="draw the worst cases, patients whose images may be published: with "
                        "the evaluation, or of the figures in the bundle only")  # fmt: skip
    parser.add_argument("--out", type=Path, default=OUT, help="results and a copy of the report")
    parser.add_argument("--threads", type=int, help="by default as many as there are processors")
    asked = parser.parse_args(arguments)
    asked.folders = [one for one in folders_of(asked.data, asked.cases) if one.is_dir()]
    if absent := [one.name for one in asked.cases if not one.is_dir()]:
        parser.error(f"there is no folder {', '.join(absent)}")
    if not asked.folders and not asked.gate:
        parser.error("there is no data folder: set OPACIMETER_DATA or --data, or name a --gate")
    return asked


def _named(text: str) -> tuple[str, Path]:
    """NAME=FOLDER."""
    name, _, folder = text.partition("=")
    if not (name and folder) or name == OWN or not Path(folder).is_dir():
        raise argparse.ArgumentTypeError(
            f"{text!r} must be NAME=FOLDER, with a folder that exists and a name other than {OWN}"
        )
    return name, Path(folder)


if __name__ == "__main__":
    main()
