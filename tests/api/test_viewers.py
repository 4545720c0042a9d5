"""Viewers of other origins read what DICOMweb gives, and nothing else."""

import pytest
from fastapi.testclient import TestClient

from opacimeter.api import build
from tests.api.test_assessments import ROUTE, image, of, send

STUDIES = "/dicom-web/studies"
VIEWER, OTHER = "https://viewer.example", "http://localhost:3000"
ALLOWED, METHODS = "access-control-allow-origin", "access-control-allow-methods"


@pytest.fixture
def shared(services):
    with TestClient(build(services, viewers=(VIEWER, OTHER))) as opened:
        yield opened


def crossing(answer):
    """What an answer says to a browser about pages of other origins."""
    return {name for name in answer.headers if name.startswith("access-control-")}


def asked_before(client, path, method, origin=VIEWER, headers="authorization"):
    """What a browser asks before it lets a page do anything that is not simple."""
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    if headers:
        asked["Access-Control-Request-Headers"] = headers
    return client.options(path, headers=asked)


@pytest.mark.parametrize("origin", [VIEWER, OTHER])
def test_a_viewer_that_is_named_may_read_what_dicomweb_gives(shared, origin):
    answer = shared.get(STUDIES, headers={"Origin": origin})
    assert answer.is_success
    assert answer.headers[ALLOWED] == origin
    # A cache that keeps it for one origin must not give it to another.
    assert "origin" in answer.headers["vary"].lower()
    # A browser sends no cookie or password of its own along.
    assert "access-control-allow-credentials" not in answer.headers


def test_a_viewer_that_is_named_can_read_why_it_was_refused(shared):
    answer = shared.get(f"{STUDIES}/1.2.3/metadata", headers={"Origin": VIEWER})
    assert answer.status_code == 404
    assert answer.headers[ALLOWED] == VIEWER


@pytest.mark.parametrize(
    "origin",
    ["https://elsewhere.example", "http://viewer.example", "https://viewer.example:8443",
     "https://viewer.example.evil.example", "https://a.viewer.example", "null"],
)  # fmt: skip
def test_no_other_origin_may_read(shared, origin):
    assert ALLOWED not in shared.get(STUDIES, headers={"Origin": origin}).headers
    answer = asked_before(shared, STUDIES, "GET", origin)
    assert answer.status_code == 400
    assert ALLOWED not in answer.headers


@pytest.mark.parametrize("headers", ["authorization", "accept", None])
def test_a_browser_that_asks_before_is_told_that_a_viewer_may_read(shared, headers):
    answer = asked_before(shared, STUDIES, "GET", headers=headers)
    assert answer.status_code == 200
    assert answer.headers[ALLOWED] == VIEWER
    allowed = {each.strip() for each in answer.headers[METHODS].split(",")}
    assert allowed == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_browser_that_asks_before_is_told_that_a_viewer_may_change_nothing(shared, method):
    answer = asked_before(shared, STUDIES, method)
    assert answer.status_code == 400
    assert method not in answer.headers.get(METHODS, "")


@pytest.mark.parametrize("header", ["x-anything", "content-type, x-anything"])
def test_a_browser_that_asks_before_is_told_which_headers_may_come(shared, header):
    assert asked_before(shared, STUDIES, "GET", headers=header).status_code == 400


def test_what_a_page_sends_without_asking_before_is_not_stored(shared, store):
    body = b"--b\r\nContent-Type: application/dicom\r\n\r\nDICM\r\n--b--\r\n"
    sent = {
        "Origin": VIEWER,
        "Content-Type": 'multipart/related; type="application/dicom"; boundary=b',
    }
    answer = shared.post(STUDIES, content=body, headers=sent)
    assert answer.status_code == 403
    assert store.catalogue.page().entries == ()


@pytest.mark.parametrize(
    "path", ["/", "/api/v1/assessments", "/api/v1/deliveries", "/api/v1/patients", "/health/ready",
             "/metrics", "/openapi.json", "/dicom-webs", "/api/dicom-web/studies"],
)  # fmt: skip
def test_no_other_route_answers_a_page_of_another_origin(shared, path):
    assert crossing(shared.get(path, headers={"Origin": VIEWER})) == set()
    assert crossing(asked_before(shared, path, "GET")) == set()


def test_an_assessment_is_not_read_across_origins(shared):
    assert send(shared, image()).status_code == 202
    answer = shared.get(of(), headers={"Origin": VIEWER})
    assert answer.is_success
    assert crossing(answer) == set()


@pytest.mark.parametrize("path", [STUDIES, ROUTE])
def test_where_no_viewer_is_named_nothing_is_said_to_pages_of_other_origins(client, path):
    assert crossing(client.get(path, headers={"Origin": VIEWER})) == set()
    answer = asked_before(client, path, "GET")
    assert not answer.is_success
    assert crossing(answer) == set()


@pytest.mark.parametrize("origin", [None, VIEWER])
def test_a_viewer_that_may_read_does_not_loosen_the_other_safe_headers(shared, client, origin):
    headers = {"Origin": origin} if origin else {}
    mine, plain = (each.get(STUDIES, headers=headers).headers for each in (shared, client))
    for name in ("content-security-policy", "x-content-type-options", "cache-control"):
        assert mine[name] == plain[name]
