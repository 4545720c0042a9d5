"""Errands at an archive that does what it is told: nothing is called delivered before it is."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydicom import dcmread

from opacimeter.dispatch import Correspondent, Dispatch, Filing, Notifying
from opacimeter.document import Document
from opacimeter.errors import ArchiveRefused, ArchiveUnreachable
from opacimeter.exchange import Confirmed, Failure, Fetched, FoundStudy, Sent
from opacimeter.exchange.instances import identified
from opacimeter.store import (
    Archived,
    DeliveryKind,
    DeliveryStatus,
    Following,
    Origin,
    PullStatus,
    Review,
    ReviewState,
    Store,
)
from tests.exchange.fake_pacs import objects
from tests.fakes import MODEL, Clock, fake_find, incoming

DOCUMENTS = frozenset({"1.dcm", "2.dcm"})
FIRST, SECOND = "1.2.3.1.1", "1.2.3.2.1"


@dataclass
class FakeArchive:
    """Holds what it takes; `fails` is raised, `loses` is not taken, `has` can be fetched."""

    name: str = "pacs"
    held: set[str] = field(default_factory=set)
    taken: list[str] = field(default_factory=list)
    fails: Exception | None = None
    loses: dict[str, Failure] = field(default_factory=dict)
    has: tuple[FoundStudy, ...] = ()
    images: int = 2
    expected: int | None = 2
    without_ct: set[str] = field(default_factory=set)
    named: list[set[str]] = field(default_factory=list)

    def echo(self) -> str:
        return "answers"

    def studies(self, wanted):
        return self.has

    def fetch(self, study_uid, folder):
        if self.fails:
            raise self.fails
        if study_uid in self.without_ct:
            raise ArchiveRefused("the archive has no CT series of this study", hop="query")
        files = []
        for number in range(self.images):
            files.append(folder / str(number))
            files[-1].write_text(f"DICM {study_uid} {study_uid}.{number}")
        return Fetched(tuple(files), self.expected)

    def send(self, files):
        if self.fails:
            raise self.fails
        uids = {each.uid for each in identified(files).values()}
        self.taken += [Path(file).name for file in files]
        self.named += [_named(file) for file in files if Path(file).name == "rejection.ko.dcm"]
        self.held |= uids - self.loses.keys()
        lost = {uid: why for uid, why in self.loses.items() if uid in uids}
        return Sent(frozenset(uids - lost.keys()), lost)

    def confirm(self, instances):
        uids = {each.uid for each in instances}
        return Confirmed(frozenset(uids & self.held), dict.fromkeys(uids - self.held, "not found"))


class Workplace:
    """A store with an archive, and a queue that does each turn at once."""

    def __init__(self, folder, **about):
        self.folder, self.clock, self.archive = folder, Clock(), FakeArchive()
        place = Archived("pacs", DOCUMENTS)
        following = Following(destinations=(place,), priors_from=about.get("priors", ()))
        self.store = Store(folder / "data", clock=self.clock, following=following)
        self.assessed = []
        filing = Filing(self.store, fake_find, lambda job, low: self.assessed.append((job, low)))
        self.turns = []

        def submit(job, *, line="assess", lane=None, low=False):
            assert lane == "pacs"
            self.turns.append((line, job))

        known = {"pacs": Correspondent(self.archive, place, "chest|thorax")}
        self.dispatch = Dispatch(self.store, submit, filing, known, Notifying(self.store, {}))

    def complete(self, **study):
        """A complete version with two DICOM documents."""
        arrived = incoming(self.folder / "in")
        object.__setattr__(arrived, "study", {"date": "2026-11-23"} | study)
        receipt = self.store.arrivals.receive(arrived)
        run = self.store.runs.begin(receipt.job, attempts=3, model=MODEL)
        documents = [
            Document(file.name, "application/dicom", _copies(file))
            for file in objects(self.folder / "objects")
        ]
        run.keep(documents, checks=(), summary={})
        return receipt.id

    def work(self):
        """Hand out what is due and do it."""
        self.turns.clear()
        self.dispatch.hand_out()
        for line, job in list(self.turns):
            (self.dispatch.send if line == "deliver" else self.dispatch.fetch)(job)

    def only(self, kind=DeliveryKind.RESULT):
        found = self.store.deliveries.page().deliveries
        (delivery,) = [each for each in found if each.kind is kind]
        return delivery


def _named(note):
    """SOPInstanceUIDs that a note of rejection names as evidence."""
    (of_study,) = dcmread(note).CurrentRequestedProcedureEvidenceSequence
    return {
        item.ReferencedSOPInstanceUID
        for series in of_study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }


def _copies(file):
    return lambda path: path.write_bytes(file.read_bytes()) and None


@pytest.fixture
def place(tmp_path):
    opened = Workplace(tmp_path)
    yield opened
    opened.store.close()


def test_what_the_archive_holds_is_delivered_and_told_object_by_object(place):
    place.complete()
    place.work()
    told = place.only()
    assert told.status is DeliveryStatus.DELIVERED
    assert told.objects == [
        {"name": "1.dcm", "uid": FIRST, "stored": True},
        {"name": "2.dcm", "uid": SECOND, "stored": True},
    ]
    place.work()
    assert place.archive.taken == ["1.dcm", "2.dcm"]


def test_an_archive_that_is_away_gets_it_when_it_is_back(place):
    place.complete()
    place.archive.fails = ArchiveUnreachable("the archive answered HTTP 503", hop="store")
    place.work()
    told = place.only()
    assert (told.status, told.hop) == (DeliveryStatus.WAITING, "store")
    assert "503" in told.reason
    place.archive.fails = None
    place.clock.now = told.next_attempt
    place.work()
    assert place.only().status is DeliveryStatus.DELIVERED


def test_a_refusal_waits_for_somebody_who_has_it_retried(place):
    place.complete()
    place.archive.fails = ArchiveRefused("the archive answered HTTP 401", hop="store")
    place.work()
    assert place.only().status is DeliveryStatus.FAILED
    place.archive.fails = None
    place.store.deliveries.retry(place.only().id)
    place.work()
    assert place.only().status is DeliveryStatus.DELIVERED


@pytest.mark.parametrize(
    ("lasting", "status"), [(True, DeliveryStatus.FAILED), (False, DeliveryStatus.WAITING)]
)
def test_one_object_of_two_is_no_delivery(place, lasting, status):
    place.complete()
    place.archive.loses = {SECOND: Failure("out of resources (0xA700)", lasting)}
    place.work()
    told = place.only()
    assert told.status is status
    assert [each["stored"] for each in told.objects] == [True, False]
    assert told.reason.startswith("1 of 2 objects")


def test_a_turn_that_breaks_is_tried_again_without_the_message_of_the_error(place):
    """It may be a database that was busy: nothing is given up for that."""
    place.complete()
    place.archive.fails = ValueError("Doe^Jane")
    place.work()
    told = place.only()
    assert told.status is DeliveryStatus.WAITING
    assert "ValueError" in told.reason
    assert "Doe" not in told.reason


def test_a_note_of_rejection_follows_the_result_and_never_goes_before_it(place):
    assessment = place.complete()
    place.archive.fails = ArchiveUnreachable("away", hop="connect")
    place.work()
    review = Review(ReviewState.REJECTED, "Dr. Doe", "wrong side")
    place.store.reviews.add(assessment, 1, review)
    place.archive.fails = None
    for turn in place.store.deliveries.due():  # the note's alone: the result waits for its time
        if place.store.deliveries.get(turn.job.split(":")[0]).kind is DeliveryKind.REJECTION:
            place.dispatch.send(turn.job)
    assert place.archive.taken == []
    assert "not in this archive yet" in place.only(DeliveryKind.REJECTION).reason
    for _ in range(3):
        place.clock.now = max(
            [
                each.next_attempt or place.clock.now
                for each in place.store.deliveries.page().deliveries
            ]
        )
        place.work()
    assert place.archive.taken == ["1.dcm", "2.dcm", "rejection.ko.dcm"]
    assert place.only(DeliveryKind.REJECTION).status is DeliveryStatus.DELIVERED


def test_a_pulled_study_is_filed_and_assessed_before_what_can_wait(place):
    asked = place.store.pulls.ask("1.2.9", "pacs")
    waits = place.store.pulls.ask("1.2.8", "pacs", Origin.BACKFILL)
    place.work()
    assert [place.store.pulls.get(each.id).status for each in (asked, waits)] == [
        PullStatus.FETCHED
    ] * 2
    assert [low for _, low in place.assessed] == [False, True]
    origin = place.store.pulls.get(asked.id)
    assert place.store.catalogue.get(origin.assessment).study_uid == "1.2.9"
    assert not list((place.folder / "data" / "staging").iterdir())


def test_fewer_images_than_the_archive_has_are_not_filed(place):
    asked = place.store.pulls.ask("1.2.9", "pacs")
    place.archive.expected = 3
    place.work()
    told = place.store.pulls.get(asked.id)
    assert (told.status, told.hop) == (PullStatus.WAITING, "fetch")
    assert told.reason == "2 of 3 images came"
    assert place.assessed == []


def study(uid, date, **about):
    return FoundStudy(uid, date, **({"description": "CT Thorax", "patient_id": "P1"} | about))


EARLIER = [
    study("1.9.1", "20260101"),
    study("1.9.2", "20260301"),  # the latest that is earlier, a chest and the same person's
    study("1.9.3", "20260901", description="CT Head"),
    study("1.9.4", "20261001", patient_id="P2"),
    study("1.2.3", "20261123"),  # itself
    study("1.9.5", "20261201"),  # later
]


@pytest.mark.parametrize(("known", "images"), [(False, 2), (True, 0)])
def test_the_latest_earlier_chest_is_fetched_once_and_never_sent(tmp_path, known, images):
    place = Workplace(tmp_path, priors=("pacs",))
    try:
        place.archive.has = tuple(EARLIER)
        if known:
            place.store.arrivals.receive(incoming(tmp_path / "before", "1.9.2"))
        place.complete()
        place.work()
        (pull,) = place.store.pulls.page().pulls
        assert (pull.status, pull.study_uid, pull.images) == (
            PullStatus.FETCHED, "1.9.2", images,
        )  # fmt: skip
        assert [low for _, low in place.assessed] == ([] if known else [True])
    finally:
        place.store.close()


REFUSED = Failure("SOP class not supported (0x0122)", lasting=True)
FULL = Failure("out of resources (0xA700)", lasting=False)


def test_what_can_pass_is_tried_again_beside_what_cannot(place):
    place.complete()
    place.archive.loses = {FIRST: REFUSED, SECOND: FULL}
    place.work()
    assert place.only().status is DeliveryStatus.WAITING
    place.archive.loses = {FIRST: REFUSED}
    place.clock.now = place.only().next_attempt
    place.work()
    told = place.only()
    assert told.status is DeliveryStatus.FAILED
    assert [each["stored"] for each in told.objects] == [False, True]


def test_a_note_names_what_of_a_result_the_archive_has_and_later_all_of_it(place):
    assessment = place.complete()
    place.archive.loses = {SECOND: REFUSED}
    place.work()
    review = Review(ReviewState.REJECTED, "Dr. Doe", "wrong side")
    place.store.reviews.add(assessment, 1, review)
    place.work()
    note = place.only(DeliveryKind.REJECTION)
    assert note.status is DeliveryStatus.DELIVERED
    assert place.archive.named[-1] == {FIRST}
    place.archive.loses = {}
    place.store.deliveries.retry(place.only().id)
    place.work()
    place.work()
    assert place.archive.named[-1] == {FIRST, SECOND}
    again = place.only(DeliveryKind.REJECTION)
    assert again.objects[0]["uid"] != note.objects[0]["uid"]  # other content, another object


@pytest.mark.parametrize(("modalities", "fetched"), [(("CR",), "1.9.1"), ((), "1.9.1")])
def test_an_earlier_study_without_ct_is_passed_over(tmp_path, modalities, fetched):
    """Some archives heed no modality in a query; some do not even tell it."""
    place = Workplace(tmp_path, priors=("pacs",))
    try:
        place.archive.without_ct = {"1.9.2"}
        place.archive.has = (
            study("1.9.1", "20260101", modalities=("CT", "SR")),
            study("1.9.2", "20260301", modalities=modalities),
        )
        place.complete()
        place.work()
        (pull,) = place.store.pulls.page().pulls
        assert (pull.status, pull.study_uid) == (PullStatus.FETCHED, fetched)
    finally:
        place.store.close()
