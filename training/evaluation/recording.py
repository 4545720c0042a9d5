"""Write an evaluation: its report, figures and plots, and what the bundle takes from them."""

import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from training.evaluation.card import with_figures
from training.evaluation.figures import Figures, Provenance
from training.evaluation.metadata import read_metadata, write_metadata
from training.evaluation.plots import draw
from training.evaluation.report import report

__all__ = [
    "provenance",
    "record",
    "record_card",
    "record_gates",
    "write_evaluation",
]

PERCENT_DIGITS = 3


def provenance(model: str, software: str) -> Provenance:
    """What makes the figures: this checkout, on this machine. No names, no paths.

    Args:
        model: Name and version.
        software: See `results.software`.
    """
    machine = (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, onnxruntime {version('onnxruntime')}"
    )
    return Provenance(model=model, software=software, commit=_commit(), machine=machine)


def _commit() -> str:
    """Short hash of the checkout, "+" where files differ; "none" outside of git."""
    folder = Path(__file__).resolve().parent
    try:
        commit = _git(folder, "rev-parse", "--short=12", "HEAD")
        return commit + ("+" if _git(folder, "status", "--porcelain", "--", ":/*.py") else "")
    except (OSError, subprocess.CalledProcessError):
        return "none"


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(  # noqa: S603 - fixed words
        ["git", *words],  # noqa: S607 - whichever git the developer has
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def write_evaluation(folder: Path, figures: Figures) -> str:
    """Write report.md, figures.json and the plots into a folder; the report.

    Args:
        folder: Made when needed.
        figures: All that was found.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plots = draw(folder, figures)
    text = report(figures, plots)
    (folder / "figures.json").write_text(figures.to_json())
    (folder / "report.md").write_text(text)
    return text


def record(bundle: Path, figures: Figures) -> str:
    """Write an evaluation into the bundle it is about; the report.

    The bundle's detection limit, evaluated ranges, interval, gates and quoted means become those
    of the evaluation. A gate that was not judged this time keeps its record if it is of the same
    weights and form.

    Raises:
        SystemExit: The bundle holds other weights than those that were judged.
    """
    content = _of_same_weights(bundle, figures)
    own = content["opacimeter"]
    text = write_evaluation(bundle / "evaluation", figures)
    record_card(bundle, figures)
    own["figures"] = dict(figures.summary)
    own["detection_limit"] = _detection_limit(figures.summary)
    own["evaluated"] = _evaluated(figures)
    interval = figures.calibration.interval if figures.calibration else None
    own["interval"] = asdict(interval) if interval else None
    own["gates"] = _gates(own, figures)
    write_metadata(bundle, content)
    return text


def record_card(bundle: Path, figures: Figures) -> None:
    """Write the figures into the bundle's model card, if it has a place for them."""
    card = bundle / "docs" / "README.md"
    if card.exists():
        card.write_text(with_figures(card.read_text(encoding="utf-8"), figures), encoding="utf-8")


def record_gates(bundle: Path, figures: Figures) -> None:
    """Write the gates alone into the bundle, which keeps everything else.

    For a model that was judged on a researcher's own gate and on nothing besides. Records of other
    weights go.

    Raises:
        SystemExit: The bundle holds other weights than those that were judged.
    """
    content = _of_same_weights(bundle, figures)
    own = content["opacimeter"]
    own["gates"] = _gates(own, figures)
    write_metadata(bundle, content)


def _gates(own: Mapping[str, Any], figures: Figures) -> dict[str, Any]:
    kept = {
        name: record
        for name, record in own.get("gates", {}).items()
        if record.get("weights_sha256") == figures.sha256
        and record.get("form", figures.form) == figures.form
    }
    return {**kept, **figures.gates}


def _of_same_weights(bundle: Path, figures: Figures) -> dict[str, Any]:
    content = read_metadata(bundle)
    if content["opacimeter"]["sha256"] != figures.sha256:
        raise SystemExit("the bundle has other weights than the evaluation: evaluate it again")
    return content


def _detection_limit(summary: Mapping[str, float]) -> dict[str, float] | None:
    if "healthy_percent_max" not in summary:
        return None
    return {
        "percent": round(summary["healthy_percent_max"], PERCENT_DIGITS),
        "chests": int(summary["healthy_chests"]),
    }


def _evaluated(figures: Figures) -> dict[str, list[float]]:
    """Distances of slices that whole studies had; those of lesion cases are nominal."""
    slices = [study.slice_mm for study in figures.studies]
    return {"slice_mm": [round(min(slices), 2), round(max(slices), 2)]} if slices else {}
