"""Priors: which of a patient's studies in an archive is the one to compare with."""

import re
from collections.abc import Iterable

from opacimeter.exchange import FoundStudy
from opacimeter.store import Entry

__all__ = ["is_chest", "latest_before"]


def latest_before(entry: Entry, found: Iterable[FoundStudy], *, chest: str) -> str | None:
    """StudyInstanceUID of the latest chest CT before a study; None where there is none.

    Two hospitals may give one number to two people: whoever's issuer, birth date or sex disagrees
    is another person. What is not told does not disagree.

    Args:
        entry: The study that has come.
        found: CT studies under the same PatientID.
        chest: Regular expression, sought in description and body parts in any case; a study that
            tells neither is taken for one.
    """
    own = _moment(entry.study.get("date", ""), entry.study.get("time", ""))
    earlier = [
        study
        for study in found
        if study.uid != entry.study_uid
        and study.date
        and _moment(study.date, study.time) < own
        and _same_person(entry, study)
        and is_chest(study, chest)
    ]
    latest = max(earlier, key=lambda study: _moment(study.date, study.time), default=None)
    return latest.uid if latest else None


def _moment(date: str, time: str) -> tuple[str, str]:
    """Comparable, written with signs between the digits or without."""
    return re.sub(r"\D", "", date), re.sub(r"[^0-9.]", "", time)


def _same_person(entry: Entry, study: FoundStudy) -> bool:
    told = (
        (entry.patient.get("id"), study.patient_id),
        (entry.patient.get("issuer"), study.issuer),
        (re.sub(r"\D", "", entry.patient.get("birth_date", "")), study.birth_date),
        (entry.patient.get("sex"), study.sex),
    )
    return all(not ours or not theirs or ours == theirs for ours, theirs in told)


def is_chest(study: FoundStudy, chest: str) -> bool:
    """Whether a study may be one of the chest; see `latest_before`."""
    pattern = re.compile(chest, re.IGNORECASE)
    texts = [text for text in (study.description, *study.body_parts) if text.strip()]
    return not texts or any(pattern.search(text) for text in texts)
