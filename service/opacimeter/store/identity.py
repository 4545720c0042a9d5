"""Identity: what of a study's patient and study texts the list sorts, searches and matches by."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from opacimeter.store.entries import Incoming
from opacimeter.store.rows import AssessmentRow

__all__ = ["disagreement", "folded", "short", "told"]

# Of PatientSex (0010,0040); what else a sender writes there says nothing (PS3.3 C.7.1.1).
_SEXES = {"M", "F", "O"}


def folded(text: str) -> str:
    """A text as it is searched: case, and the widths of Asian letters, make no difference."""
    return unicodedata.normalize("NFKC", text.replace("\0", " ")).casefold().strip()


def short(text: str | None, length: int = 256) -> str | None:
    """A text that fits its column; None where it says nothing.

    Spaces around an identifier mean nothing (LO, SH: PS3.5 6.2). One that is longer than DICOM
    allows must not break the column.
    """
    return (text or "").strip()[:length] or None


def told(row: AssessmentRow, incoming: Incoming) -> None:
    """Take over what a delivery tells of patient and study; what is known already stands."""
    row.patient = {**incoming.patient, **row.patient}
    row.study = {**incoming.study, **row.study}
    for name, value in _columns(row.study_uid, row.patient, row.study).items():
        setattr(row, name, value)


def disagreement(one: AssessmentRow, other: AssessmentRow) -> tuple[str, ...]:
    """What shows that two studies under one patient ID are of two people: birth_date, sex.

    A value that is missing does not disagree.
    """
    pairs = {"birth_date": (one.birth_date, other.birth_date), "sex": (_sex(one), _sex(other))}
    return tuple(
        name for name, (mine, theirs) in pairs.items() if mine and theirs and mine != theirs
    )


def _columns(uid: str, patient: Mapping[str, Any], study: Mapping[str, Any]) -> dict[str, Any]:
    name = patient.get("name")
    texts = (patient.get("id"), name, study.get("accession"), study.get("description"), uid)
    return {
        "patient_id": short(patient.get("id")),
        "issuer": short(patient.get("issuer")),
        "patient_name": short(folded(name)) if name else None,
        "birth_date": short(patient.get("birth_date"), 10),
        "sex": short(patient.get("sex"), 16),
        "study_date": short(study.get("date"), 10),
        "accession": short(study.get("accession"), 64),
        "sought": "\n".join(folded(text) for text in texts if text),
    }


def _sex(row: AssessmentRow) -> str | None:
    sex = (row.sex or "").upper()
    return sex if sex in _SEXES else None
