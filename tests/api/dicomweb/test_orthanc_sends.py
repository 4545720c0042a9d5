"""Orthanc as the sender: its own STOW client has to call every transfer a success."""

import json
import urllib.error
from contextlib import contextmanager
from functools import partial

import httpx2 as httpx
import pytest

from opacimeter.record import assessment_id
from opacimeter.store import Store
from tests.fakes import wait_until
from tests.intake.series import STUDY, as_bytes
from tests.peers import PLUGIN, running_orthanc
from tests.serving import Service
from tests.stowing import images, our_own, report

pytestmark = pytest.mark.peer


def answers(service):
    try:
        return service.http.get("/health/live").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def service(tmp_path):
    """A service that takes studies in and has nobody who works on them."""
    opened = Service(tmp_path, OPACIMETER_WORKERS="0", OPACIMETER_QUIET_PERIOD_S="1")
    opened.ready = partial(answers, opened)
    opened.start()
    yield opened
    opened.stop()


@contextmanager
def orthanc_beside(service, folder, **settings):
    if not PLUGIN.exists():
        pytest.skip("Orthanc's DICOMweb plugin is not installed")
    folder.mkdir()
    peer = {"Url": f"http://127.0.0.1:{service.port}/dicom-web/"}
    web = {"Enable": True, "Root": "/dicom-web/", "Servers": {"peer": peer}}
    with running_orthanc(folder, {"DicomWeb": web, **settings}) as orthanc:
        yield orthanc


def forward(orthanc, study):
    """Send a study by hand; Orthanc answers 500 to whatever it calls a failure."""
    body = json.dumps({"Resources": [study], "Synchronous": True}).encode()
    try:
        return orthanc.post("/dicom-web/servers/peer/stow", body)
    except urllib.error.HTTPError:
        pytest.fail(orthanc.log.read_text(errors="replace")[-1500:])


def versions(service):
    """Of the one assessment, straight from the rows."""
    store = Store(service.folder / "data")
    try:
        return len(store.catalogue.versions(assessment_id(STUDY)))
    finally:
        store.close()


def taken_in(service):
    return service.http.get(f"/api/v1/assessments/{assessment_id(STUDY)}").status_code == 200


def test_a_study_from_orthanc_arrives_whole_and_again_is_no_failure(service, tmp_path):
    with orthanc_beside(service, tmp_path / "orthanc") as orthanc:
        for each in images(5):
            study = orthanc.post("/instances", as_bytes(each))["ParentStudy"]
        for _ in range(3):
            forward(orthanc, study)
        wait_until(lambda: taken_in(service))
        forward(orthanc, study)
        assert versions(service) == 1
        (waiting,) = [service.get("/api/v1/inbox").json()["studies"]]
        assert waiting == []
        instances = list((service.folder / "data" / "studies").rglob("*-*"))
        assert len([path for path in instances if path.is_file()]) == 5


# Orthanc sends every study on as soon as nothing has come for it for a second.
FORWARD = """
function OnStableStudy(study, tags, metadata)
  RestApiPost('/dicom-web/servers/peer/stow',
              DumpJson({Resources = {study}, Synchronous = false}, true))
end
"""


def test_an_orthanc_that_forwards_everything_does_not_loop(service, tmp_path):
    script = tmp_path / "forward.lua"
    script.write_text(FORWARD)
    settings = {"StableAge": 1, "LuaScripts": [str(script)]}
    with orthanc_beside(service, tmp_path / "orthanc", **settings) as orthanc:
        for each in (*images(3), report()):
            orthanc.post("/instances", as_bytes(each))
        wait_until(lambda: taken_in(service), seconds=60)
        objects = 4
        for round_ in range(3):
            # As if results had been delivered: Orthanc has something new, and forwards it.
            back = our_own()
            back.SOPInstanceUID = f"{back.SOPInstanceUID[:-1]}{round_}"
            back.file_meta.MediaStorageSOPInstanceUID = back.SOPInstanceUID
            orthanc.post("/instances", as_bytes(back))
            objects += 1
            wait_until(lambda expected=objects: stored(service) == expected, seconds=60)
        assert versions(service) == 1
        assert service.get("/api/v1/inbox").json() == {"studies": []}


def stored(service):
    folder = service.folder / "data" / "studies" / str(assessment_id(STUDY))
    return sum(1 for path in folder.iterdir() if path.is_file())
