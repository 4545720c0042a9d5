"""What an archive's answer to STOW-RS says of each instance (PS3.18 10.5.3, annex I.2)."""

from collections.abc import Mapping
from typing import Any

from opacimeter.exchange.archive import Failure, Sent
from opacimeter.exchange.dicom_json import items, parsed, text
from opacimeter.exchange.instances import DUPLICATE, failure

__all__ = ["told", "told_nothing"]

_UID = "ReferencedSOPInstanceUID"


def told(body: bytes, uids: frozenset[str]) -> Sent | None:
    """The answer instance by instance; None where the body is no DICOM JSON that names any.

    The status is not enough: 202 says that some have failed, and servers differ in what they call
    200. What the answer names as failed has failed even if it is named as stored too.

    Args:
        body: Of the answer.
        uids: SOPInstanceUIDs that were sent.
    """
    rows = parsed(body) or []
    failures = {text(item, _UID): _failure(item) for item in _all(rows, "FailedSOPSequence")}
    there = {uid for uid, why in failures.items() if why is None}
    failed = {uid: why for uid, why in failures.items() if why is not None and uid in uids}
    listed = {text(item, _UID) for item in _all(rows, "ReferencedSOPSequence")}
    stored = frozenset(((listed - failed.keys()) | there) & uids)
    if not stored and not failed:
        return None
    return Sent(stored, failed | told_nothing(uids - stored - failed.keys()))


def told_nothing(uids: frozenset[str]) -> dict[str, Failure]:
    """The failures of instances that an answer does not name."""
    return dict.fromkeys(uids, Failure("the answer does not name it", lasting=False))


def _failure(item: Mapping[str, Any]) -> Failure | None:
    """Why; None where the archive only says that it has the instance already."""
    code = text(item, "FailureReason")
    number = int(code) if code.isdigit() else None
    return None if number == DUPLICATE else failure(number)


def _all(rows: list[Mapping[str, Any]], keyword: str) -> list[Mapping[str, Any]]:
    return [item for row in rows for item in items(row, keyword)]
