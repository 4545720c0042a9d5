"""The answer to a store request (PS3.18 10.5.3): every object, and what became of it."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

__all__ = ["Answer", "Reason", "Reference"]

_REFERENCED_CLASS, _REFERENCED_INSTANCE = "00081150", "00081155"
_RETRIEVE_URL, _FAILURE_REASON = "00081190", "00081197"
_FAILED, _REFERENCED, _OTHER_FAILURES = "00081198", "00081199", "0008119A"


class Reason(IntEnum):
    """Failure Reason (0008,1197): PS3.18 table 10.5.3-1, PS3.4 table B.2-1, PS3.3 C.14.1.1."""

    PROCESSING_FAILURE = 0x0110
    DUPLICATE_INSTANCE = 0x0111
    OUT_OF_RESOURCES = 0xA700
    NOT_OF_THIS_STUDY = 0xA900
    CANNOT_UNDERSTAND = 0xC000


@dataclass(frozen=True, slots=True)
class Reference:
    """One object: SOP class, SOP instance, and the address under which it can be had."""

    sop_class: str
    instance: str
    url: str


@dataclass(slots=True)
class Answer:
    """What became of the objects of one request.

    Attributes:
        stored: Those that are here now, whether they were before or not.
        failed: Those that are not, with the reason.
        unknown: Reasons for the parts that name no instance.
    """

    stored: list[Reference] = field(default_factory=list)
    failed: list[tuple[Reference, Reason]] = field(default_factory=list)
    unknown: list[Reason] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many objects there were."""
        return len(self.stored) + len(self.failed) + len(self.unknown)

    @property
    def status(self) -> int:
        """200 all are here, 202 some are not, 409 none is."""
        if not self.failed and not self.unknown:
            return 200
        return 202 if self.stored else 409

    def json(self, study_url: str | None) -> dict[str, Any]:
        """As a dataset in the DICOM JSON model.

        Args:
            study_url: Where the study can be had, if all objects are of one.
        """
        told: dict[str, Any] = {}
        if study_url is not None:
            told[_RETRIEVE_URL] = {"vr": "UR", "Value": [study_url]}
        failed = [{**_names(each), **_because(reason)} for each, reason in self.failed]
        if failed:
            told[_FAILED] = {"vr": "SQ", "Value": failed}
        told[_REFERENCED] = {"vr": "SQ", "Value": [_stored(each) for each in self.stored]}
        if self.unknown:
            others = [_because(reason) for reason in self.unknown]
            told[_OTHER_FAILURES] = {"vr": "SQ", "Value": others}
        return told


def _names(reference: Reference) -> dict[str, Any]:
    return {
        _REFERENCED_CLASS: {"vr": "UI", "Value": [reference.sop_class]},
        _REFERENCED_INSTANCE: {"vr": "UI", "Value": [reference.instance]},
    }


def _stored(reference: Reference) -> dict[str, Any]:
    return {**_names(reference), _RETRIEVE_URL: {"vr": "UR", "Value": [reference.url]}}


def _because(reason: Reason) -> dict[str, Any]:
    return {_FAILURE_REASON: {"vr": "US", "Value": [int(reason)]}}
