"""The scores, each with the one line that defines it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opacimeter.language import Words
from opacimeter.report.page.paper import Box, Paper, Shade
from opacimeter.report.page.wording import shown

__all__ = ["scores"]

Result = Mapping[str, Any]

_SHARES = (1.0, 1.0, 1.0, 1.25, 1.25)
"""The scores with longer definitions come last."""


@dataclass(frozen=True, slots=True)
class _Score:
    name: str
    value: str
    what: str
    note: str = ""


def scores(paper: Paper, room: Box, content: Result, words: Words) -> None:
    """Draw the scores side by side."""
    found = _scores(content, words)
    row = Box(room.x, room.y, room.width, room.height - 3.0)
    for place, score in zip(row.columns(_SHARES[: len(found)], gap=2), found, strict=True):
        paper.frame(place, Shade.LINE)
        inside = place.inner(1.3)
        paper.line(inside, score.name, 7, colour=Shade.FAINT)
        paper.line(inside.below(3.3), score.value, 13)
        rest = inside.below(9.4)
        if score.note:
            rest = rest.below(paper.text(rest, score.note, 6.5) + 0.3)
        paper.text(rest, score.what, 6.5, colour=Shade.FAINT)


def _scores(content: Result, words: Words) -> list[_Score]:
    summary = content["summary"]
    found = [
        _score(
            "lesion_percent", _percent(summary, "lesion_percent"), words, _interval(summary, words)
        ),
        _score("lesion_ml", f"{shown(summary.get('lesion_ml'), 'lesion_ml')} ml", words),
        _score("high_opacity", _percent(summary, "high_opacity_percent"), words),
    ]
    if "ct_ss" in summary:
        grade = summary["ct_ss"]
        value = words("report.score.ct_ss.value", grade=grade["grade"])
        note = words("report.score.ct_ss.near") if grade.get("near_boundary") else ""
        found.append(_score("ct_ss", value, words, note))
    if "zone_score" in summary:
        value = words("report.score.zone.value", **summary["zone_score"])
        found.append(_score("zone", value, words))
    return found


def _score(name: str, value: str, words: Words, note: str = "") -> _Score:
    key = f"report.score.{name}"
    return _Score(words(key), value, words(f"{key}.what"), note)


def _percent(summary: Result, key: str) -> str:
    return f"{shown(summary.get(key), key)} %"


def _interval(summary: Result, words: Words) -> str:
    interval = summary.get("interval_90_percent")
    if not interval:
        return ""
    low, high = (shown(end, "lesion_percent") for end in interval)
    return words("report.score.interval", low=low, high=high)
