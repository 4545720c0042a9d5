"""Sending: a version's documents to a destination, the note that they are rejected, or word."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from opacimeter.dispatch.notifying import Notifying
from opacimeter.errors import NotFound
from opacimeter.exchange import Archive, Outcome, deliver
from opacimeter.record import Record
from opacimeter.report import write_rejection_note
from opacimeter.store import (
    Archived,
    Delivery,
    DeliveryKind,
    DeliveryStatus,
    Mishap,
    ReviewState,
    Store,
)

__all__ = ["Sending"]

_NOTE = "rejection.ko.dcm"
_GONE = (DeliveryStatus.FAILED, DeliveryStatus.ABANDONED)


class Sending:
    """Sends what deliveries tell of."""

    def __init__(
        self,
        store: Store,
        archives: Mapping[str, Archive],
        places: Mapping[str, Archived | None],
        notifying: Notifying,
    ) -> None:
        """Wire it: archives and what each gets, by name; and what brings word to webhooks."""
        self._store, self._archives, self._places = store, archives, places
        self._notifying = notifying

    def send(self, turn: str) -> Mishap | None:
        """Do one turn; returns why it came to nothing, None where all is delivered.

        Raises:
            ArchiveError: The archive or the webhook could not be spoken to.
        """
        delivery = self._store.deliveries.begin(turn)
        if delivery is None:
            return None
        if delivery.kind.event:
            return self._notifying.send(turn, delivery)
        destination = self._places.get(delivery.destination)
        if destination is None:
            name = delivery.destination
            return Mishap("connect", f"the settings name no archive {name!r} to send to", True)  # noqa: FBT003
        hindrance = self._hindrance(delivery)
        if hindrance is not None:
            return hindrance
        with self._files(delivery, self._there(delivery, destination)) as files:
            if not files:
                return Mishap("store", "the version has none of the documents wanted", True)  # noqa: FBT003
            outcome = deliver(self._archives[delivery.destination], files)
        self._store.deliveries.told(turn, _objects(outcome), done=not outcome.failed)
        return _mishap(outcome) if outcome.failed else None

    def _hindrance(self, delivery: Delivery) -> Mishap | None:
        """What stands in the way of a rejection note: it follows what it is about."""
        if delivery.kind is DeliveryKind.RESULT:
            return None
        result = self._store.deliveries.result(delivery)
        if result is None or result.status in _GONE:
            if not _stored(result):
                return Mishap("store", "the result itself is not in this archive", lasting=True)
        elif result.status is not DeliveryStatus.DELIVERED:
            return Mishap("store", "the result itself is not in this archive yet", lasting=False)
        version = self._store.catalogue.get(delivery.assessment, delivery.version).version
        if (version.review or {}).get("state") != ReviewState.REJECTED:
            return Mishap("store", "the result is not rejected any more", lasting=True)
        return None

    def _there(self, delivery: Delivery, destination: Archived) -> frozenset[str]:
        """Names of the documents to send; of a note, those that it is about: what got there."""
        if delivery.kind is DeliveryKind.RESULT:
            return destination.documents
        return destination.documents & _stored(self._store.deliveries.result(delivery))

    @contextmanager
    def _files(self, delivery: Delivery, names: frozenset[str]) -> Iterator[Sequence[Path]]:
        artifacts = self._store.catalogue.artifacts(delivery.assessment, delivery.version)
        files = [each.path for each in artifacts if each.name in names]
        if delivery.kind is DeliveryKind.RESULT or not files:
            yield files
            return
        with TemporaryDirectory(prefix="opacimeter-") as folder:
            note = Path(folder) / _NOTE
            self._write_note(note, files, delivery)
            yield [note]

    def _write_note(self, path: Path, files: Sequence[Path], delivery: Delivery) -> None:
        version = self._store.catalogue.get(delivery.assessment, delivery.version).version
        review = version.review
        if review is None:
            raise NotFound("the version has no review")
        # Of the review's time: the same note has the same UID and bytes each time it is written.
        created = datetime.fromisoformat(review["time"])
        record = Record(delivery.assessment, delivery.version, created, delivery.study_uid)
        write_rejection_note(path, files, record, author=review["author"], reason=review["reason"])


def _stored(result: Delivery | None) -> frozenset[str]:
    """Names of the documents that an archive said it holds, when it was last asked."""
    objects = result.objects if result is not None else ()
    return frozenset(each["name"] for each in objects if each["stored"])


def _objects(outcome: Outcome) -> list[dict[str, Any]]:
    return [
        {"name": name, "uid": uid, "stored": uid not in outcome.failed}
        | ({"reason": outcome.failed[uid].reason} if uid in outcome.failed else {})
        for name, uid in outcome.uids.items()
    ]


def _mishap(outcome: Outcome) -> Mishap:
    reasons = sorted({each.reason for each in outcome.failed.values()})
    told = f"{len(outcome.failed)} of {len(outcome.uids)} objects: {'; '.join(reasons)}"
    return Mishap(outcome.hop, told, outcome.lasting)
