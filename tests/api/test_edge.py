"""Health, figures, headers, and errors that nobody foresaw."""

import dataclasses

import pytest
from fastapi.testclient import TestClient

from opacimeter.api import build
from tests.api.test_assessments import ROUTE, image, of, problem, send
from tests.fakes import MODEL, complete


def test_the_service_lives_and_is_ready(client):
    assert client.get("/health/live").json() == {"status": "ok", "software": "0.1.0"}
    assert client.get("/health/ready").json()["status"] == "ready"


def test_without_a_worker_the_service_is_not_ready(client, store):
    store.heartbeats.stopped("worker-0")
    body = problem(client.get("/health/ready"), 503, "not-ready")
    assert list(body["reasons"]) == ["worker"]


def test_a_worker_whose_model_is_unusable_is_the_reason(client, store):
    store.heartbeats.beat("worker-0", model={}, problem="the weights differ from their hash")
    body = problem(client.get("/health/ready"), 503, "not-ready")
    assert "weights differ" in body["reasons"]["model"]


def test_a_worker_that_goes_on_with_the_model_before_is_a_warning(client, store):
    store.heartbeats.beat("worker-0", model=MODEL, problem="the weights differ from their hash")
    ready = client.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json()["model"] == MODEL
    assert ready.json()["warnings"] == {
        "model": "a worker goes on with 1.0.0: the weights differ from their hash"
    }
    assert "opacimeter_workers 1.0" in client.get("/metrics").text
    store.heartbeats.beat("worker-0", model=MODEL)
    assert client.get("/health/ready").json()["warnings"] == {}


def test_a_disk_that_is_nearly_full_is_the_reason(services):
    full = dataclasses.replace(services.bounds, free_bytes=1 << 60)
    with TestClient(build(dataclasses.replace(services, bounds=full))) as client:
        assert list(problem(client.get("/health/ready"), 503, "not-ready")["reasons"]) == ["disk"]


def test_a_database_that_is_away_is_the_reason(client, store):
    # The folder is exchanged as a whole, and connections given back after that: the service looks
    # into its inbox every second, and would make the database anew or hold the old one open.
    root = store.files.root
    (root.parent / "broken" / "opacimeter.sqlite").mkdir(parents=True)
    root.rename(root.parent / "away")
    (root.parent / "broken").rename(root)
    store.close()
    assert list(problem(client.get("/health/ready"), 503, "not-ready")["reasons"]) == ["database"]


def test_the_figures_count_assessments_and_requests_by_route(client, store, queue):
    send(client, image())
    complete(store, queue.jobs[0])
    client.get(of())
    figures = client.get("/metrics").text
    assert 'opacimeter_assessments{status="complete"} 1.0' in figures
    assert "opacimeter_workers 1.0" in figures
    line = 'opacimeter_http_requests_total{method="GET",route="/api/v1/assessments/{assessment}"'
    assert line in figures
    assert of() not in figures


def test_an_unknown_address_is_a_problem(client):
    problem(client.get("/nothing"), 404, "not-found")


def test_an_unknown_method_is_a_problem_that_lists_the_known(client):
    answer = client.put(ROUTE)
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"]


def test_an_error_that_nobody_foresaw_says_nothing_of_the_patient(services, capfd):
    def broken(_folder, _workspace):
        raise RuntimeError("cannot read Doe^Jane")

    with TestClient(build(dataclasses.replace(services, find=broken))) as client:
        answer = send(client, image())
    body = problem(answer, 500, "internal")
    output = capfd.readouterr()
    for text in (str(body), output.out, output.err):
        assert "Doe" not in text


@pytest.mark.parametrize("path", ["/health/live", "/nothing", ROUTE])
def test_every_answer_has_the_safe_headers(client, path):
    headers = client.get(path).headers
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_a_page_of_another_site_can_change_nothing(client):
    send(client, image())
    elsewhere = {"Origin": "https://elsewhere.example"}
    problem(client.delete(of(), headers=elsewhere), 403, "forbidden")
    assert client.get(of(), headers=elsewhere).status_code == 200
    assert client.delete(of(), headers={"Origin": "http://testserver"}).status_code == 204
