"""The OpenAPI document, and the service held against it."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from opacimeter.api import Bounds, Services, build
from opacimeter.record import assessment_id
from opacimeter.store import Store
from tests.fakes import MODEL, FakeQueue, FakeSlices, complete, fake_find, incoming


@schemathesis.serializer("multipart/related")
def _related(_context, value):
    """Random bytes as they are: no multipart body, which the service has to notice."""
    return value


def application(folder):
    store, queue = Store(folder), FakeQueue()
    store.heartbeats.beat("worker-0", model=MODEL)
    bounds = Bounds(free_bytes=0)
    complete(store, store.arrivals.receive(incoming(folder / "in")).job)
    return build(Services(store, queue.submit, fake_find, FakeSlices, bounds, "0.1.0")), store


def test_every_route_describes_its_errors_as_problems(client):
    document = client.get("/openapi.json").json()
    assert "Problem" in document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            assert route["description"], (method, path)
            for status, answer in route["responses"].items():
                if status[0] in "45" and status != "416":
                    # A store request of which nothing was stored says why of each object.
                    stowed = (method, status, path[:10]) == ("post", "409", "/dicom-web")
                    kind = "application/dicom+json" if stowed else "application/problem+json"
                    assert list(answer["content"]) == [kind], (path, status)
            if "{assessment}" in path:
                assert {"404", "422"} <= set(route["responses"]), (method, path)


# Few examples of each route, the same ones each time: this asks whether answer and document agree.
bounded = settings(
    max_examples=10, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    app, store = application(tmp_path_factory.mktemp("schema"))
    yield schemathesis.openapi.from_asgi("/openapi.json", app)
    store.close()


def ask(operation, change=lambda case: None):
    @bounded
    @given(case=operation.as_strategy())
    def each(case):
        change(case)
        # Well-formed is not enough here, and 422 says so: random bytes are no DICOM, and a random
        # cursor is none that the list gave.
        named = ("/assessments", "/corrections", "/uploads", "/frames/{frames}")
        named += ("/deliveries", "/pulls")  # cursors are this list's own
        stow = operation.method == "post" and operation.path.startswith("/dicom-web")
        opaque = stow or operation.path.endswith(named)
        case.call_and_validate(excluded_checks=[positive_data_acceptance] if opaque else [])

    each()


def test_the_service_keeps_to_its_openapi_document(schema):
    for found in schema.get_all_operations():
        ask(found.ok())


def test_the_service_keeps_to_its_openapi_document_for_a_known_study(schema):
    def known(case):
        case.path_parameters["assessment"] = str(assessment_id("1.2.3"))

    # The previews are made of the volume itself, and the study known here has none.
    known_ones = schema.include(method="GET", path_regex="assessment}")
    for found in known_ones.exclude(path_regex="/preview/").get_all_operations():
        ask(found.ok(), known)
