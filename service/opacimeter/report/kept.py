"""What a kept result tells the version that corrects it."""

import json
from dataclasses import dataclass
from pathlib import Path

from opacimeter.checks import Check
from opacimeter.findings import Network

__all__ = ["KeptResult", "read_result"]

_OF_NETWORK = {"outside-evaluated-range"}
"""Checks that need the bundle: they hold for the same images whatever a person paints."""


@dataclass(frozen=True, slots=True)
class KeptResult:
    """What a result.json says of the network.

    Attributes:
        network: Name, version and hash of the weights.
        detection_limit_percent: See `Assessment`.
        checks: Those on the network that hold for these images.
    """

    network: Network
    detection_limit_percent: float | None
    checks: tuple[Check, ...]


def read_result(path: Path) -> KeptResult:
    """Read a result.json of a complete assessment."""
    told = json.loads(path.read_text(encoding="utf-8"))
    checks = (
        Check(check["code"], check["message"], check["detail"])
        for check in told["checks"]
        if check["code"] in _OF_NETWORK
    )
    limit = told["summary"].get("detection_limit_percent")
    return KeptResult(Network(**told["model"]), limit, tuple(checks))
