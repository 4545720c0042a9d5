import json
from dataclasses import replace

import pytest

from opacimeter.checks import Check
from opacimeter.errors import IntakeRejected
from opacimeter.findings import Measurement, Quantity, Region
from opacimeter.report.result import ct_ss, rejection_result, result, zone_score
from tests.boxes import header

FIELDS = """
schema id version status created patient study series checks summary regions lesions profile
histogram prior correction model software seconds notice
"""
SERIES_FIELDS = """
uid number description slices spacing_mm thickness_mm kernel kvp manufacturer model chosen_because
others
"""


def test_the_result_has_every_field_of_the_schema(assessment, record):
    found = result(assessment, record)
    assert " ".join(found) == " ".join(FIELDS.split())
    assert " ".join(found["series"]) == " ".join(SERIES_FIELDS.split())
    assert json.loads(json.dumps(found)) == found


def test_the_result_says_whose_study_it_is(assessment, record):
    found = result(assessment, record)
    assert found["patient"] == {
        "id": "P1",
        "issuer": "H1",
        "name": "Wang^XiaoDong",
        "birth_date": "1970-01-31",
        "sex": "M",
    }
    assert found["study"]["date"] == "2026-01-02"
    assert found["study"]["time"] == "14:05:33"
    assert found["series"]["kernel"] == "Br40d\\3"
    assert found["created"] == "2026-11-23T10:00:00Z"


def test_every_region_has_the_same_quantities_but_those_that_cannot_be_had(assessment, record):
    regions = result(assessment, record)["regions"]
    assert list(regions) == [region.value for region in Region]
    every = {quantity.value for quantity in Quantity}
    assert set(regions["right-lung"]) == every
    assert set(regions["left-lung"]) == every - {"lesion_mean_hu"}
    assert regions["lungs"]["lesion_count"] == 1
    assert isinstance(regions["lungs"]["lesion_count"], int)


def test_the_summary_quotes_the_rows(assessment, record):
    summary = result(assessment, record)["summary"]
    assert summary["lesion_ml"] == 1.2
    assert summary["lesion_percent"] == 1.25
    assert summary["ct_ss"] == {"grade": 1}
    assert summary["below_detection_limit"] is False


def test_without_a_detection_limit_what_hangs_on_it_is_absent(assessment, record):
    summary = result(replace(assessment, detection_limit_percent=None), record)["summary"]
    assert "below_detection_limit" not in summary
    assert "zone_score" not in summary


@pytest.mark.parametrize(
    ("percent", "grade"),
    [(0, 1), (4.99, 1), (5, 2), (24.99, 2), (25, 3), (49.9, 3), (50, 4), (74.9, 4), (75, 5)],
)
def test_ct_ss_begins_each_grade_at_its_lower_end(percent, grade):
    assert ct_ss(percent) == grade


def test_zone_score_closes_each_grade_at_its_upper_end(assessment):
    zones = list(Region)[3:]
    percents = (0.19, 0.2, 25.0, 25.1, 75.0, 75.1)  # 0 + 1 + 1 + 2 + 3 + 4
    rows = tuple(
        Measurement(Quantity.LESION_PERCENT, zone, percent)
        for zone, percent in zip(zones, percents, strict=True)
    )
    assert zone_score(replace(assessment, measurements=rows)) == 11


def test_seconds_add_up_to_the_total(assessment, record):
    assert result(assessment, record)["seconds"] == {
        "read": 0.5,
        "segment": 1.25,
        "measure": 0.25,
        "total": 2.0,
    }


def test_a_rejection_has_patient_and_checks_and_no_number(record):
    checks = (Check("too-few-slices", "5 slices; at least 10 are needed.", {"slices": 5}),)
    found = rejection_result(IntakeRejected(checks, header()), record)
    assert found["status"] == "rejected"
    assert found["patient"]["id"] == "P1"
    assert [check["code"] for check in found["checks"]] == ["too-few-slices"]
    absent = {"summary", "regions", "lesions", "profile", "histogram", "series"}
    assert absent.isdisjoint(found)


def test_a_bad_birth_date_is_absent_and_not_guessed(assessment, record):
    volume = assessment.volume
    for one in volume.series.slices:
        one.header.PatientBirthDate = ""
    assert result(assessment, record)["patient"]["birth_date"] is None
