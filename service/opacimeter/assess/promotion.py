"""Whether a candidate may take the place of the model in service, and under which version."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass

from opacimeter.assess.bundle import Bundle, Gate
from opacimeter.errors import Conflict, ModelError, ModelRefused

__all__ = ["Comparison", "judge", "next_version"]

DICE_MAY_FALL = 0.01
ERROR_MAY_RISE_POINTS = 0.2

EVALUATE = (
    "Evaluate both on the same gate: python -m training.evaluate --bundle BUNDLE [--gate "
    "NAME=FOLDER]."
)
_DIGITS = 9
"""0.66 - 0.01 is more than 0.65 in binary."""

_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure of two models on one gate.

    Attributes:
        figure: Its key in the gate.
        candidate: Of the candidate; None where it was not measured.
        in_service: Of the model in service; likewise.
        bound: The worst that the candidate's may be.
        good: Whether it is within the bound.
    """

    figure: str
    candidate: float | None
    in_service: float | None
    bound: float
    good: bool


def judge(candidate: Bundle, in_service: Bundle, gate: str) -> tuple[Comparison, ...]:
    """Compare two models on a gate.

    Raises:
        ModelRefused: They are the same, cannot be compared, or the candidate is worse.
    """
    if candidate.network.sha256 == in_service.network.sha256:
        raise ModelRefused(
            f"The candidate has the weights of {in_service.network.version}, which is in service "
            "already; train and export another model.",
            {"gate": gate, "figures": []},
        )
    ours, theirs = _same_gate(candidate, in_service, gate)
    compared = tuple(_compared(ours, theirs))
    if not all(figure.good for figure in compared):
        raise ModelRefused(
            f"The candidate is worse than {in_service.network.version}, which stays in service. On "
            f"the gate {gate}: {'; '.join(map(_told, compared))}. Train further, or promote "
            f"another model. If the figures are out of date: {EVALUATE}",
            {"gate": gate, "figures": [asdict(figure) for figure in compared]},
        )
    return compared


def next_version(asked: str | None, known: Iterable[str]) -> str:
    """The version asked for, else the next minor one.

    Args:
        asked: Three numbers.
        known: Every version there has been.

    Raises:
        Conflict: It is not above all of them.
    """
    highest = max(_numbers(version) for version in known)
    if asked is None:
        return f"{highest[0]}.{highest[1] + 1}.0"
    if _numbers(asked) <= highest:
        raise Conflict(
            f"Version {asked} is not above {'.'.join(map(str, highest))}, the highest so far; "
            "name a higher one, or none for the next."
        )
    return asked


def _numbers(version: str) -> tuple[int, ...]:
    found = _VERSION.fullmatch(version)
    if found is None:
        raise ModelError(f"The version {version!r} is not of the form 1.2.3.")
    return tuple(int(number) for number in found.groups())


def _same_gate(candidate: Bundle, in_service: Bundle, gate: str) -> tuple[Gate, Gate]:
    ours, theirs = candidate.gates.get(gate), in_service.gates.get(gate)
    hashes = {
        "candidate": ours.sha256 if ours else None,
        "model in service": theirs.sha256 if theirs else None,
    }
    if ours is not None and theirs is not None and ours.sha256 == theirs.sha256:
        for name, bundle in (("candidate", candidate), ("model in service", in_service)):
            _of_its_weights(name, bundle, gate)
            _of_its_form(name, bundle, gate)
        return ours, theirs
    raise ModelRefused(
        f"The candidate cannot be compared with {in_service.network.version} on the gate {gate}: "
        f"{_difference(hashes)}. {EVALUATE}",
        {"gate": gate, "gate_sha256": hashes, "figures": []},
    )


def _of_its_weights(name: str, bundle: Bundle, gate: str) -> None:
    """Figures that other weights left behind are about another model, however good they are."""
    measured, own = bundle.gates[gate].weights_sha256, bundle.network.sha256
    if measured == own:
        return
    told = f"with the weights {measured[:12]}…" if measured else "before weights were named"
    raise ModelRefused(
        f"The figures of the {name} on the gate {gate} are stale: they were measured {told}, its "
        f"weights are {own[:12]}…. {EVALUATE}",
        {"gate": gate, "weights_sha256": {"measured": measured, "own": own}, "figures": []},
    )


def _of_its_form(name: str, bundle: Bundle, gate: str) -> None:
    """So are figures of the same weights with other thresholds, or on another grid."""
    measured, own = bundle.gates[gate].form, bundle.form
    if measured in {None, own}:  # an evaluation of before did not say
        return
    raise ModelRefused(
        f"The figures of the {name} on the gate {gate} are stale: they were measured with other "
        f"thresholds, or on another grid, than its metadata names. {EVALUATE}",
        {"gate": gate, "form": {"measured": measured, "own": own}, "figures": []},
    )


def _difference(hashes: Mapping[str, str | None]) -> str:
    without = [f"the {name}" for name, sha256 in hashes.items() if sha256 is None]
    if without:
        return f"no figures on it stand in {' and '.join(without)}"
    first, second = ((sha256 or "")[:12] for sha256 in hashes.values())
    return f"the data were not the same, {first}… and {second}…"


def _compared(ours: Gate, theirs: Gate) -> Iterator[Comparison]:
    dice, least = ours.lesion_dice, round(theirs.lesion_dice - DICE_MAY_FALL, _DIGITS)
    yield Comparison("lesion_dice", dice, theirs.lesion_dice, least, good=dice >= least)
    error, most = ours.error_points, round(theirs.error_points + ERROR_MAY_RISE_POINTS, _DIGITS)
    yield Comparison("error_points", error, theirs.error_points, most, good=error <= most)
    healthy, before = ours.healthy_percent_max, theirs.healthy_percent_max
    if healthy is not None or before is not None:
        # A candidate cannot loosen the bound by naming one of its own.
        most = min(ours.healthy_bound_percent, theirs.healthy_bound_percent)
        good = healthy is not None and healthy <= most
        yield Comparison("healthy_percent_max", healthy, before, most, good=good)


_WORDS: Mapping[str, tuple[str, str, str]] = {
    "lesion_dice": ("lesion Dice", "", "at least"),
    "error_points": ("mean error", " points", "at most"),
    "healthy_percent_max": ("healthy chests", " %", "at most"),
}


def _told(compared: Comparison) -> str:
    name, unit, limit = _WORDS[compared.figure]
    found, before = (
        "not measured" if value is None else f"{value:.3f}{unit}"
        for value in (compared.candidate, compared.in_service)
    )
    return (
        f"{name} {found}, {limit} {compared.bound:.3f} ({before} in service): "
        f"{'good' if compared.good else 'too bad'}"
    )
