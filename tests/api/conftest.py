"""The HTTP application on fakes: a real store, a queue that only remembers."""

import pytest
from fastapi.testclient import TestClient

from opacimeter.api import Bounds, Services, build
from opacimeter.store import Store
from tests.fakes import MODEL, Clock, FakeQueue, FakeSlices, fake_find


@pytest.fixture
def queue():
    return FakeQueue()


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "data", clock=Clock())
    opened.heartbeats.beat("worker-0", model=MODEL)
    yield opened
    opened.close()


@pytest.fixture
def services(store, queue):
    bounds = Bounds(upload_bytes=2_000_000, upload_files=2000, free_bytes=0, heartbeat_s=3600)
    return Services(store, queue.submit, fake_find, FakeSlices, bounds, "0.1.0")


@pytest.fixture
def client(services):
    with TestClient(build(services)) as opened:
        yield opened
