"""The command line: `opacimeter assess`, `inspect`, `serve`, `worker`; `models` stands beside it.

Exit codes: 0 done, 2 wrong use, 3 a study or a model was rejected, 4 failed.
"""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from opacimeter.assess import Assessor
from opacimeter.cli import models, pacs
from opacimeter.cli.cases import export_cases
from opacimeter.cli.ledger import Ledger
from opacimeter.cli.terminal import FAILED, REJECTED, WRONG_USE, err, models_of, settings, tell
from opacimeter.errors import IntakeRejected, Misconfigured, ModelRefused, NotFound, OpacimeterError
from opacimeter.findings import Quantity, Region
from opacimeter.intake import Study, load
from opacimeter.report import (
    inspection,
    rejected_inspection,
    rejection_result,
    volume_document,
)
from opacimeter.results import Result, quantify_study, studies
from opacimeter.version import __version__

__all__ = ["app", "run"]

app = typer.Typer(
    help="Chest CT in, lung and opacity volumes out. Research use only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Paths = Annotated[
    list[Path],
    typer.Argument(help="DICOM files, folders, zips or a DICOMDIR.", exists=True),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a study and line on stdout.")]
Model = Annotated[
    Path | None, typer.Option(help="Folder of a model bundle; the one in service by default.")
]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads; all cores by default.")]


app.add_typer(models.app, name="models")
app.add_typer(pacs.app, name="pacs")
app.command(name="export-cases")(export_cases)


@app.command()
def assess(  # noqa: PLR0913 - a command's options are its parameters
    paths: Paths,
    out: Annotated[
        Path | None, typer.Option(help="Folder for documents, one inside a study.")
    ] = None,
    series: Annotated[str | None, typer.Option(help="SeriesInstanceUID to take.")] = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="CSV, a row a study.")] = None,
    *,
    as_json: Json = False,
    model: Model = None,
    threads: Threads = None,
) -> None:
    """Measure lungs and opacities; print the scores, keep documents and a table.

    A study whose result already stands in --out or --csv, made by the same model, is not assessed
    again: an interrupted list goes on where it stopped.
    """
    folder = model or models_of(settings()).in_service()
    assessor = Assessor.from_bundle(folder, threads=threads)
    ledger = Ledger(out, csv_file, assessor.network.sha256, series)
    outcomes = _Outcomes(series)
    with _workspace() as workspace, _progress() as progress:
        for study in studies(paths, workspace):
            if isinstance(study, IntakeRejected):
                outcomes.rejected = True
                _say(rejection_result(study, None), study, as_json=as_json)
            elif ledger.has(study.uid):
                outcomes.found = True
                tell(f"{study.uid}: done before, skipped")
            elif outcomes.has_series(study):
                result = _assess_one(study, assessor, series, threads, progress)
                ledger.enter(result)
                outcomes.rejected |= isinstance(result.outcome, IntakeRejected)
                _say(result.to_dict(), result, as_json=as_json)
    outcomes.leave()


@app.command()
def inspect(
    paths: Paths,
    volume: Annotated[Path | None, typer.Option(help="Write the volume in HU as .nii.gz.")] = None,
    series: Annotated[str | None, typer.Option(help="SeriesInstanceUID to take.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """Show what intake makes of a study: the series, why it was chosen, geometry and checks."""
    outcomes, shown = _Outcomes(series), 0
    with _workspace() as workspace:
        for study in studies(paths, workspace):
            if isinstance(study, IntakeRejected) or outcomes.has_series(study):
                if volume and shown:
                    raise typer.BadParameter("There are several studies; --volume takes one.")
                shown += 1
                found = _inspect_one(study, series, volume)
                outcomes.rejected |= not found["accepted"]
                print(json.dumps(found, ensure_ascii=False, indent=None if as_json else 2))  # noqa: T201
    outcomes.leave()


@app.command()
def serve() -> None:
    """Serve the API and the page, with a worker process beside them."""
    from opacimeter.app import serve as serve_app  # a batch run does not pay for a web server

    serve_app(settings())


@app.command()
def worker() -> None:
    """One more worker process for a service that runs already."""
    from opacimeter.app import work  # likewise

    work(settings())


@app.callback(invoke_without_command=True)
def main(
    *, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    """Chest CT in, lung and opacity volumes out. Research use only."""
    if version:
        print(__version__)  # noqa: T201
        raise typer.Exit


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; what went wrong becomes one sentence and an exit code."""
    try:
        app(arguments)
    except Misconfigured as error:
        tell(str(error), style="red")
        sys.exit(WRONG_USE)
    except ModelRefused as refused:
        tell(str(refused), style="red")
        sys.exit(REJECTED)
    except OpacimeterError as error:
        tell(str(error), style="red")
    except OSError as error:  # a full disk, a folder that may not be written to
        tell(f"{error.strerror or type(error).__name__}.", style="red")
    sys.exit(FAILED)


class _Outcomes:
    """What the studies of one call came to, and the exit code that follows."""

    def __init__(self, series: str | None) -> None:
        self._series = series
        self.found = series is None
        self.rejected = False

    def has_series(self, study: Study) -> bool:
        """Has the study the series that was asked for? Of several studies only one will."""
        uids = {instance.uid("SeriesInstanceUID") for instance in study.instances}
        if self._series is not None and self._series not in uids:
            tell(f"{study.uid}: has no such series, passed over")
            return False
        self.found = True
        return True

    def leave(self) -> None:
        """Exit as the call went; a call without a fault simply returns."""
        if self.rejected:
            raise typer.Exit(REJECTED)
        if not self.found:
            raise NotFound("No study has a CT series of the UID asked for.")


def _assess_one(
    study: Study, assessor: Assessor, series: str | None, threads: int | None, progress: Progress
) -> Result:
    task = progress.add_task("read", total=1.0)

    def told(step: str, fraction: float) -> None:
        progress.update(task, description=step, completed=fraction)

    try:
        return quantify_study(study, assessor, series_uid=series, threads=threads, progress=told)
    finally:
        progress.remove_task(task)


def _inspect_one(
    study: Study | IntakeRejected, series: str | None, nifti: Path | None
) -> dict[str, Any]:
    if isinstance(study, IntakeRejected):
        return rejected_inspection(study, None)
    try:
        volume = load(study, series_uid=series)
    except IntakeRejected as rejection:
        return rejected_inspection(rejection, study.uid)
    if nifti:
        volume_document(volume).write(nifti)
    return inspection(volume)


def _say(content: dict[str, Any], result: Result | IntakeRejected, *, as_json: bool) -> None:
    """One line of JSON, or the scores in words."""
    if as_json:
        print(json.dumps(content, ensure_ascii=False), flush=True)  # noqa: T201
    elif isinstance(result, IntakeRejected):
        tell(f"rejected: {result}")
    elif isinstance(result.outcome, IntakeRejected):
        tell(f"{result.record.study_uid}\n  rejected: {result.outcome}")
    else:
        Console().print(_scores(result))


def _scores(result: Result) -> Table:
    assessment = result.assessment
    remarks = [f"{check.severity}: {check.message}" for check in assessment.checks]
    seconds, model = sum(assessment.seconds.values()), assessment.segmentation.network.version
    if assessment.interval_90_percent:
        low, high = assessment.interval_90_percent
        remarks.insert(0, f"90 % interval of the lungs' opacity: {low:.1f} to {high:.1f} %.")
    table = Table(
        title=Text(f"Study {result.record.study_uid}"),
        caption=Text("\n".join([*remarks, f"{seconds:.1f} s, model {model}. Research use only."])),
    )
    for column in ("region", "lung ml", "opacity ml", "opacity %", "high opacity %", "mean HU"):
        table.add_column(column, justify="left" if column == "region" else "right")
    shown = (
        Quantity.VOLUME_ML,
        Quantity.LESION_ML,
        Quantity.LESION_PERCENT,
        Quantity.HIGH_OPACITY_PERCENT,
        Quantity.MEAN_HU,
    )
    for region in Region:
        values = [assessment.value(quantity, region) for quantity in shown]
        table.add_row(region.value, *("" if value is None else f"{value:.1f}" for value in values))
    return table


@contextmanager
def _workspace() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="opacimeter-") as folder:
        yield Path(folder)


def _progress() -> Progress:
    """A bar on stderr, nothing where stderr is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
