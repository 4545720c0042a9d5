"""Three pictures of an evaluation: reliability, found against true, and their difference."""

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.evaluation.figures import Figures
from training.evaluation.interval import Interval, ends
from training.evaluation.lesions import LesionFigures, one_a_patient
from training.evaluation.reliability import Reliability

__all__ = ["PLOTS", "draw"]

LARGEST_BYTES = 60_000
PLOTS = {
    "reliability.png": "Reliability: of the voxels given a probability, how many are lesion",
    "found-true.png": "Found against true percentage, with the interval",
    "difference.png": "Bland-Altman: difference against mean of both",
}
"""File and what it shows."""

_COLOURS = {"restored": "tab:blue", "estimated": "tab:orange", "windowed": "tab:red"}


def draw(folder: Path, figures: Figures) -> tuple[str, ...]:
    """Draw what can be drawn; the names of the files.

    Args:
        folder: Where the PNGs go.
        figures: Without calibration there is nothing to draw.
    """
    if figures.calibration is None:
        return ()
    interval, bins = figures.calibration.interval, figures.calibration.reliability
    rows = one_a_patient(figures.patients)
    painters: dict[str, Callable[[Axes], None]] = {}
    if bins:
        painters["reliability.png"] = lambda axes: _reliability(axes, bins)
    if rows:
        painters["found-true.png"] = lambda axes: _found_true(axes, rows, interval)
        painters["difference.png"] = lambda axes: _difference(axes, rows)
    for name, paint in painters.items():
        _save(folder / name, paint)
    return tuple(painters)


def _save(path: Path, paint: Callable[[Axes], None]) -> None:
    """One picture, without anything about when and where it was made."""
    with mpl.rc_context({"font.size": 8}):
        figure = Figure(figsize=(4.2, 3.4), dpi=100, layout="constrained")
        paint(figure.subplots())
        figure.savefig(path, metadata={"Software": None}, pil_kwargs={"optimize": True})
    if path.stat().st_size > LARGEST_BYTES:
        raise ValueError(f"{path.name} is larger than {LARGEST_BYTES} bytes")


def _reliability(axes: Axes, bins: Reliability) -> None:
    voxels = np.array(bins.voxels)
    filled = voxels > 0
    probability = np.array(bins.probability)[filled] / voxels[filled]
    truth = np.array(bins.truth)[filled] / voxels[filled]
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle="--")
    axes.plot(probability, truth, marker="o", markersize=3)
    axes.set(xlabel="mean probability of the bin", ylabel="share that is lesion")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    shares = axes.twinx()
    shares.bar(
        (np.arange(len(voxels)) + 0.5) / len(voxels),
        voxels,
        width=0.9 / len(voxels),
        color="grey",
        alpha=0.25,
    )
    shares.set_yscale("log")
    shares.set_ylabel("voxels")


def _found_true(axes: Axes, rows: list[LesionFigures], interval: Interval | None) -> None:
    highest = max(10.0, *(max(row.found_percent, row.truth_percent) for row in rows)) * 1.05
    if interval:
        found = np.linspace(0, highest, 200)
        spans = [ends(float(value), interval.above) for value in found]
        low, high = np.array(spans).T
        axes.fill_between(found, low, high, alpha=0.15, label="90 % interval")
    axes.plot([0, highest], [0, highest], color="grey", linewidth=0.8, linestyle="--")
    _points(axes, rows, lambda row: (row.found_percent, row.truth_percent))
    axes.set(xlabel="found, % of lung", ylabel="true, % of lung")
    axes.set(xlim=(0, highest), ylim=(0, highest))
    axes.legend(loc="upper left")


def _difference(axes: Axes, rows: list[LesionFigures]) -> None:
    """Bland and Altman 1986: mean difference and the limits of agreement, mean ± 1.96 SD."""
    errors = np.array([row.error_points for row in rows])
    centre, spread = float(errors.mean()), float(errors.std(ddof=1)) if len(errors) > 1 else 0.0
    for height in (centre, centre - 1.96 * spread, centre + 1.96 * spread):
        axes.axhline(height, color="grey", linewidth=0.8, linestyle="--")
    _points(axes, rows, lambda row: ((row.found_percent + row.truth_percent) / 2, row.error_points))
    axes.set(xlabel="mean of found and true, % of lung", ylabel="found minus true, points")
    axes.legend(loc="best")


def _points(
    axes: Axes, rows: list[LesionFigures], place: Callable[[LesionFigures], tuple[float, float]]
) -> None:
    for intensity in sorted({row.intensity for row in rows}):
        x, y = zip(*(place(row) for row in rows if row.intensity == intensity), strict=True)
        axes.scatter(
            x, y, s=12, label=f"HU {intensity}", color=_COLOURS.get(intensity, "tab:green")
        )
