"""What the carried model must show on real chests it never saw."""

import json

import pytest
from scipy.stats import mannwhitneyu

import opacimeter
from opacimeter.findings import Quantity, Region
from tests.conftest import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def model():
    if not (ROOT / "models" / "lung-lesion" / "models" / "model.onnx").exists():
        pytest.skip("the model bundle has no weights")


@pytest.fixture(scope="module")
def quantify(data):
    kept = {}

    def once(name):
        if name not in kept:
            (kept[name],) = opacimeter.quantify(data / "dicom" / name)
        return kept[name]

    return once


def test_the_diseased_slices_of_covid_p001_stand_out(quantify, data):
    areas = quantify("covid-p001").assessment.profile.lesion_cm2
    marks = json.loads((data / "labels.json").read_text())["studies"]["covid-p001"]
    marked = [index in set(marks["infected_slices"]) for index in range(marks["slices"])]
    diseased = [area for area, mark in zip(areas, marked, strict=True) if mark]
    others = [area for area, mark in zip(areas, marked, strict=True) if not mark]
    statistic = mannwhitneyu(diseased, others).statistic
    assert statistic / (len(diseased) * len(others)) >= 0.95


def test_a_healthy_chest_stays_clean(quantify):
    assert quantify("normal-001").to_dict()["summary"]["lesion_percent"] < 0.3


@pytest.mark.parametrize(
    ("name", "least_ml", "most_ml"),
    [("covid-p001", 5000, 7000), ("normal-001", 2800, 4200)],
)
def test_lungs_have_an_anatomical_size(quantify, name, least_ml, most_ml):
    assessment = quantify(name).assessment
    left = assessment.value(Quantity.VOLUME_ML, Region.LEFT_LUNG)
    right = assessment.value(Quantity.VOLUME_ML, Region.RIGHT_LUNG)
    assert least_ml < left + right < most_ml
    assert 0.7 < left / right < 1.1  # the heart takes its room at the left


def test_nothing_is_said_of_trachea_or_heart_that_is_not_so(quantify):
    codes = {check.code for check in quantify("normal-001").assessment.checks}
    assert codes.isdisjoint({"expiration", "contrast-medium", "small-lung"})
