"""Notices: who is told of which end, when, and what they are told."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from opacimeter.checks import Check
from opacimeter.dispatch import Dispatch, Filing, Notifying
from opacimeter.exchange import Hook
from opacimeter.store import (
    DeliveryKind,
    DeliveryStatus,
    Following,
    Origin,
    Patience,
    Recipient,
    Status,
    Store,
)
from tests.fakes import MODEL, Clock, complete, fake_find, incoming, text_document
from tests.receiving import Reply, receiver

SECRET = "sixteen letters!"
EVERY = frozenset({Status.COMPLETE, Status.REJECTED, Status.FAILED})
NAME = "Doe^Jane"


class Newsroom:
    """A store whose ends are told to receivers, and a queue that does each turn at once."""

    def __init__(self, folder, recipients, hooks, *, public_url=""):
        self.folder, self.clock, self.turns = folder, Clock(), []
        following = Following(destinations=recipients, patience=Patience(jitter=lambda: 1.0))
        self.store = Store(folder / "data", clock=self.clock, following=following)
        notifying = Notifying(self.store, hooks, public_url=public_url, clock=self.clock)
        filing = Filing(self.store, fake_find, lambda _job, _low: None)
        self.dispatch = Dispatch(self.store, self._submit, filing, {}, notifying)

    def _submit(self, job, *, line="assess", lane=None, low=False):
        self.turns.append(job)

    def begin(self, *, study="1.2.3", origin=Origin.UPLOAD):
        """A study arrives; its assessment and job."""
        arrived = incoming(self.folder / study, study)
        object.__setattr__(arrived, "origin", origin)
        receipt = self.store.arrivals.receive(arrived)
        return receipt.id, receipt.job

    def end(self, status, **about):
        """A study arrives, and its version ends so."""
        assessment, job = self.begin(**about)
        self.finish(job, status)
        return assessment

    def finish(self, job, status):
        if status is Status.COMPLETE:
            complete(self.store, job)
            return
        run = self.store.runs.begin(job, attempts=3, model=MODEL)
        if status is Status.REJECTED:
            result = text_document("result.json", f'{{"patient": "{NAME}"}}', "application/json")
            run.reject((result,), checks=(Check("too-few-slices", "5 slices are too few."),))
        else:
            run.end(status, f"The study of {NAME} could not be read.")

    def work(self):
        """Hand out what is due and do it."""
        self.turns.clear()
        self.dispatch.hand_out()
        for turn in list(self.turns):
            self.dispatch.send(turn)

    def told(self):
        """All notices, the oldest first."""
        return self.store.deliveries.page().deliveries[::-1]

    def only(self):
        (notice,) = self.told()
        return notice


RIS = Recipient("ris", EVERY)


@pytest.fixture
def newsroom(tmp_path):
    """Opens newsrooms, and closes them."""
    opened = []

    def make(recipients=(RIS,), hooks=None, **about):
        opened.append(Newsroom(tmp_path, recipients, hooks or {}, **about))
        return opened[-1]

    yield make
    for each in opened:
        each.store.close()


def hooked(place, name="ris"):
    return {name: Hook(name, place.url, SECRET, timeout_s=5.0)}


def bodies(place):
    return [json.loads(message.body) for message in place.got]


@pytest.mark.parametrize("status", [Status.COMPLETE, Status.REJECTED, Status.FAILED])
def test_each_end_is_told_in_words_that_name_no_patient(newsroom, status):
    with receiver() as place:
        house = newsroom(hooks=hooked(place), public_url="https://ct.example/")
        assessment = house.end(status)
        house.work()
    (message,) = place.got
    (told,) = bodies(place)
    assert message.headers["opacimeter-event"] == status
    delivery = house.only()
    assert told == {
        "schema": "opacimeter-event-1",
        "delivery": str(delivery.id),
        "event": str(status),
        "time": delivery.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "assessment": str(assessment),
        "version": 1,
        "href": f"https://ct.example/api/v1/assessments/{assessment}?version=1",
    }
    assert message.headers["opacimeter-delivery"] == str(delivery.id)
    everything = message.path.encode() + message.body + str(message.headers).encode()
    for word in (b"Doe", b"Jane", b"P1", b"1.2.3"):
        assert word not in everything
    assert (delivery.kind, delivery.status) == (
        DeliveryKind(f"notice-{status}"), DeliveryStatus.DELIVERED,
    )  # fmt: skip


def test_without_a_public_address_the_link_is_a_path(newsroom):
    with receiver() as place:
        house = newsroom(hooks=hooked(place))
        assessment = house.end(Status.COMPLETE)
        house.work()
    assert bodies(place)[0]["href"] == f"/api/v1/assessments/{assessment}?version=1"


def test_each_is_told_of_the_ends_that_it_asked_for(newsroom):
    recipients = (
        Recipient("all", EVERY),
        Recipient("good", frozenset({Status.COMPLETE})),
        Recipient("bad", frozenset({Status.REJECTED, Status.FAILED})),
    )
    house = newsroom(recipients)
    for number, status in enumerate((Status.COMPLETE, Status.REJECTED, Status.FAILED)):
        house.end(status, study=f"1.2.{number}")
    assert sorted((each.destination, each.kind.event) for each in house.told()) == [
        ("all", "complete"), ("all", "failed"), ("all", "rejected"),
        ("bad", "failed"), ("bad", "rejected"), ("good", "complete"),
    ]  # fmt: skip


def test_of_what_was_cancelled_nobody_is_told(newsroom):
    house = newsroom()
    assessment, _ = house.begin()
    house.store.runs.cancel(assessment)
    assert house.told() == ()


def test_a_study_whose_worker_died_too_often_is_told_of_as_failed(newsroom):
    house = newsroom()
    _, job = house.begin()
    for _ in range(2):
        house.store.runs.begin(job, attempts=2, model=MODEL)
    assert house.told() == ()
    assert house.store.runs.begin(job, attempts=2, model=MODEL) is None
    assert house.only().kind is DeliveryKind.NOTICE_FAILED


def test_a_study_that_the_queue_gave_up_is_told_of_as_failed(newsroom):
    house = newsroom()
    _, job = house.begin()
    house.store.runs.abandon(job, "The queue gave it up.")
    assert house.only().kind is DeliveryKind.NOTICE_FAILED


@pytest.mark.parametrize("status", [Status.COMPLETE, Status.REJECTED, Status.FAILED])
def test_of_what_nobody_asked_for_only_those_are_told_who_want_it(newsroom, status):
    house = newsroom((Recipient("plain", EVERY), Recipient("backfill", EVERY, backfill=True)))
    ended = {
        house.end(status, study=f"1.2.{n}", origin=each): each for n, each in enumerate(Origin)
    }
    told = {each: set() for each in Origin}
    for each in house.told():
        told[ended[each.assessment]].add(each.destination)
    assert told.pop(Origin.PRIOR) == set()
    assert told.pop(Origin.BACKFILL) == {"backfill"}
    assert set(told) == {Origin.UPLOAD, Origin.STOW, Origin.DIMSE, Origin.PULL}
    assert all(names == {"plain", "backfill"} for names in told.values())


def test_nobody_is_told_before_the_end_stands_in_the_database(newsroom):
    with receiver() as place:
        house = newsroom(hooks=hooked(place))
        seen = []

        def look(message):
            body = json.loads(message.body)
            seen.append((body["event"], house.store.catalogue.get(assessment).version.status))
            return Reply()

        place.reply = look
        assessment, job = house.begin()
        run = house.store.runs.begin(job, attempts=3, model=MODEL)
        run.progress("segment", 0.5)
        house.work()
        assert place.got == []
        run.keep((), checks=(), summary={})
        house.work()
    assert seen == [("complete", Status.COMPLETE)]


def test_an_end_whose_notice_cannot_be_made_is_no_end(newsroom):
    """Both or none: a death between the two would leave a receiver waiting for ever."""
    house = newsroom()
    assessment, job = house.begin()
    with house.store._db.write() as session:
        session.connection().exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON deliveries BEGIN SELECT RAISE(FAIL, 'full'); END"
        )
    with pytest.raises(IntegrityError, match="full"):
        house.finish(job, Status.COMPLETE)
    assert house.store.catalogue.get(assessment).version.status is Status.RUNNING


def test_a_receiver_that_is_away_is_told_later_and_later_the_same_under_the_same_id(newsroom):
    with receiver(Reply(503), Reply(0), Reply(429), Reply(204)) as place:
        house = newsroom(hooks=hooked(place))
        house.end(Status.COMPLETE)
        pauses = []
        for attempt in (1, 2, 3):
            house.work()
            told = house.only()
            assert (told.status, told.hop, told.attempts) == (
                DeliveryStatus.WAITING, "notify", attempt,
            )  # fmt: skip
            pauses.append((told.next_attempt - told.updated).total_seconds())
            house.clock.now = told.updated
            if attempt > 1:  # 1 s is over when the clock is read again
                house.work()
                assert len(place.got) == attempt
            house.clock.now = told.next_attempt
        house.work()
    assert pauses == [1, 2, 4]
    assert house.only().status is DeliveryStatus.DELIVERED
    assert len({message.body for message in place.got}) == 1
    assert {message.headers["opacimeter-delivery"] for message in place.got} == {
        str(house.only().id)
    }
    times = [int(message.headers["opacimeter-timestamp"]) for message in place.got]
    assert len(set(times)) == 4
    assert times == sorted(times)


def test_the_time_that_is_signed_is_that_of_sending(newsroom):
    with receiver() as place:
        house = newsroom(hooks=hooked(place))
        house.end(Status.COMPLETE)
        house.clock.now = datetime(2026, 11, 24, 8, tzinfo=UTC)
        house.work()
    sent = datetime.fromtimestamp(int(place.got[0].headers["opacimeter-timestamp"]), UTC)
    assert timedelta() < sent - datetime(2026, 11, 24, 8, tzinfo=UTC) < timedelta(minutes=1)
    assert bodies(place)[0]["time"].startswith("2026-11-23T10:00:")


def test_after_three_days_a_receiver_is_given_up_and_can_be_asked_for_again(newsroom):
    with receiver(Reply(503), Reply(503), Reply(204)) as place:
        house = newsroom(hooks=hooked(place))
        house.end(Status.COMPLETE)
        house.work()
        house.clock.now += timedelta(days=3, seconds=1)
        house.work()
        assert house.only().status is DeliveryStatus.ABANDONED
        house.store.deliveries.retry(house.only().id)
        house.work()
    assert house.only().status is DeliveryStatus.DELIVERED


def test_a_refusal_waits_for_somebody(newsroom):
    with receiver(Reply(401), Reply(204)) as place:
        house = newsroom(hooks=hooked(place))
        house.end(Status.COMPLETE)
        house.work()
        told = house.only()
        assert (told.status, told.hop, told.reason) == (
            DeliveryStatus.FAILED, "notify", "the receiver answered HTTP 401",
        )  # fmt: skip
        house.clock.now += timedelta(days=1)
        house.work()
        assert len(place.got) == 1
        house.store.deliveries.retry(told.id)
        house.work()
    assert house.only().status is DeliveryStatus.DELIVERED


def test_one_receiver_that_is_away_keeps_nothing_from_another(newsroom):
    with receiver() as here, receiver(Reply(503)) as away:
        recipients = (Recipient("away", EVERY), Recipient("here", EVERY))
        house = newsroom(recipients, hooked(away, "away") | hooked(here, "here"))
        house.end(Status.COMPLETE)
        house.work()
    assert {each.destination: each.status for each in house.told()} == {
        "away": DeliveryStatus.WAITING, "here": DeliveryStatus.DELIVERED,
    }  # fmt: skip


def test_a_webhook_that_the_settings_no_longer_name_fails_and_waits_for_somebody(newsroom):
    house = newsroom(hooks={})
    house.end(Status.COMPLETE)
    house.work()
    told = house.only()
    assert (told.status, told.hop, told.next_attempt) == (DeliveryStatus.FAILED, "connect", None)
    assert "no webhook 'ris'" in told.reason


def test_a_second_end_of_a_version_is_news_with_an_id_of_its_own(newsroom):
    with receiver() as place:
        house = newsroom(hooks=hooked(place))
        assessment = house.end(Status.FAILED)
        house.work()
        house.finish(house.store.runs.retry(assessment), Status.FAILED)
        house.work()
        house.finish(house.store.runs.retry(assessment), Status.COMPLETE)
        house.work()
    told = bodies(place)
    assert [(each["event"], each["version"]) for each in told] == [
        ("failed", 1), ("failed", 1), ("complete", 1),
    ]  # fmt: skip
    assert len({each["delivery"] for each in told}) == 3


def test_a_removed_assessment_is_not_told_of(newsroom):
    with receiver() as place:
        house = newsroom(hooks=hooked(place))
        house.store.catalogue.remove(house.end(Status.COMPLETE))
        house.work()
    assert place.got == []
    assert house.told() == ()
