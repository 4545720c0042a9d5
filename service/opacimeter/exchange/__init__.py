"""Exchange: archives as peers, asked, fetched from and delivered to; and those who send here."""

from collections.abc import Callable

from opacimeter.exchange.archive import Archive, Confirmed, Failure, Fetched, FoundStudy, Question
from opacimeter.exchange.archive import Instance as Instance
from opacimeter.exchange.archive import Sent as Sent
from opacimeter.exchange.delivering import Outcome, deliver
from opacimeter.exchange.dicomweb import DicomwebArchive
from opacimeter.exchange.dimse import DimseArchive
from opacimeter.exchange.listener import Listener, Received, Sender, StoreStatus, listen
from opacimeter.exchange.peer import Credentials, DicomwebPeer, DimsePeer, Peer, Tls
from opacimeter.exchange.webhooks import Hook, Notice, notify, signature

__all__ = [
    "Archive",
    "Confirmed",
    "Credentials",
    "DicomwebPeer",
    "DimsePeer",
    "Failure",
    "Fetched",
    "FoundStudy",
    "Hook",
    "Instance",
    "Listener",
    "Notice",
    "OpenArchive",
    "Outcome",
    "Peer",
    "Question",
    "Received",
    "Sender",
    "Sent",
    "StoreStatus",
    "Tls",
    "deliver",
    "listen",
    "notify",
    "open_archive",
    "signature",
]

OpenArchive = Callable[[Peer], Archive]


def open_archive(peer: Peer) -> Archive:
    """The archive behind a peer; nothing is connected yet."""
    return DicomwebArchive(peer) if isinstance(peer, DicomwebPeer) else DimseArchive(peer)
