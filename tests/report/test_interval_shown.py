"""The interval in the result and in the table, and the grade it leaves open."""

from dataclasses import replace

import pytest

from opacimeter.report import table_row
from opacimeter.report.result import near_boundary, result


def test_the_interval_stands_beside_the_percentage_it_belongs_to(assessment, record):
    # 1.25 % was found: grade 1, which ends at 5.
    calibrated = replace(assessment, interval_90_percent=(0.12345, 4.4))
    summary = result(calibrated, record)["summary"]
    assert summary["interval_90_percent"] == [0.123, 4.4]
    assert summary["ct_ss"] == {"grade": 1, "near_boundary": False}
    row = table_row(calibrated, record)
    assert (row["interval_90_low_percent"], row["interval_90_high_percent"]) == ("0.123", "4.4")
    assert (row["ct_ss"], row["ct_ss_near_boundary"]) == ("1", "false")


def test_a_grade_that_the_interval_leaves_open_is_marked(assessment, record):
    open_grade = replace(assessment, interval_90_percent=(0.5, 5.2))
    assert result(open_grade, record)["summary"]["ct_ss"] == {"grade": 1, "near_boundary": True}
    assert table_row(open_grade, record)["ct_ss_near_boundary"] == "true"


def test_without_an_interval_what_hangs_on_it_is_absent(assessment, record):
    summary = result(assessment, record)["summary"]
    assert "interval_90_percent" not in summary
    assert "near_boundary" not in summary["ct_ss"]
    row = table_row(assessment, record)
    assert row["interval_90_low_percent"] == row["ct_ss_near_boundary"] == ""


@pytest.mark.parametrize(
    ("percent", "interval", "near"),
    [
        (10.0, (5.0, 24.9), False),
        (10.0, (4.9, 24.0), True),
        (10.0, (5.0, 25.0), True),  # 25 belongs to the next grade
        (80.0, (75.0, 100.0), False),
        (60.0, (20.0, 90.0), True),
    ],
)
def test_an_interval_crosses_a_boundary_where_a_grade_begins(percent, interval, near):
    assert near_boundary(percent, interval) is near
