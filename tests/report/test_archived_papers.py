"""Secondary capture and encapsulated PDF: what is in them, and what real tools say of them."""

import io
import subprocess

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pypdf import PdfReader

from opacimeter.language import Words
from opacimeter.report.drawing import LESION_COLOUR
from opacimeter.report.frames import FRAME_SHAPE, frames
from opacimeter.report.pictures import Pictures
from opacimeter.report.result import result
from tests.peers import running_orthanc, tool
from tests.report.papers import STUDY, with_header, written

NAMES = ("pictures.dcm", "report.dcm")


@pytest.fixture
def chest(assessment):
    return with_header(assessment)


@pytest.fixture
def objects(chest, record, tmp_path):
    return written(chest, record, tmp_path, *NAMES)


def test_the_capture_has_a_table_page_and_at_most_24_slices(objects):
    capture = dcmread(objects[0])
    assert capture.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7.4"
    # The lesion lies in six slices; each of them is shown.
    assert capture.NumberOfFrames == 1 + 6
    pixels = capture.pixel_array
    assert pixels.shape == (7, *FRAME_SHAPE, 3)
    assert capture.BurnedInAnnotation == "YES"
    assert capture.LossyImageCompression == "01"
    sources = [item.ReferencedSOPInstanceUID for item in capture.SourceImageSequence]
    assert sources == [f"1.2.3.4.{index + 1}" for index in range(8, 14)]


def test_many_slices_are_thinned_out_to_24(chest):
    labels = chest.segmentation.labels
    area = chest.profile.lesion_cm2.copy()
    area[6:36] = 1.0  # lesion in all thirty slices of the lungs
    object.__setattr__(chest.profile, "lesion_cm2", area)
    chosen = Pictures(chest).captured_slices
    assert labels.shape[0] == 42
    assert len(chosen) == len(set(chosen)) == 24
    assert list(chosen) == sorted(chosen)
    assert set(chosen) <= set(range(6, 36))


def test_the_outline_is_where_the_label_map_has_its_edge_and_right_is_left(objects):
    frame = dcmread(objects[0]).pixel_array[3].astype(int)
    orange = (np.abs(frame - LESION_COLOUR) < 60).all(-1)
    rows, columns = np.flatnonzero(orange.any(1)), np.flatnonzero(orange.any(0))
    # 80 columns on 512 pixels; 60 rows on 384, centred in 568: from 92 on.
    edges = [rows[0], rows[-1] + 1, columns[0], columns[-1] + 1]
    assert edges == pytest.approx([92 + 20 * 6.4, 92 + 30 * 6.4, 15 * 6.4, 25 * 6.4], abs=3)


def test_every_frame_says_research_use_only(chest, record):
    content, pictures = result(chest, record), Pictures(chest)
    silent = result(chest, record)
    made = list(frames(pictures, content))
    words = Words("en")("report.notice")
    assert words.startswith("Research use only")
    for frame in made[1:]:  # the strip below the picture holds nothing else
        strip = frame[FRAME_SHAPE[0] - 26 :]
        assert strip.max() > 200
    assert np.array_equal(made[0], next(iter(frames(pictures, silent))))
    alarm = (np.abs(made[0][38:60].astype(int) - (255, 170, 90)) < 40).all(-1)
    assert alarm.sum() > 100


def test_the_table_page_shows_the_numbers_of_this_result(chest, record):
    content = result(chest, record)
    other = result(chest, record)
    other["regions"]["lungs"]["lesion_ml"] = 77.7
    first, second = (next(iter(frames(Pictures(chest), each))) for each in (content, other))
    assert not np.array_equal(first, second)


def test_the_object_holds_the_page_as_it_is_given_out(objects, chest, record, tmp_path):
    held = dcmread(objects[1])
    (page,) = written(chest, record, tmp_path, "report.en.pdf")
    assert held.SOPClassUID == "1.2.840.10008.5.1.4.1.1.104.1"
    size = held.EncapsulatedDocumentLength
    assert held.EncapsulatedDocument[:size] == page.read_bytes()
    assert len(held.EncapsulatedDocument) % 2 == 0
    assert len(held.SourceInstanceSequence) == 42


def test_the_objects_made_twice_are_the_same_to_the_byte(objects, chest, record, tmp_path):
    again = tmp_path / "again"
    again.mkdir()
    for first, second in zip(objects, written(chest, record, again, *NAMES), strict=True):
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.peer
def test_dciodvfy_finds_no_error(objects):
    program = tool("/usr/bin/dciodvfy")
    for path in objects:
        said = subprocess.run([program, "-new", path], capture_output=True, text=True, check=False)
        errors = [line for line in said.stderr.splitlines() if line.startswith("Error")]
        assert errors == []
        assert "Object Not found" not in said.stderr + said.stdout


@pytest.mark.peer
def test_orthanc_renders_the_capture_and_hands_back_the_page(objects, tmp_path):
    folder = tmp_path / "orthanc"
    folder.mkdir()
    with running_orthanc(folder) as orthanc:
        stored = [orthanc.post("/instances", path.read_bytes()) for path in objects]
        assert [each["Status"] for each in stored] == ["Success", "Success"]
        (study,) = orthanc.json("/studies")
        tags = orthanc.json(f"/studies/{study}")["MainDicomTags"]
        assert tags["StudyInstanceUID"] == STUDY
        shown = Image.open(
            io.BytesIO(orthanc.get(f"/instances/{stored[0]['ID']}/frames/3/preview"))
        )
        frame = dcmread(objects[0]).pixel_array[3].astype(int)
        assert np.abs(np.asarray(shown.convert("RGB")).astype(int) - frame).mean() < 3
        page = orthanc.get(f"/instances/{stored[1]['ID']}/pdf")
        assert len(PdfReader(io.BytesIO(page)).pages) == 1
