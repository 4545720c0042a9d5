"""The model bundle, read: the only place that knows its files.

A bundle is a folder in MONAI's layout. `configs/metadata.json` holds, beside MONAI's own keys, an
`opacimeter` object: what inference needs that is not in the graph. The weights are used only if
their hash is the one the metadata names.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opacimeter.errors import ModelError
from opacimeter.findings import Network

__all__ = ["Bundle", "DetectionLimit", "Gate", "Interval", "default_folder", "read_bundle"]

AXES = "context-row-column"
"""The one input layout that this version can feed: a 2-D network on neighbouring slices."""

LEVEL = 0.9
"""The one level of confidence that a result has a name for: `interval_90_percent`."""


@dataclass(frozen=True, slots=True)
class DetectionLimit:
    """The largest lesion percentage on healthy chests that the model never saw."""

    percent: float
    chests: int


@dataclass(frozen=True, slots=True)
class Interval:
    """The calibration of the lesion percentage: residuals of left-out patients by their burden.

    A residual is divided by `scale` before its quantile is taken, since a large burden errs by more
    points than a small one (locally weighted conformal prediction, Lei et al. 2018,
    doi:10.1080/01621459.2017.1307116; CV+, Barber et al. 2021, doi:10.1214/20-AOS1965).

    Attributes:
        method: How the quantiles were got, `cv+` for instance.
        patients: How many left-out patients stand behind them.
        offset_points: The scale at a burden of 0, in percent points.
        exponent: How the scale grows with the burden: 1 as the variance of a proportion does, 0.5
            as its standard deviation.
        below: How many scales the truth may lie below what was found.
        above: How many it may lie above.

    Raises:
        ValueError: It would give no interval.
    """

    method: str
    patients: int
    offset_points: float
    below: float
    above: float
    exponent: float = 1.0

    def __post_init__(self) -> None:
        reach = self.below + self.above
        if not (0 < self.offset_points < math.inf and 0 <= reach < math.inf):
            raise ValueError(
                f"interval with offset_points {self.offset_points}, below {self.below} and above "
                f"{self.above}; the first must be above 0, the sum of the others not below it"
            )
        if not 0 < self.exponent <= 1:
            raise ValueError(
                f"interval with exponent {self.exponent}; it must be above 0, at most 1"
            )

    def scale(self, percent: float) -> float:
        """What an error at a found percentage is measured by, in percent points."""
        spread: float = (percent * (1.0 - percent / 100.0)) ** self.exponent
        return self.offset_points + spread

    def around(self, percent: float) -> tuple[float, float]:
        """Low and high end for a found percentage, all of them percent of lung, 0…100."""
        scale = self.scale(percent)
        ends = (percent - self.below * scale, percent + self.above * scale)
        low, high = (min(100.0, max(0.0, end)) for end in ends)
        return low, high


@dataclass(frozen=True, slots=True)
class Gate:
    """Figures of an evaluation on data the model never saw, so that models can be compared.

    Attributes:
        sha256: Of the data: names, images and labels. Figures compare only where it is the same.
        lesion_dice: Mean over the lesion cases.
        error_points: Mean absolute error of the lesion percentage, in percent points.
        healthy_percent_max: The largest lesion percentage on the healthy chests; None where the
            gate has none.
        healthy_bound_percent: The most that it may be.
        weights_sha256: Of the weights that were measured; None where an evaluation of before did
            not say. They need not be the bundle's: whoever compares asks.
        form: Of the bundle that was measured, see `Bundle.form`; likewise.

    Raises:
        ValueError: A figure cannot be one.
    """

    sha256: str
    lesion_dice: float
    error_points: float
    healthy_percent_max: float | None
    healthy_bound_percent: float
    weights_sha256: str | None = None
    form: str | None = None

    def __post_init__(self) -> None:
        healthy = 0.0 if self.healthy_percent_max is None else self.healthy_percent_max
        percents = (self.error_points, healthy, self.healthy_bound_percent)
        # A NaN is in no range: it would win or lose every comparison.
        if not (0 <= self.lesion_dice <= 1 and all(0 <= value <= 100 for value in percents)):
            raise ValueError(
                f"gate with Dice {self.lesion_dice} and percentages {percents}; Dice lies in 0…1, "
                "a percentage in 0…100"
            )


@dataclass(frozen=True, slots=True)
class Bundle:
    """What the assessor needs to know of a model.

    Attributes:
        network: Name, version and hash.
        onnx: The graph: `hu` (batch, context, row, column) in, `probability` (batch, class, row,
            column) out, classes background, lung, lesion.
        pixel_mm: In-plane grid of the input.
        plane_mm: Slices thinner than this are averaged in groups up to it.
        context: Slices seen at once, odd.
        context_mm: Distance of neighbouring context slices.
        lung_threshold: Lung with lesion is where their probability exceeds this.
        lesion_threshold: Lesion is where its probability exceeds this, within the lungs.
        detection_limit: None until it has been measured.
        evaluated: Ranges the evaluation covered: slice_mm as [low, high].
        interval: None until it has been calibrated.
        gates: Figures by the gate's name; none until it has been evaluated.
    """

    network: Network
    onnx: Path
    pixel_mm: float
    plane_mm: float
    context: int
    context_mm: float
    lung_threshold: float
    lesion_threshold: float
    detection_limit: DetectionLimit | None
    evaluated: Mapping[str, tuple[float, float]]
    interval: Interval | None = None
    gates: Mapping[str, Gate] = field(default_factory=dict)

    @property
    def form(self) -> str:
        """Grid, context and thresholds: the same weights find another thing with others."""
        grid = (self.pixel_mm, self.plane_mm, self.context, self.context_mm)
        numbers = (*grid, self.lung_threshold, self.lesion_threshold)
        return " ".join(f"{value:g}" for value in numbers)


def default_folder() -> Path:
    """The bundle in the installed package, or in the checkout that the package runs from."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "models" / "lung-lesion"
    return installed if installed.is_dir() else package.parents[1] / "models" / "lung-lesion"


def read_bundle(folder: Path) -> Bundle:
    """Read and verify a bundle.

    Raises:
        ModelError: A file is missing, the metadata breaks the contract, or the weights are not
            those that the metadata names.
    """
    try:
        metadata = json.loads((folder / "configs" / "metadata.json").read_text())
    except (OSError, ValueError) as error:
        raise ModelError("The model bundle has no readable configs/metadata.json.") from error
    try:
        return _bundle(metadata, folder / "models" / "model.onnx")
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"The model's metadata breaks the contract: {error}.") from error


def _bundle(metadata: Mapping[str, Any], onnx: Path) -> Bundle:
    own = metadata["opacimeter"]
    if own["axes"] != AXES:
        raise ValueError(f"axes {own['axes']!r}, this version feeds {AXES!r}")
    if int(own["context"]) % 2 == 0:
        raise ValueError(f"context {own['context']}, an odd number of slices is needed")
    limit = own["detection_limit"]
    return Bundle(
        network=Network(metadata["name"], metadata["version"], _verified(onnx, own["sha256"])),
        onnx=onnx,
        pixel_mm=float(own["pixel_mm"]),
        plane_mm=float(own["plane_mm"]),
        context=int(own["context"]),
        context_mm=float(own["context_mm"]),
        lung_threshold=float(own["thresholds"]["lung"]),
        lesion_threshold=float(own["thresholds"]["lesion"]),
        detection_limit=DetectionLimit(**limit) if limit else None,
        evaluated={key: (float(low), float(high)) for key, (low, high) in own["evaluated"].items()},
        interval=_interval(own.get("interval")),
        gates={name: _gate(told) for name, told in own.get("gates", {}).items()},
    )


def _interval(told: Mapping[str, Any] | None) -> Interval | None:
    if told is None:
        return None
    if told["level"] != LEVEL:
        raise ValueError(f"interval of level {told['level']!r}, this version gives {LEVEL}")
    return Interval(
        method=str(told["method"]),
        patients=int(told["patients"]),
        offset_points=float(told["offset_points"]),
        below=float(told["below"]),
        above=float(told["above"]),
        exponent=float(told.get("exponent", 1.0)),
    )


def _gate(told: Mapping[str, Any]) -> Gate:
    healthy = told["healthy_percent_max"]
    weights, form = told.get("weights_sha256"), told.get("form")
    return Gate(
        sha256=str(told["sha256"]),
        lesion_dice=float(told["lesion_dice"]),
        error_points=float(told["error_points"]),
        healthy_percent_max=None if healthy is None else float(healthy),
        healthy_bound_percent=float(told["healthy_bound_percent"]),
        weights_sha256=None if weights is None else str(weights),
        form=None if form is None else str(form),
    )


def _verified(onnx: Path, expected: str) -> str:
    """The weights' sha256, if it is the expected one."""
    try:
        found = hashlib.sha256(onnx.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError("The model bundle has no readable models/model.onnx.") from error
    if found != expected:
        raise ModelError(
            f"The weights' sha256 is {found[:12]}…, the metadata names {expected[:12]}…; "
            "install the bundle again."
        )
    return found
