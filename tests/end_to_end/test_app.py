"""The composition root: what it opens it closes, and no study holds a worker for ever."""

import time

import psutil
import pytest
from fastapi.testclient import TestClient

from opacimeter.app import create_app
from opacimeter.app.worker import Bench
from opacimeter.settings import Settings
from opacimeter.store import Status, Store
from tests.fakes import PROCESSES, incoming


def test_the_application_closes_its_databases_at_the_end(tmp_path):
    settings = Settings(data_dir=tmp_path / "data")
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        assert client.get("/health/live").status_code == 200
        assert open_databases(tmp_path) == {"opacimeter.sqlite", "jobs.sqlite"}
    assert open_databases(tmp_path) == set()


def open_databases(folder):
    files = [file.path for file in psutil.Process().open_files()]
    return {path.rpartition("/")[2] for path in files if path.startswith(str(folder))} & {
        "opacimeter.sqlite",
        "jobs.sqlite",
    }


def test_a_host_that_is_not_served_is_refused_with_a_problem(tmp_path):
    settings = Settings(data_dir=tmp_path / "data")
    with TestClient(create_app(settings), base_url="http://rebound.example") as client:
        answer = client.get("/api/v1/assessments")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert "host" in answer.json()["detail"]


class Hanging:
    """A pipeline that never comes back."""

    def run(self, desk):
        desk.progress("segment", 0.5)
        time.sleep(60)


def be_late(folder, job):
    """A worker with a limit of a fifth of a second."""
    bench = Bench(Store(folder), Settings(data_dir=folder, study_limit_s=0.2))
    bench.tools = lambda: (Hanging(), {})
    bench.perform(job)


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "data")
    yield opened
    opened.close()


def test_a_study_that_hangs_fails_with_a_sentence_and_is_not_begun_again(store, tmp_path):
    receipt = store.arrivals.receive(incoming(tmp_path / "in"))
    process = PROCESSES.Process(target=be_late, args=(tmp_path / "data", receipt.job))
    process.start()
    process.join(20)
    assert process.exitcode == 1
    version = store.catalogue.get(receipt.id).version
    assert version.status is Status.FAILED
    assert "longer than 0.2 s" in version.error
    assert store.runs.begin(receipt.job, attempts=3, model={}) is None
