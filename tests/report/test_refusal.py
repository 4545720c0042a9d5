"""The page for the archive about a study that was not measured: whose it is, why, and what next."""

import io
import json
import subprocess

import pydicom
import pytest
from pypdf import PdfReader

from opacimeter.checks import Check
from opacimeter.errors import IntakeRejected
from opacimeter.intake import find, load
from opacimeter.report import Choices, render_rejection
from tests.peers import tool
from tests.report import chests
from tests.report.chests import SCANS, record_of

ASKED = Choices(refusals=True)
REASON = "The series has 4 images over 27 mm; at least 10 over 100 mm are needed."
"""Slices are 9 mm apart: three steps between four of them."""


def rejected(folder, change=None, images=4):
    """How intake rejects the first slices of a chest."""
    headers = chests.classic(SCANS["supine"])[:images]
    for header in headers:
        if change:
            change(header)
    chests.write(folder / "source", headers)
    (study,) = find([folder / "source"], workspace=folder / "work")
    with pytest.raises(IntakeRejected) as raised:
        load(study, threads=1)
    return raised.value


def written(folder, rejection, choices=ASKED, record=None):
    """What is made of a rejection, by name."""
    made = render_rejection(rejection, record or record_of(), choices)
    for document in made:
        document.write(folder / document.name)
    return {document.name: folder / document.name for document in made}


def text(path):
    """The words of the page in a DICOM object, and how many pages it has."""
    held = pydicom.dcmread(path)
    reader = PdfReader(io.BytesIO(held.EncapsulatedDocument[: held.EncapsulatedDocumentLength]))
    return " ".join(reader.pages[0].extract_text().split()), len(reader.pages)


@pytest.fixture(scope="module")
def rejection(tmp_path_factory):
    return rejected(tmp_path_factory.mktemp("rejected"))


@pytest.fixture
def page(rejection, tmp_path):
    return written(tmp_path, rejection)["refusal.dcm"]


def test_it_is_filed_in_the_study_under_the_patient_as_a_series_of_its_own(page):
    held = pydicom.dcmread(page)
    source = chests.classic(SCANS["supine"])[0]
    for keyword in (
        "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber",
        "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "PatientAge",
    ):  # fmt: skip
        assert held[keyword].value == source[keyword].value, keyword
    assert held.SOPClassUID == "1.2.840.10008.5.1.4.1.1.104.1"  # Encapsulated PDF
    assert (held.Modality, held.SeriesNumber) == ("DOC", 9007)
    assert held.SeriesInstanceUID != source.SeriesInstanceUID
    assert held.Manufacturer == "opacimeter"
    assert "SourceInstanceSequence" not in held  # it is derived from no image


def test_it_says_whose_study_it_is_and_why_it_was_not_measured_on_one_page(page):
    words, pages = text(page)
    assert pages == 1
    assert REASON in words
    assert "This study was not measured." in words
    assert "Test Chest ID P-17 born 1960-01-02, female" in words
    assert "Research use only" in words
    assert "2026-01-02" in words


def test_it_says_the_sentence_of_the_json_and_has_no_number_of_a_measurement(rejection, tmp_path):
    made = written(tmp_path, rejection)
    told = json.loads(made["result.json"].read_text())
    assert told["status"] == "rejected"
    assert [check["message"] for check in told["checks"]] == [REASON]
    words, _ = text(made["refusal.dcm"])
    assert "%" not in words
    assert " ml" not in words


def test_made_twice_it_is_the_same_to_the_byte(rejection, page, tmp_path):
    (tmp_path / "again").mkdir()
    again = written(tmp_path / "again", rejection)["refusal.dcm"]
    assert again.read_bytes() == page.read_bytes()


def test_another_reason_is_another_object_of_the_same_series(rejection, page, tmp_path):
    other = IntakeRejected((Check("not-chest", "No lung was found."),), rejection.header)
    first = pydicom.dcmread(page)
    second = pydicom.dcmread(written(tmp_path, other)["refusal.dcm"])
    assert second.SeriesInstanceUID == first.SeriesInstanceUID
    assert second.SOPInstanceUID != first.SOPInstanceUID


def test_a_later_version_is_a_series_of_its_own(rejection, page, tmp_path):
    (tmp_path / "2").mkdir()
    later = pydicom.dcmread(written(tmp_path / "2", rejection, record=record_of(2))["refusal.dcm"])
    assert later.SeriesNumber == 9017
    assert later.SeriesDescription.endswith("version 2")
    assert later.SeriesInstanceUID != pydicom.dcmread(page).SeriesInstanceUID


def test_it_is_not_made_unasked_nor_where_no_header_says_whose_it_is(rejection, tmp_path):
    nobodys = IntakeRejected(rejection.checks)
    assert written(tmp_path, rejection, Choices()).keys() == {"result.json"}
    assert written(tmp_path, nobodys).keys() == {"result.json"}
    assert "patient" not in json.loads((tmp_path / "result.json").read_text())


def test_of_many_reasons_the_gravest_stand_there_and_the_others_are_counted(rejection, tmp_path):
    remarks = [Check("thick-slices", f"Remark number {number} of them.") for number in range(14)]
    many = IntakeRejected((*remarks, *rejection.checks), rejection.header)
    words, pages = text(written(tmp_path, many)["refusal.dcm"])
    assert pages == 1
    assert words.index(REASON) < words.index("Remark number 0 of them.")
    # Twelve find room: the rejection and eleven of fourteen remarks.
    assert words.count("of them.") == 11
    assert "and 3 more, in result.json" in words


def test_a_long_reason_is_broken_and_stays_on_the_page(rejection, tmp_path):
    sentence = "The images of this series " + "lie far apart, " * 60 + "and no volume is made."
    long = IntakeRejected((Check("slice-gap", sentence),), rejection.header)
    words, pages = text(written(tmp_path, long)["refusal.dcm"])
    assert pages == 1
    assert sentence in words
    assert words.index(sentence) < words.index("What can be done")


NAMES = {
    "GB18030": "Wang^XiaoDong=王^小东",
    "ISO_IR 192": "Müller^Zoë=山田^太郎",
    "ISO_IR 100": "Buc^Jérôme",
}


@pytest.mark.peer
@pytest.mark.parametrize("characters", [None, *NAMES])
def test_dciodvfy_finds_no_error_and_the_name_keeps_its_characters(tmp_path, characters):
    def named(header):
        if characters:
            header.SpecificCharacterSet, header.PatientName = characters, NAMES[characters]

    page = written(tmp_path, rejected(tmp_path, named))["refusal.dcm"]
    run = [tool("/usr/bin/dciodvfy"), "-new", str(page)]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).splitlines()
    assert said == ["EncapsulatedPDF"]
    held = pydicom.dcmread(page)
    source = pydicom.dcmread(tmp_path / "source" / "000.dcm")
    assert held.PatientName.original_string == source.PatientName.original_string
    assert held.get("SpecificCharacterSet") == source.get("SpecificCharacterSet")


@pytest.mark.peer
@pytest.mark.parametrize(
    "absent", ["PatientID", "PatientName", "StudyDate", "StudyID", "ReferringPhysicianName"]
)
def test_dciodvfy_finds_no_error_where_the_source_lacks_an_attribute(tmp_path, absent):
    page = written(tmp_path, rejected(tmp_path, lambda header: delattr(header, absent)))
    run = [tool("/usr/bin/dciodvfy"), "-new", str(page["refusal.dcm"])]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert "Error" not in done.stdout + done.stderr
