"""Backfill: an archive's chest CT of each day, whatever it leaves out of its answers."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

import pytest

from opacimeter.dispatch import Correspondent, Standing, backfill
from opacimeter.errors import ArchiveRefused, ArchiveUnreachable
from opacimeter.exchange import FoundStudy, Question
from opacimeter.settings import Pacs
from opacimeter.store import Mishap, Origin, Patience, PullStatus, Store
from opacimeter.store.following import Following
from tests.fakes import Clock, incoming

CHEST = Pacs(name="pacs", kind="dicomweb", url="http://pacs.example").chest.pattern
MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)


@dataclass
class Shelf:
    """An archive that answers no more than `most` studies, in the order in which it has them.

    Attributes:
        has: Its studies.
        most: Where its answers end, without a word; None for nowhere.
        heeds: Which of the keys "dates" and "times" it looks at.
        refuses_times: Whether a question with times is an error to it.
        asked: The questions.
    """

    has: list[FoundStudy]
    most: int | None = None
    heeds: tuple[str, ...] = ("dates", "times")
    refuses_times: bool = False
    asked: list[Question] = field(default_factory=list)
    name: str = "pacs"

    def studies(self, wanted):
        self.asked.append(wanted)
        if wanted.times and self.refuses_times:
            raise ArchiveRefused("the archive answered HTTP 400", hop="query")
        return tuple(each for each in self.has if self._fits(each, wanted))[: self.most]

    def _fits(self, study, wanted):
        """Range matching (PS3.4 C.2.2.2.5): what has no value lies in no range."""
        of_day = "dates" not in self.heeds or wanted.dates[0] <= study.date <= wanted.dates[1]
        if wanted.times is None or "times" not in self.heeds:
            return of_day
        first, last = wanted.times
        return of_day and first <= study.time.ljust(6, "0") <= last and bool(study.time)


def study(uid, time="101500", day=MONDAY, **about):
    told = {"description": "CT Thorax", "modalities": ("CT",)} | about
    return FoundStudy(uid, day.strftime("%Y%m%d"), time, **told)


def every(minutes, count, *, first="1"):
    """So many studies so many minutes apart, from midnight on, the latest first."""
    made = []
    for number in range(count):
        hours, rest = divmod(number * minutes, 60)
        made.append(study(f"1.{first}.{number}", f"{hours:02}{rest:02}00"))
    return made[::-1]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A store for tests that only look."""
    opened = Store(tmp_path_factory.mktemp("shared"), clock=Clock())
    yield opened
    opened.close()


@pytest.fixture
def store(tmp_path):
    following = Following(patience=Patience(jitter=lambda: 1.0))
    opened = Store(tmp_path / "data", clock=Clock(), following=following)
    yield opened
    opened.close()


def looked(store, shelf, days=(MONDAY, MONDAY), *, dry_run=True):
    return list(backfill(store, Correspondent(shelf, chest=CHEST), days, dry_run=dry_run))


def uids(day):
    return [each.study.uid for each in day.studies]


def standings(day):
    return {each.study.uid: (each.standing, each.asked) for each in day.studies}


def test_each_day_is_asked_for_by_itself_first_to_last_and_told_in_order(shared):
    shelf = Shelf(
        [study("1.3", "180000"), study("1.2", "080000"), study("1.1", "180000"),
         study("1.4", day=TUESDAY)]
    )  # fmt: skip
    days = looked(shared, shelf, (date(2026, 11, 22), TUESDAY))
    assert [(each.day.day, uids(each), each.whole) for each in days] == [
        (22, [], True), (23, ["1.2", "1.1", "1.3"], True), (24, ["1.4"], True),
    ]  # fmt: skip
    assert shelf.asked == [
        Question(dates=(day, day), modality="CT") for day in ("20261122", "20261123", "20261124")
    ]


def test_a_range_goes_over_the_end_of_a_february(shared):
    days = looked(shared, Shelf([]), (date(2028, 2, 28), date(2028, 3, 1)))
    assert [each.day.isoformat() for each in days] == ["2028-02-28", "2028-02-29", "2028-03-01"]


@pytest.mark.parametrize(
    ("about", "wanted"),
    [
        ({}, True),
        ({"description": "ct THORAX nativ"}, True),
        ({"description": "胸部CT"}, True),
        ({"description": "", "body_parts": ()}, True),
        ({"description": "Routine", "body_parts": ("CHEST",)}, True),
        ({"description": "CT Head"}, False),
        ({"description": "", "body_parts": ("HEAD",)}, False),
        ({"modalities": ("CT", "SR")}, True),
        ({"modalities": ()}, True),
        ({"modalities": ("MR",)}, False),
        ({"day": TUESDAY}, False),
        ({"uid": ""}, False),
    ],
)
def test_of_what_an_archive_tells_only_chest_ct_of_the_day_is_wanted(shared, about, wanted):
    """Whatever keys of the question it heeds."""
    (day,) = looked(shared, Shelf([study(**({"uid": "1.1"} | about))], heeds=()))
    assert bool(day.studies) is wanted


def test_a_study_that_tells_no_date_is_taken_for_one_of_the_day(shared):
    (day,) = looked(shared, Shelf([FoundStudy("1.1", description="CT Thorax")], heeds=()))
    assert uids(day) == ["1.1"]


@pytest.mark.parametrize("most", [50, 100, 200])
def test_an_archive_that_cuts_its_answers_is_asked_for_less_at_once_until_it_tells_all(
    shared, most
):
    # Every 4 minutes from 00:00 to 19:56: 300 studies, more than any of the answers hold.
    shelf = Shelf(every(4, 300), most)
    (day,) = looked(shared, shelf)
    assert uids(day) == [f"1.1.{number}" for number in range(300)]
    assert day.whole
    # Halves of 24 h hold 180 and 120, of 12 h 90 each or 90 and 30, of 6 h 45 or fewer: that is
    # less than 50. Asked are the day, 2 halves, 4 quarters, and 2 of each of 3 quarters.
    assert len(shelf.asked) == 1 + 2 + 4 + 6
    assert {each.dates for each in shelf.asked} == {("20261123", "20261123")}
    assert [each.times for each in shelf.asked][:3] == [
        None, ("000000", "115959.999999"), ("000000", "055959.999999"),
    ]  # fmt: skip


def test_no_moment_of_a_day_lies_between_two_questions(shared):
    shelf = Shelf([study(f"1.{n}", time) for n, time in enumerate(
        ["000000", "115959.999999", "120000", "120000.000001", "235959.999999", "1200", "12"] * 9
    )], 50)  # fmt: skip
    (day,) = looked(shared, shelf)
    assert len(day.studies) == 63
    assert day.whole


def test_49_studies_are_asked_for_once(shared):
    shelf = Shelf(every(1, 49))
    (day,) = looked(shared, shelf)
    assert (len(shelf.asked), len(day.studies), day.whole) == (1, 49, True)


def test_a_minute_of_more_studies_than_an_answer_holds_may_have_more(shared):
    shelf = Shelf([study(f"1.{number}", "101500") for number in range(60)], 50)
    (day,) = looked(shared, shelf)
    assert (len(day.studies), day.whole) == (50, False)
    assert ("101500", "101559.999999") in [each.times for each in shelf.asked]


def test_an_archive_that_ignores_times_is_not_asked_over_and_over(shared):
    shelf = Shelf(every(4, 300), heeds=("dates",))
    (day,) = looked(shared, shelf)
    assert len(shelf.asked) == 3  # the day, and each half
    assert (len(day.studies), day.whole) == (300, False)  # nobody can know


def test_an_archive_that_takes_no_times_gives_what_it_gives_for_the_day(shared):
    shelf = Shelf(every(4, 300), 100, refuses_times=True)
    (day,) = looked(shared, shelf)
    assert (len(shelf.asked), len(day.studies), day.whole) == (3, 100, False)


def test_what_has_no_time_is_found_in_the_whole_day(shared):
    shelf = Shelf([study("1.9.1", ""), study("1.9.2", ""), *every(20, 60)])
    (day,) = looked(shared, shelf)
    assert len(day.studies) == 62
    assert day.whole


def test_what_has_no_time_may_be_missing_from_an_answer_that_was_cut(shared):
    untimed = [study(f"1.9.{number}", "") for number in range(20)]
    # 60 answers hold 50 with time and 10 without; 10 more without are told at no question.
    timed = every(20, 60)
    shelf = Shelf([*timed[:50], *untimed, *timed[50:]], 60)
    (day,) = looked(shared, shelf)
    assert Counter(bool(each.study.time) for each in day.studies) == {True: 60, False: 10}
    assert not day.whole


def test_as_many_without_time_as_an_answer_holds_may_be_more(shared):
    shelf = Shelf([study(f"1.9.{number}", "") for number in range(70)], 50)
    (day,) = looked(shared, shelf)
    assert (len(day.studies), day.whole) == (50, False)


def test_what_is_new_is_asked_for_once_and_at_low_priority(store):
    shelf = Shelf([study("1.1"), study("1.2")])
    (day,) = looked(store, shelf, dry_run=False)
    assert standings(day) == dict.fromkeys(("1.1", "1.2"), (Standing.NEW, True))
    pulls = store.pulls.page().pulls
    assert {(each.study_uid, each.origin, each.source, each.status) for each in pulls} == {
        (uid, Origin.BACKFILL, "pacs", PullStatus.WAITING) for uid in ("1.1", "1.2")
    }
    (again,) = looked(store, shelf, dry_run=False)
    assert standings(again) == dict.fromkeys(("1.1", "1.2"), (Standing.ON_ITS_WAY, False))
    assert store.pulls.page().pulls == pulls


def test_a_dry_run_asks_for_nothing(store):
    shelf = Shelf([study("1.1"), study("1.2")])
    failed = ended(store, "1.2", Mishap("fetch", "HTTP 404", lasting=True))
    (day,) = looked(store, shelf)
    assert standings(day) == {"1.1": (Standing.NEW, False), "1.2": (Standing.FAILED, False)}
    assert [each.id for each in store.pulls.page().pulls] == [failed]
    assert store.pulls.get(failed).status is PullStatus.FAILED


def ended(store, uid, how):
    """A pull of a study that ended in a mishap, was given up, or brought so many images."""
    asked = store.pulls.ask(uid, "pacs", Origin.BACKFILL)
    (turn,) = [each.job for each in store.pulls.due() if each.job.startswith(str(asked.id))]
    store.pulls.begin(turn)
    if isinstance(how, Mishap):
        store.pulls.mishap(turn, how)
    elif isinstance(how, str):
        store.pulls.abandon(turn, how)
    else:
        store.pulls.fetched(turn, study_uid=uid, images=how)
    return asked.id


@pytest.mark.parametrize("how", [Mishap("fetch", "HTTP 404", lasting=True), "given up"])
def test_what_could_not_be_fetched_is_tried_again(store, how):
    pull = ended(store, "1.1", how)
    assert store.pulls.get(pull).status in (PullStatus.FAILED, PullStatus.ABANDONED)
    (day,) = looked(store, Shelf([study("1.1")]), dry_run=False)
    assert standings(day) == {"1.1": (Standing.FAILED, True)}
    assert store.pulls.get(pull).status is PullStatus.WAITING
    assert len(store.pulls.page().pulls) == 1


def test_what_waits_for_another_attempt_is_on_its_way(store):
    ended(store, "1.1", Mishap("connect", "the archive did not answer", lasting=False))
    (day,) = looked(store, Shelf([study("1.1")]), dry_run=False)
    assert standings(day) == {"1.1": (Standing.ON_ITS_WAY, False)}


def test_what_is_here_is_known_however_it_came_and_what_was_removed_is_not_fetched_again(
    store, tmp_path
):
    shelf = Shelf([study("1.1"), study("1.2")])
    store.arrivals.receive(incoming(tmp_path / "1", "1.1"))
    ended(store, "1.2", 40)
    receipt = store.arrivals.receive(incoming(tmp_path / "2", "1.2"))
    (day,) = looked(store, shelf, dry_run=False)
    assert standings(day) == dict.fromkeys(("1.1", "1.2"), (Standing.KNOWN, False))
    store.catalogue.remove(receipt.id)
    (day,) = looked(store, shelf, dry_run=False)
    assert standings(day)["1.2"] == (Standing.REMOVED, False)
    assert len(store.pulls.page().pulls) == 1


def test_what_another_archive_was_asked_for_is_new_to_this_one(store):
    store.pulls.ask("1.1", "other")
    (day,) = looked(store, Shelf([study("1.1")]), dry_run=False)
    assert standings(day) == {"1.1": (Standing.NEW, True)}


def test_an_archive_that_fails_half_way_leaves_what_was_asked_for(store):
    class Failing(Shelf):
        def studies(self, wanted):
            if wanted.dates[0] == "20261124":
                raise ArchiveUnreachable("the archive did not answer", hop="query")
            return super().studies(wanted)

    place = Correspondent(Failing([study("1.1")]), chest=CHEST)
    days = backfill(store, place, (MONDAY, TUESDAY))
    assert uids(next(days)) == ["1.1"]
    with pytest.raises(ArchiveUnreachable):
        next(days)
    assert [each.study_uid for each in store.pulls.page().pulls] == ["1.1"]


def test_thousands_that_were_asked_for_leave_the_line_to_others(store):
    looked(store, Shelf(every(20, 30)), dry_run=False)
    by_hand = store.pulls.ask("1.9", "pacs")
    first, *rest = [each.job for each in store.pulls.due()]
    assert first.startswith(str(by_hand.id))
    assert len(rest) == 2  # at once in an archive's line
    for turn in (first, *rest):
        store.pulls.queued(turn)
    assert store.pulls.due() == ()
    store.pulls.begin(rest[0])
    assert store.pulls.due() == ()
    store.pulls.fetched(rest[0], study_uid="1.1.0", images=40)
    assert len(store.pulls.due()) == 1
