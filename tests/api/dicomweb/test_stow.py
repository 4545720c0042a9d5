"""Objects come in by STOW-RS: what is told as stored is stored, and every object is told of."""

import dataclasses
import threading

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from opacimeter.api import build
from opacimeter.api.dicomweb.related import Related
from opacimeter.record import assessment_id
from opacimeter.store import Origin, Status
from tests.fakes import MODEL, complete, names, wait_until
from tests.intake.series import STUDY, as_bytes
from tests.stowing import BOUNDARY, HEADERS, body, images, listed, our_own, report

STOW = "/dicom-web/studies"
STORED, FAILED, OTHERS = "00081199", "00081198", "0008119A"


def send(client, *objects, to=STOW, **headers):
    return client.post(to, content=body(objects), headers=HEADERS | headers)


def reasons(answer, tag=FAILED):
    return [item["00081197"]["Value"][0] for item in answer.json()[tag]["Value"]]


def problem(answer, status, kind):
    assert answer.status_code == status
    assert answer.json()["type"] == f"urn:opacimeter:problem:{kind}"


def files(store):
    return list(names(store.files.root / "studies"))


def assess(client, study=STUDY):
    return client.post(f"/api/v1/inbox/{study}/assess")


def test_every_stored_object_is_listed_with_the_address_it_can_be_had_from(client, store):
    sent = images(3)
    answer = send(client, *sent)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/dicom+json"
    assert listed(answer.json(), STORED) == [image.SOPInstanceUID for image in sent]
    assert FAILED not in answer.json()
    assert answer.json()["00081190"]["Value"] == [f"http://testserver{STOW}/{STUDY}"]
    assert len(files(store)) == 3
    url = answer.json()[STORED]["Value"][1]["00081190"]["Value"][0]
    got = client.get(url, headers={"Accept": "application/dicom"})
    assert got.content == as_bytes(sent[1])


def test_the_same_objects_again_are_listed_and_change_nothing(client, store, queue):
    sent = images(3)
    send(client, *sent)
    before = files(store)
    for _ in range(2):
        answer = send(client, *sent)
        assert answer.status_code == 200
        assert len(listed(answer.json(), STORED)) == 3
    assert files(store) == before
    assert assess(client).json()["version"] == 1
    send(client, *sent)
    assert assess(client).status_code == 404  # nothing waits
    assert len(queue.jobs) == 1
    assert files(store) == before


def test_an_object_twice_in_one_request_is_stored_once(client, store):
    image = images(1)[0]
    answer = send(client, image, image)
    assert listed(answer.json(), STORED) == [image.SOPInstanceUID] * 2
    assert len(files(store)) == 1


def test_a_known_uid_with_other_content_is_a_duplicate_and_the_others_are_stored(client, store):
    first, second = images(2)
    send(client, first)
    first.PatientPosition = "FFS"
    answer = send(client, first, second)
    assert answer.status_code == 202
    assert listed(answer.json(), FAILED) == [first.SOPInstanceUID]
    assert reasons(answer) == [0x0111]
    assert listed(answer.json(), STORED) == [second.SOPInstanceUID]
    assess(client)
    assert send(client, first).status_code == 409  # known to the assessment as it was to the inbox
    assert len(files(store)) == 2


def test_a_study_that_was_rejected_may_be_sent_again_with_other_content(client, store, queue):
    (image,) = images(1)
    send(client, image)
    assess(client)
    run = store.runs.begin(queue.jobs[0], attempts=3, model=MODEL)
    run.reject((), checks=())
    image.PatientPosition = "FFS"
    assert send(client, image).status_code == 200
    assert assess(client).json()["version"] == 2
    run = store.runs.begin(queue.jobs[1], attempts=3, model=MODEL)
    assert [path.read_bytes() for path in run.files()] == [as_bytes(image)]


def test_objects_of_another_study_than_the_address_names_are_refused(client):
    mine, other = images(1)[0], images(1, "2.25.7")[0]
    answer = send(client, mine, other, to=f"{STOW}/{STUDY}")
    assert answer.status_code == 202
    assert reasons(answer) == [0xA900]
    assert listed(answer.json(), FAILED) == [other.SOPInstanceUID]
    assert send(client, other, to=f"{STOW}/{STUDY}").status_code == 409


def test_parts_that_are_no_dicom_fail_without_a_name(client):
    whole = as_bytes(images(1)[0])
    nameless = images(1)[0]
    del nameless.StudyInstanceUID
    answer = send(client, b"GIF89a", whole[:400], nameless, b"", images(1, "2.25.7")[0])
    assert answer.status_code == 202
    assert reasons(answer, OTHERS) == [0xC000] * 4
    answer = send(client, b"GIF89a")
    assert (answer.status_code, listed(answer.json(), STORED)) == (409, [])


def test_parts_of_another_type_are_not_taken(client):
    content = body([images(1)[0]], "application/dicom+json")
    answer = client.post(STOW, content=content, headers=HEADERS)
    assert answer.status_code == 409


def test_interleaved_studies_become_assessments_of_their_own(client, queue):
    ones, others = images(3), images(3, "2.25.7")
    mixed = [each for pair in zip(ones, others, strict=True) for each in pair]
    answer = send(client, *mixed)
    assert answer.status_code == 200
    assert listed(answer.json(), STORED) == [each.SOPInstanceUID for each in mixed]
    assert "00081190" not in answer.json()  # no one study
    for study in (STUDY, "2.25.7"):
        assert assess(client, study).json()["id"] == str(assessment_id(study))
    assert len(queue.jobs) == 2


def test_bodies_of_another_kind_are_unsupported(client):
    in_json = 'multipart/related; type="application/dicom+json"; boundary=b'
    for kind in ("application/dicom", in_json, "multipart/form-data; boundary=b", ""):
        answer = client.post(STOW, content=b"--b--\r\n", headers=HEADERS | {"Content-Type": kind})
        problem(answer, 415, "unsupported-media-type")
    kind = 'multipart/related; type="application/dicom"'
    answer = client.post(STOW, content=b"", headers=HEADERS | {"Content-Type": kind})
    problem(answer, 400, "bad-request")


@pytest.mark.parametrize(
    "content", [b"", b"no multipart", body([b"x"])[:-8], b"--" + BOUNDARY + b"--\r\n"]
)
def test_broken_bodies_are_bad_requests_and_nothing_is_kept(client, store, content):
    problem(client.post(STOW, content=content, headers=HEADERS), 400, "bad-request")
    assert files(store) == []
    assert list(names(store.files.root / "incoming")) == []


def test_an_answer_in_xml_is_not_to_be_had(client):
    problem(send(client, images(1)[0], Accept="application/dicom+xml"), 406, "not-acceptable")
    for accept in ("*/*", "application/*", "application/dicom+xml, application/json;q=0.5"):
        assert send(client, images(1)[0], Accept=accept).status_code == 200


def test_too_many_parts_and_too_many_bytes_are_too_large(client):
    problem(send(client, *[b"x"] * 51), 413, "too-large")
    problem(send(client, b"x" * 20_000_001), 413, "too-large")
    endless = b"--" + BOUNDARY + b"\r\nContent-Type: " + b"x" * 10_000
    problem(client.post(STOW, content=endless, headers=HEADERS), 400, "bad-request")


def test_a_page_of_another_site_can_store_nothing(client):
    answer = send(client, images(1)[0], Origin="https://elsewhere.example")
    problem(answer, 403, "forbidden")


def test_without_space_nothing_is_taken(services):
    full = dataclasses.replace(services.bounds, free_bytes=1 << 60)
    with TestClient(build(dataclasses.replace(services, bounds=full))) as client:
        problem(send(client, images(1)[0]), 507, "insufficient-storage")


def test_space_that_runs_out_on_the_way_fails_the_objects(client, store, monkeypatch):
    left = iter([1 << 40, -1])
    monkeypatch.setattr(store.files, "free_bytes", lambda: next(left, -1))
    answer = send(client, images(1)[0])
    assert (answer.status_code, reasons(answer)) == (409, [0xA700])


def test_a_request_cut_on_its_way_leaves_nothing_half_stored(client, store):
    sent = images(3)
    content = body(sent)
    for end in (10, 400, len(content) // 2, len(content) - 6):
        problem(client.post(STOW, content=content[:end], headers=HEADERS), 400, "bad-request")
    kept = [path for path in (store.files.root / "studies").rglob("*") if path.is_file()]
    assert {path.read_bytes() for path in kept} <= {as_bytes(image) for image in sent}
    assert list(names(store.files.root / "incoming")) == []
    assert send(client, *sent).status_code == 200
    assert len(files(store)) == 3


CUT = images(2)
CONTENT = body([as_bytes(CUT[0]), b"\r\n--" + BOUNDARY[:-1] + b"\r\n", as_bytes(CUT[1])])


@settings(deadline=None, max_examples=60, derandomize=True, database=None)
@given(sizes=st.lists(st.integers(1, 700), min_size=1, max_size=12))
def test_however_the_body_is_cut_into_pieces_its_parts_are_the_same(tmp_path_factory, sizes):
    parts = Related(BOUNDARY, tmp_path_factory.mktemp("parts"), max_parts=10)
    at = turn = 0
    while at < len(CONTENT):
        size = sizes[turn % len(sizes)]
        parts.write(CONTENT[at : at + size])
        at, turn = at + size, turn + 1
    parts.finish()
    whole = parts.take()
    expected = [as_bytes(CUT[0]), b"\r\n--" + BOUNDARY[:-1] + b"\r\n", as_bytes(CUT[1])]
    assert [part.path.read_bytes() for part in whole] == expected
    assert [part.size for part in whole] == [len(each) for each in expected]


def test_a_study_is_assessed_when_its_quiet_period_is_over(hurried, store, queue):
    send(hurried, *images(3))
    # The job is submitted before its row says so; the row is what is waited for.
    wait_until(lambda: bool(queue.jobs) and store.runs.unqueued() == ())
    version = store.catalogue.get(assessment_id(STUDY)).version
    assert (version.number, version.status, version.origin) == (1, Status.QUEUED, Origin.STOW)
    run = store.runs.begin(queue.jobs[0], attempts=3, model=MODEL)
    assert len(run.files()) == 3


def test_late_images_make_the_next_version(client, store, queue):
    early, late = images(2)
    send(client, early)
    assess(client)
    complete(store, queue.jobs[0])
    send(client, late)
    assert assess(client).json()["version"] == 2
    run = store.runs.begin(queue.jobs[1], attempts=3, model=MODEL)
    assert len(run.files()) == 2


def test_what_is_no_image_is_stored_and_starts_nothing(client, store, queue):
    answer = send(client, report(), our_own())
    assert answer.status_code == 200
    assert len(listed(answer.json(), STORED)) == 2
    assert store.inbox.due() == ()
    assert client.get("/api/v1/inbox").json() == {"studies": []}
    problem(assess(client), 404, "not-found")
    assert queue.jobs == []


def test_what_an_archive_sends_back_supersedes_nothing(client, store, queue):
    send(client, *images(2))
    assess(client)
    complete(store, queue.jobs[0])
    for round_ in range(10):
        back = our_own()
        back.SOPInstanceUID = f"{back.SOPInstanceUID[:-1]}{round_}"
        back.file_meta.MediaStorageSOPInstanceUID = back.SOPInstanceUID
        assert send(client, *images(2), report(), our_own(), back).status_code == 200
        problem(assess(client), 404, "not-found")
    assert len(queue.jobs) == 1
    assert len(store.catalogue.versions(assessment_id(STUDY))) == 1


def test_a_report_beside_the_images_is_no_reason_for_another_version(client, store, queue):
    send(client, *images(2))
    assert assess(client).status_code == 202
    send(client, report())
    image = images(3)[2]
    send(client, image)
    assert assess(client).json()["version"] == 2
    run = store.runs.begin(queue.jobs[1], attempts=3, model=MODEL)
    assert len(run.files()) == 4  # the report goes along
    run.keep((), checks=(), summary={})
    send(client, *images(3), report())
    problem(assess(client), 404, "not-found")


def test_the_inbox_tells_what_waits_and_can_be_emptied(client, store):
    send(client, *images(2), report())
    (waiting,) = client.get("/api/v1/inbox").json()["studies"]
    assert (waiting["study_uid"], waiting["origin"]) == (STUDY, "stow")
    assert (waiting["images"], waiting["unwanted"], waiting["others"]) == (2, 0, 1)
    assert waiting["due"] > waiting["received"]
    assert client.delete(f"/api/v1/inbox/{STUDY}").status_code == 204
    assert client.get("/api/v1/inbox").json() == {"studies": []}
    assert files(store) == []
    problem(client.delete(f"/api/v1/inbox/{STUDY}"), 404, "not-found")


def test_removing_an_assessment_removes_what_waits_of_it(client, store):
    send(client, images(1)[0])
    assess(client)
    send(client, *images(2), report())
    assert client.delete(f"/api/v1/assessments/{assessment_id(STUDY)}").status_code == 204
    assert files(store) == []
    assert client.get("/api/v1/inbox").json() == {"studies": []}


def test_ten_senders_at_once_store_each_object_once(client, store, queue):
    sent = images(4)
    answers = []
    senders = [
        threading.Thread(target=lambda: answers.append(send(client, *sent).status_code))
        for _ in range(10)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert answers == [200] * 10
    assert len(files(store)) == 4
    assert assess(client).json()["new"] is True
    assert len(queue.jobs) == 1
