"""What the page says: numbers and sentences of a result, in a language."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from opacimeter.findings import ZONES, Quantity
from opacimeter.language import Words

__all__ = ["answer", "check_lines", "names", "plain", "shown", "signed", "unit_quantities", "when"]

Result = Mapping[str, Any]

_DECIMALS = {"ml": 1, "percent": 1, "g": 0, "hu": 0, "count": 0}
_MINUS = "\u2212"


def shown(value: float | None, quantity: str) -> str:
    """A value as the page writes it; a dash where there is none.

    What is not nothing never reads as nothing: 0.02 is "<0.1".

    Args:
        value: From the result.
        quantity: Its key there; the unit at its end decides the decimals.
    """
    if value is None:
        return "–"
    decimals = _DECIMALS[quantity.rsplit("_", 1)[1]]
    rounded = f"{abs(value):.{decimals}f}"
    if value > 0 and float(rounded) == 0 and decimals:
        return f"<{10**-decimals:.{decimals}f}"
    return f"{_MINUS if value < 0 and float(rounded) else ''}{rounded}"


def plain(value: float) -> str:
    """A whole number with a true minus sign."""
    return f"{value:.0f}".replace("-", _MINUS)


def signed(value: float, quantity: str) -> str:
    """A change, with its sign."""
    text = shown(abs(value), quantity)
    if text.startswith("<") or not float(text):
        return f"±{text}" if value else "±0"
    return f"{'+' if value > 0 else _MINUS}{text}"


def when(text: str) -> str:
    """A time of the result, ISO 8601 in UTC, for people."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).strftime("%Y-%m-%d %H:%M UTC")


def names(patient_name: str | None, language: str) -> str:
    """The component groups of a name (PS3.5 6.2.1.1), that of the language first; once each."""
    groups = [_spoken(group) for group in (patient_name or "").split("=")]
    if language.startswith("zh") and len(groups) > 1:
        groups[:2] = groups[1::-1]
    return "  ".join(dict.fromkeys(group for group in groups if group))


def _spoken(group: str) -> str:
    """Components in their order; family and given name of ideographs and Hangul stand together."""
    parts = [part.strip() for part in group.split("^") if part.strip()]
    joined = all(
        ord(letter) >= 0x2E80 and not 0x3040 <= ord(letter) < 0x3100
        for letter in group
        if letter != "^"
    )
    return ("" if joined else " ").join(parts)


def answer(result: Result, words: Words) -> str:
    """How much, where, how dense, how sure, since when."""
    sentences = [
        *_how_much(result, words),
        *_where(result, words),
        *_how_dense(result, words),
        *_since_when(result, words),
    ]
    return words("report.sentence.separator").join(sentences)


def _how_much(result: Result, words: Words) -> list[str]:
    summary, lungs = result["summary"], result["regions"]["lungs"]
    if "lesion_percent" not in summary:
        return [words("report.answer.no_lung")]
    found = [
        words(
            "report.answer.amount",
            percent=shown(summary["lesion_percent"], "lesion_percent"),
            lesion_ml=shown(summary["lesion_ml"], "lesion_ml"),
            volume_ml=shown(lungs["volume_ml"], "volume_ml"),
        )
    ]
    interval = summary.get("interval_90_percent")
    if interval:
        low, high = (shown(end, "lesion_percent") for end in interval)
        found.append(words("report.answer.interval", low=low, high=high))
    else:
        found.append(words("report.answer.no_interval"))
    if summary.get("below_detection_limit"):
        limit = f"{summary['detection_limit_percent']:g}"
        found.append(words("report.answer.below_limit", limit=limit))
    return found


def _where(result: Result, words: Words) -> list[str]:
    regions, count = result["regions"], len(result["lesions"])
    found = []
    sides = [regions[side].get("lesion_percent") for side in ("right-lung", "left-lung")]
    most = max(ZONES, key=lambda zone: regions[zone.value].get("lesion_ml") or 0.0).value
    if all(side is not None for side in sides) and regions[most].get("lesion_ml"):
        found.append(
            words(
                "report.answer.where",
                right=shown(sides[0], "lesion_percent"),
                left=shown(sides[1], "lesion_percent"),
                region=words(f"report.in.{most}"),
                ml=shown(regions[most]["lesion_ml"], "lesion_ml"),
            )
        )
    which = {0: "count_none", 1: "count_one"}.get(count, "count")
    return [*found, words(f"report.answer.{which}", count=count)]


def _how_dense(result: Result, words: Words) -> list[str]:
    lungs = result["regions"]["lungs"]
    mean, high, lesion = (
        lungs.get(key) for key in ("lesion_mean_hu", "high_opacity_ml", "lesion_ml")
    )
    if mean is None or high is None or not lesion:
        return []
    share = shown(100 * high / lesion, "high_percent")
    hu, ml = shown(mean, "lesion_mean_hu"), shown(high, "high_opacity_ml")
    return [words("report.answer.density", hu=hu, share=share, ml=ml)]


def _since_when(result: Result, words: Words) -> list[str]:
    prior = result.get("prior")
    change = prior and prior["regions"].get("lungs", {}).get("lesion_percent")
    if not prior or not change:
        return [words("report.answer.no_prior")]
    date, days = prior["study"].get("date"), prior.get("days")
    kind = {0: "change_same_day", 1: "change_one"}.get(days, "change")
    before, now = (shown(change[key], "lesion_percent") for key in ("before", "now"))
    kind = kind if date and days is not None else "change_undated"
    found = [words(f"report.answer.{kind}", date=date, days=days, before=before, now=now)]
    if prior.get("within_interval"):
        found.append(words("report.answer.within_interval"))
    return found


def check_lines(checks: Sequence[Mapping[str, Any]], words: Words) -> list[tuple[str, str]]:
    """Severity and sentence of each check, the gravest first.

    In English the check's own sentence; in another language that of the code, unless it wants a
    value that the check does not carry.
    """
    order = ("reject", "warning", "info")
    ordered = sorted(checks, key=lambda check: order.index(check["severity"]))
    return [
        (check["severity"], words.check(check["code"], str(check["message"]), check["detail"]))
        for check in ordered
    ]


def unit_quantities() -> tuple[Quantity, ...]:
    """The columns of the page's table."""
    return (
        Quantity.VOLUME_ML,
        Quantity.LESION_ML,
        Quantity.LESION_PERCENT,
        Quantity.HIGH_OPACITY_ML,
        Quantity.HIGH_OPACITY_PERCENT,
        Quantity.LOW_ATTENUATION_PERCENT,
        Quantity.MEAN_HU,
        Quantity.LESION_MEAN_HU,
        Quantity.LESION_COUNT,
    )
