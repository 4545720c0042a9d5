"""Comparison with the patient's earlier assessment: what changed, and what the change may owe.

docs/measurements.md gives the limits with their reasons. Both sides are results as result.json
holds them, so that an earlier version of the software can be compared with too.
"""

import math
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from opacimeter.checks import Check
from opacimeter.findings import Quantity
from opacimeter.record import Prior

__all__ = ["compare", "comparison_checks", "mismatch_check"]

Result = Mapping[str, Any]

QUANTITIES = (
    Quantity.VOLUME_ML,
    Quantity.LESION_ML,
    Quantity.LESION_PERCENT,
    Quantity.HIGH_OPACITY_PERCENT,
)
THICKNESS_CLASS_ENDS_MM = (1.5, 3.0, 5.0)
THICKNESS_LIMIT_MM = 0.5
INSPIRATION_LIMIT_PERCENT = 15.0
# A percentage of a lung that is 5 % smaller is 5 % larger, be there as much lesion as before.
VOLUME_NOTICED_PERCENT = 5.0

_DIFFERENCES = ("other-scanner", "other-thickness", "inspiration-differs")
_NAMES = {"birth_date": "birth date", "sex": "sex"}


def compare(now: Result, prior: Prior) -> dict[str, Any]:
    """The result's `prior`: the earlier assessment, the changes since, and what to mind in them.

    Args:
        now: The result that is compared.
        prior: The earlier assessment. Nothing of it is changed.
    """
    before = prior.result
    study = before.get("study") or {}
    return {
        "id": str(prior.id),
        "version": prior.version,
        "study": {"uid": study.get("uid"), "date": study.get("date")},
        "days": _days(study.get("date"), (now.get("study") or {}).get("date")),
        "series": _scan(before),
        "regions": _regions(before, now),
        "within_interval": _within_interval(before, now),
        "caveats": [
            {"code": code, "detail": detail} for code, detail in _caveats(before, now)
        ],
    }  # fmt: skip


def comparison_checks(comparison: Mapping[str, Any]) -> tuple[Check, ...]:
    """`prior-differs`, where scanner, thickness or inspiration do, with the facts and the limits.

    Args:
        comparison: From `compare`.
    """
    details = {caveat["code"]: caveat["detail"] for caveat in comparison["caveats"]}
    found = [code for code in _DIFFERENCES if code in details]
    if not found:
        return ()
    facts = "; ".join(_SENTENCES[code](details[code]) for code in found)
    message = (
        f"The earlier CT was made differently: {facts}. The change may come from that; compare the "
        "images before you rely on it."
    )
    return (Check("prior-differs", message, {"caveats": found} | _flat(details, found)),)


def mismatch_check(mismatch: tuple[str, ...]) -> tuple[Check, ...]:
    """`patient-mismatch`, where studies under one patient ID are of two people.

    Args:
        mismatch: What disagrees: birth_date, sex.
    """
    if not mismatch:
        return ()
    names = " and ".join(_NAMES.get(name, name) for name in mismatch)
    message = (
        f"Another assessment under the same patient ID disagrees in {names}; the two must agree, "
        "so they are not compared. Check whose images these are."
    )
    return (Check("patient-mismatch", message, {"disagree": list(mismatch)}),)


def _days(before: str | None, now: str | None) -> int | None:
    if before is None or now is None:
        return None
    return (date.fromisoformat(now) - date.fromisoformat(before)).days


def _scan(result: Result) -> dict[str, Any]:
    series = result.get("series") or {}
    return {key: series.get(key) for key in ("manufacturer", "model", "thickness_mm", "kernel")}


def _regions(before: Result, now: Result) -> dict[str, dict[str, dict[str, float]]]:
    earlier = before.get("regions") or {}
    return {
        region: {
            quantity.value: _change(earlier[region][quantity.value], values[quantity.value])
            for quantity in QUANTITIES
            if quantity.value in values and quantity.value in earlier[region]
        }
        for region, values in (now.get("regions") or {}).items()
        if region in earlier
    }


def _change(before: float, now: float) -> dict[str, float]:
    return {"before": before, "now": now, "change": round(now - before, 3)}


def _lungs(result: Result, quantity: Quantity) -> float | None:
    value: float | None = ((result.get("regions") or {}).get("lungs") or {}).get(quantity.value)
    return value


def _caveats(before: Result, now: Result) -> Iterator[tuple[str, dict[str, Any]]]:
    earlier, later = _scan(before), _scan(now)
    yield from _other_scanner(earlier, later)
    yield from _other_thickness(earlier["thickness_mm"], later["thickness_mm"])
    yield from _other_volume(_lungs(before, Quantity.VOLUME_ML), _lungs(now, Quantity.VOLUME_ML))
    if _within_interval(before, now):
        change, limit = _percent_change(before, now), _noise(before, now)
        yield "within-interval", {"change_points": change, "limit_points": limit}


def _other_scanner(
    before: Mapping[str, Any], now: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    pairs = [(before[key], now[key]) for key in ("manufacturer", "model")]
    if any(_differ(*pair) for pair in pairs):
        yield (
            "other-scanner",
            {
                "before": _named(*(pair[0] for pair in pairs)),
                "now": _named(*(pair[1] for pair in pairs)),
            },
        )


def _differ(one: str | None, other: str | None) -> bool:
    """Whether two names differ; where one is missing, nothing is known."""
    return bool(one and other) and _plain(one) != _plain(other)


def _plain(name: str | None) -> str:
    return " ".join((name or "").casefold().split())


def _named(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)


def _other_thickness(
    before_mm: float | None, now_mm: float | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    if before_mm is None or now_mm is None:
        return
    far = round(abs(now_mm - before_mm), 3) > THICKNESS_LIMIT_MM
    if far or _thickness_class(before_mm) != _thickness_class(now_mm):
        yield "other-thickness", {
            "before_mm": before_mm, "now_mm": now_mm, "limit_mm": THICKNESS_LIMIT_MM,
        }  # fmt: skip


def _thickness_class(thickness_mm: float) -> int:
    """0…3: up to 1.5, 3, 5 mm, and above: the classes by which intake ranks series."""
    return sum(thickness_mm > end for end in THICKNESS_CLASS_ENDS_MM)


def _other_volume(
    before_ml: float | None, now_ml: float | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    if not before_ml or now_ml is None:
        return
    percent = 100.0 * (now_ml - before_ml) / before_ml
    detail = {"before_ml": before_ml, "now_ml": now_ml, "change_percent": round(percent, 1)}
    if abs(percent) > INSPIRATION_LIMIT_PERCENT:
        yield "inspiration-differs", {**detail, "limit_percent": INSPIRATION_LIMIT_PERCENT}
    if abs(percent) > VOLUME_NOTICED_PERCENT:
        yield "percent-moves-with-volume", {**detail, "limit_percent": VOLUME_NOTICED_PERCENT}


def _within_interval(before: Result, now: Result) -> bool | None:
    """Whether the percentage changed by less than its two errors together; None where unknown."""
    change, limit = _percent_change(before, now), _noise(before, now)
    return None if change is None or limit is None else abs(change) < limit


def _percent_change(before: Result, now: Result) -> float | None:
    ends = [_lungs(result, Quantity.LESION_PERCENT) for result in (before, now)]
    return None if ends[0] is None or ends[1] is None else round(ends[1] - ends[0], 3)


def _noise(before: Result, now: Result) -> float | None:
    """Half widths of both intervals, combined as independent errors are (GUM, JCGM 100, 5.1.2)."""
    halves = [_half_width(result) for result in (before, now)]
    if halves[0] is None or halves[1] is None:
        return None
    return round(math.hypot(halves[0], halves[1]), 3)


def _half_width(result: Result) -> float | None:
    interval = (result.get("summary") or {}).get("interval_90_percent")
    return None if interval is None else (interval[1] - interval[0]) / 2


def _flat(details: Mapping[str, Mapping[str, Any]], codes: list[str]) -> dict[str, Any]:
    """Details under names of their own, such as scanner_before and thickness_now_mm."""
    about = {"other-scanner": "scanner", "other-thickness": "thickness"}
    return {
        f"{about.get(code, 'lungs')}_{name}": value
        for code in codes
        for name, value in details[code].items()
    }


def _scanner_sentence(detail: Mapping[str, Any]) -> str:
    return f"another scanner ({detail['before']}, now {detail['now']})"


def _thickness_sentence(detail: Mapping[str, Any]) -> str:
    return (
        f"slices of {detail['before_mm']:g} mm, now {detail['now_mm']:g} mm (comparable within "
        f"{detail['limit_mm']:g} mm and one class: up to 1.5, 3, 5 mm, or above)"
    )


def _inspiration_sentence(detail: Mapping[str, Any]) -> str:
    return (
        f"a lung volume of {detail['before_ml']:.0f} ml, now {detail['now_ml']:.0f} ml "
        f"({detail['change_percent']:+.1f} %; the limit is {detail['limit_percent']:g} %), so the "
        "breath was another and the percentage moves with it"
    )


_SENTENCES = {
    "other-scanner": _scanner_sentence,
    "other-thickness": _thickness_sentence,
    "inspiration-differs": _inspiration_sentence,
}
