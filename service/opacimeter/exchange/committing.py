"""Storage commitment, asked of this side: what is held is looked up and reported (PS3.4 J)."""

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Self

import structlog
from pydicom import Dataset
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.presentation import build_context, build_role
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from opacimeter.errors import ArchiveError, ArchiveRefused, ArchiveUnreachable
from opacimeter.exchange.association import associated, require
from opacimeter.exchange.peer import DimsePeer

__all__ = ["Committing", "Held", "report"]

Held = Callable[[str], frozenset[str]]
"""SOP classes of the objects that are on the disk itself under a SOPInstanceUID; mostly one."""

_REQUEST: Final = 1
_ALL_HELD, _SOME_FAILED = 1, 2
"""Event types of the report (PS3.4 J.3.3.1)."""

_SUCCESS, _MISSING_ATTRIBUTE, _NO_SUCH_ACTION = 0x0000, 0x0120, 0x0123
_NO_SUCH_INSTANCE, _CLASS_CONFLICT = 0x0112, 0x0119
"""Failure reasons (PS3.3 C.14.1.1)."""

_PAUSES_S: Final = (0.0, 5.0, 30.0, 120.0, 600.0)
"""Before each attempt to deliver a report. Whoever gets none in the end asks again."""

log = structlog.get_logger()


class Committing:
    """Takes requests and reports on each, in a thread of its own; ended with the block."""

    def __init__(self, held: Held, reports: Mapping[str, DimsePeer]) -> None:
        """Wire it.

        Args:
            held: What is here.
            reports: Where a sender takes reports, by its AE title; the others get them on the
                association by which they asked.
        """
        self._held, self._reports = held, reports
        self._ending = threading.Event()
        self._reporters = ThreadPoolExecutor(4, thread_name_prefix="commitment")

    def __enter__(self) -> Self:
        """Ready."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give up what has not been reported."""
        self._ending.set()
        self._reporters.shutdown(cancel_futures=True)

    def take(self, event: evt.Event) -> tuple[int, None]:
        """Handle N-ACTION: accept the request, and report on it after the answer."""
        asked = event.action_information
        if event.action_type != _REQUEST:
            return _NO_SUCH_ACTION, None
        if not asked.get("TransactionUID") or not asked.get("ReferencedSOPSequence"):
            return _MISSING_ATTRIBUTE, None
        if self._ending.is_set():
            return 0x0110, None
        self._reporters.submit(self._answer, asked, event.assoc)
        return _SUCCESS, None

    def _answer(self, asked: Dataset, association: Association) -> None:
        """Report until it is taken, or given up."""
        told = report(asked, self._held)
        caller = association.requestor.ae_title
        why = "every attempt failed"
        for pause_s in _PAUSES_S:
            if self._ending.wait(pause_s):
                return
            try:
                self._tell(told, caller, association)
            except ArchiveUnreachable as error:
                log.warning("commitment not reported yet", to=caller, why=str(error))
            except (ArchiveError, RuntimeError, ValueError) as error:
                why = str(error)
                break
            else:
                return
        log.error("commitment not reported", to=caller, why=why)

    def _tell(self, told: Dataset, caller: str, association: Association) -> None:
        """Deliver a report.

        Raises:
            ArchiveError: It was not taken.
            RuntimeError, ValueError: What pynetdicom says of an association that has just ended.
        """
        peer = self._reports.get(caller)
        if peer is None:
            if not association.is_established:
                raise ArchiveRefused("the association that asked is gone", hop="report")
            _send(association, told)
            return
        # The one who reports is the SCP, though it opens the association (PS3.4 J.3.3.1).
        with associated(
            peer,
            "report",
            [build_context(StorageCommitmentPushModel)],
            roles=[build_role(StorageCommitmentPushModel, scp_role=True)],
        ) as own:
            _send(own, told)


def report(asked: Dataset, held: Held) -> Dataset:
    """The report of a request: each object is held, or is not for a reason.

    Args:
        asked: Action Information of the request (PS3.4 table J.3-1).
        held: What is here.

    Returns:
        Event Information (PS3.4 table J.3-2).
    """
    failed, kept = [], []
    for item in asked.ReferencedSOPSequence:
        here = held(str(item.ReferencedSOPInstanceUID))
        if str(item.ReferencedSOPClassUID) in here:
            kept.append(_reference(item))
        else:
            why = _CLASS_CONFLICT if here else _NO_SUCH_INSTANCE
            failed.append(_reference(item, [("FailureReason", why)]))
    told = Dataset()
    told.TransactionUID = asked.TransactionUID
    if kept:
        told.ReferencedSOPSequence = kept
    if failed:
        told.FailedSOPSequence = failed
    return told


def _reference(item: Dataset, more: Iterable[tuple[str, Any]] = ()) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = item.ReferencedSOPClassUID
    reference.ReferencedSOPInstanceUID = item.ReferencedSOPInstanceUID
    for keyword, value in more:
        setattr(reference, keyword, value)
    return reference


def _send(association: Association, told: Dataset) -> None:
    status, _ = association.send_n_event_report(
        told,
        _SOME_FAILED if "FailedSOPSequence" in told else _ALL_HELD,
        StorageCommitmentPushModel,
        StorageCommitmentPushModelInstance,
    )
    require(status, "report")
