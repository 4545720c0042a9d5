"""Arriving: what one object says of itself, before there is a study to judge it in."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from opacimeter.intake.limits import Limits
from opacimeter.intake.reading import Instance, be_lenient, read
from opacimeter.intake.study import may_be_ct
from opacimeter.intake.values import words

__all__ = ["Arrived", "Rules", "look"]

# UI has 64 characters (PS3.5 6.2); what is longer may be a mistake, but is no UID.
_UID = re.compile(r"[0-9A-Za-z.]{1,64}")


@dataclass(frozen=True, slots=True)
class Rules:
    """Which images that nobody asked for by hand are measured; where a rule is absent, all.

    What an image leaves out passes: half of all archives never write a body part.

    Attributes:
        body_part: Regular expression, found in BodyPartExamined in any case.
        description: Regular expression, found in the description of study, series or protocol.
        callers: AE titles of senders that have one.
    """

    body_part: str | None = None
    description: str | None = None
    callers: tuple[str, ...] = ()

    def want(self, instance: Instance, *, caller: str = "") -> bool:
        """Whether an image is wanted."""
        if self.callers and caller and caller not in self.callers:
            return False
        descriptions = ("StudyDescription", "SeriesDescription", "ProtocolName")
        return _fits(self.body_part, instance, ["BodyPartExamined"]) and _fits(
            self.description, instance, descriptions
        )


@dataclass(frozen=True, slots=True)
class Arrived:
    """One whole object.

    Attributes:
        instance: Its header.
        study_uid: StudyInstanceUID.
        series_uid: SeriesInstanceUID.
        instance_uid: SOPInstanceUID.
        sop_class: SOPClassUID.
        is_image: Whether it is a CT image.
        is_wanted: Whether the rules ask for it.
    """

    instance: Instance
    study_uid: str
    series_uid: str
    instance_uid: str
    sop_class: str
    is_image: bool
    is_wanted: bool


def look(path: Path, *, limits: Limits, rules: Rules, caller: str = "") -> Arrived | None:
    """What a file says of itself; None where it is no DICOM, is cut off, or lacks identifiers.

    Args:
        path: The file.
        limits: What it may claim.
        rules: Which images are wanted.
        caller: AE title of the sender, where it has one.

    Raises:
        OSError: The file cannot be opened.
    """
    be_lenient()
    instance = read(path, limits=limits)
    if instance is None or instance.problem is not None:
        return None
    names = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
    uids = [instance.uid(name) for name in names]
    if not all(_UID.fullmatch(uid) for uid in uids):
        return None
    study, series, uid, sop_class = uids
    wanted = rules.want(instance, caller=caller)
    return Arrived(instance, study, series, uid, sop_class, may_be_ct(instance), wanted)


def _fits(pattern: str | None, instance: Instance, keywords: Sequence[str]) -> bool:
    if pattern is None:
        return True
    texts = [text for keyword in keywords for text in words(instance.header, keyword) if text]
    return not texts or any(re.search(pattern, text, re.IGNORECASE) for text in texts)
