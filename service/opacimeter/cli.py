"""The command line: `opacimeter assess`, `inspect`, `serve`, `worker`.

Exit codes: 0 done, 2 wrong use, 3 a study was rejected, 4 failed.
"""

import csv
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from opacimeter.assess import Assessor
from opacimeter.errors import IntakeRejected, ModelError, NotFound, OpacimeterError
from opacimeter.findings import Quantity, Region
from opacimeter.intake import Study, load
from opacimeter.quantify import Result, quantify_study, studies
from opacimeter.report import (
    inspection,
    rejected_inspection,
    table_row,
    volume_document,
    write_table,
)
from opacimeter.settings import Settings
from opacimeter.version import __version__

__all__ = ["app"]

REJECTED, FAILED = 3, 4

app = typer.Typer(
    help="Chest CT in, lung and opacity volumes out. Research use only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_err = Console(stderr=True)

Paths = Annotated[
    list[Path],
    typer.Argument(help="DICOM files, folders, zips or a DICOMDIR.", exists=True),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a study and line on stdout.")]
Model = Annotated[Path | None, typer.Option(help="Folder of another model bundle.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads; all cores by default.")]


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
    assessor = Assessor.from_bundle(model, threads=threads)
    ledger = _Ledger(out, csv_file, assessor.network.sha256)
    rejected = False
    with _workspace() as workspace, _progress() as progress:
        for study in studies(paths, workspace):
            if isinstance(study, IntakeRejected):
                rejected = True
                _say(rejected_inspection(study, None), study, as_json=as_json)
                continue
            if ledger.has(study.uid):
                _err.print(f"{study.uid}: done before, skipped")
                continue
            result = _assess_one(study, assessor, series, threads, progress)
            ledger.enter(result)
            rejected |= isinstance(result.outcome, IntakeRejected)
            _say(result.to_dict(), result, as_json=as_json)
    if rejected:
        raise typer.Exit(REJECTED)


@app.command()
def inspect(
    paths: Paths,
    volume: Annotated[Path | None, typer.Option(help="Write the volume in HU as .nii.gz.")] = None,
    series: Annotated[str | None, typer.Option(help="SeriesInstanceUID to take.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """Show what intake makes of a study: the series, why it was chosen, geometry and checks."""
    rejected = False
    with _workspace() as workspace:
        for study in studies(paths, workspace):
            found = _inspect_one(study, series, volume)
            rejected |= not found["accepted"]
            print(json.dumps(found, ensure_ascii=False, indent=None if as_json else 2))  # noqa: T201
    if rejected:
        raise typer.Exit(REJECTED)


@app.command()
def serve() -> None:
    """Serve the API and the page, with a worker process beside them."""
    from opacimeter.app import serve as serve_app  # a batch run does not pay for a web server

    serve_app(Settings())


@app.command()
def worker() -> None:
    """One more worker process for a service that runs already."""
    from opacimeter.app import work  # likewise

    work(Settings())


@app.callback(invoke_without_command=True)
def main(
    *, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    """Chest CT in, lung and opacity volumes out. Research use only."""
    if version:
        print(__version__)  # noqa: T201
        raise typer.Exit


def run() -> None:
    """Run the command line; errors of ours become one sentence and an exit code."""
    try:
        app()
    except (ModelError, NotFound, OpacimeterError) as error:
        _err.print(f"[red]{error}[/red]")
        sys.exit(FAILED)


class _Ledger:
    """What stands already in the folder and the table, and what is added to them."""

    def __init__(self, out: Path | None, table: Path | None, sha256: str) -> None:
        self._out, self._table, self._sha256 = out, table, sha256
        self._rows: list[dict[str, str]] = []
        if table and table.exists():
            with table.open(encoding="utf-8-sig", newline="") as file:
                self._rows = list(csv.DictReader(file))

    def has(self, study_uid: str) -> bool:
        """Is the study in every place that was asked for?"""
        places = []
        if self._table:
            places.append(any(row["study_uid"] == study_uid for row in self._rows))
        if self._out:
            places.append(study_uid in self._kept())
        return bool(places) and all(places)

    def _kept(self) -> set[str]:
        kept = set()
        for path in (self._out or Path()).glob("*/result.json"):
            result = json.loads(path.read_text(encoding="utf-8"))
            if result.get("model", {}).get("sha256", self._sha256) == self._sha256:
                kept.add(result["study"]["uid"])
        return kept

    def enter(self, result: Result) -> None:
        """Write the documents, the result last since it marks the study as done, and the row."""
        if self._out:
            folder = self._out / str(result.record.id)
            folder.mkdir(parents=True, exist_ok=True)
            documents = sorted(result.documents(), key=lambda one: one.name == "result.json")
            for document in documents:
                document.write(folder / document.name)
        if self._table and not isinstance(result.outcome, IntakeRejected):
            uid = result.record.study_uid
            self._rows = [row for row in self._rows if row["study_uid"] != uid]
            self._rows.append(table_row(result.outcome, result.record))
            write_table(self._table, self._rows)


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
        _err.print(f"rejected: {result}")
    elif isinstance(result.outcome, IntakeRejected):
        _err.print(f"{result.record.study_uid}\n  rejected: {result.outcome}")
    else:
        Console().print(_scores(result))


def _scores(result: Result) -> Table:
    assessment = result.assessment
    percent = assessment.value(Quantity.LESION_PERCENT) or 0.0
    table = Table(
        title=f"Study {result.record.study_uid}: opacity {percent:.1f} % of the lung",
        caption="\n".join(
            [
                *(f"{check.severity}: {check.message}" for check in assessment.checks),
                f"{sum(assessment.seconds.values()):.1f} s, model "
                f"{assessment.segmentation.network.version}. Research use only.",
            ]
        ),
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
        console=_err,
        transient=True,
        disable=not _err.is_terminal,
    )
