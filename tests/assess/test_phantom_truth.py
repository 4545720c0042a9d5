"""The ruler itself: measured on the phantom's true masks it says what the phantom says."""

import pytest

from opacimeter.assess.measure import measure
from opacimeter.findings import ZONES, Quantity, Region
from tests.boxes import volume_of
from training.phantom import Patient, Position, Scan, scan, spread
from training.phantom.compare import comparison

COARSE = {"slices": 30, "rows": 80, "columns": 96, "spacing_mm": (9.0, 4.6, 3.9)}
SCANS = {
    "supine": {},
    "tilted": {"tilt_degrees": 18.0},
    "rows flipped": {"flipped_rows": True},
    "columns flipped": {"flipped_columns": True},
    "both flipped": {"flipped_rows": True, "flipped_columns": True},
    "prone": {"position": Position.HFP},
    "feet first": {"position": Position.FFS},
    "on the left side": {"position": Position.HFDL},
    "on the right side": {"position": Position.FFDR},
    "tilted, prone and mirrored": {
        "tilt_degrees": -12.0,
        "position": Position.FFP,
        "flipped_columns": True,
    },
}
NAMES = {
    "lungs": (Region.LUNGS, Quantity.VOLUME_ML),
    "left_lung": (Region.LEFT_LUNG, Quantity.VOLUME_ML),
    "right_lung": (Region.RIGHT_LUNG, Quantity.VOLUME_ML),
    "lesion": (Region.LUNGS, Quantity.LESION_ML),
    "left_lesion": (Region.LEFT_LUNG, Quantity.LESION_ML),
    "right_lesion": (Region.RIGHT_LUNG, Quantity.LESION_ML),
}


def measured(**protocol):
    patient = Patient(lesions=spread(12.0, seed=4))
    hu, truth = scan(patient, Scan(**{**COARSE, **protocol}))
    return measure(volume_of(hu, affine=truth.affine), truth.labels), truth


@pytest.mark.parametrize("protocol", SCANS.values(), ids=SCANS.keys())
def test_the_true_masks_measure_as_the_phantom_says(protocol):
    found, truth = measured(**protocol)
    values = {(row.region, row.quantity): row.value for row in found.measurements}
    for name, key in NAMES.items():
        assert values[key] == pytest.approx(truth.volumes_ml[name], rel=0.01)
    assert values[Region.LUNGS, Quantity.LESION_PERCENT] == pytest.approx(
        truth.lesion_percent, rel=0.01
    )
    zones = sum(values[zone, Quantity.VOLUME_ML] for zone in ZONES)
    assert zones == pytest.approx(truth.volumes_ml["lungs"])


@pytest.mark.parametrize("protocol", SCANS.values(), ids=SCANS.keys())
def test_a_lesion_lies_on_the_same_side_of_the_patient_however_he_was_scanned(protocol):
    found, _ = measured(**protocol)
    for lesion in found.lesions:
        # The phantom stands at the middle of its coordinates, +x is its left.
        side = "left" if lesion.centre_mm[0] > 0 else "right"
        assert lesion.region.startswith(side)


def test_the_zones_stand_one_above_the_other_in_a_tilted_scan_as_in_a_straight_one():
    straight, _ = measured(slices=40, top_mm=190.0)
    tilted, _ = measured(slices=40, top_mm=190.0, tilt_degrees=18.0)
    shares = []
    for found in (straight, tilted):
        values = {row.region: row.value for row in found.measurements
                  if row.quantity is Quantity.VOLUME_ML}  # fmt: skip
        shares.append([values[zone] / values[Region.LUNGS] for zone in ZONES])
    assert shares[1] == pytest.approx(shares[0], abs=0.02)


def result(**regions):
    quantities = ("volume_ml", "lesion_ml")
    return {
        "status": "complete",
        "summary": {"lesion_percent": 6.0},
        "regions": {
            name.replace("_", "-"): dict(zip(quantities, values, strict=True))
            for name, values in regions.items()
        },
        "seconds": {"total": 3.0},
        "notice": "Research use only.",
    }


def truth_of(left_lesion, right_lesion):
    return {
        "volumes_ml": {
            "lungs": 2000.0, "left_lung": 900.0, "right_lung": 1100.0,
            "lesion": left_lesion + right_lesion,
            "left_lesion": left_lesion, "right_lesion": right_lesion,
        },
        "lesion_percent": (left_lesion + right_lesion) / 20,
    }  # fmt: skip


def test_the_comparison_gives_percent_of_the_truth_and_a_dash_where_that_is_nothing():
    table = comparison(
        truth_of(100.0, 0.0),
        result(lungs=(2100.0, 120.0), left_lung=(900.0, 110.0), right_lung=(1200.0, 10.0)),
    ).splitlines()
    assert table[1].split() == ["lungs", "ml", "2100.0", "2000.0", "+5.0", "%"]
    assert table[5].split() == ["left", "lesion", "ml", "110.0", "100.0", "+10.0", "%"]
    assert table[6].split() == ["right", "lesion", "ml", "10.0", "0.0", "–"]
    assert table[7].split() == ["lesion", "%", "6.00", "5.00", "+1.00", "points"]


def test_a_lung_that_was_not_found_compares_as_nothing():
    found = result(lungs=(900.0, 54.0), left_lung=(900.0, 54.0))
    found["regions"]["right-lung"] = {}
    table = comparison(truth_of(54.0, 46.0), found).splitlines()
    assert table[3].split() == ["right", "lung", "ml", "0.0", "1100.0", "-100.0", "%"]


def test_a_rejected_study_says_why_instead():
    rejected = {"status": "rejected", "checks": [{"message": "5 slices; 10 are needed."}]}
    assert comparison(truth_of(1.0, 1.0), rejected) == "rejected: 5 slices; 10 are needed."
