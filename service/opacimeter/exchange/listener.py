"""Listener: takes objects by C-STORE from those whom it knows (PS3.4 annex B)."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from enum import IntEnum
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from socket import SHUT_RDWR
from typing import Final
from uuid import uuid4

import structlog
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification
from pynetdicom.transport import ThreadedAssociationServer

from opacimeter.exchange.committing import Committing, Held
from opacimeter.exchange.peer import DimsePeer, Tls
from opacimeter.exchange.receiving import CT_CLASSES, CT_SYNTAXES

__all__ = ["Listener", "Received", "Sender", "StoreStatus", "listen"]

log = structlog.get_logger()

_CALLING_UNKNOWN: Final = (0x01, 0x01, 0x03)
"""A-ASSOCIATE-RJ (PS3.8 9.3.4): permanent, by the service user, calling AE title unknown."""


class StoreStatus(IntEnum):
    """Statuses that C-STORE is answered with (PS3.4 table B.2-1, PS3.7 annex C)."""

    SUCCESS = 0x0000
    PROCESSING_FAILURE = 0x0110
    DUPLICATE = 0x0111
    OUT_OF_RESOURCES = 0xA700
    MISMATCH = 0xA900
    CANNOT_UNDERSTAND = 0xC000


_COMMENTS: Final = {
    StoreStatus.PROCESSING_FAILURE: "the object could not be kept; send it again",
    StoreStatus.DUPLICATE: "this SOP Instance UID is known with other content",
    StoreStatus.OUT_OF_RESOURCES: "no space is left; nothing was kept",
    StoreStatus.MISMATCH: "the object is not the one that the command names",
    StoreStatus.CANNOT_UNDERSTAND: "the object is no whole DICOM object",
}
"""Error Comment (0000,0902): at most 64 characters, nothing of the object."""


@dataclass(frozen=True, slots=True)
class Sender:
    """One who may open associations.

    Attributes:
        aet: Its AE title.
        networks: Where it calls from.
        reports: Where it takes reports of storage commitment; None: on the association that asked.
    """

    aet: str
    networks: tuple[IPv4Network | IPv6Network, ...]
    reports: DimsePeer | None = None


@dataclass(frozen=True, slots=True)
class Listener:
    """How to listen.

    Attributes:
        aet: This side's AE title, by which it must be called.
        senders: Those who may call.
        host: Address to listen on.
        port: Port to listen on.
        tls: None where the line is plain.
        max_associations: Most at the same time.
        timeout_s: Silence after which an association is ended.
    """

    aet: str
    senders: tuple[Sender, ...]
    host: str = "127.0.0.1"
    port: int = 11112
    tls: Tls | None = field(default=None)
    max_associations: int = 10
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Received:
    """One object that came, as a Part 10 file not yet kept.

    Attributes:
        path: The file; whoever keeps it moves it, what is left is removed.
        caller: AE title of the sender.
    """

    path: Path
    caller: str


Keep = Callable[[Received], StoreStatus]
"""Keeps an object. Where it answers `StoreStatus.SUCCESS`, the object is on the disk itself."""


@contextmanager
def listen(listener: Listener, folder: Path, keep: Keep, held: Held) -> Iterator[int]:
    """Take objects until the end of the block, in threads of their own.

    Args:
        listener: How to listen.
        folder: Where objects are written before they are kept; made where it is absent.
        keep: Keeps each of them; called by several threads at once.
        held: What storage commitment is answered by.

    Yields:
        The port that is listened on.

    Raises:
        OSError: The port is taken, or a certificate cannot be read.
    """
    entity = _entity(listener)
    reports = {each.aet: each.reports for each in listener.senders if each.reports}
    with ExitStack() as at_end:
        committing = at_end.enter_context(Committing(held, reports))
        server = entity.start_server(
            (listener.host, listener.port),
            block=False,
            ssl_context=listener.tls.server_context() if listener.tls else None,
            evt_handlers=[
                (evt.EVT_REQUESTED, _admit, [listener.senders]),
                (evt.EVT_C_STORE, _store, [folder, keep]),
                (evt.EVT_N_ACTION, committing.take),
            ],
        )
        if server is None:  # it is not, where it does not block
            raise OSError("the listener did not start")
        at_end.callback(_shut, server)
        yield int(server.server_address[1])


def _shut(server: ThreadedAssociationServer) -> None:
    """Take no more associations and end those that are open.

    An A-ABORT is for those that are established (PS3.8 table 9-10): one that was rejected, or that
    has asked for nothing yet, ends with its connection.
    """
    server.shutdown()
    for association in server.active_associations:
        if association.is_established:
            association.abort()
            continue
        line = association.dul.socket
        if line is not None and line.socket is not None:
            with suppress(OSError):  # the peer was first
                line.socket.shutdown(SHUT_RDWR)
        association.kill()


def _entity(listener: Listener) -> AE:
    entity = AE(ae_title=listener.aet)
    entity.require_called_aet = True
    entity.require_calling_aet = [sender.aet for sender in listener.senders]
    entity.maximum_associations = listener.max_associations
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = listener.timeout_s
    entity.add_supported_context(Verification)
    entity.add_supported_context(StorageCommitmentPushModel)
    for context in AllStoragePresentationContexts:
        is_ct = context.abstract_syntax in CT_CLASSES
        syntaxes = CT_SYNTAXES if is_ct else ALL_TRANSFER_SYNTAXES
        entity.add_supported_context(str(context.abstract_syntax), [*syntaxes])
    return entity


def _admit(event: evt.Event, senders: tuple[Sender, ...]) -> None:
    """Reject whoever calls under a known AE title from elsewhere than its own addresses."""
    requestor = event.assoc.requestor
    caller, address = requestor.primitive.calling_ae_title, ip_address(requestor.address)
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    known = [each for each in senders if each.aet == caller]
    if known and not any(address in network for each in known for network in each.networks):
        event.assoc.acse.send_reject(*_CALLING_UNKNOWN)
        event.assoc.kill()


def _store(event: evt.Event, folder: Path, keep: Keep) -> Dataset:
    """Answer one C-STORE; whatever happens, nothing is left in the folder."""
    path = folder / f"{uuid4().hex}.dcm"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        path.write_bytes(event.encoded_dataset())
        status = _fault(event, path)
        if status is None:
            status = keep(Received(path, event.assoc.requestor.ae_title))
    except OSError:
        status = StoreStatus.OUT_OF_RESOURCES
    except Exception as error:  # a busy database, say: pynetdicom would call it for good
        log.critical("object not kept", error=type(error).__name__)
        status = StoreStatus.PROCESSING_FAILURE
    finally:
        path.unlink(missing_ok=True)
    return _answer(status)


def _fault(event: evt.Event, path: Path) -> StoreStatus | None:
    """What is wrong with an object by itself: unreadable, or not what the command names."""
    command = event.request
    try:
        told = dcmread(
            path, specific_tags=["SOPClassUID", "SOPInstanceUID"], stop_before_pixels=True
        )
        named = str(told.get("SOPClassUID", "")), str(told.get("SOPInstanceUID", ""))
    except (InvalidDicomError, ValueError, KeyError, TypeError, EOFError, NotImplementedError):
        return StoreStatus.CANNOT_UNDERSTAND
    if not all(named):
        return StoreStatus.CANNOT_UNDERSTAND
    asked = str(command.AffectedSOPClassUID), str(command.AffectedSOPInstanceUID)
    return None if named == asked else StoreStatus.MISMATCH


def _answer(status: StoreStatus) -> Dataset:
    answer = Dataset()
    answer.Status = int(status)
    if status in _COMMENTS:
        answer.ErrorComment = _COMMENTS[status]
    return answer
