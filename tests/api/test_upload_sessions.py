"""Uploads that go on after a broken line: one stream of bytes, cut at sizes told beforehand."""

import dataclasses
import os

import pytest
from fastapi.testclient import TestClient

from opacimeter.api import build
from opacimeter.api.upload_content import Content, Writer
from opacimeter.api.upload_sessions import Turns
from opacimeter.errors import Conflict
from opacimeter.record import assessment_id
from tests.fakes import names

ROUTE = "/api/v1/uploads"


def image(study="1.2.3", instance="1.2.3.1", content="pixels"):
    return f"DICM {study} {instance} {content}".encode()


def begin(client, *files):
    answer = client.post(ROUTE, json={"sizes": [len(each) for each in files]})
    assert answer.status_code == 201, answer.text
    return answer.json()["href"]


def put(client, href, data, offset=0):
    return client.put(f"{href}/content", params={"offset": offset}, content=data)


def uploads(store):
    return list(names(store.files.root / "uploads"))


def test_what_is_sent_in_pieces_that_heed_no_file_is_taken_in_as_the_files_it_was(client, queue):
    files = [image(instance="1"), b"", image("1.9", "2", "x" * 1000), image(instance="3")]
    href, stream = begin(client, *files), b"".join(files)
    for place in range(0, len(stream), 7):  # 7 bytes: within words, across files
        assert put(client, href, stream[place : place + 7], place).status_code == 200
    answer = client.post(f"{href}/complete")
    assert answer.status_code == 202
    ids = [study["id"] for study in answer.json()["assessments"]]
    assert ids == [str(assessment_id("1.2.3")), str(assessment_id("1.9"))]
    assert len(queue.jobs) == 2


def test_it_tells_where_to_go_on_from_and_which_files_are_whole(client):
    href = begin(client, b"0123456789", b"abcde", b"xyz")
    state = put(client, href, b"0123456789ab").json()
    # 10 bytes of the first, 2 of the second's 5: one whole, 12 of 18 bytes.
    assert (state["received_files"], state["received_bytes"]) == (1, 12)
    assert (state["files"], state["bytes"]) == (3, 18)
    assert client.get(href).json() == state


def test_a_request_may_be_repeated_and_what_is_here_is_passed_over(client, store):
    href = begin(client, b"0123456789", b"abc")
    put(client, href, b"0123456")
    # From 4 again: 4, 5 and 6 are here; 7 8 9 a b are new.
    assert put(client, href, b"456789ab", 4).json()["received_bytes"] == 12
    assert put(client, href, b"01", 0).json()["received_bytes"] == 12
    folder = next((store.files.root / "uploads").iterdir()) / "files"
    assert [path.read_bytes() for path in sorted(folder.iterdir())] == [b"0123456789", b"ab"]


def test_a_gap_is_refused_and_the_place_told(client):
    href = begin(client, b"0123456789")
    put(client, href, b"0123")
    answer = put(client, href, b"789", 7)
    assert answer.status_code == 409
    assert "4 bytes are here" in answer.json()["detail"]


def test_more_than_was_announced_is_refused(client):
    href = begin(client, b"0123")
    assert put(client, href, b"01234").status_code == 413
    put(client, href, b"01")
    assert put(client, href, b"1234", 1).status_code == 413  # 4 lies behind the end


def test_an_unfinished_upload_is_not_looked_into(client, queue):
    href = begin(client, image(instance="1"), image(instance="2"))
    put(client, href, image(instance="1"))
    answer = client.post(f"{href}/complete")
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:opacimeter:problem:conflict"
    assert queue.jobs == []


def test_an_answer_that_was_lost_is_given_again_and_nothing_is_done_twice(client, queue, store):
    href = begin(client, image())
    put(client, href, image())
    first, second = client.post(f"{href}/complete"), client.post(f"{href}/complete")
    assert first.json() == second.json()
    assert (first.status_code, second.status_code, len(queue.jobs)) == (202, 202, 1)
    assert put(client, href, image()).status_code == 409
    assert [name.split("/")[1] for name in uploads(store)] == ["answer.json", "sizes.json"]


def test_known_images_answer_200(client):
    for expected in (202, 200):
        href = begin(client, image())
        put(client, href, image())
        assert client.post(f"{href}/complete").status_code == expected


def test_a_refusal_is_given_again_too(client):
    href = begin(client, b"%PDF-1.7")
    put(client, href, b"%PDF-1.7")
    for _ in range(2):
        answer = client.post(f"{href}/complete")
        assert answer.status_code == 422
        assert answer.json()["type"] == "urn:opacimeter:problem:rejected"
        assert [check["code"] for check in answer.json()["checks"]] == ["not-dicom"]


def test_an_upload_outlives_the_service_and_its_start(services, store):
    with TestClient(build(services)) as client:
        href = begin(client, image(instance="1"), image(instance="2"))
        put(client, href, image(instance="1") + b"DI")
    with TestClient(build(services)) as client:
        # "DICM 1.2.3 1 pixels" has 19 letters, and two more came.
        assert client.get(href).json()["received_bytes"] == 21
        assert put(client, href, image(instance="2")[2:], 21).status_code == 200
        assert client.post(f"{href}/complete").status_code == 202


def test_one_that_nobody_went_on_with_for_a_day_is_removed_when_the_next_begins(client, store):
    old, young = begin(client, b"old"), begin(client, b"young")
    folder = store.files.root / "uploads" / old.rsplit("/", 1)[1]
    past = folder.stat().st_mtime - 86_401
    os.utime(folder, (past, past))
    begin(client, b"next")
    assert client.get(old).status_code == 404
    assert client.get(young).status_code == 200


def test_one_that_is_given_up_is_gone(client, store):
    href = begin(client, b"0123")
    put(client, href, b"01")
    assert client.delete(href).status_code == 204
    assert client.get(href).status_code == 404
    assert uploads(store) == []


@pytest.mark.parametrize(
    ("sizes", "status"),
    [([2_000_001], 413), ([1] * 2001, 413), ([], 422), ([-1], 422), ([1.5], 422)],
)
def test_what_is_too_much_is_refused_before_it_is_sent(client, store, sizes, status):
    assert client.post(ROUTE, json={"sizes": sizes}).status_code == status
    assert uploads(store) == []


def test_two_thousand_sizes_fit_into_an_announcement(client):
    answer = client.post(ROUTE, json={"sizes": [999] * 2000})
    assert answer.status_code == 201
    assert answer.json()["files"] == 2000


def test_what_would_fill_the_disk_is_refused_before_it_is_sent(services, store):
    # As much as is free does not leave half of it.
    half = store.files.free_bytes() // 2
    bounds = dataclasses.replace(services.bounds, free_bytes=half, upload_bytes=1 << 60)
    with TestClient(build(dataclasses.replace(services, bounds=bounds))) as client:
        answer = client.post(ROUTE, json={"sizes": [store.files.free_bytes()]})
    assert answer.status_code == 507
    assert answer.json()["type"] == "urn:opacimeter:problem:insufficient-storage"


def test_an_older_request_whose_line_broke_unnoticed_writes_no_more(tmp_path):
    content, turns = Content.begin(tmp_path / "upload", (6,)), Turns()
    older, newer = object(), object()
    turns.take("upload", older)
    writer = Writer(content, 0)
    turns.within("upload", older, lambda: writer.write(b"ab"))
    turns.take("upload", newer)
    with pytest.raises(Conflict, match="another request"):
        turns.within("upload", older, lambda: writer.write(b"late"))
    turns.within("upload", newer, lambda: Writer(content, 2).write(b"cdef"))
    assert content.path(0).read_bytes() == b"abcdef"


def test_a_hole_that_a_loss_of_power_left_is_filled_again(tmp_path):
    content = Content.begin(tmp_path / "upload", (3, 3, 3))
    Writer(content, 0).write(b"aaabbbccc")
    content.path(1).write_bytes(b"b")
    assert content.received() == 4  # the third file does not count: it lies behind the hole
    Writer(content, 4).write(b"bbccc")
    assert [content.path(index).read_bytes() for index in range(3)] == [b"aaa", b"bbb", b"ccc"]
