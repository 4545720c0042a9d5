"""Checks that need the lungs: is it a chest, is it whole, how was it breathed and enhanced."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from opacimeter.assess.bundle import Bundle
from opacimeter.checks import Check
from opacimeter.errors import IntakeRejected
from opacimeter.findings import Label, Measurement, Quantity, Region
from opacimeter.volume import Volume, oriented, swaps_rows_and_columns

__all__ = ["check_lungs"]

SMALLEST_CHEST_ML = 250.0
SHORTEST_LUNG_MM = 60.0
SMALL_LUNG_ML = 1500.0
CUT_OFF_CM2 = 2.0
PADDING_HU = -1024
CONTRAST_HU = 90.0
"""Blood measures 30–50 HU without contrast medium and well above 100 HU with it."""
FLAT_TRACHEA = 0.6
"""Sagittal by coronal diameter; about 1 in inspiration, the hind wall bows inward in expiration
(Stern 1993, doi:10.1148/radiology.187.1.8451427)."""

LEFT = (Label.LEFT_LUNG, Label.LEFT_LESION)
RIGHT = (Label.RIGHT_LUNG, Label.RIGHT_LESION)


def check_lungs(
    volume: Volume,
    labels: NDArray[np.uint8],
    measurements: tuple[Measurement, ...],
    bundle: Bundle | None,
) -> tuple[Check, ...]:
    """The checks on a segmented volume.

    Args:
        volume: The study.
        labels: uint8 (slice, row, column), values of `findings.Label`.
        measurements: Of these labels.
        bundle: Whose limits hold; None where a person made the labels.

    Raises:
        IntakeRejected: There is no chest in it (`not-chest`).
    """
    values = {row.quantity: row.value for row in measurements if row.region is Region.LUNGS}
    lung_ml = values.get(Quantity.VOLUME_ML, 0.0)
    height_mm = np.count_nonzero(labels.any((1, 2))) * abs(volume.affine[2, 0])
    if lung_ml < SMALLEST_CHEST_ML or height_mm < SHORTEST_LUNG_MM:
        raise IntakeRejected((*volume.checks, _not_chest(lung_ml, height_mm)), volume.series.header)
    known = {check.code for check in volume.checks}
    found = (
        *_size(lung_ml),
        *_cut_off(volume, labels),
        *_contrast(volume, labels),
        *_expiration(volume, labels),
        *(_range(volume, bundle) if bundle else ()),
        *(_limit(values[Quantity.LESION_PERCENT], bundle) if bundle else ()),
    )
    return tuple(check for check in found if check.code not in known)


def _not_chest(lung_ml: float, height_mm: float) -> Check:
    return Check(
        "not-chest",
        f"{lung_ml:.0f} ml of lung over {height_mm:.0f} mm were found; a chest has at least "
        f"{SMALLEST_CHEST_ML:.0f} ml over {SHORTEST_LUNG_MM:.0f} mm. Choose a series that shows "
        "the lungs.",
        {"lung_ml": round(lung_ml, 1), "height_mm": round(float(height_mm), 1)},
    )


def _size(lung_ml: float) -> Iterator[Check]:
    if lung_ml < SMALL_LUNG_ML:
        yield Check(
            "small-lung",
            f"The lungs measure {lung_ml:.0f} ml, below {SMALL_LUNG_ML:.0f} ml: shallow breath, "
            "a small patient, or lung that was not found.",
            {"lung_ml": round(lung_ml, 1), "limit_ml": SMALL_LUNG_ML},
        )


def _cut_off(volume: Volume, labels: NDArray[np.uint8]) -> Iterator[Check]:
    slice_mm, row_mm, column_mm = volume.spacing_mm
    cm2 = row_mm * column_mm / 100.0
    areas = {
        "top": np.count_nonzero(labels[0]) * cm2,
        "bottom": np.count_nonzero(labels[-1]) * cm2,
    }
    at_edge = np.count_nonzero(labels[:, _edge_of_field(volume.hu)])
    areas["side"] = at_edge * slice_mm * max(row_mm, column_mm) / 100.0
    cut = [place for place, area in areas.items() if area > CUT_OFF_CM2]
    if cut:
        yield Check(
            "lung-cut-off",
            f"The lung is cut off at the {' and the '.join(cut)} of the images; volumes are those "
            "of the part that is shown.",
            {place: round(float(areas[place]), 1) for place in cut},
        )


def _edge_of_field(hu: NDArray[np.int16]) -> NDArray[np.bool_]:
    """The outermost pixels (row, column) of the field, which may be round and padded around."""
    field = ndimage.binary_fill_holes(np.asarray(np.any(hu > PADDING_HU, axis=0)))
    edge: NDArray[np.bool_] = field & ~ndimage.binary_erosion(field)
    return edge


def _contrast(volume: Volume, labels: NDArray[np.uint8]) -> Iterator[Check]:
    heart = _heart_hu(volume, labels)
    if len(heart) and float(np.median(heart)) > CONTRAST_HU:
        yield Check(
            "contrast-medium",
            f"The heart measures {np.median(heart):.0f} HU, above {CONTRAST_HU:.0f} HU: contrast "
            "medium raises the density of lung and lesion.",
            {"heart_hu": round(float(np.median(heart)), 1)},
        )


def _heart_hu(volume: Volume, labels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Soft tissue between the lungs, in the front two thirds, in the lower half of their height."""
    hu, sides = oriented(volume.hu, volume.affine), oriented(labels, volume.affine)
    slices = np.flatnonzero(labels.any((1, 2)))
    chosen = slices[(0.5 * len(slices) <= np.arange(len(slices)))][: len(slices) // 4 : 2]
    samples = [np.empty(0, dtype=np.float32)]
    for index in chosen:
        left, right = np.isin(sides[index], LEFT), np.isin(sides[index], RIGHT)
        rows = np.flatnonzero(left.any(1) & right.any(1))
        if len(rows) < 12:
            continue
        front = rows[: 2 * len(rows) // 3]
        smooth = ndimage.uniform_filter(hu[index].astype(np.float32), 5)
        for row in front[::4]:
            start, stop = np.flatnonzero(right[row])[-1] + 4, np.flatnonzero(left[row])[0] - 4
            between = smooth[row, start : max(start, stop)]
            samples.append(between[(between > 0) & (between < 500)])
    return np.concatenate(samples)


def _expiration(volume: Volume, labels: NDArray[np.uint8]) -> Iterator[Check]:
    ratios = _trachea_ratios(volume, labels)
    if len(ratios) >= 5 and float(np.median(ratios)) < FLAT_TRACHEA:
        yield Check(
            "expiration",
            f"The trachea is flat (depth {np.median(ratios):.2f} of its width, below "
            f"{FLAT_TRACHEA}): the scan may be in expiration, which makes lung denser.",
            {"depth_by_width": round(float(np.median(ratios)), 2)},
        )


def _trachea_ratios(volume: Volume, labels: NDArray[np.uint8]) -> list[float]:
    """Depth by width of the trachea in slices through the upper fifth of the lungs.

    It is looked for within 30 mm of the middle between the lungs' outer borders.
    """
    hu, lungs = oriented(volume.hu, volume.affine), oriented(labels, volume.affine)
    slices = np.flatnonzero(labels.any((1, 2)))
    _, row_mm, column_mm = volume.spacing_mm
    if swaps_rows_and_columns(volume.affine):
        row_mm, column_mm = column_mm, row_mm
    columns = np.flatnonzero(lungs.any((0, 1)))
    centre, reach = (columns[0] + columns[-1]) / 2, round(50 / column_mm)
    strip = slice(max(0, int(centre) - reach), int(centre) + reach + 1)
    ratios = []
    for index in slices[: max(1, len(slices) // 5)]:
        air = (hu[index][:, strip] < -850) & (lungs[index][:, strip] == 0)
        pieces, _ = ndimage.label(air)
        for span in ndimage.find_objects(pieces):
            depth = (span[0].stop - span[0].start) * row_mm
            width = (span[1].stop - span[1].start) * column_mm
            middle = strip.start + (span[1].start + span[1].stop) / 2
            near = abs(middle - centre) * column_mm < 30
            if near and 8 <= width <= 32 and 4 <= depth <= 35:
                ratios.append(float(depth / width))
    return ratios


def _range(volume: Volume, bundle: Bundle) -> Iterator[Check]:
    low, high = bundle.evaluated.get("slice_mm", (0.0, np.inf))
    slice_mm = volume.spacing_mm[0]
    if not low - 0.05 <= slice_mm <= high + 0.05:
        yield Check(
            "outside-evaluated-range",
            f"Slices lie {slice_mm:.2f} mm apart; the model was evaluated from {low:g} to "
            f"{high:g} mm.",
            {"slice_mm": round(slice_mm, 3), "evaluated_mm": [low, high]},
        )


def _limit(lesion_percent: float, bundle: Bundle) -> Iterator[Check]:
    limit = bundle.detection_limit
    if limit and 0 < lesion_percent < limit.percent:
        yield Check(
            "lesion-at-limit",
            f"{lesion_percent:.2f} % of the lung is marked, below the {limit.percent:.2f} % that "
            f"the model marks at most on {limit.chests} healthy chests: it cannot be told from "
            "none.",
            {"lesion_percent": round(lesion_percent, 3), "limit_percent": limit.percent},
        )
