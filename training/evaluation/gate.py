"""The gate: cases that decide whether a model may follow another, with the hash of their data."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.evaluation.lesions import LEAST_PERCENT, LesionFigures, counts
from training.evaluation.studies import StudyFigures
from training.evaluation.weights import Weights

__all__ = [
    "HEALTHY_BOUND_PERCENT",
    "OWN",
    "Gate",
    "GateRefused",
    "gate_hash",
    "gate_record",
    "healthy_rows",
]

OWN = "opacimeter"
"""Name of the gate that every model of ours is judged on."""
HEALTHY_BOUND_PERCENT = 0.5


class GateRefused(Exception):
    """A gate cannot be judged by these weights, or decides nothing; the message says why."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What a gate's data gave.

    Attributes:
        name: Its name in the bundle.
        sha256: Over its data: two models are compared only on the same.
        lesions: Its lesion cases, by the bundle itself.
        healthy: Its chests without lesions, or nearly so: name and percentage found.
    """

    name: str
    sha256: str
    lesions: tuple[LesionFigures, ...]
    healthy: tuple[tuple[str, float], ...]


def gate_hash(contents: Sequence[str]) -> str:
    """One hash of all the gate's contents, whatever their order."""
    return hashlib.sha256("\n".join(sorted(contents)).encode()).hexdigest()


def healthy_rows(studies: Sequence[StudyFigures]) -> tuple[tuple[str, float], ...]:
    """Name and burden of the healthy chests that the bundle itself measured."""
    mine = [row for row in studies if row.healthy and row.seen_by == "bundle"]
    return tuple((row.study, row.lesion_percent) for row in mine)


def gate_record(gate: Gate, weights: Weights) -> dict[str, Any]:
    """The gate's entry in the bundle's `gates`.

    lesion_dice is over cases with enough lesion for a Dice, error_points over all lesion cases.

    Args:
        gate: What its data gave.
        weights: Those that were measured; the record names them and their form, since the figures
            count for no others when models are compared.

    Raises:
        GateRefused: The gate cannot decide: it has no case with lesion, or no healthy chest.
    """
    judged = [row for row in gate.lesions if counts(row)]
    if not judged:
        raise GateRefused(
            f"The gate {gate.name} has no case with {LEAST_PERCENT} % lesion or more."
        )
    if not gate.healthy:
        raise GateRefused(
            f"The gate {gate.name} has no healthy chest, so nothing bounds what a model marks in "
            'health: add a case without opacity, in cases.json "healthy": true.'
        )
    healthy = {name: round(percent, 3) for name, percent in gate.healthy}
    return {
        "sha256": gate.sha256,
        "weights_sha256": weights.sha256,
        "form": weights.form,
        "lesion_dice": round(float(np.mean([row.lesion_dice for row in judged])), 4),
        "error_points": round(float(np.mean([abs(row.error_points) for row in gate.lesions])), 3),
        "healthy_percent_max": max(healthy.values()),
        "healthy_bound_percent": HEALTHY_BOUND_PERCENT,
        "cases": {
            row.case: {
                "dice": round(row.lesion_dice, 4),
                "truth_percent": round(row.truth_percent, 3),
                "found_percent": round(row.found_percent, 3),
            }
            for row in sorted(gate.lesions, key=lambda row: row.case)
        },
        "studies": healthy,
    }
