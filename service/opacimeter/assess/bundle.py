"""The model bundle, read: the only place that knows its files.

A bundle is a folder in MONAI's layout. `configs/metadata.json` holds, beside MONAI's own keys, an
`opacimeter` object: what inference needs that is not in the graph. The weights are used only if
their hash is the one the metadata names.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opacimeter.errors import ModelError
from opacimeter.findings import Network

__all__ = ["Bundle", "DetectionLimit", "default_folder", "read_bundle"]

AXES = "context-row-column"
"""The one input layout that this version can feed: a 2-D network on neighbouring slices."""


@dataclass(frozen=True, slots=True)
class DetectionLimit:
    """The largest lesion percentage on healthy chests that the model never saw."""

    percent: float
    chests: int


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
