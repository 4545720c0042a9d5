"""The inbox: objects are kept when they come, and become a study when no more come."""

from datetime import timedelta
from pathlib import Path

import pytest

from opacimeter.errors import IntakeRejected, NotFound
from opacimeter.record import assessment_id
from opacimeter.store import Arriving, Incoming, Kept, Origin, Role, Store
from tests.fakes import MODEL, Clock, complete, incoming

HOUR = timedelta(hours=1)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    # A re-encoded image is told by its text without the coding's prefix.
    def same(pairs):
        return [plain(first) == plain(second) for first, second in pairs]

    def plain(path: Path) -> bytes:
        return path.read_bytes().split(b":")[-1]

    opened = Store(tmp_path / "data", same_images=same, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def keep(store, tmp_path):
    """Keeps objects told as (instance, content) or (instance, content, role)."""
    count = iter(range(1000))

    def keep(*told, study="1.2.3", quiet=HOUR, origin=Origin.STOW):
        objects = []
        for instance, content, *role in told:
            path = tmp_path / f"object-{next(count)}"
            path.write_bytes(content)
            kind = role[0] if role else Role.IMAGE
            patient = {"id": "P1"} if kind is Role.IMAGE else {"id": "P1", "sex": "F"}
            objects.append(Arriving(path, study, f"{study}.1", instance, "CT", kind, patient))
        return store.inbox.keep(objects, quiet=quiet, origin=origin)

    return keep


def run_files(store, receipt):
    run = store.runs.begin(receipt.job, attempts=3, model=MODEL)
    return sorted(path.read_bytes() for path in run.files())


def test_a_study_is_due_when_no_image_has_come_for_its_time(store, keep, clock):
    keep(("1", b"a"))
    assert store.inbox.due() == ()
    clock.now += timedelta(minutes=50)
    keep(("2", b"b"))
    clock.now += timedelta(minutes=50)
    assert store.inbox.due() == ()  # 50 minutes after the second
    clock.now += timedelta(minutes=11)
    assert store.inbox.due() == ("1.2.3",)
    receipt = store.inbox.release("1.2.3")
    assert receipt.id == assessment_id("1.2.3")
    assert run_files(store, receipt) == [b"a", b"b"]
    assert store.inbox.due() == ()
    assert store.catalogue.get(receipt.id).patient == {"id": "P1"}


@pytest.mark.parametrize("role", [Role.ASIDE, Role.OURS, Role.UNWANTED])
def test_only_images_start_or_put_off_anything(store, keep, clock, role):
    assert keep(("9", b"x", role)) == (Kept.STORED,)
    clock.now += 10 * HOUR
    assert store.inbox.due() == ()
    keep(("1", b"a"))
    clock.now += timedelta(minutes=50)
    keep(("8", b"y", role))
    keep(("1", b"a"))  # known: no reason to wait either
    clock.now += timedelta(minutes=11)
    assert store.inbox.due() == ("1.2.3",)


def test_what_goes_along_with_the_images(store, keep):
    keep(("1", b"a"), ("2", b"dose", Role.ASIDE), ("3", b"ours", Role.OURS))
    keep(("4", b"knee", Role.UNWANTED))
    first = store.inbox.release("1.2.3")
    assert run_files(store, first) == [b"a", b"dose"]
    second = store.inbox.release("1.2.3", asked=True)
    assert second.version == 2
    assert run_files(store, second) == [b"a", b"dose", b"knee"]
    with pytest.raises(NotFound):
        store.inbox.release("1.2.3", asked=True)  # our own waits for nobody
    assert keep(("3", b"ours again", Role.OURS)) == (Kept.KNOWN,)


def test_the_same_study_by_upload_and_by_objects_is_one_version(store, keep, tmp_path):
    keep(("1", b"a"), ("2", b"b"), ("3", b"dose", Role.ASIDE))
    uploaded = store.arrivals.receive(incoming(tmp_path / "up", images={"1": b"a", "2": b"b"}))
    released = store.inbox.release("1.2.3")
    assert (released.version, released.job) == (uploaded.version, None)
    assert keep(("1", b"a"), ("3", b"dose", Role.ASIDE)) == (Kept.KNOWN, Kept.KNOWN)


def test_what_an_archive_re_encoded_is_known_and_other_content_is_not(store, keep):
    keep(("1", b"raw:a"))
    assert keep(("1", b"jpeg:a"), ("1", b"b")) == (Kept.KNOWN, Kept.CONFLICT)
    store.inbox.release("1.2.3")
    assert keep(("1", b"jpeg:a"), ("1", b"b")) == (Kept.KNOWN, Kept.CONFLICT)


def test_an_upload_that_contradicts_what_waits_leaves_it_refused(store, keep, tmp_path, clock):
    keep(("1", b"a"), quiet=timedelta(0))
    store.arrivals.receive(incoming(tmp_path / "up", images={"1": b"other"}))
    assert store.inbox.due() == ("1.2.3",)
    with pytest.raises(IntakeRejected) as refused:
        store.inbox.release("1.2.3")
    assert [check.code for check in refused.value.checks] == ["uid-conflict"]
    assert store.inbox.due() == ()  # no try after try
    (waiting,) = store.inbox.waiting()
    assert dict(waiting.counts) == {Role.REFUSED: 1}
    with pytest.raises(IntakeRejected):
        store.inbox.release("1.2.3", asked=True)


def test_a_death_between_taking_in_and_forgetting_makes_no_second_version(store, keep):
    keep(("1", b"a"))
    (waiting,) = store.inbox.waiting()
    incoming_, _ = store.inbox._incoming("1.2.3", {Role.IMAGE})
    first = store.arrivals.receive(incoming_)  # and the process dies here
    again = store.inbox.release("1.2.3")
    assert (again.version, again.job) == (first.version, None)
    assert store.inbox.waiting() == ()
    assert waiting.id == first.id


def test_objects_of_many_studies_keep_their_order(keep, store):
    told = keep(("1", b"a"), ("1", b"a"), ("1", b"b"), ("2", b"c"))
    assert told == (Kept.STORED, Kept.KNOWN, Kept.CONFLICT, Kept.STORED)
    keep(("1", b"z"), study="1.9")
    assert {each.study_uid for each in store.inbox.waiting()} == {"1.2.3", "1.9"}
    assert len(store.inbox.waiting(limit=1)) == 1


def test_a_prior_that_comes_again_by_itself_is_nobodys_prior_any_more(store, keep):
    keep(("1", b"a"), origin=Origin.PRIOR)
    receipt = store.inbox.release("1.2.3")
    assert store.catalogue.get(receipt.id).version.origin is Origin.PRIOR
    complete(store, receipt.job)
    path = store.files.root / "incoming"
    store.arrivals.receive(incoming(path / "up", images={"1": b"a"}))
    assert store.catalogue.get(receipt.id).version.origin is Origin.UPLOAD


def test_what_is_told_as_stored_is_on_the_disk_and_named_there(store, keep):
    assert keep(("../../1", b"a")) == (Kept.STORED,)
    folder = store.files.root / "studies" / str(assessment_id("1.2.3"))
    assert [path.read_bytes() for path in folder.iterdir()] == [b"a"]
    assert store.objects.received("1.2.3", "../../1").read_bytes() == b"a"


def test_a_delivery_of_reports_alone_starts_no_later_version(store, tmp_path):
    first = store.arrivals.receive(incoming(tmp_path / "one", images={"1": b"a"}))
    late = incoming(tmp_path / "two", images={"9": b"dose"})
    files = [type(file)(file.path, file.instance_uid, aside=True) for file in late.files]
    again = store.arrivals.receive(Incoming(late.study_uid, files))
    assert (again.version, again.job) == (first.version, None)


WEEK = timedelta(days=7)


@pytest.mark.parametrize("role", [Role.ASIDE, Role.OURS, Role.UNWANTED])
def test_what_waits_for_nobody_is_removed_when_nothing_comes_any_more(store, keep, clock, role):
    keep(("9", b"x", role))
    clock.now += WEEK
    keep(("8", b"y", role))  # the study still grows
    clock.now += timedelta(days=6)
    assert store.inbox.expire(WEEK) == 0
    clock.now += timedelta(days=2)
    assert store.inbox.expire(WEEK) == 1
    folder = store.files.root / "studies"
    assert not [path for path in folder.rglob("*") if path.is_file()]
    assert keep(("9", b"x", role)) == (Kept.STORED,)  # it may come again


def test_what_is_due_or_belongs_to_an_assessment_is_never_removed_for_its_age(store, keep, clock):
    keep(("1", b"a"), ("2", b"dose", Role.ASIDE))
    clock.now += 10 * WEEK
    assert store.inbox.expire(WEEK) == 0
    receipt = store.inbox.release("1.2.3")
    keep(("3", b"late dose", Role.ASIDE))
    clock.now += 2 * WEEK
    assert store.inbox.expire(WEEK) == 1
    assert run_files(store, receipt) == [b"a", b"dose"]


def test_an_object_is_found_by_its_uid_while_its_file_is_there(store, keep):
    keep(("1", b"a"), ("9", b"x", Role.ASIDE))
    keep(("1", b"elsewhere"), study="1.2.4")
    assert [path.read_bytes() for path in store.objects.held("9")] == [b"x"]
    assert {path.read_bytes() for path in store.objects.held("1")} == {b"a", b"elsewhere"}
    store.inbox.release("1.2.3")
    assert {path.read_bytes() for path in store.objects.held("1")} == {b"a", b"elsewhere"}
    for path in store.objects.held("1"):
        path.unlink()
    assert store.objects.held("1") == store.objects.held("7") == ()
