"""What changed since the earlier assessment, and what the change may owe."""

import json
from dataclasses import replace

import pytest

from opacimeter.record import Correction
from opacimeter.report import render
from opacimeter.report.comparison import compare, comparison_checks, mismatch_check
from opacimeter.report.result import compared, list_summary, result
from tests.followed import a_prior, a_result

BEFORE = a_result("2026-01-02", 4000.0, 400.0, interval=(7.0, 13.0))


def comparison(volume_ml=4000.0, lesion_ml=400.0, *, before=BEFORE, interval=None, **scan):
    now = a_result("2026-03-05", volume_ml, lesion_ml, interval=interval, **scan)
    return compare(now, a_prior(before))


def caveats(found):
    return {caveat["code"]: caveat["detail"] for caveat in found["caveats"]}


def test_every_region_tells_before_now_and_the_change_between():
    found = comparison(4100.0, 205.0)["regions"]
    # 100·205/4100 = 5 %; before 100·400/4000 = 10 %.
    assert found["lungs"] == {
        "volume_ml": {"before": 4000.0, "now": 4100.0, "change": 100.0},
        "lesion_ml": {"before": 400.0, "now": 205.0, "change": -195.0},
        "lesion_percent": {"before": 10.0, "now": 5.0, "change": -5.0},
        "high_opacity_percent": {"before": 0.0, "now": 0.0, "change": 0.0},
    }
    assert found["left-lung"]["volume_ml"] == {"before": 2000.0, "now": 2050.0, "change": 50.0}


def test_what_one_of_the_two_lacks_is_absent_and_no_change_of_zero():
    assert "high_opacity_percent" not in comparison()["regions"]["left-lung"]
    bare = {**BEFORE, "regions": {"lungs": {"lesion_ml": 400.0}}}
    assert comparison(before=bare)["regions"] == {
        "lungs": {"lesion_ml": {"before": 400.0, "now": 400.0, "change": 0.0}}
    }
    empty = comparison(before={"study": {}})
    assert (empty["regions"], empty["days"], empty["within_interval"]) == ({}, None, None)
    assert empty["caveats"] == []


def test_it_says_which_assessment_and_how_long_ago():
    found = comparison()
    assert found["days"] == 62  # 29 to the end of January, 28 in February, 5 in March
    assert found["study"] == {"uid": "1.1", "date": "2026-01-02"}
    assert found["version"] == 2
    assert found["series"]["model"] == "One"


def test_a_change_within_both_intervals_together_is_flagged():
    # Half widths 3 and 4 points: together √(9 + 16) = 5. From 10 % to 6 %, then to 5 %.
    within = comparison(4000.0, 240.0, interval=(2.0, 10.0))
    beyond = comparison(4000.0, 200.0, interval=(2.0, 10.0))
    assert within["within_interval"] is True
    assert caveats(within) == {"within-interval": {"change_points": -4.0, "limit_points": 5.0}}
    assert beyond["within_interval"] is False
    assert caveats(beyond) == {}


def test_without_an_interval_on_both_sides_nobody_knows():
    assert comparison()["within_interval"] is None
    unknown = a_result("2026-01-02", 4000.0, 400.0)
    assert comparison(before=unknown, interval=(2.0, 10.0))["within_interval"] is None


@pytest.mark.parametrize(
    ("volume_ml", "codes"),
    [
        (4200.0, set()),  # + 5 %
        (4204.0, {"percent-moves-with-volume"}),  # + 5.1 %
        (3400.0, {"percent-moves-with-volume"}),  # − 15 %
        (3396.0, {"percent-moves-with-volume", "inspiration-differs"}),  # − 15.1 %
        (4604.0, {"percent-moves-with-volume", "inspiration-differs"}),  # + 15.1 %
    ],
)
def test_another_lung_volume_is_flagged_above_5_and_above_15_percent(volume_ml, codes):
    found = comparison(volume_ml)
    assert set(caveats(found)) == codes
    assert bool(comparison_checks(found)) == ("inspiration-differs" in codes)


@pytest.mark.parametrize(
    ("before_mm", "now_mm", "differs"),
    [
        (1.0, 1.5, False),  # one class, 0.5 mm
        (1.5, 1.6, True),  # two classes
        (2.0, 2.5, False),
        (2.0, 2.6, True),  # one class, 0.6 mm
        (5.0, 8.0, True),
        (8.0, 8.0, False),
        (None, 8.0, False),
        (1.0, None, False),
    ],
)
def test_another_thickness_is_another_class_or_more_than_half_a_millimetre(
    before_mm, now_mm, differs
):
    before = a_result("2026-01-02", 4000.0, 400.0, thickness_mm=before_mm)
    found = comparison(before=before, thickness_mm=now_mm)
    assert ("other-thickness" in caveats(found)) == differs


@pytest.mark.parametrize(
    ("scan", "differs"),
    [
        ({"model": "Two"}, True),
        ({"manufacturer": "Other"}, True),
        ({"manufacturer": "MAKER ", "model": "one"}, False),
        ({"manufacturer": None, "model": None}, False),
        ({"manufacturer": None, "model": "Two"}, True),
    ],
)
def test_another_scanner_is_another_maker_or_model(scan, differs):
    assert ("other-scanner" in caveats(comparison(**scan))) == differs


def test_the_warning_tells_facts_and_limits_and_no_patients_data():
    found = comparison(5000.0, model="Two", thickness_mm=5.0)
    (check,) = comparison_checks(found)
    assert check.code == "prior-differs"
    assert check.message == (
        "The earlier CT was made differently: another scanner (Maker One, now Maker Two); slices "
        "of 1 mm, now 5 mm (comparable within 0.5 mm and one class: up to 1.5, 3, 5 mm, or above); "
        "a lung volume of 4000 ml, now 5000 ml (+25.0 %; the limit is 15 %), so the breath was "
        "another and the percentage moves with it. The change may come from that; compare the "
        "images before you rely on it."
    )
    assert check.detail["caveats"] == ["other-scanner", "other-thickness", "inspiration-differs"]
    assert check.detail["scanner_before"] == "Maker One"
    assert check.detail["thickness_now_mm"] == 5.0
    assert check.detail["lungs_change_percent"] == 25.0


def test_a_small_change_of_percent_alone_is_no_warning():
    assert comparison_checks(comparison(interval=(2.0, 18.0))) == ()


def test_a_mismatch_names_what_disagrees_and_no_value():
    (check,) = mismatch_check(("birth_date", "sex"))
    assert check.code == "patient-mismatch"
    assert "birth date and sex" in check.message
    assert dict(check.detail) == {"disagree": ["birth_date", "sex"]}
    assert mismatch_check(()) == ()


@pytest.fixture
def later(record):
    """A record with a prior of the same scanner as that of the box lungs, and three times as large.

    The boxes have 2·30·40·20 voxels of 2 µl: 96 ml, and 1.2 ml of opacity.
    """
    before = a_result("2025-12-03", 288.0, 4.8, manufacturer="Maker", model="Model")
    return replace(record, prior=a_prior(before), mismatch=("sex",))


def test_the_result_holds_the_comparison_and_all_documents_its_checks(assessment, later, tmp_path):
    shown = compared(assessment, later)
    codes = [check.code for check in shown.checks]
    assert codes == ["thick-slices", "prior-differs", "patient-mismatch"]
    documents = {document.name: document for document in render(shown, later)}
    documents["result.json"].write(tmp_path / "result.json")
    found = json.loads((tmp_path / "result.json").read_text())
    assert [check["code"] for check in found["checks"]] == codes
    assert found["prior"]["days"] == 30
    assert found["prior"]["regions"]["lungs"]["lesion_ml"]["change"] == -3.6
    documents["measurements.csv"].write(tmp_path / "table.csv")
    assert " ".join(codes) in (tmp_path / "table.csv").read_text(encoding="utf-8-sig")


def test_without_a_prior_nothing_is_compared(assessment, record):
    assert compared(assessment, record).checks == assessment.checks
    assert result(assessment, record)["prior"] is None


def test_the_result_says_whose_correction_it_is(assessment, record):
    told = {"of": 1, "author": "Dr. Doe", "reason": "effusion"}
    corrected = replace(record, correction=Correction(**told))
    assert result(assessment, corrected)["correction"] == told
    assert result(assessment, record)["correction"] is None


def test_the_list_shows_the_lungs_volume_beside_the_summary(assessment):
    assert list_summary(assessment)["volume_ml"] == 96.0
    assert list_summary(assessment)["ct_ss"] == {"grade": 1}
