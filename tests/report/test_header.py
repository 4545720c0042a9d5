"""A report is written whatever stands in the header."""

import json

import pytest
from pydicom import Dataset, config
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from opacimeter.report import header as headers
from opacimeter.report import render
from opacimeter.report.result import result
from tests.boxes import header


@pytest.fixture(autouse=True)
def lenient(monkeypatch):
    monkeypatch.setattr(config.settings, "_reading_validation_mode", config.IGNORE)


def raw(tag, representation, value):
    dataset = Dataset()
    dataset[tag] = RawDataElement(Tag(tag), representation, len(value), value, 0, False, True)
    return dataset


@pytest.mark.parametrize("value", [b"nan ", b"inf ", b"1,25", b"abc ", b""])
def test_what_is_no_finite_number_is_absent(value):
    assert headers.number(raw(0x00180050, "DS", value), "SliceThickness") is None


def test_a_whole_number_beyond_all_measure_is_absent():
    assert headers.number(raw(0x00200011, "IS", b"1e400 "), "SeriesNumber") is None


def test_a_series_number_that_is_none_leaves_the_result_whole(assessment, record, tmp_path):
    for one in assessment.volume.series.slices:
        one.header.update(raw(0x00200011, "IS", b"3.5 "))
        one.header.update(raw(0x00180050, "DS", b"nan "))
    series = result(assessment, record)["series"]
    assert series["number"] is None
    assert series["thickness_mm"] is None
    (document,) = (one for one in render(assessment, record) if one.name == "result.json")
    document.write(tmp_path / "result.json")
    assert json.loads((tmp_path / "result.json").read_text())["series"] == series


def test_several_values_are_joined_as_dicom_does():
    assert headers.text(header(), "ConvolutionKernel") == "Br40d\\3"


def test_a_shared_group_that_cannot_be_read_is_passed_over():
    dataset = raw(0x52009230, "S\0", b"anything")  # PerFrameFunctionalGroupsSequence
    dataset.Manufacturer = "Maker"
    assert headers.text(dataset, "ConvolutionKernel") is None
    assert headers.text(dataset, "Manufacturer") == "Maker"


@pytest.mark.parametrize(
    ("written", "read"),
    [("140533", "14:05:33"), ("140533.250", "14:05:33"), ("1405", "14:05:00"), ("14", "14:00:00"),
     ("", None), ("256000", None), ("14:05", None)],
)  # fmt: skip
def test_a_time_of_day_is_read_as_far_as_it_is_written(written, read):
    dataset = raw(0x00080030, "TM", written.encode())
    assert headers.study(dataset, "1.2.3")["time"] == read
