"""Small model bundles: graphs written byte by byte, so that no library for writing ONNX is needed.

Field numbers are those of onnx.proto3; https://protobuf.dev/programming-guides/encoding has the
encoding.
"""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np

FIGURES = {
    "sha256": "d" * 64,
    "lesion_dice": 0.66,
    "error_points": 3.4,
    "healthy_percent_max": 0.06,
    "healthy_bound_percent": 0.5,
    "cases": {},
    "studies": {},
}
INTERVAL = {
    "level": 0.9, "method": "cv+", "patients": 14, "offset_points": 1.0, "below": 0.8, "above": 1.4,
    "covered": 13, "mean_width_points": 8.1,
}  # fmt: skip
FLOAT, INT = 1, 2


def number(field: int, value: int) -> bytes:
    """A whole number below 128."""
    return bytes([field << 3, value]) if field < 16 else bytes([0x80 | field << 3 & 0x7F, 1, value])


def piece(field: int, *parts: bytes | str) -> bytes:
    """Text, or a message of parts, with its length as a varint."""
    content = b"".join(part.encode() if isinstance(part, str) else part for part in parts)
    length, left = b"", len(content)
    while left > 127:
        length, left = length + bytes([left & 0x7F | 0x80]), left >> 7
    return bytes([field << 3 | 2]) + length + bytes([left]) + content


def noted(key: str, value: str) -> bytes:
    """An entry of ModelProto.metadata_props; appended to a model it leaves the graph as it is."""
    return piece(14, piece(1, key), piece(2, value))


def graph(operator: str = "Softmax") -> bytes:
    """A model of one operator over the second axis: three slices in, three classes out."""
    axis = piece(5, piece(1, "axis"), number(3, 1), number(20, INT))
    node = piece(1, piece(1, "hu"), piece(2, "probability"), piece(4, operator), axis)
    ends = (piece(field, *tensor(name)) for field, name in ((11, "hu"), (12, "probability")))
    return number(1, 8) + piece(7, node, piece(2, "g"), *ends) + piece(8, number(2, 18))


def tensor(name: str) -> tuple[bytes, bytes]:
    """ValueInfoProto of float32 (batch, 3, row, column)."""
    axes = [piece(2, "batch"), number(1, 3), piece(2, "row"), piece(2, "column")]
    shape = piece(2, *(piece(1, axis) for axis in axes))
    return piece(1, name), piece(2, piece(1, number(1, FLOAT), shape))


def softmax(values: np.ndarray) -> np.ndarray:
    """Over the first axis."""
    raised = np.exp(values - values.max(0))
    return raised / raised.sum(0)


def write_bundle(
    folder: Path, mark: str, *, operator: str = "Softmax", version: str = "1.0.0", **own: object
) -> Path:
    """A whole bundle, told from others by a mark in its graph; `own` goes into its metadata."""
    for room in ("configs", "models", "evaluation", "docs"):
        (folder / room).mkdir(parents=True)
    weights = graph(operator) + noted("mark", mark)
    (folder / "models" / "model.onnx").write_bytes(weights)
    hu = np.random.default_rng(0).uniform(-2, 2, (3, 32, 64)).astype(np.float32)
    np.savez_compressed(
        folder / "evaluation" / "reference.npz",
        hu=hu,
        probability=softmax(hu)[None].astype(np.float16),
    )
    (folder / "docs" / "README.md").write_text("The card.\n")
    contract = {
        "sha256": hashlib.sha256(weights).hexdigest(),
        "axes": "context-row-column",
        "pixel_mm": 1.5,
        "plane_mm": 3.0,
        "context": 3,
        "context_mm": 5.0,
        "thresholds": {"lung": 0.5, "lesion": 0.5},
        "detection_limit": None,
        "interval": None,
        "evaluated": {},
        "gates": {"opacimeter": FIGURES},
    }
    content = {"name": "by-hand", "version": version, "changelog": {version: "first"}}
    write_metadata(folder, content | {"opacimeter": measured(contract | own)})
    return folder


def measured(own: dict) -> dict:
    """The contract with gates that say they are of its weights, unless they say something else."""
    gates = {
        name: {"weights_sha256": own["sha256"]} | record for name, record in own["gates"].items()
    }
    return own | {"gates": gates}


def read_metadata(folder: Path) -> dict:
    """What stands in configs/metadata.json."""
    return json.loads((folder / "configs" / "metadata.json").read_text())


def write_metadata(folder: Path, content: dict) -> None:
    """Replace configs/metadata.json."""
    (folder / "configs" / "metadata.json").write_text(json.dumps(content))


def figures(**changed: object) -> dict:
    """Metadata of the gate opacimeter with other figures."""
    return {"gates": {"opacimeter": FIGURES | changed}}


def copy_of(bundle: Path, folder: Path, *, mark: str = "", **own: object) -> Path:
    """A copy with figures on the gate opacimeter; a mark makes other weights that find the same."""
    shutil.copytree(bundle, folder)
    onnx, content = folder / "models" / "model.onnx", read_metadata(folder)
    if mark:
        onnx.write_bytes(onnx.read_bytes() + noted("mark", mark))
    sha256 = hashlib.sha256(onnx.read_bytes()).hexdigest()
    own = figures() | own | {"sha256": sha256}
    content["opacimeter"] = measured(content["opacimeter"] | own)
    write_metadata(folder, content)
    return folder
