"""A real archive on both sides: studies come out of it, results go back into it, nothing loops."""

import io
import json
import subprocess

import highdicom
import pytest
from pydicom import dcmread

from tests.conftest import ROOT
from tests.fakes import wait_until
from tests.peers import PLUGIN, free_port, running_orthanc, tool
from tests.serving import Service

pytestmark = [pytest.mark.peer, pytest.mark.slow]

RESULTS = {"SEG": 2, "SR": 1, "OT": 1, "DOC": 1}
"""Series by modality: two segmentations, the report, the pictures, the page."""


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """An archive and a service that know each other: by DICOMweb, and the archive also by DIMSE."""
    if not PLUGIN.exists():
        pytest.skip("Orthanc's DICOMweb plugin is not installed")
    folder = tmp_path_factory.mktemp("pacs")
    for name in ("archive", "second", "service"):
        (folder / name).mkdir()
    port = free_port()
    peer = {"Url": f"http://127.0.0.1:{port}/dicom-web/"}
    web = {"Enable": True, "Root": "/dicom-web/", "Servers": {"opacimeter": peer}}
    with (
        running_orthanc(folder / "archive", {"DicomWeb": web}) as archive,
        running_orthanc(folder / "second", {"DicomAet": "SECOND"}) as second,
    ):
        service = Service(
            folder / "service",
            OPACIMETER_PACS=json.dumps([
                {"name": "web", "kind": "dicomweb", "url": f"{archive.url}/dicom-web"},
                {"name": "dimse", "kind": "dimse", "host": "127.0.0.1", "aet": second.aet,
                 "port": second.dicom_port},
            ]),
            OPACIMETER_QUIET_PERIOD_S="1",
        )  # fmt: skip
        service.port = port
        service.environment["OPACIMETER_PORT"] = str(port)
        service.http.base_url = f"http://127.0.0.1:{port}"
        service.start()
        try:
            yield archive, second, service
        finally:
            assert service.stop() == 0


def slices():
    """Every third slice of the phantom: a whole chest."""
    return sorted((ROOT / "dicom_samples" / "phantom-001").glob("*.dcm"))[::3]


def modalities(orthanc):
    found = [each["MainDicomTags"]["Modality"] for each in orthanc.json("/series?expand")]
    return {modality: found.count(modality) for modality in set(found)}


def deliveries(service):
    return service.get("/api/v1/deliveries").json()["deliveries"]


def arrived(service):
    stands = [each["status"] for each in deliveries(service)]
    assert "failed" not in stands, deliveries(service)
    return stands.count("delivered") == 2


def forward(archive):
    """The archive sends all it has of its study back to the service, results included."""
    (study,) = archive.json("/studies")
    body = json.dumps({"Resources": [study], "Synchronous": True}).encode()
    return archive.post("/dicom-web/servers/opacimeter/stow", body)


@pytest.fixture(scope="module")
def delivered(places):
    """The study sent by the archive's own plugin, and its results back with no hand in between."""
    archive, _, service = places
    for file in slices():
        archive.post("/instances", file.read_bytes())
    forward(archive)
    wait_until(lambda: arrived(service), seconds=240)
    return places


def test_results_come_back_into_the_study_they_are_of(delivered):
    archive, second, _ = delivered
    assert modalities(archive) == {"CT": 1, **RESULTS}
    assert len(archive.json("/studies")) == 1
    assert modalities(second) == RESULTS


def test_the_report_in_the_archive_says_what_the_result_says(delivered):
    archive, _, service = delivered
    (found,) = service.get("/api/v1/assessments").json()["assessments"]
    result = service.get(f"/api/v1/assessments/{found['id']}").json()
    (series,) = [
        each for each in archive.json("/series?expand") if each["MainDicomTags"]["Modality"] == "SR"
    ]
    raw = io.BytesIO(archive.get(f"/instances/{series['Instances'][0]}/file"))
    report = highdicom.sr.srread(raw)
    volumes = {
        round(float(measured.value), 3)
        for group in report.content.get_volumetric_roi_measurement_groups()
        for measured in group.get_measurements()
    }
    for region in ("left-lung", "right-lung"):
        assert result["regions"][region]["volume_ml"] in volumes


def test_ten_rounds_of_forwarding_leave_one_set_of_results(delivered):
    archive, _, service = delivered
    for _ in range(10):
        forward(archive)
    # More than the quiet period, in which a loop would begin.
    wait_until(lambda: not service.get("/api/v1/inbox").json()["studies"], seconds=30)
    assert modalities(archive) == {"CT": 1, **RESULTS}
    (found,) = service.get("/api/v1/assessments").json()["assessments"]
    assert found["version"] == 1
    assert len(deliveries(service)) == 2


def test_a_rejected_result_is_followed_by_a_note_in_both_archives(delivered):
    archive, second, service = delivered
    (found,) = service.get("/api/v1/assessments").json()["assessments"]
    asked = {"state": "rejected", "author": "Dr. Doe", "reason": "wrong side"}
    href = f"/api/v1/assessments/{found['id']}/review"
    assert service.http.post(href, json=asked).status_code == 200
    wait_until(lambda: modalities(archive).get("KO") == modalities(second).get("KO") == 1)


def test_an_archive_that_comes_back_gets_what_it_missed_once(tmp_path):
    """Its port is taken only after the first attempts have failed."""
    port = free_port()
    own = Service(
        tmp_path,
        OPACIMETER_PACS=json.dumps([
            {"name": "late", "kind": "dimse", "host": "127.0.0.1", "port": port, "aet": "LATE"}
        ]),
    )  # fmt: skip
    own.start()
    try:
        own.send(slices())
        wait_until(lambda: any(each["attempts"] >= 2 for each in deliveries(own)), seconds=240)
        (waiting,) = deliveries(own)
        assert waiting["status"] != "delivered"
        assert waiting["hop"] == "connect"
        (tmp_path / "late").mkdir()
        with running_orthanc(tmp_path / "late", {"DicomPort": port, "DicomAet": "LATE"}) as late:
            wait_until(lambda: deliveries(own)[0]["status"] == "delivered", seconds=120)
            assert modalities(late) == RESULTS
    finally:
        assert own.stop() == 0


def test_dcmtk_prints_the_report_that_the_archive_holds(delivered, tmp_path):
    archive, *_ = delivered
    (series,) = [
        each for each in archive.json("/series?expand") if each["MainDicomTags"]["Modality"] == "SR"
    ]
    file = tmp_path / "report.dcm"
    file.write_bytes(archive.get(f"/instances/{series['Instances'][0]}/file"))
    shown = subprocess.run(
        [tool("/usr/bin/dsrdump"), str(file)], capture_output=True, text=True, check=True
    ).stdout
    assert "Imaging Measurement" in shown
    assert dcmread(file).Manufacturer == "opacimeter"
