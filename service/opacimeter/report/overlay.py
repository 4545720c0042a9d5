"""overlay.png: a contact sheet of axial slices with the outlines of lung and lesion."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from opacimeter.findings import Assessment, Label, Quantity
from opacimeter.record import Record
from opacimeter.report.drawing import LUNG_WINDOW, outlined, windowed
from opacimeter.report.result import NOTICE
from opacimeter.volume import oriented, swaps_rows_and_columns

__all__ = ["write_overlay"]

ROWS, COLUMNS = 4, 6
TILE = 360
HEADER = 64
MARGIN_MM = 12.0
INK = (235, 235, 235)
FAINT = (160, 160, 160)


def write_overlay(path: Path, assessment: Assessment, record: Record) -> None:
    """Draw 24 slices from the top of the lungs to their base.

    As a radiologist faces the patient: the patient's right is on the left of each picture.
    """
    affine = assessment.volume.affine
    hu = oriented(assessment.volume.hu, affine)
    labels = oriented(assessment.segmentation.labels, affine)
    _, row_mm, column_mm = assessment.volume.spacing_mm
    if swaps_rows_and_columns(affine):
        row_mm, column_mm = column_mm, row_mm
    box = _box(labels, row_mm, column_mm)
    sheet = Image.new("RGB", (COLUMNS * TILE, HEADER + ROWS * TILE))
    _write_header(ImageDraw.Draw(sheet), assessment, record)
    for number, index in enumerate(_indices(labels)):
        picture = _tile(hu[index][box], labels[index][box], (row_mm, column_mm))
        place = (number % COLUMNS * TILE, HEADER + number // COLUMNS * TILE)
        sheet.paste(picture, place)
        z_mm = float(assessment.profile.position_mm[index])
        _caption(ImageDraw.Draw(sheet), place, f"{index + 1}/{len(hu)}   z {z_mm:.0f} mm")
    sheet.save(path, format="PNG", optimize=False)


def _indices(labels: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Evenly spread slices from the first to the last that shows lung."""
    lung = np.flatnonzero(labels.any((1, 2)))
    count = min(ROWS * COLUMNS, len(lung))
    return lung[np.linspace(0, len(lung) - 1, count).round().astype(np.intp)]


def _box(labels: NDArray[np.uint8], row_mm: float, column_mm: float) -> tuple[slice, slice]:
    """A square in mm around the lungs, the same in every tile."""
    flat = labels.any(0)
    spans = []
    for axis, mm in ((1, row_mm), (0, column_mm)):
        found = np.flatnonzero(np.any(flat, axis=axis)) * mm
        spans.append(((found[0] + found[-1]) / 2, (found[-1] - found[0]) / 2 + MARGIN_MM))
    half = max(span[1] for span in spans)
    sides = []
    for (centre, _), mm, size in zip(spans, (row_mm, column_mm), flat.shape, strict=True):
        first = max(round((centre - half) / mm), 0)
        sides.append(slice(first, min(round((centre + half) / mm) + 1, size)))
    return sides[0], sides[1]


def _tile(
    hu: NDArray[np.int16], labels: NDArray[np.uint8], pixel_mm: tuple[float, float]
) -> Image.Image:
    """One slice, drawn in equal mm, lesion outlined in orange and lung in blue."""
    height, width = hu.shape[0] * pixel_mm[0], hu.shape[1] * pixel_mm[1]
    scale = TILE / max(height, width)
    size = (round(width * scale), round(height * scale))
    grey = Image.fromarray(windowed(hu, LUNG_WINDOW)).resize(size, Image.Resampling.BICUBIC)
    drawn = outlined(
        np.asarray(grey), _resized(labels > 0, size), _resized(labels >= Label.LEFT_LESION, size)
    )
    tile = Image.new("RGB", (TILE, TILE))
    tile.paste(Image.fromarray(drawn), ((TILE - size[0]) // 2, (TILE - size[1]) // 2))
    return tile


def _resized(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    picture = Image.fromarray(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(picture) > 127


def _caption(draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str) -> None:
    x, y = place
    small, letter = ImageFont.load_default(14), ImageFont.load_default(18)
    for dx, dy, words, font in (
        (8, TILE - 24, text, small),
        (6, TILE // 2 - 10, "R", letter),
        (TILE - 18, TILE // 2 - 10, "L", letter),
    ):
        draw.text((x + dx, y + dy), words, INK, font=font, stroke_width=2, stroke_fill=(0, 0, 0))


def _made(record: Record) -> str:
    if record.correction is None:
        return f"version {record.version}"
    return f"version {record.version}, corrected by a person from version {record.correction.of}"


def _write_header(draw: ImageDraw.ImageDraw, assessment: Assessment, record: Record) -> None:
    """Scores, what the colours mean, and what this may be used for."""
    lung, lesion = assessment.value(Quantity.VOLUME_ML), assessment.value(Quantity.LESION_ML)
    percent = assessment.value(Quantity.LESION_PERCENT)
    network = assessment.segmentation.network
    large, small = ImageFont.load_default(24), ImageFont.load_default(16)
    draw.text(
        (12, 6),
        f"Opacity {lesion or 0:.0f} ml of {lung or 0:.0f} ml lung: {percent or 0:.1f} %"
        f"   {_made(record)}",
        INK,
        font=large,
    )
    draw.text(
        (12, 38),
        f"orange: opacity   blue: lung   window {LUNG_WINDOW[0]}/{LUNG_WINDOW[1]} HU   "
        f"model {network.name} {network.version}   {NOTICE}",
        FAINT,
        font=small,
    )
