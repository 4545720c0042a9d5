"""What a report says of the patient, the study and the scanner, read from a header."""

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pydicom import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

__all__ = ["number", "patient", "scanner", "study", "text"]


def text(header: Dataset, keyword: str) -> str | None:
    """A value in words, several joined by a backslash as DICOM does; None if absent or empty."""
    for place in _places(header):
        value = _value(place, keyword)
        if value is not None and str(value) != "":
            parts = value if isinstance(value, MultiValue) else [value]
            return "\\".join(str(part) for part in parts)
    return None


def number(header: Dataset, keyword: str) -> float | None:
    """A finite number; None if absent or not one."""
    try:
        found = float(text(header, keyword) or "")
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def patient(header: Dataset) -> dict[str, Any]:
    """The result's patient."""
    return {
        "id": text(header, "PatientID"),
        "issuer": text(header, "IssuerOfPatientID"),
        "name": text(header, "PatientName"),
        "birth_date": _date(text(header, "PatientBirthDate")),
        "sex": text(header, "PatientSex"),
    }


def study(header: Dataset, uid: str) -> dict[str, Any]:
    """The result's study."""
    return {
        "uid": uid,
        "date": _date(text(header, "StudyDate")),
        "time": _time(text(header, "StudyTime")),
        "description": text(header, "StudyDescription"),
        "accession": text(header, "AccessionNumber"),
    }


def scanner(header: Dataset) -> dict[str, Any]:
    """How the series was made."""
    return {
        "thickness_mm": number(header, "SliceThickness"),
        "kernel": text(header, "ConvolutionKernel"),
        "kvp": number(header, "KVP"),
        "manufacturer": text(header, "Manufacturer"),
        "model": text(header, "ManufacturerModelName"),
    }


def _value(place: Dataset, keyword: str) -> Any:  # noqa: ANN401 - pydicom's values have no type
    try:
        return place.get(keyword)
    except Exception:
        # The boundary to foreign bytes: pydicom converts when asked, and raises whatever the
        # conversion raises. A report is not lost over a field that cannot be read.
        return None


def _places(header: Dataset) -> Iterator[Dataset]:
    """The header, then what its frames share (PS3.3 C.7.6.16: functional groups)."""
    yield header
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for groups in _items(header, keyword)[:1]:
            for group in groups.dir():
                yield from _items(groups, group)[:1]


def _items(place: Dataset, keyword: str) -> list[Dataset]:
    found = _value(place, keyword)
    return list(found) if isinstance(found, Sequence) else []


def _date(value: str | None) -> str | None:
    """A DICOM date (YYYYMMDD) as ISO 8601; None if it is none."""
    try:
        return datetime.strptime(value or "", "%Y%m%d").date().isoformat()  # noqa: DTZ007
    except ValueError:
        return None


def _time(value: str | None) -> str | None:
    """A DICOM time (HHMMSS, what is left out being 0) as ISO 8601; None if it is none."""
    digits = (value or "").partition(".")[0]
    try:
        told = datetime.strptime(digits.ljust(6, "0"), "%H%M%S")  # noqa: DTZ007
    except ValueError:
        return None
    return told.time().isoformat() if digits else None
