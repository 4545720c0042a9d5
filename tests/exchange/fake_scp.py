"""A DIMSE peer that does what it is told, over real associations on loopback."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    RawDataStorage,
    SecondaryCaptureImageStorage,
)
from pynetdicom import AE, evt
from pynetdicom.presentation import build_context, build_role
from pynetdicom.sop_class import (
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

STUDY, SERIES = "1.2.3", "1.2.3.4"
SUCCESS, PENDING = 0x0000, 0xFF00
STORED = (SUCCESS, 0xB000, 0xB006, 0xB007, 0x0111)
"""Statuses that say that an object is there (PS3.4 table B.2-1, PS3.7 C.5.6)."""

CALLING = "OPACITEST"

OFFERS = (
    Verification,
    SecondaryCaptureImageStorage,
    CTImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    StorageCommitmentPushModel,
)

Answers = Iterable[Any]
"""What a handler of pynetdicom yields to C-FIND, C-GET or C-MOVE."""


@dataclass
class FakeScp:
    """The peer.

    Attributes:
        store: Given each C-STORE, says its status.
        admit: Given each association before it is answered; may reject it.
        find: Answers to queries; None: what it holds of the series that is asked for.
        get, move: Answers to these requests.
        commit: Given each request for storage commitment, says its status.
        offers: Abstract syntaxes that it takes.
        came: SOPInstanceUIDs by C-STORE, in their order, whatever they were answered.
        held: Of those it has called stored, the SeriesInstanceUID of each.
        port: Where it listens.
    """

    store: Callable[[evt.Event], int] = lambda _event: SUCCESS
    admit: Callable[[evt.Event], None] = lambda _event: None
    find: Answers | None = None
    get: Answers = ()
    move: Answers = ()
    commit: Callable[[evt.Event], int] = lambda _event: SUCCESS
    offers: tuple[str, ...] = OFFERS
    came: list[str] = field(default_factory=list)
    held: dict[str, str] = field(default_factory=dict)
    port: int = 0

    def behave(self, **about: Any) -> None:
        """Forget all, and do this from now on: a server is slow to end and to start."""
        vars(self).update(vars(FakeScp(offers=self.offers, port=self.port, **about)))

    def take(self, event: evt.Event) -> int:
        uid = str(event.request.AffectedSOPInstanceUID)
        self.came.append(uid)
        status = self.store(event)
        if status in STORED:
            self.held[uid] = str(event.dataset.SeriesInstanceUID)
        return status

    def look(self, event: evt.Event) -> Iterator[Any]:
        if self.find is not None:
            yield from _told(self.find, event)
            return
        asked = event.identifier
        assert asked.QueryRetrieveLevel == "IMAGE"
        for uid, series in self.held.items():
            if series == asked.SeriesInstanceUID:
                asked.SOPInstanceUID = uid
                yield PENDING, asked

    def promise(self, event: evt.Event) -> tuple[int, None]:
        return self.commit(event), None


@contextmanager
def fake_scp(offers: tuple[str, ...] = OFFERS) -> Iterator[FakeScp]:
    """A peer that takes these abstract syntaxes, ended with the block."""
    scp, entity = FakeScp(offers=offers), AE("ARCHIVE")
    for offered in scp.offers:
        # The one who hands out images by C-GET is their SCU on an association of the other side.
        roles = {"scu_role": True, "scp_role": True} if offered == CTImageStorage else {}
        entity.add_supported_context(offered, **roles)
    server = entity.start_server(
        ("127.0.0.1", 0),
        block=False,
        evt_handlers=[
            (evt.EVT_REQUESTED, lambda event: scp.admit(event)),
            (evt.EVT_C_STORE, scp.take),
            (evt.EVT_C_FIND, scp.look),
            (evt.EVT_C_GET, lambda event: _told(scp.get, event)),
            (evt.EVT_C_MOVE, lambda event: _told(scp.move, event)),
            (evt.EVT_N_ACTION, scp.promise),
        ],
    )
    scp.port = server.server_address[1]
    try:
        yield scp
    finally:
        entity.shutdown()


def _told(answers: Answers, event: evt.Event) -> Iterator[Any]:
    """Each answer; what can be called is told of the event, and answers nothing."""
    for answer in answers:
        if callable(answer):
            answer(event)
        else:
            yield answer


def series_of(count: int | None) -> list[tuple[int, Dataset]]:
    """The answer to a query: one CT series of so many images; None where it does not tell."""
    row = Dataset()
    row.QueryRetrieveLevel, row.Modality = "SERIES", "CT"
    row.StudyInstanceUID, row.SeriesInstanceUID = STUDY, SERIES
    row.NumberOfSeriesRelatedInstances = count
    return [(PENDING, row)]


def image(number: int) -> Dataset:
    """A CT image without pixels."""
    return _object(CTImageStorage, f"{SERIES}.{number}")


def stranger() -> Dataset:
    """An object of a class that no context was negotiated for: it cannot be handed over."""
    return _object(RawDataStorage, f"{SERIES}.99")


def _object(sop_class: str, uid: str) -> Dataset:
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = sop_class, uid
    made.StudyInstanceUID, made.SeriesInstanceUID, made.Modality = STUDY, SERIES, "CT"
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return made


def handing_over(*objects: Dataset) -> list[Any]:
    """What C-GET is answered with: how many come, and each."""
    return [len(objects), *((PENDING, each) for each in objects)]


def moving(port: int, *objects: Dataset) -> list[Any]:
    """What C-MOVE is answered with: where to, how many, and each."""
    contexts = [build_context(CTImageStorage, ExplicitVRLittleEndian)]
    return [("127.0.0.1", port, {"contexts": contexts}), *handing_over(*objects)]


def report(port: int, transaction: str, *, held: Iterable[str] = (), failed: dict[str, int]) -> int:
    """Report on a storage commitment, on an association of its own; returns the answer's status."""
    told = Dataset()
    told.TransactionUID = transaction
    told.ReferencedSOPSequence = [_reference(uid) for uid in held]
    told.FailedSOPSequence = [_reference(uid, FailureReason=why) for uid, why in failed.items()]
    entity = AE("ARCHIVE")
    association = entity.associate(
        "127.0.0.1",
        port,
        contexts=[build_context(StorageCommitmentPushModel)],
        ext_neg=[build_role(StorageCommitmentPushModel, scp_role=True)],
        ae_title=CALLING,
    )
    status, _ = association.send_n_event_report(
        told,
        2 if failed else 1,
        StorageCommitmentPushModel,
        StorageCommitmentPushModelInstance,
    )
    association.release()
    return int(status.Status)


def _reference(uid: str, **more: int) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = SecondaryCaptureImageStorage, uid
    for keyword, value in more.items():
        setattr(item, keyword, value)
    return item
