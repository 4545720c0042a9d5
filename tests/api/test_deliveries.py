"""Deliveries over HTTP: seen, retried one by one and all together, and asked for by hand."""

from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from opacimeter.api import build
from opacimeter.store import Archived, Following, Mishap, Origin, Store
from tests.fakes import Clock, complete, incoming

DOCUMENT = frozenset({"result.json"})
GONE = Mishap("connect", "the archive did not answer", lasting=True)


@pytest.fixture
def store(tmp_path):
    opened = Store(
        tmp_path / "archived",
        clock=Clock(),
        following=Following(destinations=(Archived("main", DOCUMENT), Archived("old", DOCUMENT))),
    )
    yield opened
    opened.close()


@pytest.fixture
def client(services, store):
    app = build(replace(services, store=store, archives=("main", "old", "new")))
    with TestClient(app) as opened:
        yield opened


def arrived(store, folder, origin=Origin.UPLOAD):
    receipt = store.arrivals.receive(replace(incoming(folder), origin=origin))
    complete(store, receipt.job)
    return receipt.id


def fail_all(store):
    for turn in store.deliveries.due():
        store.deliveries.begin(turn.job)
        store.deliveries.mishap(turn.job, GONE)


def listed(client, **asked):
    found = client.get("/api/v1/deliveries", params=asked).json()["deliveries"]
    return {each["destination"]: each["status"] for each in found}


def test_all_that_failed_is_tried_again_at_once_of_one_archive_or_of_all(client, store, tmp_path):
    arrived(store, tmp_path / "in")
    fail_all(store)
    assert listed(client) == {"main": "failed", "old": "failed"}
    answer = client.post("/api/v1/deliveries/retry", params={"destination": "old"})
    assert answer.json() == {"retried": 1}
    assert listed(client) == {"main": "failed", "old": "waiting"}
    assert client.post("/api/v1/deliveries/retry").json() == {"retried": 1}
    assert listed(client) == {"main": "waiting", "old": "waiting"}
    assert 'opacimeter_deliveries{status="waiting"} 2.0' in client.get("/metrics").text


def test_an_archive_named_later_gets_what_is_asked_for(client, store, tmp_path):
    assessment = arrived(store, tmp_path / "in", Origin.PRIOR)
    assert listed(client) == {}
    href = f"/api/v1/assessments/{assessment}/deliveries"
    answer = client.post(href, json={"archive": "new"})
    assert (answer.status_code, answer.json()["version"]) == (202, 1)
    assert listed(client) == {"new": "waiting"}
    assert client.post(href, json={"archive": "nowhere"}).status_code == 404


def test_what_is_not_complete_or_not_there_is_not_delivered(client, store, tmp_path):
    receipt = store.arrivals.receive(incoming(tmp_path / "in"))
    asked = {"archive": "main"}
    waiting = client.post(f"/api/v1/assessments/{receipt.id}/deliveries", json=asked)
    assert (waiting.status_code, "complete" in waiting.json()["detail"]) == (409, True)
    store.catalogue.remove(receipt.id)
    gone = client.post(f"/api/v1/assessments/{receipt.id}/deliveries", json=asked)
    assert gone.status_code == 404
