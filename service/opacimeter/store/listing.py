"""Listing: search, filters, order and pages of the list of assessments.

Paging is by key, so that page 200 costs what page 1 does: a cursor names the last entry of its page
and the next page begins behind it. Entries without a value to sort by come last in both directions,
so the list is walked in two parts, those with a value and those without, each along one index.
"""

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from opacimeter.store.entries import Status
from opacimeter.store.identity import folded, short
from opacimeter.store.rows import AssessmentRow, VersionRow

__all__ = ["Order", "Sort", "Wanted", "conditions", "count", "cursor_after", "found", "queries"]

# Parts of the place of an entry that has no value to sort by: time of arrival and id.
_WITHOUT = 2
_NOT_OURS = "the cursor is none that this list gave"


class Sort(StrEnum):
    """What the list can be sorted by; within equal values by the time of arrival."""

    RECEIVED = "received"
    STUDY_DATE = "study_date"
    PATIENT = "patient"
    LESION_PERCENT = "lesion_percent"
    STATUS = "status"


class Order(StrEnum):
    """Which way."""

    ASCENDING = "asc"
    DESCENDING = "desc"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which assessments; what is None does not matter.

    Attributes:
        search: Each of its words must occur in the patient's ID or name, the accession number, the
            description or the StudyInstanceUID, in whatever case.
        patient: PatientID (0010,0020), exactly.
        status: State of the newest version.
        study_uid: StudyInstanceUID (0020,000D), exactly.
        accession: AccessionNumber (0008,0050), exactly.
        ids: Only these; all where there are none.
    """

    search: str | None = None
    patient: str | None = None
    status: Status | None = None
    study_uid: str | None = None
    accession: str | None = None
    ids: tuple[UUID, ...] = ()


_KEYS: dict[Sort, InstrumentedAttribute[Any]] = {
    Sort.STUDY_DATE: AssessmentRow.study_date,
    Sort.PATIENT: AssessmentRow.patient_name,
    Sort.LESION_PERCENT: AssessmentRow.lesion_percent,
    Sort.STATUS: AssessmentRow.status,
}


def conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    """The filters as conditions on `AssessmentRow`; an empty text does not matter either."""
    exactly = {
        AssessmentRow.patient_id: short(wanted.patient),
        AssessmentRow.status: wanted.status and wanted.status.value,
        AssessmentRow.study_uid: short(wanted.study_uid),
        AssessmentRow.accession: short(wanted.accession, 64),
    }
    equal = [column == value for column, value in exactly.items() if value]
    if wanted.ids:
        equal.append(AssessmentRow.id.in_([str(each) for each in wanted.ids]))
    words = folded(wanted.search or "").split()
    return equal + [AssessmentRow.sought.contains(word, autoescape=True) for word in words]


def count(session: Session, wanted: Wanted) -> int:
    """How many assessments are wanted."""
    query = select(func.count()).select_from(AssessmentRow).where(*conditions(wanted))
    return session.scalar(query) or 0


def found(
    session: Session, parts: Iterable[Select[AssessmentRow, VersionRow]], limit: int
) -> list[tuple[AssessmentRow, VersionRow]]:
    """The first `limit` rows of a list that is walked in parts."""
    rows: list[tuple[AssessmentRow, VersionRow]] = []
    for part in parts:
        if len(rows) < limit:
            answer = session.execute(part.limit(limit - len(rows)))
            rows += [(row[0], row[1]) for row in answer]
    return rows


def queries(
    wanted: Wanted, *, sort: Sort, order: Order, cursor: str | None
) -> tuple[Select[AssessmentRow, VersionRow], ...]:
    """The list in its parts, beginning behind the cursor.

    Raises:
        ValueError: The cursor is none that this list, in this order, gave.
    """
    behind = None if cursor is None else _behind(cursor, sort, order)
    column = _KEYS.get(sort)
    query = _joined().where(*conditions(wanted))
    if column is None:
        return (_part(query, [], order, behind),)
    without = query.where(column.is_(None))
    if behind is not None and len(behind) == _WITHOUT:
        return (_part(without, [], order, behind),)
    having = query.where(column.is_not(None))
    return _part(having, [column], order, behind), _part(without, [], order, None)


def cursor_after(row: AssessmentRow, *, sort: Sort, order: Order) -> str:
    """What asks for the page behind this row."""
    column = _KEYS.get(sort)
    key = None if column is None else getattr(row, column.key)
    told = json.dumps([sort, order, key, row.received.isoformat(), row.id])
    return base64.urlsafe_b64encode(told.encode()).decode()


def _joined() -> Select[AssessmentRow, VersionRow]:
    newest = (VersionRow.assessment_id == AssessmentRow.id) & (
        VersionRow.number == AssessmentRow.version
    )
    return select(AssessmentRow, VersionRow).join(VersionRow, newest)


def _part(
    query: Select[AssessmentRow, VersionRow],
    keys: list[InstrumentedAttribute[Any]],
    order: Order,
    behind: tuple[Any, ...] | None,
) -> Select[AssessmentRow, VersionRow]:
    columns = (*keys, AssessmentRow.received, AssessmentRow.id)
    descending = order is Order.DESCENDING
    if behind is not None:
        place = tuple_(*columns)
        query = query.where(place < behind if descending else place > behind)
    return query.order_by(*(each.desc() if descending else each.asc() for each in columns))


def _behind(cursor: str, sort: Sort, order: Order) -> tuple[Any, ...]:
    """The last entry's place: its key, if it has one, then time of arrival and id."""
    try:
        *asked, key, received, last = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        place = datetime.fromisoformat(received).astimezone(UTC), str(UUID(last))
    except (ValueError, TypeError, AttributeError, OverflowError, binascii.Error) as error:
        raise ValueError(_NOT_OURS) from error
    if asked != [sort, order] or not (key is None or _fits(key, sort)):
        raise ValueError(_NOT_OURS)
    return place if key is None else (key, *place)


def _fits(key: object, sort: Sort) -> bool:
    if sort is Sort.LESION_PERCENT:
        return isinstance(key, float)
    return sort is not Sort.RECEIVED and isinstance(key, str)
