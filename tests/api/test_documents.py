"""Documents and slices over HTTP."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api.test_assessments import image, of, problem, send
from tests.fakes import complete


@pytest.fixture
def done(client, store, queue):
    send(client, image())
    complete(store, queue.jobs[0])
    return client


def test_the_documents_are_listed_with_what_they_are(done):
    listed = done.get(f"{of()}/artifacts").json()
    assert listed["version"] == 1
    names = [made["name"] for made in listed["artifacts"]]
    assert names == ["result.json", "volume.nii.gz", "labels.nii.gz", "overlay.png"]
    picture = listed["artifacts"][3]
    assert picture["sha256"] == hashlib.sha256(b"picture").hexdigest()
    assert picture["size_bytes"] == 7
    assert done.get(picture["href"]).content == b"picture"


def test_a_document_is_sent_once_and_then_confirmed_by_its_tag(done):
    first = done.get(f"{of()}/artifacts/overlay.png")
    assert first.headers["content-type"] == "image/png"
    again = done.get(
        f"{of()}/artifacts/overlay.png", headers={"If-None-Match": first.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


def test_a_part_of_a_document_can_be_had(done):
    part = done.get(f"{of()}/artifacts/overlay.png", headers={"Range": "bytes=0-2"})
    assert (part.status_code, part.content) == (206, b"pic")


def test_a_part_that_a_document_has_not_is_a_problem_that_tells_its_length(done):
    answer = done.get(f"{of()}/artifacts/overlay.png", headers={"Range": "bytes=7-9"})
    problem(answer, 416, "range-not-satisfiable")
    assert answer.headers["content-range"] == "bytes */7"  # b"picture"
    odd = done.get(f"{of()}/artifacts/overlay.png", headers={"Range": "lines=1-2"})
    problem(odd, 400, "bad-request")


def test_a_document_that_is_none_is_not_found(done):
    for name in ("other.json", "..%2F..%2Fopacimeter.sqlite", "result.json%00"):
        problem(done.get(f"{of()}/artifacts/{name}"), 404, "not-found")


def test_a_slice_is_rendered_as_asked(done):
    answer = done.get(
        f"{of()}/slices/3.webp", params={"plane": "coronal", "window": "40,400", "overlay": False}
    )
    assert answer.headers["content-type"] == "image/webp"
    assert answer.content == b"coronal 3 40/400 none 1"
    answer = done.get(f"{of()}/slices/3.webp", params={"style": "fill", "opacity": 40})
    assert answer.content == b"axial 3 -600/1500 fill 0.4"


def test_a_slice_beyond_the_volume_is_not_found(done):
    # The fake has 10 slices, 20 rows, 30 columns.
    for plane, last in (("axial", 9), ("coronal", 19), ("sagittal", 29)):
        at = f"{of()}/slices/{{}}.webp"
        assert done.get(at.format(last), params={"plane": plane}).status_code == 200
        problem(done.get(at.format(last + 1), params={"plane": plane}), 404, "not-found")


def test_a_window_that_is_none_is_invalid(done):
    for window in ("wide", "40", "40,0", "1e9,2", "40,-4"):
        answer = done.get(f"{of()}/slices/3.webp", params={"window": window})
        problem(answer, 422, "invalid-request")


def test_many_readers_of_one_slice_open_its_volume_once(done):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: done.get(f"{of()}/slices/1.webp"), range(16)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(done.app.state.slices._open) == 1


def test_an_assessment_that_is_not_done_has_no_slices(client):
    send(client, image())
    problem(client.get(f"{of()}/slices/0.webp"), 404, "not-found")
