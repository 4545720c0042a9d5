"""A reader of our structured reports that knows the conformance statement and nothing of our code.

Codes are those of docs/pacs.md, written down again: what a hospital's own reader would go by.
"""

from collections.abc import Iterator
from typing import Any

import highdicom
from pydicom import Dataset

LUNG, LESION, HIGH_OPACITY = "39607008", "52988006", "high-opacity"
MEAN, SD = "373098007", "386136009"
LEFT, RIGHT, BOTH = "7771000", "24028007", "51440002"
UPPER, MIDDLE, LOWER = "281392002", "281393007", "281394001"

REGIONS = {
    (LUNG, BOTH): "lungs", (LUNG, LEFT): "left-lung", (LUNG, RIGHT): "right-lung",
    (UPPER, LEFT): "left-upper", (MIDDLE, LEFT): "left-middle", (LOWER, LEFT): "left-lower",
    (UPPER, RIGHT): "right-upper", (MIDDLE, RIGHT): "right-middle", (LOWER, RIGHT): "right-lower",
}  # fmt: skip
"""By finding site and laterality."""

QUANTITIES = {
    (LUNG, "118565006", None, "cm3"): "volume_ml",
    (LUNG, "low-attenuation", None, "%"): "low_attenuation_percent",
    (LUNG, "118538004", None, "g"): "mass_g",
    (LUNG, "112031", MEAN, "[hnsf'U]"): "mean_hu",
    (LUNG, "112031", SD, "[hnsf'U]"): "sd_hu",
    (LESION, "118565006", None, "cm3"): "lesion_ml",
    (LESION, "113288", None, "%"): "lesion_percent",
    (LESION, "118538004", None, "g"): "lesion_mass_g",
    (LESION, "112031", MEAN, "[hnsf'U]"): "lesion_mean_hu",
    (LESION, "246206008", None, "1"): "lesion_count",
    (HIGH_OPACITY, "118565006", None, "cm3"): "high_opacity_ml",
    (HIGH_OPACITY, "113288", None, "%"): "high_opacity_percent",
}
"""By finding, name, derivation and unit."""


def measured(report: Dataset) -> dict[str, dict[str, float]]:
    """Every number of a region, laid out as in result.json; no number twice."""
    found: dict[str, dict[str, float]] = {}
    for region, finding, one in _measurements(report):
        derivation = one.derivation.value if one.derivation else None
        quantity = QUANTITIES.get((finding, one.name.value, derivation, one.unit.value))
        if quantity is not None:
            assert quantity not in found.setdefault(region, {}), (region, quantity)
            found[region][quantity] = float(one.value)
    return found


def overall(report: Dataset) -> dict[str, float]:
    """What has a code of our own and stands beside the lesions of both lungs."""
    return {
        one.name.value: float(one.value)
        for region, finding, one in _measurements(report)
        if (region, finding) == ("lungs", LESION) and one.name.scheme_designator == "99OPACIMETER"
    }


def count(report: Dataset) -> int:
    """Of all measurements."""
    return len(list(_measurements(report)))


def _measurements(report: Dataset) -> Iterator[tuple[str, str, Any]]:
    read = highdicom.sr.Comprehensive3DSR.from_dataset(report).content
    for group in (
        *read.get_volumetric_roi_measurement_groups(),
        *read.get_planar_roi_measurement_groups(),
        *read.get_image_measurement_groups(),
    ):
        (site,) = group.finding_sites
        region = REGIONS[site.value.value, site.laterality.value]
        for one in group.get_measurements():
            yield region, group.finding_type.value, one
