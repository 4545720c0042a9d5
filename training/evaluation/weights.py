"""Which weights may speak about which patient: those that never saw the patient, and no others."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from training.cases import Case
from training.evaluation.lesions import Judge, LesionFigures
from training.evaluation.metadata import trained_on

__all__ = ["Fold", "Seen", "Weights", "blind_weights", "saw", "stored_figures"]

STORED = " (stored)"


class Seen(Exception):
    """No weights at hand are blind to the patient; the message says why, for the report."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A network, and whom it saw.

    Attributes:
        name: As in the report: bundle, or fold a.
        sha256: Of the weights.
        seen: Names of cases and of patients whose images, labels or pseudo-labels trained it.
        judge: The network at work.
        form: The bundle's grid, context and thresholds, `Bundle.form`.
    """

    name: str
    sha256: str
    seen: frozenset[str]
    judge: Judge
    form: str = ""

    def blind_to(self, *names: str) -> bool:
        """Did the weights see none of these cases or patients?"""
        return self.seen.isdisjoint(names)

    def made(self, sha256: str, form: str | None) -> bool:
        """Are figures of such weights in such a form theirs? Figures of before tell no form."""
        return sha256 == self.sha256 and (form or self.form) == self.form


@dataclass(frozen=True, slots=True)
class Fold:
    """A fold of the cross-validation, exported only when it is asked for.

    Attributes:
        name: Of the configuration.
        left_out: Patients it was to leave out.
        load: Its weights, read once; raises `Seen` where the run cannot be used.
    """

    name: str
    left_out: frozenset[str]
    load: Callable[[], Weights]


def saw(metadata: Mapping[str, Any], cases: Iterable[Case]) -> frozenset[str]:
    """Names of cases and patients that a bundle's weights saw, by its own `trained_on`.

    Args:
        metadata: The bundle's metadata.json.
        cases: All that are known; they tell which case is whose.

    Raises:
        SystemExit: The bundle does not say what it was trained on.
    """
    names = trained_on(metadata)
    patients = {case.patient for case in cases if {case.name, case.patient} & names}
    return frozenset(names | patients)


def blind_weights(names: Sequence[str], bundle: Weights, folds: Sequence[Fold]) -> Weights:
    """The bundle if it never saw the patient, else the fold that left the patient out.

    Args:
        names: Of the case and its patient.
        bundle: The judged weights.
        folds: Of its cross-validation.

    Raises:
        Seen: There are no such weights.
    """
    if bundle.blind_to(*names):
        return bundle
    why = f"{bundle.name} saw it and no fold left it out"
    for fold in folds:
        if fold.left_out.isdisjoint(names):
            continue
        weights = fold.load()
        if weights.blind_to(*names):
            return weights
        why = f"{bundle.name} saw it, and so did {weights.name}, which was to leave it out"
    raise Seen(why)


def stored_figures(
    bundle: Path, weights: Weights, cases: Sequence[Case]
) -> dict[str, LesionFigures]:
    """Out-of-fold figures that an earlier evaluation of the same weights left, by case.

    Figures of other weights or another form, and figures by the bundle itself, are not taken: the
    first would be about another model, the second can be had again.

    Args:
        bundle: The bundle's folder.
        weights: Its weights.
        cases: They tell whose a case is, which older figures do not.
    """
    try:
        content = json.loads((bundle / "evaluation" / "figures.json").read_text())
        if not weights.made(content["sha256"], content.get("form")):
            return {}
        rows = TypeAdapter(list[LesionFigures]).validate_python(content["patients"])
    except (OSError, KeyError, TypeError, ValueError, ValidationError):
        return {}
    patient = {case.name: case.patient for case in cases}
    return {
        row.case: replace(
            row,
            seen_by=row.seen_by.removesuffix(STORED) + STORED,
            patient=patient.get(row.case, row.case),
        )
        for row in rows
        if row.seen_by != "bundle"
    }
