"""Patients: which assessments are of one patient, and which of them is whose prior.

One patient is one PatientID of one issuer. Where birth date or sex disagree all the same, two
people share a number, and their studies are never compared.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from opacimeter.errors import NotFound
from opacimeter.record import Prior
from opacimeter.store.database import Database
from opacimeter.store.entries import Earlier, Followed, FollowUp, Status
from opacimeter.store.files import Files
from opacimeter.store.identity import disagreement
from opacimeter.store.reading import entry_of
from opacimeter.store.rows import AssessmentRow, VersionRow

__all__ = ["Patients", "earlier_of", "standing"]


@dataclass(frozen=True, slots=True)
class _Kin:
    """A study under the same patient ID and issuer, and what shows that it is another person's."""

    row: AssessmentRow
    mismatch: tuple[str, ...]


class Patients:
    """Follows patients over their studies."""

    def __init__(self, db: Database, files: Files) -> None:
        """Wire it."""
        self._db, self._files = db, files

    def earlier(self, assessment: UUID) -> Earlier:
        """The assessment to compare this one with, see `earlier_of`.

        Raises:
            NotFound: No such assessment.
        """
        with self._db.read() as session:
            return earlier_of(session, self._files, _row(session, assessment))

    def follow_up(self, assessment: UUID) -> FollowUp:
        """All assessments of the patient, oldest study first, this one among them.

        Each comes in the version that stands, or in its newest one where none does.

        Raises:
            NotFound: No such assessment.
        """
        with self._db.read() as session:
            row = _row(session, assessment)
            family = sorted((_Kin(row, ()), *_kin(session, row)), key=lambda one: _moment(one.row))
            versions = _versions(session, row)
        followed = [_followed(one, versions[one.row.id]) for one in family]
        return FollowUp(
            tuple(one for one in followed if not one.mismatch),
            tuple(one for one in followed if one.mismatch),
        )


def earlier_of(session: Session, files: Files, row: AssessmentRow) -> Earlier:
    """The assessment to compare this one with.

    It is the latest one of the patient whose study was made before this one's, in the version that
    stands; a study without a date is before and after nothing. There is none where the documents
    of that version are gone.
    """
    kin = _kin(session, row)
    before = [one.row for one in kin if not one.mismatch and _is_before(one.row, row)]
    versions = _versions(session, row) if before else {}
    candidates = [standing(versions[one.id]) for one in sorted(before, key=_moment)]
    latest = next((one for one in reversed(candidates) if one is not None), None)
    names = {name for one in kin for name in one.mismatch}
    return Earlier(None if latest is None else _prior(files, latest), tuple(sorted(names)))


def standing(versions: Iterable[VersionRow]) -> VersionRow | None:
    """The version that speaks for a study: the newest complete one that no review rejected."""
    able = (
        version
        for version in versions
        if version.status == Status.COMPLETE and (version.review or {}).get("state") != "rejected"
    )
    return max(able, key=_number, default=None)


def _followed(one: _Kin, versions: Sequence[VersionRow]) -> Followed:
    shown = standing(versions) or max(versions, key=_number)
    return Followed(entry_of(one.row, shown), one.mismatch)


def _patients_own(row: AssessmentRow) -> ColumnElement[bool]:
    """What picks the patient's assessments: this one alone where the patient has no ID."""
    if row.patient_id is None:
        return AssessmentRow.id == row.id
    issued_by = AssessmentRow.issuer.is_not_distinct_from(row.issuer)
    return and_(AssessmentRow.patient_id == row.patient_id, issued_by)


def _row(session: Session, assessment: UUID) -> AssessmentRow:
    row = session.get(AssessmentRow, str(assessment))
    if row is None:
        raise NotFound("there is no such assessment")
    return row


def _kin(session: Session, row: AssessmentRow) -> list[_Kin]:
    query = select(AssessmentRow).where(_patients_own(row), AssessmentRow.id != row.id)
    return [_Kin(other, disagreement(row, other)) for other in session.scalars(query)]


def _is_before(one: AssessmentRow, other: AssessmentRow) -> bool:
    """Whether one study was made before another, as far as their dates and times tell."""
    if not one.study_date or not other.study_date:
        return False
    if one.study_date != other.study_date:
        return one.study_date < other.study_date
    mine, theirs = one.study.get("time"), other.study.get("time")
    return bool(mine and theirs and mine < theirs)


def _moment(row: AssessmentRow) -> tuple[str, str, str]:
    """When the study was made, to sort by; what is unknown comes first, then the id decides."""
    return row.study_date or "", row.study.get("time") or "", row.id


def _versions(session: Session, row: AssessmentRow) -> dict[str, list[VersionRow]]:
    """All versions of the patient's assessments, by assessment."""
    joined = select(VersionRow).join(AssessmentRow, AssessmentRow.id == VersionRow.assessment_id)
    versions: dict[str, list[VersionRow]] = {}
    for version in session.scalars(joined.where(_patients_own(row))):
        versions.setdefault(version.assessment_id, []).append(version)
    return versions


def _prior(files: Files, version: VersionRow) -> Prior | None:
    assessment = UUID(version.assessment_id)
    try:
        path = files.document(assessment, version.number, "result.json")
        return Prior(assessment, version.number, json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None


def _number(version: VersionRow) -> int:
    return version.number
