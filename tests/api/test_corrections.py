"""Corrections and reviews over HTTP."""

import gzip
import json
from uuid import uuid4

import numpy as np
import pytest

from opacimeter.record import assessment_id
from opacimeter.report.nifti import read_nifti
from tests.boxes import two_lungs
from tests.fakes import MODEL, names
from tests.paintings import classes, complete_painted, nifti, painted

ROUTE = "/api/v1/assessments"
ONE = f"{ROUTE}/{assessment_id('1.2.3')}"
SAID = {"author": "Dr. Doe", "reason": "effusion taken for opacity"}


@pytest.fixture
def study(client, store, queue):
    """A complete version 1."""
    client.post(ROUTE, files=[("files", ("1.dcm", b"DICM 1.2.3 1.2.3.1 pixels"))])
    complete_painted(store, queue.jobs[0])
    queue.jobs.clear()
    return client


def correct(client, content=None, version=None, **said):
    content = nifti(painted()) if content is None else content
    files = {"labels": ("labels.nii.gz", content, "application/gzip")}
    query = {} if version is None else {"version": version}
    return client.post(f"{ONE}/corrections", files=files, data=SAID | said, params=query)


def problem(answer, status, kind):
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.json()["type"] == f"urn:opacimeter:problem:{kind}"
    return answer.json()


def test_a_correction_is_queued_as_the_next_version(study, store, queue):
    answer = correct(study)
    assert answer.status_code == 202
    told = answer.json()
    assert (told["version"], told["status"], told["series_uid"]) == (2, "queued", "1.2.3.4")
    assert told["correction"] == {"of": 1, **SAID}
    assert len(queue.jobs) == 1
    kept, _ = read_nifti(store.files.painting(assessment_id("1.2.3"), 2))
    assert np.array_equal(kept, painted())
    assert list(names(store.files.root / "incoming")) == []


def test_the_same_correction_again_answers_200_and_is_not_queued_again(study, queue):
    correct(study)
    plain = correct(study, nifti(painted(), packed=False), version=1)  # the same voxels
    assert (plain.status_code, plain.json()["version"]) == (200, 2)
    assert len(queue.jobs) == 1


def test_a_corrected_version_can_be_corrected(study, store, queue):
    correct(study)
    complete_painted(store, queue.jobs[0])
    more = painted()
    more[20, 20:30, 15:25] = 2
    answer = correct(study, nifti(more))
    assert (answer.json()["version"], answer.json()["correction"]["of"]) == (3, 2)
    assert correct(study, nifti(more), version=1).json()["correction"]["of"] == 1


def test_versions_tell_whose_they_are_and_what_was_said_of_them(study, store, queue):
    correct(study)
    study.post(f"{ONE}/review", params={"version": 1}, json={"state": "accepted", "author": "Li"})
    first, second = study.get(f"{ONE}/versions").json()["versions"]
    assert (first["correction"], first["model"], first["summary"]) == (
        None, MODEL, {"lesion_ml": 7.2},
    )  # fmt: skip
    assert first["review"]["state"] == "accepted"
    assert first["reviews"] == [first["review"]]
    assert second["correction"] == {"of": 1, **SAID}
    assert (second["review"], second["summary"], second["model"]) == (None, None, MODEL)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"holiday.jpg", "no NIfTI-1 file"),
        (nifti(painted()[1:]), "80 × 60 × 41 voxels; the volume has 80 × 60 × 42"),
        (nifti(painted(), np.diag([2.0, 2, 3, 1])), "mm off the volume"),
        (nifti(painted().astype(np.int16)), "it must be uint8"),
        (nifti(painted() + np.uint8(1)), "the value 3"),
        (nifti(np.zeros_like(painted())), "holds no lung"),
        (nifti(classes(two_lungs()[1])), "nothing to correct"),
        (gzip.compress(bytes(10_000_000)), "unpacks to more than 267136 bytes"),
    ],
)
def test_what_is_no_painting_of_the_volume_is_refused_in_words(study, store, queue, content, words):
    assert words in problem(correct(study, content), 422, "invalid-request")["detail"]
    assert queue.jobs == []
    assert list(names(store.files.root / "corrections")) == []


@pytest.mark.parametrize(
    "said", [{"author": ""}, {"author": "  "}, {"reason": " "}, {"author": "D\0oe"},
             {"author": "x" * 201}, {"reason": "x" * 2001}],
)  # fmt: skip
def test_who_corrects_and_why_has_to_be_said(study, queue, said):
    body = problem(correct(study, **said), 422, "invalid-request")
    assert "reason" in body["detail"]
    assert "D\0oe" not in json.dumps(body, ensure_ascii=False)
    assert queue.jobs == []


def test_a_form_without_a_painting_is_refused(study):
    answer = study.post(f"{ONE}/corrections", files={"author": (None, "Dr. Doe")})
    assert "no labels" in problem(answer, 422, "invalid-request")["detail"]


def test_more_bytes_than_a_painting_has_are_not_read(study):
    # 42 × 60 × 80 voxels of a byte and 1 MiB beside them.
    body = problem(correct(study, bytes(1_300_000)), 413, "too-large")
    assert "limit is 1250176 bytes" in body["detail"]


def test_texts_without_end_are_too_large(study):
    problem(correct(study, reason="x" * 20_000), 413, "too-large")


def test_what_is_not_complete_cannot_be_corrected(study):
    correct(study)
    body = problem(correct(study, version=2), 409, "conflict")
    assert body["detail"] == "version 2 is queued; only a complete one can be corrected"
    problem(correct(study, version=7), 404, "not-found")


def test_a_page_of_another_site_corrects_nothing(study, queue):
    answer = study.post(f"{ONE}/corrections", headers={"origin": "https://elsewhere.example"})
    problem(answer, 403, "forbidden")
    assert queue.jobs == []


def say(client, **said):
    return client.post(f"{ONE}/review", json={"state": "accepted", "author": "Dr. Doe", **said})


def test_a_review_is_shown_with_its_time(study):
    answer = say(study, reason="agreed")
    assert answer.status_code == 200
    told = answer.json()["review"]
    assert told.pop("time").startswith("2026-11-23T10:")
    assert told == {"state": "accepted", "author": "Dr. Doe", "reason": "agreed"}
    assert answer.json()["regions"]["lungs"]["lesion_ml"] == 100.0
    assert study.get(ONE).json()["review"]["state"] == "accepted"


def test_a_rejection_says_why(study):
    assert "reason" in problem(say(study, state="rejected"), 422, "invalid-request")["detail"]
    assert say(study, state="rejected", reason="motion").json()["review"]["reason"] == "motion"


@pytest.mark.parametrize("said", [{"state": "pending"}, {"author": ""}, {"author": "\x07"}])
def test_a_review_of_another_form_is_invalid(study, said):
    problem(say(study, **said), 422, "invalid-request")


def test_nothing_is_reviewed_or_corrected_where_nothing_is(client):
    for act in ("review", "corrections"):
        answer = client.post(
            f"{ROUTE}/{uuid4()}/{act}", json={"state": "accepted", "author": "Dr. Doe"}
        )
        assert problem(answer, 404, "not-found")["detail"] == "there is no such assessment"
