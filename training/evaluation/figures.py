"""Figures: everything that an evaluation found, in one value with one written form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from training.evaluation.failures import Failure
from training.evaluation.interval import Interval
from training.evaluation.lesions import LesionFigures
from training.evaluation.means import GroupFigures
from training.evaluation.overlap import AreaClass
from training.evaluation.reliability import Reliability
from training.evaluation.robustness import VariationFigures
from training.evaluation.studies import StudyFigures

__all__ = ["SCHEMA", "Calibration", "Figures", "Previous", "Provenance", "Refusal", "from_json"]

SCHEMA = "opacimeter-evaluation-1"


@dataclass(frozen=True, slots=True)
class Provenance:
    """What made the figures.

    Attributes:
        model: Name and version.
        software: Version of opacimeter and hash of its measuring sources.
        commit: Of the checkout; "+" behind it where files differ from it.
        machine: Processor kind, cores, Python and runtime.
    """

    model: str
    software: str
    commit: str
    machine: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A study without a figure, and why."""

    study: str
    why: str


@dataclass(frozen=True, slots=True)
class Previous:
    """Another model on the same patients, as far as its weights were blind to them."""

    model: str
    patients: tuple[LesionFigures, ...]
    studies: tuple[StudyFigures, ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far probabilities and percentages can be believed.

    Attributes:
        interval: Of the percentage; None with too few patients.
        guaranteed: What exchangeability alone promises with that many patients.
        reliability: Voxels of all left-out patients.
        expected_error: Of these bins.
        expected_error_marked: The same without the lowest bin.
    """

    interval: Interval | None
    guaranteed: float | None
    reliability: Reliability | None
    expected_error: float | None
    expected_error_marked: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of one evaluation, in the order of figures.json.

    Attributes:
        schema: Of this form.
        sha256: Of the judged weights.
        provenance: What made the figures.
        summary: The means that are quoted.
        patients: Lesion cases, by name.
        areas: Recall and precision by size, all patients together.
        groups: Means by subgroup and severity.
        studies: Whole chests.
        robustness: The same studies delivered otherwise.
        calibration: None where it was not asked for.
        gates: As in the bundle.
        previous: Another model beside this one.
        refused: Studies without a figure.
        failures: The worst cases, where pictures of them were asked for.
        form: `Bundle.form` of the judged bundle; empty in figures of before.
    """

    schema: str
    sha256: str
    provenance: Provenance
    summary: Mapping[str, float] = field(default_factory=dict)
    patients: tuple[LesionFigures, ...] = ()
    areas: tuple[AreaClass, ...] = ()
    groups: tuple[GroupFigures, ...] = ()
    studies: tuple[StudyFigures, ...] = ()
    robustness: tuple[VariationFigures, ...] = ()
    calibration: Calibration | None = None
    gates: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    previous: Previous | None = None
    refused: tuple[Refusal, ...] = ()
    failures: tuple[Failure, ...] = ()
    form: str = ""

    def to_json(self) -> str:
        """The written form: same figures, same bytes."""
        return TypeAdapter(Figures).dump_json(self, indent=1).decode() + "\n"


def from_json(text: str) -> Figures:
    """The figures of a written form.

    Raises:
        pydantic.ValidationError: The text is not of this form.
    """
    return TypeAdapter(Figures).validate_json(text)
