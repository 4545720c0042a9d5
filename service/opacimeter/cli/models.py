"""`opacimeter models`: which model is in service, and how another one comes there."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from opacimeter.assess import GATE, Change, Registry, read_bundle
from opacimeter.cli.terminal import models_of, settings, tell
from opacimeter.errors import ModelError, ModelRefused

__all__ = ["app"]

app = typer.Typer(
    help="The models of the data folder (OPACIMETER_DATA_DIR): list, promote, roll back.",
    no_args_is_help=True,
)

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


def _semantic(version: str | None) -> str | None:
    if version is not None and not re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}", version):
        raise typer.BadParameter("a version has three numbers: 1.2.0")
    return version


@app.command("list")
def show(*, as_json: Json = False) -> None:
    """Show the model in service, the carried one and earlier ones, with their gate figures."""
    registry = models_of(settings())
    told = _listing(registry)
    if as_json:
        _print(told)
        return
    Console().print(_table(told))
    for role, model in _roles(told):
        if "problem" in model:
            tell(f"{role or 'carried'}: {model['problem']}")
    if registry.override:
        tell("OPACIMETER_MODEL names the model in service, whatever was promoted.")


@app.command()
def promote(
    candidate: Annotated[
        Path, typer.Argument(help="Folder of a model bundle.", exists=True, file_okay=False)
    ],
    gate: Annotated[str, typer.Option(help="Gate that both models must have figures on.")] = GATE,
    version: Annotated[
        str | None,
        typer.Option(
            help="Version to give it, X.Y.Z; the next minor one if absent.", callback=_semantic
        ),
    ] = None,
    notes: Annotated[str, typer.Option(help="For the changelog and the history.")] = "",
    *,
    as_json: Json = False,
) -> None:
    """Put a model into service that is no worse on a gate than the present one, under a version.

    A running service takes it up without a restart.
    """
    registry = models_of(settings())
    try:
        change = registry.promote(candidate, gate=gate, version=version, notes=notes)
    except ModelRefused as refused:
        if as_json:
            _print({"status": "refused", "problem": str(refused), **refused.detail})
        raise
    _report(change, registry, as_json=as_json)


@app.command()
def rollback(*, as_json: Json = False) -> None:
    """Put the model back into service that the present one took the place of."""
    registry = models_of(settings())
    _report(registry.rollback(), registry, as_json=as_json)


def _report(change: Change, registry: Registry, *, as_json: bool) -> None:
    done = {"promote": "promoted", "rollback": "rolled back"}[change.action]
    if as_json:
        _print({"status": done, **change.plain()})
    else:
        print(f"{change.version} ({change.sha256[:12]}) is in service.")  # noqa: T201
    if registry.override:
        tell(
            "OPACIMETER_MODEL names another bundle: that one stays in service until the variable "
            "is unset."
        )


def _listing(registry: Registry) -> dict[str, Any]:
    history = registry.history()
    carried = _facts(registry.carried) | {"source": "carried"}
    models: dict[str | None, dict[str, Any]] = {None: carried}
    for change in history:
        if change.action == "promote":
            models[change.folder] = _promoted(change, registry)
    here = history[-1].folder if history else None
    told = {
        "in_service": models[here],
        "carried": carried,
        "earlier": [models[one] for one in reversed(models) if one not in (None, here)],
        "history": [change.plain() for change in history],
    }
    if registry.override:
        told["overridden"] = models[here]
        told["in_service"] = _facts(registry.override) | {"source": "environment"}
    return told


def _promoted(change: Change, registry: Registry) -> dict[str, Any]:
    about = {
        "source": "promoted",
        "folder": change.folder,
        "version": change.version,
        "sha256": change.sha256,
        "promoted": change.plain()["time"],
        "notes": change.notes,
    }
    return about | _facts(registry.folder(change.folder))


def _facts(folder: Path) -> dict[str, Any]:
    """Name, version, hash and gate figures of a bundle, or what is wrong with it."""
    try:
        bundle = read_bundle(folder)
    except ModelError as error:
        return {"problem": str(error)}
    gates = {name: asdict(gate) for name, gate in bundle.gates.items()}
    return asdict(bundle.network) | {"gates": gates}


def _table(told: Mapping[str, Any]) -> Table:
    """A row for each model and gate, narrow enough for 80 columns."""
    table = Table(
        caption=Text("Figures on data that the model never saw. Research use only."),
        caption_justify="left",
        box=None,
        pad_edge=False,
    )
    for column in ("", "version", "weights", "gate", *_FIGURES, "from"):
        justify: Literal["left", "right"] = "right" if column in _FIGURES else "left"
        table.add_column(column, justify=justify, overflow="fold")
    for role, model in _roles(told):
        for cells in _rows(role, model):
            table.add_row(*(Text(cell) for cell in cells))
    return table


_FIGURES = {
    "Dice": ("lesion_dice", 3),
    "error": ("error_points", 2),
    "healthy %": ("healthy_percent_max", 2),
}


def _roles(told: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each model once, with its part."""
    yield "in service", told["in_service"]
    if "overridden" in told:
        yield "overridden", told["overridden"]
    yield from (("earlier", model) for model in told["earlier"])
    if told["carried"] not in (told["in_service"], told.get("overridden")):
        yield "", told["carried"]


def _rows(role: str, model: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    about = (role, model.get("version", ""), model.get("sha256", "")[:8])
    source = model["promoted"][:10] if "promoted" in model else model["source"]
    gates = model.get("gates") or {}
    for name, figures in gates.items():
        shown = (_shown(figures[key], digits) for key, digits in _FIGURES.values())
        yield (*about, name, *shown, source)
    if not gates:
        yield (*about, "unusable" if "problem" in model else "no gate", "", "", "", source)


def _shown(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _print(content: Mapping[str, Any]) -> None:
    print(json.dumps(content, ensure_ascii=False))  # noqa: T201
