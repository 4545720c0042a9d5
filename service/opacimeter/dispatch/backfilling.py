"""Backfilling: the chest CT of a range of days, asked for at an archive day by day."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from opacimeter.dispatch.dispatch import Correspondent
from opacimeter.dispatch.priors import is_chest
from opacimeter.errors import ArchiveRefused
from opacimeter.exchange import Archive, FoundStudy, Question
from opacimeter.store import Origin, PullStatus, Store

__all__ = ["BackfilledDay", "Sought", "Standing", "backfill"]

_FEW: Final = 50
"""An answer of fewer studies is taken for whole: no archive is known to stop before."""

_MINUTES: Final = 24 * 60
_AWAY: Final = (PullStatus.FAILED, PullStatus.ABANDONED)


class Standing(StrEnum):
    """What is here of a study already."""

    NEW = "new"
    FAILED = "failed"
    ON_ITS_WAY = "on-its-way"
    KNOWN = "known"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Sought:
    """A study in the range.

    Attributes:
        study: As the archive has it.
        standing: What was here of it before.
        asked: Whether it was asked for now: what is new, and what could not be fetched before.
    """

    study: FoundStudy
    standing: Standing
    asked: bool


@dataclass(frozen=True, slots=True)
class BackfilledDay:
    """A day of the range.

    Attributes:
        day: Which.
        studies: Chest CT of that day, in the order of their times.
        whole: False where the archive may have more of that day than it told.
    """

    day: date
    studies: tuple[Sought, ...]
    whole: bool


def backfill(
    store: Store, place: Correspondent, days: tuple[date, date], *, dry_run: bool = False
) -> Iterator[BackfilledDay]:
    """Ask for the chest CT of each day, first to last; each day is done when it is yielded.

    What was asked for stays so, and what is known is passed over: the same range again goes on
    where it was.

    Args:
        store: Where pulls are remembered.
        place: The archive, and what tells a chest CT there.
        days: First and last.
        dry_run: Only look.

    Raises:
        ArchiveError: The archive could not be asked.
    """
    first, last = days
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        found, whole = _found(place.archive, day)
        wanted = sorted(
            (each for each in found.values() if _is_wanted(each, day, place.chest)),
            key=lambda each: (each.time, each.uid),
        )
        studies = tuple(
            _sought(store, each, place.archive.name, dry_run=dry_run) for each in wanted
        )
        yield BackfilledDay(day, studies, whole)


def _sought(store: Store, study: FoundStudy, source: str, *, dry_run: bool) -> Sought:
    before = store.pulls.latest(study.uid, source)
    if store.catalogue.knows(study.uid):
        return Sought(study, Standing.KNOWN, asked=False)
    if before is None:
        if not dry_run:
            store.pulls.ask(study.uid, source, Origin.BACKFILL)
        return Sought(study, Standing.NEW, asked=not dry_run)
    if before.status in _AWAY:
        if not dry_run:
            store.pulls.retry(before.id)
        return Sought(study, Standing.FAILED, asked=not dry_run)
    # Somebody has removed what was fetched, and does not want it back.
    gone = before.status is PullStatus.FETCHED
    return Sought(study, Standing.REMOVED if gone else Standing.ON_ITS_WAY, asked=False)


def _is_wanted(study: FoundStudy, day: date, chest: str) -> bool:
    """Archives differ in which keys of a query they heed: what they tell is looked at again."""
    of_day = study.date in {"", _digits(day)}
    is_ct = not study.modalities or "CT" in study.modalities
    return bool(study.uid) and of_day and is_ct and is_chest(study, chest)


def _found(
    archive: Archive, day: date, begin: int = 0, end: int = _MINUTES
) -> tuple[dict[str, FoundStudy], bool]:
    """CT studies between two minutes of a day, and whether these are certainly all.

    An archive may answer with no more than so many studies and not say so. Wherever an answer is
    not small it is asked again for each half of the time; what has no time shows in the whole.
    """
    span = None if (begin, end) == (0, _MINUTES) else (_clock(begin), _clock(end - 1, last=True))
    dates = (_digits(day), _digits(day))
    found = {each.uid: each for each in archive.studies(Question(dates=dates, times=span))}
    if len(found) < _FEW:
        return found, True
    heeded = span is None or all(_within(each.time, span) for each in found.values())
    if not heeded or end - begin == 1:
        return found, False
    middle, timed, whole = (begin + end) // 2, dict[str, FoundStudy](), True
    for half in ((begin, middle), (middle, end)):
        try:
            part, sure = _found(archive, day, *half)
        except ArchiveRefused:  # it takes no times in a query
            part, sure = {}, False
        timed, whole = timed | part, whole and sure
    untimed = len(found.keys() - timed.keys())
    # A whole that lacks what its halves have was cut, and may have lost what has no time, too.
    cut = not timed.keys() <= found.keys()
    return found | timed, whole and untimed < _FEW and not (cut and untimed)


def _within(time: str, span: tuple[str, str]) -> bool:
    # Minutes and seconds may be left out (PS3.5 6.2, TM).
    told = time.replace(":", "").ljust(6, "0")
    return not time or span[0] <= told <= span[1]


def _clock(minute: int, *, last: bool = False) -> str:
    """The begin or the end of a minute of the day as a DICOM time (PS3.5 6.2, TM)."""
    hours, minutes = divmod(minute, 60)
    return f"{hours:02}{minutes:02}{'59.999999' if last else '00'}"


def _digits(day: date) -> str:
    return day.strftime("%Y%m%d")
