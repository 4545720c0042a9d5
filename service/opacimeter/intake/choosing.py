"""Choosing the series to measure on, and saying why in words.

Most complete first; native before contrast; inspiration before expiration; thinner class first;
then the softer kernel; then the lower series number. Each rule is one row of `_RULES`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from opacimeter.checks import Severity
from opacimeter.intake.checking import is_expiration, thickness_mm, with_contrast
from opacimeter.intake.inspecting import Candidate
from opacimeter.intake.kernels import sharpness
from opacimeter.intake.stacking import Stack
from opacimeter.volume import OtherSeries

__all__ = ["chosen_because", "others", "ranked"]

_ENOUGH_MM = 400.0
_AS_COMPLETE = 0.95  # a thick series reaches less far than a thin one of the same scan
_CLASSES_MM = (1.5, 3.0, 5.0)
_ROUNDING_MM = 0.005


@dataclass(frozen=True, slots=True)
class _Rule:
    better: str
    worse: str
    key: Callable[[Candidate, float], float]


def _stack(candidate: Candidate) -> Stack:
    if candidate.stack is None:
        raise ValueError("only stacks are compared")
    return candidate.stack


def _is_short(candidate: Candidate, longest_mm: float) -> float:
    reach = min(_stack(candidate).extent_mm, _ENOUGH_MM)
    return 0.0 if reach >= _AS_COMPLETE * min(longest_mm, _ENOUGH_MM) else longest_mm - reach


def _has_contrast(candidate: Candidate, _: float) -> float:
    return with_contrast(_stack(candidate).frames[0].instance.header)


def _is_breathed_out(candidate: Candidate, _: float) -> float:
    return is_expiration(_stack(candidate).frames[0].instance.header)


def _thickness_class(candidate: Candidate, _: float) -> float:
    thick = thickness_mm(_stack(candidate)) - _ROUNDING_MM
    return sum(thick > limit for limit in _CLASSES_MM)


def _sharpness(candidate: Candidate, _: float) -> float:
    return sharpness(_stack(candidate).frames[0].kernel)


def _number(candidate: Candidate, _: float) -> float:
    return candidate.number


_RULES = (
    _Rule("it covers more of the chest", "it covers less of the chest", _is_short),
    _Rule("it is native", "contrast medium was given", _has_contrast),
    _Rule("it was taken in inspiration", "it was taken in expiration", _is_breathed_out),
    _Rule("its slices are thinner", "its slices are thicker", _thickness_class),
    _Rule("its kernel is softer", "its kernel is sharper", _sharpness),
    _Rule("its series number is lower", "its series number is higher", _number),
)


def ranked(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The fit candidates, best first; the same whatever order they come in."""
    fit = [each for each in candidates if each.is_fit]
    longest = max((_stack(each).extent_mm for each in fit), default=0.0)

    def key(candidate: Candidate) -> tuple[tuple[float, ...], str, tuple[str, ...]]:
        frame = _stack(candidate).frames[0]
        scan = (frame.temporal.zfill(9), frame.acquisition.zfill(9), frame.time)
        return tuple(rule.key(candidate, longest) for rule in _RULES), candidate.uid, scan

    return sorted(fit, key=key)


def chosen_because(chosen: Candidate, candidates: Sequence[Candidate], *, asked: bool) -> str:
    """The sentence for the chosen series; it also tells of series that could not be used."""
    rivals = [each for each in candidates if each.uid != chosen.uid]
    if asked:
        return "It was asked for."
    fit = [each for each in ranked(candidates) if each.uid != chosen.uid]
    if fit:
        # The strictest rival is the next best: what tells it apart was decisive.
        reason = f"Of {len(fit) + 1} series fit to measure, " + _difference(chosen, fit[0]).better
    elif rivals:
        reason = "It is the only series fit to measure"
    else:
        reason = "It is the only series of CT images"
    refused = [each for each in rivals if each.rejections]
    told = "; ".join(f"{_name(each)} could not be used: {_codes(each)}" for each in refused)
    return f"{reason}. {told}.".replace(". .", ".") if told else f"{reason}."


def others(chosen: Candidate, candidates: Sequence[Candidate], *, asked: bool) -> list[OtherSeries]:
    """Every other series that was looked at, and the reason against it."""
    found: dict[str, OtherSeries] = {}
    for each in candidates:
        if each.uid != chosen.uid and each.uid not in found:
            number = each.number if _is_numbered(each) else None
            why_not = _why_not(each, chosen, asked=asked)
            found[each.uid] = OtherSeries(each.uid, why_not, number, each.description)
    return list(found.values())


def _why_not(other: Candidate, chosen: Candidate, *, asked: bool) -> str:
    if other.never:
        reason = other.never
    elif not other.is_fit:
        messages = [c.message for c in other.rejections if c.severity is Severity.REJECT]
        return " ".join(messages) or "It holds no image that can be read."
    else:
        reason = "another series was asked for" if asked else _difference(chosen, other).worse
    return f"{reason[0].upper()}{reason[1:].rstrip('.')}."


def _difference(chosen: Candidate, other: Candidate) -> _Rule:
    """The first rule by which the two differ; the last where none does."""
    longest = max(_stack(chosen).extent_mm, _stack(other).extent_mm)
    return next(
        (rule for rule in _RULES if rule.key(chosen, longest) < rule.key(other, longest)),
        _RULES[-1],
    )


def _is_numbered(candidate: Candidate) -> bool:
    return candidate.number < 1 << 31


def _name(candidate: Candidate) -> str:
    return f"series {candidate.number}" if _is_numbered(candidate) else "another series"


def _codes(candidate: Candidate) -> str:
    return ", ".join(dict.fromkeys(check.code for check in candidate.rejections))
