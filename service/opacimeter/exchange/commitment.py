"""Storage commitment: asked of an archive, and its report waited for (PS3.4 annex J)."""

import threading
from collections.abc import Sequence
from typing import Final

from pydicom import Dataset
from pydicom.uid import generate_uid
from pynetdicom import evt
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import (
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
)

from opacimeter.errors import ArchiveUnreachable
from opacimeter.exchange.archive import Confirmed, Instance
from opacimeter.exchange.association import associated, listening, require
from opacimeter.exchange.instances import failure
from opacimeter.exchange.peer import DimsePeer

__all__ = ["commit", "transaction"]

_REQUEST: Final = 1


class _Report:
    """The report of one transaction, whichever association it comes by."""

    def __init__(self, uid: str) -> None:
        self._uid, self._told = uid, threading.Event()
        self._held: set[str] = set()
        self._missing: dict[str, str] = {}

    def take(self, event: evt.Event) -> tuple[int, None]:
        """Handle N-EVENT-REPORT; that of another transaction is answered and forgotten."""
        information = event.event_information
        if information.get("TransactionUID") == self._uid:
            held = information.get("ReferencedSOPSequence") or ()
            self._held.update(str(item.ReferencedSOPInstanceUID) for item in held)
            for item in information.get("FailedSOPSequence") or ():
                why = failure(item.get("FailureReason")).reason
                self._missing[str(item.ReferencedSOPInstanceUID)] = why
            self._told.set()
        return 0x0000, None

    def wait(self, seconds: float, uids: set[str]) -> Confirmed:
        """What was told of the instances.

        Raises:
            ArchiveUnreachable: Nothing was told in time.
        """
        if not self._told.wait(seconds):
            told = f"no report of storage commitment came within {seconds:g} s"
            raise ArchiveUnreachable(told, hop="confirm")
        silent = dict.fromkeys(uids - self._held, "the report does not name it")
        missing = {uid: why for uid, why in self._missing.items() if uid in uids}
        return Confirmed(frozenset(self._held & uids - missing.keys()), silent | missing)


def commit(peer: DimsePeer, instances: Sequence[Instance]) -> Confirmed:
    """Ask for commitment and wait for the report, on this association or one of the peer's own.

    Raises:
        ArchiveUnreachable: No answer, or no report in time.
        ArchiveRefused: The archive offers no storage commitment, or refuses this one.
    """
    asked = transaction(instances)
    report = _Report(asked.TransactionUID)
    handlers = {evt.EVT_N_EVENT_REPORT: report.take}
    contexts = [build_context(StorageCommitmentPushModel)]
    # The archive is the SCP also where it opens the association (PS3.4 J.3.3.1).
    contexts[0].scu_role = contexts[0].scp_role = True
    with (
        listening(peer, contexts, handlers),
        associated(
            peer, "confirm", [build_context(StorageCommitmentPushModel)], handlers=handlers
        ) as association,
    ):
        # Nothing is said while the report is waited for, and it may come on this association.
        association.network_timeout = peer.timeout_s + peer.commit_wait_s
        status, _ = association.send_n_action(
            asked, _REQUEST, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        require(status, "confirm")
        return report.wait(peer.commit_wait_s, {each.uid for each in instances})


def transaction(instances: Sequence[Instance]) -> Dataset:
    """What is asked: a new transaction that names the instances (PS3.4 table J.3-1)."""
    asked = Dataset()
    asked.TransactionUID = generate_uid(prefix=None)
    asked.ReferencedSOPSequence = []
    for each in instances:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = each.sop_class, each.uid
        asked.ReferencedSOPSequence.append(item)
    return asked
