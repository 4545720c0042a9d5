"""The shipped training configuration, small enough to train with in seconds."""

from pathlib import Path
from typing import Any

import yaml

SHIPPED = Path(__file__).resolve().parents[2] / "models" / "lung-lesion" / "configs" / "train.yaml"


def write_config(path: Path, **changes: Any) -> Path:
    """Write it with a small network, small pictures, batches of two, and the changes; the path."""
    content = yaml.safe_load(SHIPPED.read_text())
    content["network"] = {
        "_target_": "training.network.SubpixelUNet",
        "context": "@context",
        "features": [8, 8, 8, 8, 8, 8],
    }
    content |= {"batch": 2, **changes}
    for transform in content["augment"]["transforms"]:
        if "spatial_size" in transform:
            transform["spatial_size"] = [64, 64]
    path.write_text(yaml.safe_dump(content))
    return path
