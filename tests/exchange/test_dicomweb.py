"""What a DICOMweb peer answers is believed instance by instance, over real HTTP."""

import json

import pytest

from opacimeter.errors import ArchiveRefused, ArchiveUnreachable
from opacimeter.exchange import Credentials, DicomwebPeer, Question, deliver, open_archive
from tests.exchange.fake_pacs import Answer, fake_pacs, objects, stored

FIRST, SECOND = "1.2.3.1.1", "1.2.3.2.1"
NO_QUERY = Answer(404)


def archive(pacs, **about):
    return open_archive(DicomwebPeer("pacs", pacs.url, timeout_s=5, **about))


def delivered(tmp_path, posted, queried=NO_QUERY):
    """The outcome of two objects at a peer that answers so."""
    with fake_pacs(lambda asked: posted if asked.method == "POST" else queried) as pacs:
        return deliver(archive(pacs), objects(tmp_path / "objects"))


def test_two_files_go_as_one_body_of_two_parts_whose_length_is_told(tmp_path):
    files = objects(tmp_path)
    with fake_pacs(lambda _asked: Answer(200, stored(FIRST, SECOND))) as pacs:
        sent = archive(pacs).send(files)
    (asked,) = pacs.asked
    assert asked.path == "/dicom-web/studies"
    assert sent.stored == {FIRST, SECOND}
    assert asked.headers["Content-Type"].startswith('multipart/related; type="application/dicom"')
    assert "Transfer-Encoding" not in asked.headers
    boundary = asked.headers["Content-Type"].rpartition("boundary=")[2].encode()
    parts = asked.body.split(b"--" + boundary)
    assert [part.partition(b"\r\n\r\n")[2][:-2] for part in parts[1:3]] == [
        file.read_bytes() for file in files
    ]
    assert parts[3] == b"--\r\n"


def test_what_the_body_lists_is_delivered(tmp_path):
    outcome = delivered(tmp_path, Answer(200, stored(FIRST, SECOND)))
    assert not outcome.failed
    assert outcome.uids == {"1.dcm": FIRST, "2.dcm": SECOND}


def test_a_202_with_a_failure_is_no_delivery(tmp_path):
    # A900 (hexadecimal): the data set does not match its SOP class, for good.
    outcome = delivered(tmp_path, Answer(202, stored(FIRST, failed={SECOND: 0xA900})))
    assert set(outcome.failed) == {SECOND}
    assert "0xA900" in outcome.failed[SECOND].reason
    assert outcome.lasting


def test_an_archive_that_is_out_of_space_may_have_room_later(tmp_path):
    outcome = delivered(tmp_path, Answer(202, stored(FIRST, failed={SECOND: 0xA700})))
    assert set(outcome.failed) == {SECOND}
    assert not outcome.lasting


def test_what_it_said_of_an_instance_is_the_reason_that_is_told(tmp_path):
    def answer(asked):
        if asked.method == "POST":
            return Answer(202, stored(FIRST, failed={SECOND: 0xA700}))
        there = [{"00080018": {"vr": "UI", "Value": [FIRST]}}] if FIRST in asked.path else []
        return Answer(200, json.dumps(there).encode())

    with fake_pacs(answer) as pacs:
        outcome = deliver(archive(pacs), objects(tmp_path))
    (why,) = outcome.failed.values()
    assert (outcome.hop, why.reason) == ("store", "out of resources (0xA700)")


def test_a_duplicate_is_there_already(tmp_path):
    assert not delivered(tmp_path, Answer(409, stored(failed={FIRST: 0x111, SECOND: 0x111}))).failed


@pytest.mark.parametrize("body", [b"", b"{}", b"<xml/>", stored(FIRST)])
def test_a_200_that_does_not_name_an_instance_is_no_delivery_of_it(tmp_path, body):
    outcome = delivered(tmp_path, Answer(200, body))
    assert SECOND in outcome.failed
    assert not outcome.lasting


def test_an_archive_that_names_nothing_is_asked_what_it_holds(tmp_path):
    def answer(asked):
        if asked.method == "POST":
            return Answer(200)
        uid = asked.path.rpartition("=")[2]
        return Answer(200, json.dumps([{"00080018": {"vr": "UI", "Value": [uid]}}]).encode())

    with fake_pacs(answer) as pacs:
        assert not deliver(archive(pacs), objects(tmp_path)).failed


def test_what_was_called_stored_and_is_not_found_is_no_delivery(tmp_path):
    outcome = delivered(tmp_path, Answer(200, stored(FIRST, SECOND)), queried=Answer(200, b"[]"))
    assert set(outcome.failed) == {FIRST, SECOND}
    assert (outcome.hop, outcome.lasting) == ("confirm", False)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_can_pass_is_unreachable(tmp_path, status):
    with pytest.raises(ArchiveUnreachable, match=str(status)) as raised:
        delivered(tmp_path, Answer(status))
    assert raised.value.hop == "store"


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 413, 415])
def test_what_cannot_pass_is_refused(tmp_path, status):
    with pytest.raises(ArchiveRefused, match=str(status)):
        delivered(tmp_path, Answer(status))


def test_a_connection_that_is_cut_half_way_is_unreachable(tmp_path):
    with pytest.raises(ArchiveUnreachable):
        delivered(tmp_path, Answer(200, stored(FIRST, SECOND), cut=True))


def test_a_port_where_nobody_listens_is_unreachable(tmp_path):
    with fake_pacs(lambda _asked: Answer()) as pacs:
        gone = archive(pacs)
    with pytest.raises(ArchiveUnreachable) as raised:
        gone.send(objects(tmp_path))
    assert raised.value.hop == "connect"


@pytest.mark.parametrize(
    ("credentials", "header"),
    [
        (None, None),
        (Credentials("user", "secret"), "Basic dXNlcjpzZWNyZXQ="),  # base64 of user:secret
        (Credentials(token="abc"), "Bearer abc"),
    ],
)
def test_credentials_go_with_every_request_and_stand_in_no_repr(credentials, header):
    with fake_pacs(lambda _asked: Answer(200, b"[]")) as pacs:
        assert "200" in archive(pacs, credentials=credentials).echo()
    assert pacs.asked[0].headers.get("Authorization") == header
    assert "secret" not in repr(credentials)
    assert "abc" not in repr(credentials)


def test_studies_are_asked_page_by_page(tmp_path):
    def answer(asked):
        first = "offset=0" in asked.path
        numbers = range(100) if first else range(100, 130)
        rows = [{"0020000D": {"vr": "UI", "Value": [f"1.{number}"]}} for number in numbers]
        return Answer(200, json.dumps(rows).encode())

    with fake_pacs(answer) as pacs:
        found = archive(pacs).studies(Question(patient_id="P1", dates=("20260101", "")))
    assert len(found) == 130
    assert "PatientID=P1" in pacs.asked[0].path
    assert "StudyDate=20260101-" in pacs.asked[0].path


def series_of(count):
    row = {
        "0020000E": {"vr": "UI", "Value": ["1.2.3.4"]},
        "00080060": {"vr": "CS", "Value": ["CT"]},
        "00201209": {"vr": "IS", "Value": [count]},
    }
    return Answer(200, json.dumps([row]).encode())


def parts_of(*contents):
    body = b"".join(
        b"\r\n--edge\r\nContent-Type: application/dicom\r\n\r\n" + content for content in contents
    )
    media_type = 'multipart/related; type="application/dicom"; boundary="edge"'
    return body + b"\r\n--edge--\r\n", media_type


def fetched(tmp_path, count, answer):
    with fake_pacs(
        lambda asked: answer if asked.path.endswith("1.2.3.4") else series_of(count)
    ) as pacs:
        return archive(pacs).fetch("1.2.3", tmp_path)


def test_a_fetched_series_is_a_file_an_image(tmp_path):
    body, media_type = parts_of(b"one", b"two--edge")
    found = fetched(tmp_path, 2, Answer(200, body, media_type))
    assert [file.read_bytes() for file in found.files] == [b"one", b"two--edge"]
    assert found.complete


def test_fewer_images_than_the_archive_told_of_are_not_complete(tmp_path):
    body, media_type = parts_of(b"one", b"two")
    assert not fetched(tmp_path, 3, Answer(200, body, media_type)).complete


@pytest.mark.parametrize("cut", [True, False])
def test_an_answer_without_its_end_is_unreachable(tmp_path, cut):
    body, media_type = parts_of(b"one", b"two" * 1000)
    with pytest.raises(ArchiveUnreachable):
        fetched(tmp_path, 2, Answer(200, body[:-12], media_type, cut=cut))
