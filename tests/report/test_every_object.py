"""Every DICOM object that a version has, held against the standard by dciodvfy.

Sources are scanned in every way, and told in every set of characters.
"""

import json
import subprocess
from dataclasses import replace

import pydicom
import pytest

from opacimeter.record import Correction
from opacimeter.report import render, write_rejection_note
from tests.peers import tool
from tests.report import chests
from tests.report.chests import SCANS, Scan, record_of, scanned

pytestmark = pytest.mark.peer

NAMES = {
    "anatomy.seg.dcm", "lesions.seg.dcm", "measurements.sr.dcm", "pictures.dcm", "report.dcm",
    "rejection.ko.dcm",
}  # fmt: skip


def written(folder, assessment, record=None):
    """The objects of a version, and the note that rejects them, by name."""
    record = record or record_of()
    made = [each for each in render(assessment, record) if each.name.endswith(".dcm")]
    for document in made:
        document.write(folder / document.name)
    files = [folder / document.name for document in made]
    note = folder / "rejection.ko.dcm"
    write_rejection_note(note, files, record, author="陈医生", reason="Effusion was taken. 误判")
    return {path.name: path for path in (*files, note)}


def errors(path):
    """What dciodvfy calls an error, or does not know at all."""
    run = [tool("/usr/bin/dciodvfy"), "-new", str(path)]
    done = subprocess.run(run, capture_output=True, text=True, errors="replace", check=False)
    lines = (done.stdout + done.stderr).splitlines()
    assert lines, "it names the object at least"
    return [line for line in lines if "Error" in line or "Not found" in line]


def faults(objects):
    assert objects.keys() >= NAMES
    return {name: found for name, path in objects.items() if (found := errors(path))}


@pytest.mark.parametrize("name", SCANS)
def test_no_error_whichever_way_the_source_was_scanned(name, tmp_path):
    assert faults(written(tmp_path, scanned(tmp_path, SCANS[name]))) == {}


def test_no_error_of_an_enhanced_source(tmp_path):
    source = chests.write(tmp_path / "source", [chests.enhanced(SCANS["tilted"])])
    assert faults(written(tmp_path, chests.assessed(source))) == {}


def test_no_error_without_lesion_and_in_a_corrected_version(tmp_path):
    corrected = replace(record_of(2), correction=Correction(1, "王医生", "左肺下叶漏标"))
    assert faults(written(tmp_path, scanned(tmp_path, Scan(lesion=False)), corrected)) == {}


@pytest.mark.parametrize(
    "name",
    ["chrX2", "chrX1", "chrH31", "chrI2", "chrArab", "chrFren", "chrGerm", "chrGreek", "chrRuss"],
)
def test_no_error_and_the_same_name_whatever_the_characters_of_the_source(data, name, tmp_path):
    folder = data / "dicom_quirks" / "charsets"
    model = pydicom.dcmread(folder / f"{name}.dcm")
    expected = json.loads((folder / "names.json").read_text())[f"{name}.dcm"]["patient_name"]

    def named(header, number):
        header.SpecificCharacterSet = model.SpecificCharacterSet
        header.PatientName = model.PatientName
        header.StudyDescription = expected.rpartition("=")[2] or expected

    objects = written(tmp_path, scanned(tmp_path, SCANS["supine"], named))
    assert faults(objects) == {}
    for path in objects.values():
        assert str(pydicom.dcmread(path).PatientName) == expected
