"""The two small charts: volume by attenuation, area from apex to base."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from opacimeter.language import Words
from opacimeter.report.page.paper import Box, Paper, Shade
from opacimeter.report.page.wording import plain

__all__ = ["histogram", "profile"]

_SMALL: Final = 6.0
_BETWEEN_HU: Final = (-1000.0, 200.0)
_TICKS_HU: Final = (-1000, -800, -600, -400, -200, 0, 200)


def histogram(paper: Paper, box: Box, content: Mapping[str, Any], words: Words) -> None:
    """Share of each one's volume a bin of lung and of lesion; each curve by its own scale.

    The bins are those of the result; what lies beyond the ends of the axis is not drawn.
    """
    plot = _framed(paper, box, words("report.histogram"), words)
    edges: Sequence[float] = content["edges_hu"]
    middles = [(low + high) / 2 for low, high in pairwise(edges)]
    shares = [_shares(content[name]) for name in ("lungs_ml", "lesion_ml")]
    top = max((max(each, default=0.0) for each in shares), default=0.0)
    if top == 0:
        return
    low, high = _BETWEEN_HU
    for values, colour in zip(shares, (Shade.LUNG, Shade.LESION), strict=True):
        if not values:
            continue
        points = [
            (plot.x + (hu - low) / (high - low) * plot.width, plot.bottom - v / top * plot.height)
            for hu, v in zip(middles, values, strict=True)
            if low <= hu <= high
        ]
        paper.curve(points, colour)
    for tick in _TICKS_HU:
        x = plot.x + (tick - low) / (high - low) * plot.width
        _tick(paper, (x, plot.bottom), plain(tick))


def profile(paper: Paper, box: Box, content: Sequence[Mapping[str, float]], words: Words) -> None:
    """Areas of lung and lesion by slice, the apex at the left."""
    plot = _framed(paper, box, words("report.profile"), words)
    shown = [row for row in content if row["lung_cm2"] > 0]
    if len(shown) < 2:
        return
    first, last = shown[0]["position_mm"], shown[-1]["position_mm"]
    top = max(row["lung_cm2"] for row in shown)
    for name, colour, base in (
        ("lung_cm2", Shade.LUNG, None),
        ("lesion_cm2", Shade.LESION, plot.bottom),
    ):
        points = [
            (
                plot.x + (row["position_mm"] - first) / (last - first) * plot.width,
                plot.bottom - row[name] / top * plot.height,
            )
            for row in shown
        ]
        paper.curve(points, colour, base=base)
    paper.line(Box(plot.x + 0.6, plot.y - 0.4, 20, 3), f"{top:.0f} cm²", _SMALL, colour=Shade.FAINT)
    step = _round_step(abs(last - first) / 4)
    for count in range(int(abs(last - first) / step) + 1):
        x = plot.x + count * step / abs(last - first) * plot.width
        _tick(paper, (x, plot.bottom), f"{count * step:g}")


def _framed(paper: Paper, box: Box, title: str, words: Words) -> Box:
    """Title, legend and axis; returns where the curves go."""
    paper.line(Box(box.x, box.y, box.width - 22, 4), title, 7.0, colour=Shade.INK)
    x = box.right - 21
    for name, colour in (("report.lung", Shade.LUNG), ("report.lesion", Shade.LESION)):
        paper.fill(Box(x, box.y + 1.1, 2.2, 0.8), colour)
        paper.line(Box(x + 2.8, box.y + 0.2, 8, 3), words(name), _SMALL, colour=Shade.FAINT)
        x += 10
    plot = Box(box.x + 1, box.y + 5, box.width - 2, box.height - 9)
    paper.rule((plot.x, plot.bottom), (plot.right, plot.bottom), Shade.FAINT)
    return plot


def _tick(paper: Paper, place: tuple[float, float], text: str) -> None:
    x, y = place
    paper.rule((x, y), (x, y + 0.8), Shade.FAINT)
    paper.line(Box(x - 5, y + 1.0, 10, 3), text, _SMALL, colour=Shade.FAINT, align="middle")


def _shares(values_ml: Sequence[float]) -> list[float]:
    """Each as a part of their sum; nothing where that is zero, as of lesions where none is."""
    total = sum(values_ml)
    return [value / total for value in values_ml] if total else []


def _round_step(rough: float) -> float:
    """1, 2 or 5 times a power of ten, not below the rough step."""
    power: float = 10.0 ** math.floor(math.log10(max(rough, 1e-6)))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
