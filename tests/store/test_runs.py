"""The work on a version: who may write, what is kept, how often it is tried."""

import os
import threading
import time

import pytest

from opacimeter.checks import Check
from opacimeter.document import Document
from opacimeter.errors import Cancelled, Conflict, NotFound
from opacimeter.record import assessment_id
from opacimeter.store import Status, Store
from tests.fakes import MODEL, Clock, complete, incoming, names, result_documents, text_document


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "data", clock=Clock())
    yield opened
    opened.close()


@pytest.fixture
def receipt(store, tmp_path):
    return store.arrivals.receive(incoming(tmp_path / "in"))


def begin(store, job, attempts=3):
    return store.runs.begin(job, attempts=attempts, model=MODEL)


def status(store, receipt):
    return store.catalogue.get(receipt.id).version.status


def test_a_job_goes_from_received_to_complete(store, receipt):
    assert store.runs.unqueued() == (receipt.job,)
    store.runs.queued(receipt.job)
    assert store.runs.unqueued() == ()
    complete(store, receipt.job)
    version = store.catalogue.get(receipt.id).version
    assert version.status is Status.COMPLETE
    assert version.documents == ("result.json", "volume.nii.gz", "labels.nii.gz", "overlay.png")
    assert version.model == MODEL
    told = [(event.status, event.step) for event in store.catalogue.events(receipt.id)]
    assert told == [
        (Status.RECEIVED, None),
        (Status.QUEUED, None),
        (Status.RUNNING, "read"),
        (Status.RUNNING, "segment"),
        (Status.COMPLETE, None),
    ]


def test_the_same_progress_twice_is_one_event_and_still_hears_a_cancellation(store, receipt):
    run = begin(store, receipt.job)
    before = len(store.catalogue.events(receipt.id))
    run.progress("read", 0.0)  # what `begin` has told already
    assert len(store.catalogue.events(receipt.id)) == before
    store.runs.cancel(receipt.id)
    threading.Event().wait(0.3)  # a little more than nobody could see
    with pytest.raises(Cancelled):
        run.progress("read", 0.0)


def test_a_finished_job_is_not_begun_again(store, receipt):
    complete(store, receipt.job)
    assert begin(store, receipt.job) is None


def test_documents_are_kept_all_or_none(store, receipt):
    def broken(path):
        path.write_text("half")
        raise OSError("the disk is full")

    run = begin(store, receipt.job)
    documents = [text_document("good.txt", "good"), Document("bad.txt", "text/plain", broken)]
    with pytest.raises(OSError, match="full"):
        run.keep(documents, checks=(), summary={})
    assert status(store, receipt) is Status.RUNNING
    assert list(names(store.files.root / "documents")) == []
    assert list(names(store.files.root / "staging")) == []


def test_documents_left_by_a_death_between_files_and_row_are_replaced(store, receipt):
    begin(store, receipt.job)
    left = store.files.document(receipt.id, 1, "old.txt")
    left.parent.mkdir(parents=True)
    left.write_text("left by a worker that died")
    complete(store, receipt.job)
    assert not left.exists()
    assert store.files.document(receipt.id, 1, "result.json").exists()


def test_documents_that_a_dead_worker_was_writing_are_swept_once_they_are_old(store):
    staging = store.files.root / "staging"
    for name, age_s in (("dead", 90_000), ("alive", 80_000)):  # a day is 86,400 s
        (staging / name).mkdir()
        then = time.time() - age_s
        os.utime(staging / name, (then, then))
    store.files.sweep()
    assert [path.name for path in staging.iterdir()] == ["alive"]


def test_a_rejected_study_keeps_its_checks_and_documents(store, receipt):
    run = begin(store, receipt.job)
    check = Check("slice-gap", "3 slices are missing.", {"missing": 3})
    run.reject([text_document("result.json", "{}")], checks=(check,))
    version = store.catalogue.get(receipt.id).version
    assert version.status is Status.REJECTED
    assert version.documents == ("result.json",)
    assert version.checks == [
        {
            "code": "slice-gap",
            "severity": "reject",
            "message": "3 slices are missing.",
            "detail": {"missing": 3},
        }
    ]


def test_a_study_that_kills_its_worker_fails_after_the_limit(store, receipt):
    # Three attempts that nobody ended: the worker died in each. The fourth is not made.
    assert [begin(store, receipt.job) is None for _ in range(4)] == [False, False, False, True]
    version = store.catalogue.get(receipt.id).version
    assert version.status is Status.FAILED
    assert "ended 3 times" in version.error


def test_an_orderly_stop_is_not_counted_against_the_study(store, receipt):
    for _ in range(5):
        begin(store, receipt.job).release()
    assert begin(store, receipt.job) is not None


def test_a_waiting_assessment_is_cancelled_at_once(store, receipt):
    store.runs.cancel(receipt.id)
    assert status(store, receipt) is Status.CANCELLED
    assert begin(store, receipt.job) is None


def test_a_running_assessment_stops_at_its_next_step(store, receipt):
    run = begin(store, receipt.job)
    store.runs.cancel(receipt.id)
    assert store.catalogue.get(receipt.id).version.cancelling
    with pytest.raises(Cancelled):
        run.progress("segment", 0.5)
    run.end(Status.CANCELLED)
    assert status(store, receipt) is Status.CANCELLED


def test_a_cancelled_run_whose_worker_died_is_cancelled_when_taken_up(store, receipt):
    begin(store, receipt.job)
    store.runs.cancel(receipt.id)
    assert begin(store, receipt.job) is None
    assert status(store, receipt) is Status.CANCELLED


def test_a_finished_assessment_cannot_be_cancelled(store, receipt):
    complete(store, receipt.job)
    with pytest.raises(Conflict, match="complete"):
        store.runs.cancel(receipt.id)


def test_what_is_running_or_complete_cannot_be_retried(store, receipt):
    begin(store, receipt.job)
    with pytest.raises(Conflict, match="running"):
        store.runs.retry(receipt.id)
    complete(store, receipt.job)
    with pytest.raises(Conflict, match="complete"):
        store.runs.retry(receipt.id)


def test_a_retry_is_a_new_job_with_all_its_attempts(store, receipt):
    while begin(store, receipt.job) is not None:
        pass
    job = store.runs.retry(receipt.id)
    assert job != receipt.job
    assert status(store, receipt) is Status.RECEIVED
    assert begin(store, receipt.job) is None  # the old job has lost its right
    complete(store, job)
    assert status(store, receipt) is Status.COMPLETE


def test_an_attempt_that_was_given_up_can_write_nothing(store, receipt):
    stale = begin(store, receipt.job)
    store.runs.abandon(receipt.job, "given up")
    complete(store, store.runs.retry(receipt.id))
    with pytest.raises(Cancelled):
        stale.keep(result_documents(stale.record), checks=(), summary={"lesion_ml": 1.0})
    stale.end(Status.FAILED, "late")
    version = store.catalogue.get(receipt.id).version
    assert (version.status, version.summary) == (Status.COMPLETE, {"lesion_ml": 100.0})


def test_a_study_deleted_while_it_runs_leaves_nothing(store, receipt):
    run = begin(store, receipt.job)
    store.catalogue.remove(receipt.id)
    with pytest.raises(Cancelled):
        run.keep(result_documents(run.record), checks=(), summary={})
    run.end(Status.FAILED, "late")
    folders = ("studies", "documents", "staging", "trash", "cache")
    assert [list(names(store.files.root / folder)) for folder in folders] == [[]] * 5
    with pytest.raises(NotFound):
        store.catalogue.get(receipt.id)


def test_a_study_that_comes_again_after_its_removal_is_not_finished_by_the_old_run(
    store, receipt, tmp_path
):
    old = begin(store, receipt.job)
    store.catalogue.remove(receipt.id)
    again = store.arrivals.receive(incoming(tmp_path / "again"))
    assert (again.id, again.version) == (receipt.id, 2)
    with pytest.raises(Cancelled):
        old.keep(result_documents(old.record), checks=(), summary={})
    assert status(store, again) is Status.RECEIVED


def test_progress_within_a_step_is_told_no_oftener_than_it_could_be_seen(store, receipt):
    run = begin(store, receipt.job)
    for number in range(1000):
        run.progress("segment", number / 1000)
    run.progress("measure", 0.0)
    steps = [event.step for event in store.catalogue.events(receipt.id)]
    # 1,000 calls take well under 2 s, so at most 8 + 1 of them are told.
    assert steps.count("segment") < 10
    assert steps[-1] == "measure"


def test_there_is_nothing_to_cancel_or_retry_in_an_unknown_study(store):
    for act in (store.runs.cancel, store.runs.retry, store.catalogue.remove):
        with pytest.raises(NotFound):
            act(assessment_id("9.9.9"))
