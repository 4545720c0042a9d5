"""What arrives: the same images change nothing, others make the next version."""

from pathlib import Path

import pytest

from opacimeter.checks import Check
from opacimeter.errors import IntakeRejected, NotFound
from opacimeter.record import assessment_id
from opacimeter.store import Incoming, Status, Store
from tests.fakes import MODEL, Clock, complete, incoming, names


@pytest.fixture
def store(tmp_path):
    # A re-encoded image is told by its text without the coding's prefix.
    def same(pairs):
        return [plain(first) == plain(second) for first, second in pairs]

    def plain(path: Path) -> bytes:
        return path.read_bytes().split(b":")[-1]

    opened = Store(tmp_path / "data", same_images=same, clock=Clock())
    yield opened
    opened.close()


def test_a_study_is_filed_under_the_id_of_its_uid(store, tmp_path):
    receipt = store.arrivals.receive(incoming(tmp_path / "in", "1.2.3"))
    assert receipt.id == assessment_id("1.2.3")
    assert receipt.version == 1
    entry = store.catalogue.get(receipt.id)
    assert entry.version.status is Status.RECEIVED
    assert entry.patient == {"id": "P1", "name": "Doe^Jane"}


def test_the_same_images_again_change_nothing(store, tmp_path):
    images = {"1.1": b"a", "1.2": b"b"}
    first = store.arrivals.receive(incoming(tmp_path / "one", images=images))
    before = list(names(store.files.root / "studies"))
    again = store.arrivals.receive(incoming(tmp_path / "two", images=images))
    assert (again.version, again.job) == (first.version, None)
    assert list(names(store.files.root / "studies")) == before
    assert len(before) == 2


def test_images_that_an_archive_re_encoded_change_nothing(store, tmp_path):
    store.arrivals.receive(incoming(tmp_path / "one", images={"1.1": b"raw:a"}))
    again = store.arrivals.receive(incoming(tmp_path / "two", images={"1.1": b"jpeg:a"}))
    assert again.job is None


def test_late_images_make_the_next_version(store, tmp_path):
    first = store.arrivals.receive(incoming(tmp_path / "one", images={"1.1": b"a"}))
    late = store.arrivals.receive(incoming(tmp_path / "two", images={"1.2": b"b"}))
    assert late.version == 2
    # Version 1 is still to be done, on the one image it was asked for; version 2 has both.
    runs = [store.runs.begin(job.job, attempts=3, model=MODEL) for job in (first, late)]
    assert [len(run.files()) for run in runs] == [1, 2]


def test_a_known_uid_with_other_content_is_refused_and_nothing_is_kept(store, tmp_path):
    receipt = store.arrivals.receive(incoming(tmp_path / "one", images={"1.1": b"a"}))
    other = incoming(tmp_path / "two", images={"1.1": b"changed", "1.2": b"new"})
    with pytest.raises(IntakeRejected) as refused:
        store.arrivals.receive(other)
    assert [check.code for check in refused.value.checks] == ["uid-conflict"]
    assert len(store.catalogue.versions(receipt.id)) == 1
    assert len(list(names(store.files.root / "studies"))) == 1


def test_a_file_too_damaged_to_tell_its_uid_is_kept_for_intake_to_judge(store, tmp_path):
    receipt = store.arrivals.receive(incoming(tmp_path / "one", images={"": b"broken"}))
    run = store.runs.begin(receipt.job, attempts=3, model=MODEL)
    assert [path.read_bytes() for path in run.files()] == [b"broken"]
    again = store.arrivals.receive(incoming(tmp_path / "two", images={"": b"broken"}))
    assert again.job is None


def test_a_uid_that_is_no_file_name_stays_inside_the_folder(store, tmp_path):
    store.arrivals.receive(incoming(tmp_path / "in", images={"../../../outside": b"a"}))
    (kept,) = names(store.files.root / "studies")
    assert ".." not in kept
    assert not list(tmp_path.glob("outside*"))


def test_another_model_makes_the_next_version(store, tmp_path):
    first = store.arrivals.receive(incoming(tmp_path / "one"), model_sha256=MODEL["sha256"])
    complete(store, first.job)
    same = store.arrivals.receive(incoming(tmp_path / "two"), model_sha256=MODEL["sha256"])
    other = store.arrivals.receive(incoming(tmp_path / "three"), model_sha256="b" * 64)
    assert same.job is None
    assert other.version == 2


def test_another_series_makes_the_next_version_once(store, tmp_path):
    receipt = store.arrivals.receive(incoming(tmp_path / "one"))
    asked = store.arrivals.another_series(receipt.id, "1.9")
    again = store.arrivals.another_series(receipt.id, "1.9")
    assert (asked.version, again.version, again.job) == (2, 2, None)
    assert store.catalogue.get(receipt.id).version.series_uid == "1.9"


def test_another_series_of_an_unknown_study_is_not_found(store):
    with pytest.raises(NotFound):
        store.arrivals.another_series(assessment_id("9.9"), "1.9")


def test_two_senders_of_one_study_make_one_version(store, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    studies = [incoming(tmp_path / str(number)) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(store.arrivals.receive, studies))
    assert {receipt.version for receipt in receipts} == {1}
    assert sum(receipt.job is not None for receipt in receipts) == 1


def test_a_study_that_came_damaged_may_be_sent_again_whole(store, tmp_path):
    first = store.arrivals.receive(incoming(tmp_path / "one", images={"1.1": b"hal", "1.2": b"b"}))
    run = store.runs.begin(first.job, attempts=3, model=MODEL)
    run.reject([], checks=(Check("damaged-file", "1 file ends early."),))
    whole = store.arrivals.receive(incoming(tmp_path / "two", images={"1.1": b"half", "1.2": b"b"}))
    assert whole.version == 2
    run = store.runs.begin(whole.job, attempts=3, model=MODEL)
    assert sorted(path.read_bytes() for path in run.files()) == [b"b", b"half"]


def test_what_is_wrong_with_a_delivery_makes_a_version_of_its_own_and_only_one(store, tmp_path):
    broken = Check("damaged-file", "1 archive ends early.", {"files": 1})

    def send(name, problems):
        study = incoming(tmp_path / name)
        return store.arrivals.receive(Incoming(study.study_uid, study.files, problems=problems))

    versions = [send("a", [broken]).version, send("b", [broken]).version, send("c", []).version]
    assert versions == [1, 1, 2]
    job = store.runs.unqueued()[0]
    assert store.runs.begin(job, attempts=3, model=MODEL).problems == (broken,)
