"""Priors: which of a patient's studies in an archive is the one to compare with."""

import re
from collections.abc import Iterable

from opacimeter.exchange import FoundStudy
from opacimeter.store import Entry

__all__ = ["earlier_chests", "is_chest"]


def earlier_chests(entry: Entry, found: Iterable[FoundStudy], *, chest: str) -> tuple[str, ...]:
    """StudyInstanceUIDs of the chest CT before a study, the latest first.

    Two hospitals may give one number to two people: whoever's issuer, birth date or sex disagrees
    is another person. What is not told does not disagree.

    Args:
        entry: The study that has come.
        found: Studies under the same PatientID; some archives do not heed the modality asked for.
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
        and ("CT" in study.modalities or not study.modalities)
        and _same_person(entry, study)
        and is_chest(study, chest)
    ]
    earlier.sort(key=lambda study: _moment(study.date, study.time), reverse=True)
    return tuple(study.uid for study in earlier)


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
    """Whether a study may be one of the chest; see `earlier_chests`."""
    pattern = re.compile(chest, re.IGNORECASE)
    texts = [text for text in (study.description, *study.body_parts) if text.strip()]
    return not texts or any(pattern.search(text) for text in texts)
