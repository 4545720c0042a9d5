"""A model that is promoted while the service runs: the next study is measured by it."""

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from opacimeter.assess import Change, Registry, read_bundle
from opacimeter.assess.history import write_history
from tests.bundles import copy_of
from tests.conftest import ROOT
from tests.fakes import wait_until
from tests.serving import Service

pytestmark = pytest.mark.slow

CARRIED = ROOT / "models" / "lung-lesion"


@pytest.fixture
def service(tmp_path):
    if not (CARRIED / "models" / "model.onnx").exists():
        pytest.skip("the network's weights are absent: models/lung-lesion/models/model.onnx")
    started = Service(tmp_path)
    started.environment.pop("OPACIMETER_MODEL", None)
    started.start()
    yield started
    assert started.stop() == 0
    assert "Traceback" not in (started.folder / "log").read_text()


@pytest.fixture
def registry(service, tmp_path):
    """Of the service's data folder; the carried bundle has figures on the gate here."""
    carried = copy_of(CARRIED, tmp_path / "carried")
    return Registry(tmp_path / "data" / "models", carried=carried)


@pytest.fixture
def study():
    """Every third slice of the phantom: a whole chest."""
    return sorted((ROOT / "dicom_samples" / "phantom-001").glob("*.dcm"))[::3]


def told(service):
    """What /health/ready says."""
    return service.get("/health/ready").json()


def assessed(service, study):
    """The next version of the study, once it is complete."""
    answer = service.send(study)
    assert answer.status_code == 202, answer.text
    href = answer.json()["assessments"][0]["href"]
    wait_until(lambda: service.status(href) == "complete", seconds=120)
    return service.get(href).json()


def opacimeter(service, *arguments):
    """A command in a process of its own, on the service's data folder."""
    return subprocess.run(
        [sys.executable, "-m", "opacimeter", *arguments],
        env=service.environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_next_study_is_measured_by_the_promoted_model_without_a_restart(
    service, registry, study, tmp_path
):
    before = read_bundle(CARRIED).network
    assert told(service)["model"]["version"] == before.version
    processes = (service.process.pid, service.worker())

    href = service.send(study).json()["assessments"][0]["href"]
    wait_until(lambda: service.status(href) == "running", seconds=60)
    change = registry.promote(copy_of(CARRIED, tmp_path / "second", mark="second"))
    wait_until(lambda: service.status(href) == "complete", seconds=120)
    first = service.get(href).json()
    # It was under way, so it was finished by the model it was begun with.
    assert first["model"] == {
        "name": before.name, "version": before.version, "sha256": before.sha256,
    }  # fmt: skip

    wait_until(lambda: told(service)["model"]["version"] == change.version, seconds=20)
    second = assessed(service, study)
    assert second["version"] == 2
    assert (second["model"]["version"], second["model"]["sha256"]) == (
        change.version,
        change.sha256,
    )
    # The weights are the same but for a remark in the file.
    assert second["regions"] == first["regions"]
    assert service.send(study).status_code == 200  # known, by this model too

    go_wrong_and_back(service, registry, change)
    assert (service.process.pid, service.worker()) == processes


def go_wrong_and_back(service, registry, change):
    """A model that is not there does not end the service; a rollback ends the warning."""
    gone = Change(
        time=datetime.now(UTC),
        action="promote",
        folder="9.9.9-000000000000",
        version="9.9.9",
        sha256="0" * 64,
        before=change.folder,
    )
    write_history(service.folder / "data" / "models", (*registry.history(), gone))
    wait_until(lambda: told(service)["warnings"], seconds=20)
    ready = told(service)
    assert ready["status"] == "ready"
    assert ready["model"]["version"] == change.version
    assert f"goes on with {change.version}" in ready["warnings"]["model"]
    assert "model not loaded" in (service.folder / "log").read_text()

    done = opacimeter(service, "models", "rollback", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["version"] == change.version
    wait_until(lambda: not told(service)["warnings"], seconds=20)
