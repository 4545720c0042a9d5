"""Studies over HTTP: in, listed, cancelled, retried, removed."""

import dataclasses
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from opacimeter.api import build
from opacimeter.checks import Check
from opacimeter.record import assessment_id
from opacimeter.store import Status
from tests.fakes import MODEL, complete, names, text_document

ROUTE = "/api/v1/assessments"


def image(study="1.2.3", instance="1.2.3.1", content="pixels"):
    return f"DICM {study} {instance} {content}".encode()


def send(client, *images):
    return client.post(
        ROUTE, files=[("files", (f"{n}.dcm", each)) for n, each in enumerate(images)]
    )


def of(study="1.2.3"):
    return f"{ROUTE}/{assessment_id(study)}"


def problem(answer, status, kind):
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"urn:opacimeter:problem:{kind}"
    assert answer.json()["status"] == status
    return answer.json()


def test_a_study_is_accepted_and_queued(client, queue):
    answer = send(client, image(instance="1"), image(instance="2"))
    assert answer.status_code == 202
    (study,) = answer.json()["assessments"]
    assert study == {
        "id": str(assessment_id("1.2.3")),
        "version": 1,
        "new": True,
        "status": "queued",
        "href": of(),
    }
    assert len(queue.jobs) == 1


def test_two_studies_in_one_upload_are_two_assessments(client):
    answer = send(client, image("1.1"), image("1.2"))
    ids = {study["id"] for study in answer.json()["assessments"]}
    assert ids == {str(assessment_id("1.1")), str(assessment_id("1.2"))}


def test_a_known_study_answers_200_and_is_not_queued_again(client, queue):
    send(client, image())
    answer = send(client, image())
    assert answer.status_code == 200
    assert answer.json()["assessments"][0]["new"] is False
    assert len(queue.jobs) == 1


def test_an_upload_without_dicom_is_a_problem_with_the_checks_code(client, store):
    body = problem(send(client, b"holiday.jpg"), 422, "rejected")
    assert [check["code"] for check in body["checks"]] == ["not-dicom"]
    assert list(names(store.files.root / "incoming")) == []


def test_a_refused_study_does_not_hide_another(client):
    send(client, image("1.1", "1", "a"))
    answer = send(client, image("1.1", "1", "changed"), image("1.2"))
    assert answer.status_code == 202
    assert [study["id"] for study in answer.json()["assessments"]] == [str(assessment_id("1.2"))]
    (refused,) = answer.json()["refused"]
    assert [check["code"] for check in refused["checks"]] == ["uid-conflict"]


def test_a_changed_image_under_a_known_uid_is_a_conflict_of_uids(client):
    send(client, image(content="a"))
    body = problem(send(client, image(content="changed")), 422, "rejected")
    assert [check["code"] for check in body["checks"]] == ["uid-conflict"]


def test_file_names_are_never_paths(client, store, tmp_path):
    evil = [("files", ("../../../evil.dcm", image())), ("files", ("/etc/evil", image("1.9")))]
    assert client.post(ROUTE, files=evil).status_code == 202
    assert not any(tmp_path.rglob("*evil*"))
    assert list(names(store.files.root / "incoming")) == []


def test_more_than_a_thousand_files_fit_in_one_form(client):
    # The framework's own parser stops at a thousand.
    images = [image(instance=f"1.{number}") for number in range(1001)]
    answer = send(client, *images)
    assert answer.status_code == 202
    assert len(list(names(client.app.state.services.store.files.root / "studies"))) == 1001


def test_more_files_than_the_limit_are_too_many(client):
    body = problem(send(client, *[b"x"] * 2001), 413, "too-large")
    assert "2000" in body["detail"]


def test_a_body_above_the_limit_is_too_large(client):
    body = problem(send(client, b"x" * 2_000_001), 413, "too-large")
    assert body["detail"]


def test_a_body_above_the_limit_that_does_not_say_so_is_too_large(client):
    def chunks():
        yield b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
        for _ in range(30):
            yield b"x" * 100_000

    headers = {"content-type": "multipart/form-data; boundary=b"}
    problem(client.post(ROUTE, content=chunks(), headers=headers), 413, "too-large")


def test_a_question_with_a_huge_body_is_too_large(client):
    send(client, image())
    answer = client.post(f"{of()}/series", json={"series_uid": "1" * 100_000})
    problem(answer, 413, "too-large")


def test_an_upload_that_ends_early_is_refused(client, queue):
    body = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n' + image()
    headers = {"content-type": "multipart/form-data; boundary=b"}
    problem(client.post(ROUTE, content=body, headers=headers), 400, "bad-request")
    assert queue.jobs == []


def test_a_body_of_another_kind_is_unsupported(client):
    problem(client.post(ROUTE, json={}), 415, "unsupported-media-type")


def test_a_form_without_files_is_invalid(client):
    body = b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\ntext\r\n--b--\r\n'
    headers = {"content-type": "multipart/form-data; boundary=b"}
    problem(client.post(ROUTE, content=body, headers=headers), 422, "invalid-request")


def test_nothing_is_accepted_when_the_disk_is_nearly_full(services):
    full = dataclasses.replace(services.bounds, free_bytes=1 << 60)
    with TestClient(build(dataclasses.replace(services, bounds=full))) as client:
        problem(send(client, image()), 507, "insufficient-storage")


def test_a_complete_assessment_is_its_result_with_its_state(client, store, queue):
    send(client, image())
    complete(store, queue.jobs[0])
    found = client.get(of()).json()
    assert found["schema"] == "opacimeter-result-1"
    assert (found["status"], found["version"], found["fraction"]) == ("complete", 1, 1.0)
    assert found["regions"]["lungs"]["lesion_ml"] == 100.0
    assert set(found["seconds"]) == {"read", "segment", "report"}


def test_a_rejected_assessment_tells_its_checks(client, store, queue):
    send(client, image())
    run = store.runs.begin(queue.jobs[0], attempts=3, model=MODEL)
    run.reject([text_document("other.txt", "")], checks=(Check("no-ct", "No CT image."),))
    found = client.get(of()).json()
    assert found["status"] == "rejected"
    assert [check["code"] for check in found["checks"]] == ["no-ct"]
    assert found["summary"] is None


def test_an_unknown_assessment_is_not_found(client):
    for method, path in (
        ("GET", ""), ("DELETE", ""), ("GET", "/events"), ("POST", "/cancel"), ("POST", "/retry"),
        ("GET", "/versions"), ("GET", "/artifacts"), ("GET", "/slices/0.webp"),
    ):  # fmt: skip
        answer = client.request(method, f"{ROUTE}/{uuid4()}{path}")
        assert problem(answer, 404, "not-found")["detail"] == "there is no such assessment"


def test_a_waiting_assessment_is_cancelled_and_retried(client, queue):
    send(client, image())
    assert client.post(f"{of()}/cancel").json()["status"] == "cancelled"
    answer = client.post(f"{of()}/retry")
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert len(set(queue.jobs)) == 2


def test_a_running_assessment_cannot_be_retried(client, store, queue):
    send(client, image())
    store.runs.begin(queue.jobs[0], attempts=3, model=MODEL)
    problem(client.post(f"{of()}/retry"), 409, "conflict")


def test_a_complete_assessment_cannot_be_cancelled(client, store, queue):
    send(client, image())
    complete(store, queue.jobs[0])
    problem(client.post(f"{of()}/cancel"), 409, "conflict")


def test_another_series_is_the_next_version(client, store, queue):
    send(client, image())
    complete(store, queue.jobs[0])
    answer = client.post(f"{of()}/series", json={"series_uid": "1.2.3.5"})
    assert (answer.status_code, answer.json()["version"]) == (202, 2)
    again = client.post(f"{of()}/series", json={"series_uid": "1.2.3.5"})
    assert (again.status_code, again.json()["version"]) == (200, 2)
    versions = client.get(f"{of()}/versions").json()["versions"]
    assert [version["series_uid"] for version in versions] == [None, "1.2.3.5"]
    assert client.get(of(), params={"version": 1}).json()["status"] == "complete"


def test_a_series_that_the_study_has_not_is_not_found(client, store, queue):
    send(client, image())
    complete(store, queue.jobs[0])
    answer = client.post(f"{of()}/series", json={"series_uid": "9.9"})
    assert problem(answer, 404, "not-found")["detail"] == "the study has no such series"


def test_a_removed_assessment_is_gone_with_its_files(client, store, queue):
    send(client, image())
    complete(store, queue.jobs[0])
    assert client.delete(of()).status_code == 204
    problem(client.get(of()), 404, "not-found")
    assert not any(path.is_file() for path in (store.files.root / "studies").rglob("*"))


def test_the_list_filters_and_pages(client, store, queue):
    for number in range(5):
        send(client, image(f"1.{number}"))
    complete(store, queue.jobs[0])
    first = client.get(ROUTE, params={"limit": 3}).json()
    rest = client.get(ROUTE, params={"limit": 3, "cursor": first["cursor"]}).json()
    seen = [found["study"]["uid"] for found in first["assessments"] + rest["assessments"]]
    assert seen == ["1.4", "1.3", "1.2", "1.1", "1.0"]
    assert rest["cursor"] is None
    done = client.get(ROUTE, params={"status": "complete"}).json()["assessments"]
    assert [found["summary"] for found in done] == [{"lesion_ml": 100.0}]
    mine = client.get(ROUTE, params={"patient": "P-1.2"}).json()["assessments"]
    assert [found["study"]["uid"] for found in mine] == ["1.2"]


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": "many"}, {"status": "lost"}, {"cursor": "nonsense"}]
)
def test_a_wrong_query_is_an_invalid_request(client, query):
    problem(client.get(ROUTE, params=query), 422, "invalid-request")


def test_an_invalid_request_is_not_quoted(client):
    answer = client.get(ROUTE, params={"status": "Doe^Jane"})
    assert "Doe" not in answer.text


def test_what_was_received_and_never_queued_is_queued_at_the_next_start(services, queue, store):
    def broken(_job):
        raise OSError("the queue is away")

    with TestClient(build(dataclasses.replace(services, submit=broken))) as client:
        assert send(client, image()).status_code == 500
    assert queue.jobs == []
    with TestClient(build(services)) as client:
        deadline = 100
        while not queue.jobs and deadline:
            client.get("/health/live")
            deadline -= 1
    assert len(queue.jobs) == 1
    assert store.catalogue.get(assessment_id("1.2.3")).version.status is Status.QUEUED
