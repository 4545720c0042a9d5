"""A reader of our structured reports that knows the conformance statement and nothing of our code.

Codes are those of docs/pacs.md, written down again: what a hospital's own reader would go by.
"""

from collections.abc import Iterator
from dataclasses import dataclass
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

OVERALL = ("interval-90-low", "interval-90-high", "detection-limit", "ct-ss", "zone-score")


@dataclass(frozen=True)
class Numbers:
    """What a report says.

    Attributes:
        regions: Every number of a region, laid out as in result.json.
        overall: What has a code of our own and stands beside the lesions of both lungs.
        others: Names of measurements that the conformance statement does not tell of.
    """

    regions: dict[str, dict[str, float]]
    overall: dict[str, float]
    others: list[str]


def read(report: Dataset) -> Numbers:
    """Read a report; no number stands there twice."""
    told = Numbers({}, {}, [])
    for region, finding, one in _measurements(report):
        name = one.name.value
        derivation = one.derivation.value if one.derivation else None
        quantity = QUANTITIES.get((finding, name, derivation, one.unit.value))
        if quantity is not None:
            place = told.regions.setdefault(region, {})
        elif (region, finding, name) in {("lungs", LESION, each) for each in OVERALL}:
            place, quantity = told.overall, name
        else:
            told.others.append(name)
            continue
        assert quantity not in place, (region, quantity)
        place[quantity] = float(one.value)
    return told


def _measurements(report: Dataset) -> Iterator[tuple[str, str, Any]]:
    content = highdicom.sr.Comprehensive3DSR.from_dataset(report, copy=False).content
    for group in (
        *content.get_volumetric_roi_measurement_groups(),
        *content.get_planar_roi_measurement_groups(),
        *content.get_image_measurement_groups(),
    ):
        (site,) = group.finding_sites
        region, finding = REGIONS[site.value.value, site.laterality.value], group.finding_type
        for one in group.get_measurements():
            yield region, finding.value, one
