"""The bundle's metadata.json, read and replaced: export begins it, evaluation fills it in."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["read_metadata", "trained_on", "write_metadata"]


def read_metadata(bundle: Path) -> dict[str, Any]:
    """The bundle's metadata.json."""
    content: dict[str, Any] = json.loads((bundle / "configs" / "metadata.json").read_text())
    return content


def trained_on(metadata: Mapping[str, Any]) -> frozenset[str]:
    """Names that a bundle says its weights were trained on.

    Raises:
        SystemExit: It does not say.
    """
    told = metadata["opacimeter"].get("trained_on")
    if told is None:
        raise SystemExit("the bundle does not tell what it was trained on: export it again")
    sets = told.values() if isinstance(told, dict) else [told]
    return frozenset(str(name) for each in sets for name in each)


def write_metadata(bundle: Path, content: Mapping[str, Any]) -> None:
    """Replace the bundle's metadata.json, whole or not at all."""
    target = bundle / "configs" / "metadata.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    partial.replace(target)
