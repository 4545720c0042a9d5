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

from opacimeter.errors import ArchiveRefused, ArchiveUnreachable
from opacimeter.exchange.association import associated, require
from opacimeter.exchange.peer import DimsePeer

__all__ = ["Committing", "Held", "report"]

Held = Callable[[str], frozenset[str]]
"""SOP classes of the objects that are on the disk itself under a SOPInstanceUID; mostly one."""

_REQUEST: Final = 1
_ALL_HELD, _SOME_FAILED = 1, 2
"""Event types of the report (PS3.4 J.3.3.1)."""

_SUCCESS, _MISSING_ATTRIBUTE, _NO_SUCH_ACTION = 0x0000, 0x0120, 0x0123
_PROCESSING_FAILURE: Final = 0x0110
_NO_SUCH_INSTANCE, _CLASS_CONFLICT = 0x0112, 0x0119
"""Failure reasons (PS3.3 C.14.1.1)."""

_UIDS: Final = {"ReferencedSOPClassUID", "ReferencedSOPInstanceUID"}

_PAUSES_S: Final = (5.0, 30.0, 120.0, 600.0)
"""Before each further attempt to bring a report. Whoever gets none in the end asks again."""

log = structlog.get_logger()


class Committing:
    """Takes requests and reports on each, in threads of its own; ended with the block."""

    def __init__(self, held: Held, reports: Mapping[str, DimsePeer]) -> None:
        """Wire it.

        Args:
            held: What is here.
            reports: Where a sender takes reports, by its AE title; the others get them on the
                association by which they asked.
        """
        self._held, self._reports = held, reports
        self._reporters = ThreadPoolExecutor(4, thread_name_prefix="commitment")
        self._waiting: set[threading.Timer] = set()
        self._lock, self._ending = threading.Lock(), False

    def __enter__(self) -> Self:
        """Ready."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give up what has not been reported."""
        with self._lock:
            self._ending = True
            for timer in self._waiting:
                timer.cancel()
        self._reporters.shutdown(cancel_futures=True)

    def take(self, event: evt.Event) -> tuple[int, None]:
        """Handle N-ACTION: accept the request, and report on it after the answer."""
        asked = event.action_information
        if event.action_type != _REQUEST:
            return _NO_SUCH_ACTION, None
        items = asked.get("ReferencedSOPSequence") or ()
        named = ({element.keyword for element in item} >= _UIDS for item in items)
        if not asked.get("TransactionUID") or not items or not all(named):
            return _MISSING_ATTRIBUTE, None
        return (_SUCCESS if self._submit(asked, event.assoc) else _PROCESSING_FAILURE), None

    def _submit(self, asked: Dataset, association: Association, attempt: int = 0) -> bool:
        """Have a report made and brought; False where the service is at its end."""
        with self._lock:
            if not self._ending:
                self._reporters.submit(self._answer, asked, association, attempt)
            return not self._ending

    def _answer(self, asked: Dataset, association: Association, attempt: int) -> None:
        """Report; where nobody takes it, or it cannot be told now, later again."""
        caller = association.requestor.ae_title
        try:
            self._tell(report(asked, self._held), caller, association)
        except ArchiveRefused as error:
            log.warning("commitment not reported, for good", to=caller, why=str(error))
        except Exception as error:  # a thread: whatever it raised would be lost
            known = isinstance(error, ArchiveUnreachable)
            why = str(error) if known else type(error).__name__
            log.warning("commitment not reported yet", to=caller, why=why, attempt=attempt + 1)
            self._later(asked, association, attempt + 1)

    def _later(self, asked: Dataset, association: Association, attempt: int) -> None:
        if attempt > len(_PAUSES_S):
            caller = association.requestor.ae_title
            log.error("commitment not reported, for good", to=caller, why="every attempt failed")
            return
        timer = threading.Timer(
            _PAUSES_S[attempt - 1], lambda: self._submit(asked, association, attempt)
        )
        timer.daemon = True
        with self._lock:
            self._waiting = {each for each in self._waiting if each.is_alive()} | {timer}
            if not self._ending:
                timer.start()

    def _tell(self, told: Dataset, caller: str, association: Association) -> None:
        """Deliver a report.

        Raises:
            ArchiveUnreachable: Nobody took it.
            ArchiveRefused: Nobody ever will.
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
