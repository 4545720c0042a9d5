"""Deliveries: made with the version, tried until they are done, never called done before."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from opacimeter.errors import Conflict, NotFound
from opacimeter.store import (
    Archived,
    Arriving,
    DeliveryKind,
    DeliveryStatus,
    Following,
    Kept,
    Mishap,
    Origin,
    Patience,
    PullStatus,
    Review,
    ReviewState,
    Role,
    Store,
)
from tests.fakes import MODEL, Clock, incoming, text_document

SR = frozenset({"measurements.sr.dcm", "anatomy.seg.dcm"})
PASSING = Mishap("connect", "the archive did not answer", lasting=False)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    following = Following(
        destinations=(
            Archived("pacs", SR),
            Archived("research", frozenset({"report.dcm"})),
            Archived("all", SR, backfill=True),
        ),
        priors_from=("pacs",),
        patience=Patience(jitter=lambda: 1.0),
    )
    opened = Store(tmp_path / "data", clock=clock, following=following)
    yield opened
    opened.close()


def completed(store, folder, *, origin=Origin.UPLOAD, study="1.2.3"):
    """A complete version with an SR and no PDF."""
    arrived = incoming(folder, study)
    object.__setattr__(arrived, "origin", origin)
    receipt = store.arrivals.receive(arrived)
    run = store.runs.begin(receipt.job, attempts=3, model=MODEL)
    document = text_document("measurements.sr.dcm", "SR", "application/dicom")
    run.keep((document,), checks=(), summary={})
    return receipt.id


def jobs(errands):
    return [turn.job for turn in errands.due()]


def test_a_complete_version_is_announced_to_those_who_want_what_it_has(store, tmp_path):
    assessment = completed(store, tmp_path / "in")
    made = store.deliveries.page(assessment=assessment).deliveries
    assert {each.destination for each in made} == {"pacs", "all"}
    assert {(each.status, each.version, each.kind) for each in made} == {
        (DeliveryStatus.WAITING, 1, DeliveryKind.RESULT)
    }
    assert {each.study_uid for each in made} == {"1.2.3"}


@pytest.mark.parametrize(
    ("origin", "told"), [(Origin.PRIOR, set()), (Origin.BACKFILL, {"all"}), (Origin.PULL, None)]
)
def test_what_nobody_asked_for_goes_only_where_it_is_wanted(store, tmp_path, origin, told):
    completed(store, tmp_path / "in", origin=origin)
    names = {each.destination for each in store.deliveries.page().deliveries}
    assert names == ({"pacs", "all"} if told is None else told)


def test_a_version_that_is_not_complete_is_not_announced(store, tmp_path):
    receipt = store.arrivals.receive(incoming(tmp_path / "in"))
    run = store.runs.begin(receipt.job, attempts=3, model=MODEL)
    run.reject((text_document("measurements.sr.dcm", "x"),), checks=())
    assert store.deliveries.page().deliveries == ()


def test_a_delivery_goes_its_way_and_is_delivered_only_when_that_is_said(store, tmp_path):
    completed(store, tmp_path / "in")
    turn, _ = jobs(store.deliveries)
    store.deliveries.queued(turn)
    assert turn not in jobs(store.deliveries)
    begun = store.deliveries.begin(turn)
    assert begun.status is DeliveryStatus.SENDING
    objects = [{"name": "measurements.sr.dcm", "uid": "1.2", "stored": True}]
    store.deliveries.told(turn, objects, done=False)
    assert store.deliveries.get(begun.id).status is DeliveryStatus.SENDING
    store.deliveries.told(turn, objects, done=True)
    told = store.deliveries.get(begun.id)
    assert (told.status, told.objects, told.attempts) == (DeliveryStatus.DELIVERED, objects, 1)
    assert store.deliveries.begin(turn) is None


def test_a_turn_that_was_killed_under_way_is_begun_again(store, tmp_path):
    completed(store, tmp_path / "in")
    turn = jobs(store.deliveries)[0]
    store.deliveries.begin(turn)
    assert store.deliveries.begin(turn).attempts == 2


def test_the_pauses_double_up_to_an_hour(store, tmp_path, clock):
    completed(store, tmp_path / "in")
    pauses = []
    for _ in range(14):
        turn = turn_of(store, "pacs")
        begun = store.deliveries.begin(turn)
        store.deliveries.mishap(turn, PASSING)
        told = store.deliveries.get(begun.id)
        assert (told.status, told.hop) == (DeliveryStatus.WAITING, "connect")
        pauses.append((told.next_attempt - told.updated).total_seconds())
        clock.now = told.next_attempt
    # 2 to the power of attempts - 1, an hour at most: 2**12 s = 4096 s is more.
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600]


def turn_of(store, destination):
    (turn,) = [turn.job for turn in store.deliveries.due() if turn.archive == destination]
    return turn


def test_an_older_turn_can_write_nothing(store, tmp_path):
    completed(store, tmp_path / "in")
    turn = jobs(store.deliveries)[0]
    begun = store.deliveries.begin(turn)
    store.deliveries.mishap(turn, PASSING)
    store.deliveries.told(turn, [], done=True)
    assert store.deliveries.get(begun.id).status is DeliveryStatus.WAITING
    assert store.deliveries.begin(turn) is None


def test_what_is_refused_for_good_waits_for_somebody(store, tmp_path):
    completed(store, tmp_path / "in")
    turn = jobs(store.deliveries)[0]
    begun = store.deliveries.begin(turn)
    store.deliveries.mishap(turn, Mishap("store", "HTTP 401", lasting=True))
    told = store.deliveries.get(begun.id)
    assert (told.status, told.reason, told.next_attempt) == (
        DeliveryStatus.FAILED, "HTTP 401", None,
    )  # fmt: skip
    store.deliveries.retry(begun.id)
    again = store.deliveries.get(begun.id)
    assert (again.status, again.attempts) == (DeliveryStatus.WAITING, 0)


def test_after_three_days_a_delivery_is_abandoned(store, tmp_path, clock):
    completed(store, tmp_path / "in")
    turn = jobs(store.deliveries)[0]
    begun = store.deliveries.begin(turn)
    clock.now += timedelta(days=3)
    store.deliveries.mishap(turn, PASSING)
    assert store.deliveries.get(begun.id).status is DeliveryStatus.ABANDONED


def test_only_what_is_not_done_and_not_under_way_can_be_retried(store, tmp_path):
    completed(store, tmp_path / "in")
    turn = jobs(store.deliveries)[0]
    begun = store.deliveries.begin(turn)
    with pytest.raises(Conflict, match="sending"):
        store.deliveries.retry(begun.id)
    store.deliveries.told(turn, [], done=True)
    with pytest.raises(Conflict, match="delivered"):
        store.deliveries.retry(begun.id)
    with pytest.raises(NotFound):
        store.deliveries.retry(uuid4())


def test_a_removed_assessment_takes_its_deliveries_along(store, tmp_path):
    assessment = completed(store, tmp_path / "in")
    turn = jobs(store.deliveries)[0]
    store.catalogue.remove(assessment)
    assert store.deliveries.begin(turn) is None
    assert store.deliveries.page().deliveries == ()


REJECTED = Review(ReviewState.REJECTED, "Dr. Doe", "wrong side")


def notes(store):
    found = store.deliveries.page().deliveries
    return [each for each in found if each.kind is DeliveryKind.REJECTION]


def test_a_rejection_follows_once_to_each_that_was_sent_the_result(store, tmp_path):
    assessment = completed(store, tmp_path / "in")
    for _ in range(2):
        store.reviews.add(assessment, 1, REJECTED)
    assert sorted(note.destination for note in notes(store)) == ["all", "pacs"]


def test_an_acceptance_is_followed_by_nothing(store, tmp_path):
    assessment = completed(store, tmp_path / "in")
    store.reviews.add(assessment, 1, Review(ReviewState.ACCEPTED, "Dr. Doe"))
    assert notes(store) == []


def test_a_rejection_whose_note_cannot_be_made_is_not_kept_either(store, tmp_path):
    """Both or none: a death between the two would leave the result standing in the archive."""
    assessment = completed(store, tmp_path / "in")
    with store._db.write() as session:
        session.connection().exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON deliveries BEGIN SELECT RAISE(FAIL, 'full'); END"
        )
    with pytest.raises(IntegrityError, match="full"):
        store.reviews.add(assessment, 1, REJECTED)
    assert store.catalogue.get(assessment).version.review is None


def test_the_list_is_walked_page_by_page_newest_first(store, tmp_path):
    for number in range(3):
        completed(store, tmp_path / f"in{number}", study=f"1.2.{number}")
    pages, cursor = [], None
    while True:
        page = store.deliveries.page(destination="pacs", cursor=cursor, limit=1)
        pages += [each.study_uid for each in page.deliveries]
        if (cursor := page.cursor) is None:
            break
    assert pages == ["1.2.2", "1.2.1", "1.2.0"]
    assert store.deliveries.page(status=DeliveryStatus.SENDING).deliveries == ()
    assert len(store.deliveries.page(status=DeliveryStatus.WAITING).deliveries) == 6
    with pytest.raises(ValueError, match="cursor"):
        store.deliveries.page(cursor="bm9uZQ==")


def test_a_study_on_its_way_is_not_pulled_twice_and_what_is_asked_for_goes_first(store):
    first = store.pulls.ask("1.2.9", "pacs", Origin.BACKFILL)
    assert store.pulls.ask("1.2.9", "pacs").id == first.id
    assert store.pulls.get(first.id).origin is Origin.PULL
    assert store.pulls.ask("1.2.9", "other").id != first.id
    (turn,) = [turn for turn in jobs(store.pulls) if turn.startswith(str(first.id))]
    assert store.pulls.begin(turn).status is PullStatus.FETCHING
    store.pulls.fetched(turn, study_uid="1.2.9", images=40)
    told = store.pulls.get(first.id)
    assert (told.status, told.images) == (PullStatus.FETCHED, 40)
    assert told.assessment is not None
    assert store.pulls.ask("1.2.9", "pacs").id != first.id


def test_the_earlier_study_is_looked_for_once(store, tmp_path):
    assessment = completed(store, tmp_path / "in")
    (pull,) = store.pulls.page().pulls
    assert (pull.prior_of, pull.study_uid, pull.origin) == (assessment, None, Origin.PRIOR)
    completed(store, tmp_path / "in2", origin=Origin.PRIOR, study="1.2.4")
    assert len(store.pulls.page().pulls) == 1


@pytest.mark.parametrize("how", ["upload", "stow"])
def test_what_was_fetched_to_compare_with_goes_where_it_belongs_once_somebody_sends_it(
    store, clock, tmp_path, how
):
    assessment = completed(store, tmp_path / "in", origin=Origin.PRIOR)
    assert store.deliveries.page().deliveries == ()
    clock.now += timedelta(hours=1)
    again = incoming(tmp_path / "again")
    if how == "upload":
        assert store.arrivals.receive(again).job is None
    else:
        objects = [
            Arriving(each.path, "1.2.3", "1.2.3.1", each.instance_uid, "CT", Role.IMAGE)
            for each in again.files
        ]
        assert set(store.inbox.keep(objects, quiet=timedelta(0))) == {Kept.KNOWN}
    made = store.deliveries.page(assessment=assessment).deliveries
    assert {each.destination for each in made} == {"pacs", "all"}
    assert store.catalogue.get(assessment).version.origin is not Origin.PRIOR
    assert len(jobs(store.pulls)) == 1  # its own earlier study is looked for now


def test_what_a_destination_has_of_a_date_range_is_not_sent_again(store, clock, tmp_path):
    completed(store, tmp_path / "in", origin=Origin.BACKFILL)
    (first,) = store.deliveries.page().deliveries
    deliver(store)
    clock.now += timedelta(hours=1)
    store.arrivals.receive(incoming(tmp_path / "again"))
    stands = {each.destination: each.status for each in store.deliveries.page().deliveries}
    assert stands == {"all": DeliveryStatus.DELIVERED, "pacs": DeliveryStatus.WAITING}
    assert store.deliveries.get(first.id).status is DeliveryStatus.DELIVERED


def deliver(store):
    (turn,) = jobs(store.deliveries)
    store.deliveries.begin(turn)
    store.deliveries.told(turn, [], done=True)


def test_a_study_removed_and_sent_again_bears_numbers_that_no_archive_has_seen(store, tmp_path):
    """UIDs follow from the version: what an archive keeps under them must not change."""
    assessment = completed(store, tmp_path / "in")
    completed_again = store.arrivals.receive(
        incoming(tmp_path / "late", images={"1.9": b"late image"})
    )
    assert completed_again.version == 2
    store.catalogue.remove(assessment)
    receipt = store.arrivals.receive(incoming(tmp_path / "again"))
    assert receipt.version == 3
    run = store.runs.begin(receipt.job, attempts=3, model=MODEL)
    assert (run.record.version, run.record.predecessor) == (3, None)


def test_a_report_follows_the_newest_version_that_has_one(store, tmp_path):
    completed(store, tmp_path / "in")
    for number in (2, 3):
        late = incoming(tmp_path / f"late-{number}", images={f"1.{number}": b"late"})
        receipt = store.arrivals.receive(late)
        run = store.runs.begin(receipt.job, attempts=3, model=MODEL)
        assert (run.record.version, run.record.predecessor) == (number, 1)
        run.reject((), checks=())  # it has no report that could be followed
