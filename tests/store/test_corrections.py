"""Corrections and reviews: which versions they make, what they keep, what they leave alone."""

import pytest

from opacimeter.errors import Conflict, NotFound
from opacimeter.record import Correction, assessment_id
from opacimeter.store import Review, ReviewState, Status, Store
from tests.fakes import MODEL, Clock, complete, incoming, names

OTHER_MODEL = {"name": "lung-lesion", "version": "2.0.0", "sha256": "b" * 64}


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "data", clock=Clock())
    yield opened
    opened.close()


@pytest.fixture
def receipt(store, tmp_path):
    found = store.arrivals.receive(incoming(tmp_path / "in"))
    complete(store, found.job)
    return found


def correct(store, receipt, content=b"painted", of=1, reason="effusion"):
    painting = store.files.upload() / "painting.nii.gz"
    painting.write_bytes(content)
    correction = Correction(of, "Dr. Doe", reason)
    return store.corrections.receive(receipt.id, correction, painting, series_uid="1.2.3.4")


def numbers(store, receipt):
    return [version.number for version in store.catalogue.versions(receipt.id)]


def test_a_correction_is_the_next_version_on_the_series_that_was_corrected(store, receipt):
    found = correct(store, receipt)
    assert (found.version, store.runs.unqueued()) == (2, (found.job,))
    run = store.runs.begin(found.job, attempts=3, model=OTHER_MODEL)
    assert run.record.correction == Correction(1, "Dr. Doe", "effusion")
    assert run.record.series_uid == "1.2.3.4"
    assert run.painting().read_bytes() == b"painted"
    assert run.document(1, "labels.nii.gz").read_text() == "labels"
    # Whatever network the worker has, the labels that were changed are those of the first one.
    assert store.catalogue.get(receipt.id).version.model == MODEL
    assert store.catalogue.get(receipt.id, 1).version.status is Status.COMPLETE


def test_the_same_correction_again_changes_nothing(store, receipt):
    first = correct(store, receipt)
    again = correct(store, receipt)
    assert (again.version, again.job) == (first.version, None)
    assert correct(store, receipt, b"painted otherwise").version == 3
    assert correct(store, receipt, reason="vessel").version == 4
    assert numbers(store, receipt) == [1, 2, 3, 4]


def test_a_correction_of_a_correction_is_measured_on_the_same_images(store, receipt, tmp_path):
    complete(store, correct(store, receipt).job)
    late = {"1.2.3.1": b"one", "1.2.3.2": b"late"}
    more = store.arrivals.receive(incoming(tmp_path / "more", images=late))
    complete(store, more.job)
    assert more.version == 3
    found = correct(store, receipt, b"again", of=2)
    run = store.runs.begin(found.job, attempts=3, model=MODEL)
    assert len(run.files()) == 1  # the image that version 1 was measured on, without the late one
    assert run.record.correction.of == 2


def test_the_same_images_again_are_answered_by_the_network_not_by_a_correction(
    store, receipt, tmp_path
):
    complete(store, correct(store, receipt).job)
    again = store.arrivals.receive(incoming(tmp_path / "again"), model_sha256=MODEL["sha256"])
    assert (again.version, again.job) == (1, None)
    asked = store.arrivals.another_series(receipt.id, "1.2.3.4")
    assert asked.version == 3  # nobody had asked for it, though the correction was measured on it


def test_another_model_makes_a_version_that_is_no_correction(store, receipt, tmp_path):
    complete(store, correct(store, receipt).job)
    again = store.arrivals.receive(incoming(tmp_path / "again"), model_sha256=OTHER_MODEL["sha256"])
    assert again.version == 3
    corrected, newest = store.catalogue.versions(receipt.id)[1:]
    assert (corrected.correction["of"], newest.correction) == (1, None)


def test_only_a_complete_version_can_be_corrected(store, receipt):
    correct(store, receipt)
    with pytest.raises(Conflict, match="version 2 is received"):
        correct(store, receipt, b"more", of=2)
    with pytest.raises(NotFound, match="no version 9"):
        correct(store, receipt, of=9)
    with pytest.raises(NotFound, match="no such assessment"):
        store.corrections.receive(
            assessment_id("9.9"), Correction(1, "a", "b"), _painting(store), series_uid="1"
        )
    assert len(list(names(store.files.root / "corrections"))) == 1


def _painting(store):
    path = store.files.upload() / "painting.nii.gz"
    path.write_bytes(b"painted")
    return path


def test_a_correction_whose_worker_died_is_taken_up_after_a_restart(store, receipt, tmp_path):
    found = correct(store, receipt)
    store.runs.begin(found.job, attempts=3, model=MODEL)
    store.close()
    with_new_process = Store(tmp_path / "data", clock=Clock())
    run = with_new_process.runs.begin(found.job, attempts=3, model=OTHER_MODEL)
    assert run.painting().read_bytes() == b"painted"
    assert run.record.correction.author == "Dr. Doe"
    with_new_process.close()


def test_a_painting_left_by_a_request_that_died_is_replaced(store, receipt):
    left = store.files.painting(receipt.id, 2)
    left.parent.mkdir(parents=True)
    left.write_bytes(b"left by a process that died before it wrote the row")
    correct(store, receipt)
    assert left.read_bytes() == b"painted"


def test_a_failed_correction_is_retried_as_what_it_is(store, receipt):
    found = correct(store, receipt)
    store.runs.begin(found.job, attempts=3, model=MODEL).end(Status.FAILED, "broken")
    run = store.runs.begin(store.runs.retry(receipt.id), attempts=3, model=OTHER_MODEL)
    assert run.record.correction.of == 1
    assert store.catalogue.get(receipt.id).version.model == MODEL


def test_an_assessment_that_is_removed_takes_its_paintings_along(store, receipt):
    correct(store, receipt)
    store.catalogue.remove(receipt.id)
    assert list(names(store.files.root / "corrections")) == []


def test_what_is_exported_is_the_newest_complete_correction(store, receipt):
    assert store.corrections.finished() == ()
    for content in (b"one", b"two"):
        complete(store, correct(store, receipt, content).job)
    correct(store, receipt, b"three")  # still waits
    assert store.corrections.finished() == ((receipt.id, 3),)


def review(state, reason=""):
    return Review(state, "Dr. Doe", reason)


def test_the_latest_review_holds_and_all_are_kept(store, receipt):
    rejected, accepted = review(ReviewState.REJECTED, "motion"), review(ReviewState.ACCEPTED)
    assert store.reviews.add(receipt.id, None, rejected) == 1
    store.reviews.add(receipt.id, 1, accepted)
    store.reviews.add(receipt.id, 1, accepted)  # a second click
    version = store.catalogue.get(receipt.id).version
    assert version.review["state"] == "accepted"
    assert [each["state"] for each in version.reviews] == ["rejected", "accepted"]
    assert version.reviews[0].items() >= {"author": "Dr. Doe", "reason": "motion"}.items()
    assert version.reviews[0]["time"].endswith("Z")
    assert numbers(store, receipt) == [1]


def test_a_review_stays_with_its_version(store, receipt):
    store.reviews.add(receipt.id, 1, review(ReviewState.REJECTED, "effusion"))
    complete(store, correct(store, receipt).job)
    first, second = store.catalogue.versions(receipt.id)
    assert first.review["state"] == "rejected"
    assert second.review is None


def test_what_has_no_result_cannot_be_reviewed(store, receipt):
    correct(store, receipt)
    with pytest.raises(Conflict, match="version 2 is received"):
        store.reviews.add(receipt.id, None, review(ReviewState.ACCEPTED))
    for number, words in ((9, "no version 9"), (None, "no such assessment")):
        key = receipt.id if number else assessment_id("9.9")
        with pytest.raises(NotFound, match=words):
            store.reviews.add(key, number, review(ReviewState.ACCEPTED))
