"""Frames of the secondary capture: the table, then key slices with words burned in."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from opacimeter.findings import Quantity, Region
from opacimeter.language import Words
from opacimeter.report.drawing import LUNG_WINDOW
from opacimeter.report.page import FONT_FILE, plain, shown
from opacimeter.report.pictures import SIDE, Picture, Pictures

__all__ = ["FRAME_SHAPE", "frames"]

_STRIP: Final = 28
FRAME_SHAPE: Final = (SIDE + 2 * _STRIP, SIDE)
"""Rows and columns: a picture with a strip of words above and below."""
_INK: Final = (235, 235, 235)
_FAINT: Final = (170, 170, 170)
_ALARM: Final = (255, 170, 90)
_LANGUAGE: Final = "en"
_COLUMNS: Final = (
    Quantity.VOLUME_ML,
    Quantity.LESION_ML,
    Quantity.LESION_PERCENT,
    Quantity.HIGH_OPACITY_PERCENT,
    Quantity.LESION_MEAN_HU,
)

Frame = NDArray[np.uint8]


def frames(pictures: Pictures, content: Mapping[str, Any]) -> Iterator[Frame]:
    """uint8 (row, column, 3) of `FRAME_SHAPE`: a table page, then the captured slices.

    Args:
        pictures: Of the assessment.
        content: Its result document.
    """
    words = Words(_LANGUAGE)
    yield _table(content, words)
    slices = content["series"]["slices"]
    for index in pictures.captured_slices:
        yield _slice(pictures.axial(index), slices, words)


def _slice(picture: Picture, slices: int, words: Words) -> Frame:
    """A slice with side letters, its place and the notice; nothing covers the lungs."""
    sheet = Image.new("RGB", FRAME_SHAPE[::-1])
    height, width = picture.rgb.shape[:2]
    corner = ((SIDE - width) // 2, _STRIP + (SIDE - height) // 2)
    sheet.paste(Image.fromarray(picture.rgb), corner)
    draw = ImageDraw.Draw(sheet)
    values = {"slice": picture.index + 1, "slices": slices, "z": plain(picture.position_mm)}
    _write(draw, (6, 5), words("report.pictures.axial", **values), 15)
    window = f"{plain(LUNG_WINDOW[0])}/{LUNG_WINDOW[1]} HU"
    _write(draw, (SIDE - 6, 5), window, 15, anchor="ra")
    _write(draw, (SIDE // 2, FRAME_SHAPE[0] - 23), words("report.notice"), 15, anchor="ma")
    _write(draw, (6, FRAME_SHAPE[0] // 2 - 12), words("report.right"), 20)
    _write(draw, (SIDE - 6, FRAME_SHAPE[0] // 2 - 12), words("report.left"), 20, anchor="ra")
    return np.asarray(sheet)


def _table(content: Mapping[str, Any], words: Words) -> Frame:
    """The numbers of the result, for who sees nothing but pictures."""
    sheet = Image.new("RGB", FRAME_SHAPE[::-1])
    draw = ImageDraw.Draw(sheet)
    _write(draw, (12, 10), words("report.title"), 20)
    _write(draw, (12, 40), words("report.notice"), 16, colour=_ALARM)
    y = 72
    for line in _lines(content, words):
        _write(draw, (12, y), line, 15)
        y += 23
    y += 10
    rights = [SIDE - 12 - 68 * place for place in range(len(_COLUMNS) - 1, -1, -1)]
    for right, quantity in zip(rights, _COLUMNS, strict=True):
        _write(draw, (right, y), words(f"report.quantity.{quantity}"), 11, _FAINT, anchor="ra")
    for region in Region:
        y += 26
        values = content["regions"][region.value]
        _write(draw, (12, y), words(f"report.region.{region}"), 15)
        for right, quantity in zip(rights, _COLUMNS, strict=True):
            cell = shown(values.get(quantity.value), quantity.value)
            _write(draw, (right, y), cell, 15, anchor="ra")
    model = content["model"]
    foot = f"{model['name']} {model['version']} · opacimeter {content['software']} · "
    foot += words("report.assessment", id=content["id"], version=content["version"])
    _write(draw, (12, FRAME_SHAPE[0] - 22), foot, 10, _FAINT)
    return np.asarray(sheet)


def _lines(content: Mapping[str, Any], words: Words) -> Iterator[str]:
    summary = content["summary"]
    percent = shown(summary.get("lesion_percent"), "lesion_percent")
    line = f"{words('report.score.lesion_percent')}: {percent} %"
    if summary.get("interval_90_percent"):
        low, high = (shown(end, "lesion_percent") for end in summary["interval_90_percent"])
        line += f", {words('report.score.interval', low=low, high=high)}"
    yield line
    if "ct_ss" in summary:
        grade = words("report.score.ct_ss.value", grade=summary["ct_ss"]["grade"])
        yield f"{words('report.score.ct_ss')}: {grade}"
    if "zone_score" in summary:
        score = words("report.score.zone.value", **summary["zone_score"])
        yield f"{words('report.score.zone')}: {score}"
    warned = [check["code"] for check in content["checks"] if check["severity"] == "warning"]
    if warned:
        yield f"{words('report.severity.warning')}: {', '.join(warned[:3])}" + (
            f" … ({len(warned)})" if len(warned) > 3 else ""
        )


def _write(  # noqa: PLR0913 - what a letter needs
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    text: str,
    size: int,
    colour: tuple[int, int, int] = _INK,
    *,
    anchor: str = "la",
) -> None:
    """Words with a dark rim, so that they are read over any grey; made smaller to fit."""
    while size > 8 and _font(size).getlength(text) > SIDE - 16:
        size -= 1
    draw.text(
        place, text, colour, font=_font(size), anchor=anchor, stroke_width=1, stroke_fill=(0, 0, 0)
    )


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONT_FILE, size)
