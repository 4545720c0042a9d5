"""Reception: what intake says of files that arrived, in the words of the store."""

from collections.abc import Mapping
from pathlib import Path

from opacimeter.intake import Arrived, Limits, Rules, Study, look
from opacimeter.report import header, made_here
from opacimeter.store import Arriving, Incoming, IncomingFile, Role

__all__ = ["incoming", "look_at"]


def incoming(study: Study) -> Incoming:
    """A study as it goes into the store."""
    return Incoming(
        study.uid,
        [
            IncomingFile(instance.path, instance.uid("SOPInstanceUID") or None, aside=aside)
            for aside, instances in ((False, study.instances), (True, study.aside))
            for instance in instances
        ],
        patient=_told(header.patient(study.header)),
        study=_told(header.study(study.header, study.uid)),
        problems=study.problems,
    )


def look_at(path: Path, *, limits: Limits, rules: Rules, caller: str = "") -> Arriving | None:
    """What one object that arrived is to the inbox; None where it is no whole DICOM object.

    Args:
        path: Its file.
        limits: What it may claim.
        rules: Which images are assessed unasked.
        caller: AE title of the sender, where it has one.
    """
    arrived = look(path, limits=limits, rules=rules, caller=caller)
    return _arriving(arrived) if arrived is not None else None


def _arriving(arrived: Arrived) -> Arriving:
    told = arrived.instance.header
    return Arriving(
        arrived.instance.path,
        arrived.study_uid,
        arrived.series_uid,
        arrived.instance_uid,
        arrived.sop_class,
        _role(arrived),
        patient=_told(header.patient(told)),
        study=_told(header.study(told, arrived.study_uid)),
    )


def _role(arrived: Arrived) -> Role:
    if made_here(arrived.instance.header):
        return Role.OURS
    if not arrived.is_image:
        return Role.ASIDE
    return Role.IMAGE if arrived.is_wanted else Role.UNWANTED


def _told(texts: Mapping[str, str | None]) -> dict[str, str]:
    """What the list shows, written as in a result; a NUL is more than a database may bear."""
    return {name: text.replace("\0", "") for name, text in texts.items() if text}
