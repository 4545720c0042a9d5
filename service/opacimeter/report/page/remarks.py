"""Below the pictures: the comparison, who looked at it, and the checks."""

from collections.abc import Mapping
from typing import Any, Final

from opacimeter.findings import Quantity, Region
from opacimeter.language import Words
from opacimeter.report.page import wording
from opacimeter.report.page.paper import Box, Colour, Paper, Shade

__all__ = ["comparison", "remarks", "remarks_height"]

_LINE: Final = 3.9
_CHECKS: Final = 5
_LETTERS: Final = 2000
"""More of a text than fits a page is not looked at."""

Result = Mapping[str, Any]


def remarks_height(content: Result) -> float:
    """Room for `remarks` in mm: more checks, more room, to a limit."""
    reviewed = sum(bool(content.get(name)) for name in ("correction", "review"))
    lines = min(max(len(content["checks"]), 1), _CHECKS) + max(reviewed, 1)
    return 2.5 + _LINE * lines


def comparison(paper: Paper, box: Box, prior: Result, words: Words) -> None:
    """Before, now and change of both lungs and of each side, and what to mind."""
    date = prior["study"].get("date")
    heading = words("report.prior", date=date) if date else words("report.prior.undated")
    left, right = box.columns((124, 60), gap=4)
    names = (Quantity.LESION_ML, Quantity.LESION_PERCENT, Quantity.VOLUME_ML)
    rows = [[heading, *(words(f"report.prior.{name}") for name in names)]]
    for region in (Region.LUNGS, Region.RIGHT_LUNG, Region.LEFT_LUNG):
        changes = prior["regions"].get(region.value, {})
        cells = [_step(changes.get(name.value), name.value, words) for name in names]
        rows.append([words(f"report.region.{region}"), *cells])
    for number, cells in enumerate(rows):
        line = Box(left.x, left.y + 0.6 + 4.6 * number, left.width, 4.6)
        colour = Shade.INK if number else Shade.FAINT
        for place, cell in zip(line.columns((30, 34, 30, 34), gap=1), cells, strict=True):
            paper.line(place, cell, 7.5, colour=colour)
    caveats = [words(key) for key in _caveats(prior) if key in words]
    text = words("report.sentence.separator").join(caveats)
    paper.text(Box(right.x, right.y + 0.6, right.width, box.height - 2), text, 7.5)


def _caveats(prior: Result) -> list[str]:
    return [f"report.caveat.{caveat['code']}" for caveat in prior.get("caveats", ())]


def _step(change: Mapping[str, float] | None, quantity: str, words: Words) -> str:
    if not change:
        return "–"
    before, now = (wording.shown(change[key], quantity) for key in ("before", "now"))
    moved = wording.signed(change["change"], quantity)
    return words("report.prior.step", before=before, now=now, change=moved)


def remarks(paper: Paper, box: Box, content: Result, words: Words) -> None:
    """Corrections, review and checks; checks that find no room are counted."""
    paper.rule((box.x, box.y), (box.right, box.y), Shade.LINE)
    lines = [(text, Shade.INK) for text in _people_said(content, words)]
    lines += _check_lines(content, words)
    for number, (text, colour) in enumerate(lines):
        line = Box(box.x, box.y + 1.0 + number * _LINE, box.width, _LINE)
        paper.line(line, text[:_LETTERS], 7.8, colour=colour)


def _check_lines(content: Result, words: Words) -> list[tuple[str, Colour]]:
    found = wording.check_lines(content["checks"], words)
    if not found:
        none = words("report.checks.none")
        return [(words("report.checks.line", kind=words("report.checks"), text=none), Shade.INK)]
    kept = found if len(found) <= _CHECKS else found[: _CHECKS - 1]
    lines = [
        (
            words("report.checks.line", kind=words(f"report.severity.{severity}"), text=text),
            Shade.INK if severity == "info" else Shade.ALARM,
        )
        for severity, text in kept
    ]
    if len(kept) < len(found):
        more = words("report.checks.more", count=len(found) - len(kept))
        lines.append((more, Shade.ALARM))
    return lines


def _people_said(content: Result, words: Words) -> list[str]:
    review, correction = content.get("review"), content.get("correction")
    said = []
    if correction:
        said.append(
            words("report.correction", **{k: correction[k] for k in ("author", "of", "reason")})
        )
    if review and f"report.review.{review['state']}" in words:
        key = f"report.review.{review['state']}"
        said.append(words(key, author=review["author"], reason=review["reason"]))
    return said or [words("report.review.none")]
