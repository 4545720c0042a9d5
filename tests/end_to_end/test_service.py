"""A real server with a real worker and the real network, over real HTTP."""

import json
import os
import signal

import psutil
import pytest

from tests.conftest import ROOT
from tests.fakes import wait_until
from tests.serving import Service

MODEL = ROOT / "models" / "lung-lesion"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    if not (MODEL / "models" / "model.onnx").exists():
        pytest.skip("the network's weights are absent: models/lung-lesion/models/model.onnx")
    started = Service(tmp_path_factory.mktemp("service"), OPACIMETER_MODEL=str(MODEL))
    started.start()
    yield started
    worker = started.worker()
    assert started.stop() == 0
    assert not psutil.pid_exists(worker)
    assert "Traceback" not in (started.folder / "log").read_text()


@pytest.fixture
def study():
    """Every third slice of the phantom: a whole chest, and its true volumes are known."""
    return sorted((ROOT / "dicom_samples" / "phantom-001").glob("*.dcm"))[::3]


TRUE_ML = json.loads((ROOT / "dicom_samples" / "phantom-001.json").read_text())["volumes_ml"]


@pytest.mark.slow
def test_a_chest_goes_in_and_its_volumes_come_out_although_the_worker_is_killed(service, study):
    answer = service.send(study)
    assert answer.status_code == 202, answer.text
    (received,) = answer.json()["assessments"]
    href = received["href"]

    wait_until(lambda: service.status(href) == "running", seconds=60)
    os.kill(service.worker(), signal.SIGKILL)
    assert service.http.get("/health/live").status_code == 200

    wait_until(lambda: service.status(href) in ("complete", "failed"), seconds=180)
    found = service.get(href).json()
    assert found["status"] == "complete", found
    assert found["regions"]["lungs"]["volume_ml"] == pytest.approx(TRUE_ML["lungs"], rel=0.1)
    events = service.get(f"{href}/events").text
    assert events.count('"complete"') == 2  # its step and the end: it was completed once
    check_documents(service, href, found)
    assert service.send(study[10:] + study[:10]).status_code == 200
    assert service.http.delete(href).status_code == 204
    assert not any(path.is_file() for path in (service.folder / "data" / "studies").rglob("*"))


def check_documents(service, href, found):
    listed = {made["name"] for made in service.get(f"{href}/artifacts").json()["artifacts"]}
    documents = (
        "result.json measurements.csv labels.nii.gz anatomy.nii.gz volume.nii.gz overlay.png"
    )
    assert set(documents.split()) <= listed
    result = json.loads(service.get(f"{href}/artifacts/result.json").content)
    assert result["summary"] == found["summary"]
    picture = service.get(f"{href}/slices/5.webp", params={"plane": "axial"})
    assert picture.content[8:12] == b"WEBP"


@pytest.mark.slow
def test_a_study_that_cannot_be_measured_is_rejected_with_its_checks(service, data):
    files = sorted(path for path in (data / "dicom_quirks" / "05-missing-one").rglob("*"))
    answer = service.send([path for path in files if path.is_file() and path.suffix != ".json"])
    href = answer.json()["assessments"][0]["href"]
    wait_until(lambda: service.status(href) == "rejected", seconds=60)
    found = service.get(href).json()
    assert "slice-gap" in [check["code"] for check in found["checks"]]
    assert found.get("summary") is None
    again = service.send([path for path in files if path.is_file() and path.suffix != ".json"])
    assert again.status_code == 200


def test_the_page_is_served_to_the_hosts_own_name_only(service):
    assert "Research use only" in service.get("/").text
    assert service.http.get("/", headers={"Host": "rebound.example"}).status_code == 400


def test_the_process_that_answers_stays_small(service):
    memory = psutil.Process(service.process.pid).memory_info().rss
    assert memory < 400e6  # the bound on the service's base
