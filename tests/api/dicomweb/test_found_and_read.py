"""What was made is found by QIDO-RS and read by WADO-RS, as from an archive."""

import io
from dataclasses import replace
from email import message_from_bytes

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEGBaseline8Bit,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    SegmentationStorage,
)

from opacimeter.document import Document
from opacimeter.record import assessment_id
from tests.fakes import MODEL, incoming, result_documents
from tests.intake.series import as_bytes, image
from tests.stowing import HEADERS, body, images

ROOT = "/dicom-web"
PAGES = [b"\xff\xd8 page one \xff\xd9", b"\xff\xd8 page two is longer \xff\xd9"]


def made(study: str, kind: str, number: int) -> Dataset:
    """An object of a study, without pixels."""
    header = image(0)
    del header.PixelData
    header.StudyInstanceUID, header.SeriesInstanceUID = study, f"{study}.{number}"
    header.SOPInstanceUID = f"{study}.{number}.1"
    header.Modality, header.SeriesNumber = kind, number
    header.PatientID, header.PatientName = f"P-{study}", "Wang^XiaoDong=王^小东"
    header.SpecificCharacterSet = "ISO_IR 192"
    header.AccessionNumber, header.StudyDate = f"A-{study}", "20260102"
    return header


def pictures(study: str) -> Dataset:
    header = made(study, "OT", 9004)
    header.SOPClassUID = MultiFrameTrueColorSecondaryCaptureImageStorage
    header.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    header.NumberOfFrames = len(PAGES)
    header.PixelData = encapsulate(PAGES)
    header["PixelData"].VR = "OB"
    header["PixelData"].is_undefined_length = True
    return header


FRAMES = np.random.default_rng(1).integers(0, 2, (3, 3, 5), np.uint8)


def segmentation(study: str) -> Dataset:
    """Three frames of 3x5 single bits: 15 bits each, so that frames begin within bytes."""
    header = made(study, "SEG", 9001)
    header.SOPClassUID = SegmentationStorage
    header.NumberOfFrames, header.Rows, header.Columns = FRAMES.shape
    header.BitsAllocated = header.BitsStored = 1
    header.HighBit = 0
    header.PixelData = np.packbits(FRAMES.ravel(), bitorder="little").tobytes()
    header["PixelData"].VR = "OB"
    return header


def complete(store, study: str, objects) -> None:
    folder = store.files.root / "incoming" / study
    arriving = replace(
        incoming(folder, study, images={f"{study}.1": b"one"}),
        patient={"id": f"P-{study}"},
        study={"accession": f"A-{study}"},
    )
    job = store.arrivals.receive(arriving).job
    run = store.runs.begin(job, attempts=3, model=MODEL)
    documents = [
        Document(f"{number}.dcm", "application/dicom", lambda path, it=each: _write(path, it))
        for number, each in enumerate(objects)
    ]
    run.keep((*result_documents(run.record), *documents), checks=(), summary={})


def _write(path, header) -> None:
    path.write_bytes(as_bytes(header))


@pytest.fixture
def archive(client, store):
    """Two complete studies, 1.7 and 1.8, and one that waits."""
    complete(store, "1.7", [segmentation("1.7"), pictures("1.7")])
    complete(store, "1.8", [made("1.8", "SR", 9003)])
    store.arrivals.receive(incoming(store.files.root / "incoming" / "w", "1.9"))
    return client


def found(client, path, tag, **asked):
    answer = client.get(f"{ROOT}{path}", params=asked)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/dicom+json"
    return [each[tag]["Value"][0] for each in answer.json()]


def parts(answer) -> list[tuple[str, bytes]]:
    """Media type and bytes of each part, read by a parser of mails."""
    head = f"Content-Type: {answer.headers['content-type']}\r\nMIME-Version: 1.0\r\n\r\n"
    # Read as 8-bit text without a change of line ends.
    message = message_from_bytes(head.encode() + answer.content.replace(b"\r\n\r\n", b"\r\n\r\n"))
    return [(each.get_content_type(), each.get_payload(decode=True)) for each in message.walk()][1:]


STUDY_UID, SERIES_UID, INSTANCE_UID = "0020000D", "0020000E", "00080018"


def test_studies_with_results_are_found_the_newest_first(archive):
    assert found(archive, "/studies", STUDY_UID) == ["1.8", "1.7"]
    (study,) = archive.get(f"{ROOT}/studies?PatientID=P-1.7").json()
    assert study["00080061"]["Value"] == ["OT", "SEG"]
    assert (study["00201206"]["Value"], study["00201208"]["Value"]) == ([2], [2])
    assert study["00081190"]["Value"] == ["http://testserver/dicom-web/studies/1.7"]
    assert study["00100010"]["Value"][0]["Ideographic"] == "王^小东"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"StudyInstanceUID": "1.7"}, ["1.7"]),
        ({"0020000D": "1.7,1.8"}, ["1.8", "1.7"]),
        ({"PatientID": "P-1.8", "includefield": "all"}, ["1.8"]),
        ({"00100020": "P-*"}, ["1.8", "1.7"]),
        ({"PatientName": "wang*"}, ["1.8", "1.7"]),
        ({"PatientName": "*小东"}, ["1.8", "1.7"]),
        ({"PatientName": "Nobody"}, []),
        ({"AccessionNumber": "A-1.7"}, ["1.7"]),
        ({"AccessionNumber": "A-1.?"}, ["1.8", "1.7"]),
        ({"AccessionNumber": "[A]*"}, []),
        ({"StudyDate": "20260101-20260103"}, ["1.8", "1.7"]),
        ({"StudyDate": "20260103-"}, []),
        ({"StudyDate": "-20260102"}, ["1.8", "1.7"]),
        ({"ModalitiesInStudy": "SEG"}, ["1.7"]),
        ({"PatientID": ""}, ["1.8", "1.7"]),
        ({"limit": "1"}, ["1.8"]),
        ({"limit": "1", "offset": "1"}, ["1.7"]),
        ({"limit": "0"}, []),
    ],
)
def test_studies_are_found_by_their_attributes(archive, asked, expected):
    assert found(archive, "/studies", STUDY_UID, **asked) == expected


def test_what_cannot_be_matched_is_passed_over_and_said(archive):
    answer = archive.get(f"{ROOT}/studies?BodyPartExamined=CHEST")
    assert len(answer.json()) == 2
    assert answer.headers["warning"].startswith("299 ")
    assert archive.get(f"{ROOT}/studies?limit=many").status_code == 400
    xml = {"Accept": "application/dicom+xml"}
    assert archive.get(f"{ROOT}/studies", headers=xml).status_code == 406


def test_series_and_instances_are_found_within_their_study_and_without(archive):
    assert found(archive, "/studies/1.7/series", SERIES_UID) == ["1.7.9001", "1.7.9004"]
    assert found(archive, "/series", SERIES_UID, Modality="SR") == ["1.8.9003"]
    assert found(archive, "/studies/1.7/instances", INSTANCE_UID) == ["1.7.9001.1", "1.7.9004.1"]
    path = "/studies/1.7/series/1.7.9004/instances"
    assert found(archive, path, INSTANCE_UID) == ["1.7.9004.1"]
    assert found(archive, "/instances", INSTANCE_UID, SOPInstanceUID="1.8.9003.1") == ["1.8.9003.1"]
    assert found(archive, "/studies/1.6/series", SERIES_UID) == []
    (instance,) = archive.get(f"{ROOT}{path}").json()
    assert instance["00280008"]["Value"] == [2]
    assert instance["00083002"]["Value"] == [JPEGBaseline8Bit]


def test_a_study_is_read_as_the_files_that_were_made(archive, store):
    everything = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
    answer = archive.get(f"{ROOT}/studies/1.7", headers=everything)
    assert answer.status_code == 200
    read = [dcmread(io.BytesIO(content)) for kind, content in parts(answer)]
    assert [each.SOPInstanceUID for each in read] == ["1.7.9001.1", "1.7.9004.1"]
    (artifact,) = [each for each in _artifacts(store) if each.name == "1.dcm"]
    one = f"{ROOT}/studies/1.7/series/1.7.9004/instances/1.7.9004.1"
    alone = archive.get(one, headers={"Accept": "application/dicom"})
    assert alone.content == artifact.path.read_bytes()
    series = archive.get(f"{ROOT}/studies/1.7/series/1.7.9004", headers=everything)
    boundary = series.headers["content-type"].rpartition("=")[2].encode()
    head = b"--" + boundary + b"\r\nContent-Type: application/dicom\r\n\r\n"
    assert series.content == head + alone.content + b"\r\n--" + boundary + b"--\r\n"


def _artifacts(store):
    return store.catalogue.artifacts(assessment_id("1.7"), 1)


def test_another_encoding_than_the_stored_one_is_not_to_be_had(archive):
    one = f"{ROOT}/studies/1.7/series/1.7.9004/instances/1.7.9004.1"
    plain = 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.1'
    assert archive.get(one, headers={"Accept": plain}).status_code == 406
    jpeg = f'multipart/related; type="application/dicom"; transfer-syntax={JPEGBaseline8Bit}'
    assert archive.get(one, headers={"Accept": f"{plain}, {jpeg}"}).status_code == 200
    assert archive.get(one, headers={"Accept": "image/png"}).status_code == 406


def test_headers_are_read_without_bulk(archive):
    for path in ("/studies/1.7", "/studies/1.7/series/1.7.9001",
                 "/studies/1.7/series/1.7.9001/instances/1.7.9001.1"):  # fmt: skip
        answer = archive.get(f"{ROOT}{path}/metadata")
        header = answer.json()[0]
        assert header["00080018"]["Value"] == ["1.7.9001.1"]
        assert "7FE00010" not in header
        assert header["00280010"]["Value"] == [3]


def test_frames_are_read_as_they_are_stored(archive):
    one = f"{ROOT}/studies/1.7/series/1.7.9004/instances/1.7.9004.1"
    answer = archive.get(f"{one}/frames/2,1")
    assert [(kind, content.rstrip(b"\0")) for kind, content in parts(answer)] == [
        ("image/jpeg", PAGES[1]),
        ("image/jpeg", PAGES[0]),
    ]
    assert archive.get(f"{one}/frames/3").status_code == 404
    assert archive.get(f"{one}/frames/x").status_code == 422
    bits = archive.get(f"{ROOT}/studies/1.7/series/1.7.9001/instances/1.7.9001.1/frames/2")
    boundary = bits.headers["content-type"].rpartition("=")[2].encode()
    packed = bits.content.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n--" + boundary + b"--\r\n")
    unpacked = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little")[:15]
    assert (unpacked.reshape(3, 5) == FRAMES[1]).all()


def test_pictures_are_rendered_and_nothing_else(archive):
    one = f"{ROOT}/studies/1.7/series/1.7.9004/instances/1.7.9004.1/rendered"
    answer = archive.get(one, headers={"Accept": "image/jpeg"})
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content.rstrip(b"\0") == PAGES[0]
    other = f"{ROOT}/studies/1.7/series/1.7.9001/instances/1.7.9001.1/rendered"
    assert archive.get(other).status_code == 406


def test_what_is_not_there_is_not_found(archive):
    for path in ("/studies/1.6", "/studies/1.9", "/studies/1.7/series/1.8.9003",
                 "/studies/1.7/series/1.7.9001/instances/1.7.9004.1",
                 "/studies/1.6/metadata"):  # fmt: skip
        assert archive.get(f"{ROOT}{path}").status_code == 404, path


def test_a_received_image_is_read_under_its_own_series_only(client):
    client.post(f"{ROOT}/studies", content=body(images(1)), headers=HEADERS)
    (sent,) = images(1)
    one = f"{ROOT}/studies/{sent.StudyInstanceUID}/series/%s/instances/{sent.SOPInstanceUID}"
    answer = client.get(one % sent.SeriesInstanceUID, headers={"Accept": "application/dicom"})
    assert answer.content == as_bytes(sent)
    assert client.get(one % "1.2.3").status_code == 404
    assert found(client, "/studies", STUDY_UID) == []  # found is what was made
