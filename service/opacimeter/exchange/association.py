"""Associations: those that this side opens, and those it waits for (PS3.8)."""

import errno
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from pydicom import Dataset
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.sop_class import Verification

from opacimeter.errors import ArchiveRefused, ArchiveUnreachable
from opacimeter.exchange.instances import failure
from opacimeter.exchange.peer import DimsePeer

__all__ = ["Handlers", "associated", "listening", "require"]

Handlers = Mapping[evt.EventType, Any]

_NOBODY: Final[Handlers] = {}
_REJECTED_FOR_GOOD: Final = 0x01
"""Result of A-ASSOCIATE-RJ (PS3.8 9.3.4): 1 rejected-permanent, 2 rejected-transient."""


@contextmanager
def associated(
    peer: DimsePeer,
    hop: str,
    contexts: Sequence[PresentationContext],
    *,
    roles: Sequence[Any] = (),
    handlers: Handlers = _NOBODY,
) -> Iterator[Association]:
    """An association that this side opens; released at the end.

    Raises:
        ArchiveUnreachable: The peer cannot be reached, or not now.
        ArchiveRefused: It rejects this side for good, or takes none of the contexts.
    """
    entity = _entity(peer)
    association = entity.associate(
        peer.host,
        peer.port,
        contexts=list(contexts),
        ae_title=peer.aet,
        ext_neg=list(roles),
        tls_args=(peer.tls.context(), peer.host) if peer.tls else None,
        evt_handlers=list(handlers.items()),
    )
    if not association.is_established:
        raise _unestablished(association, hop)
    try:
        yield association
    except ValueError as error:  # what pynetdicom says of a service that was not accepted
        raise ArchiveRefused("the archive offers no such service", hop=hop) from error
    except RuntimeError as error:  # what pynetdicom says of an association that has just ended
        if association.is_established:
            raise
        raise ArchiveUnreachable("the association was cut off", hop=hop) from error
    finally:
        if association.is_established:
            association.release()


@contextmanager
def listening(
    peer: DimsePeer, contexts: Sequence[PresentationContext], handlers: Handlers
) -> Iterator[None]:
    """Take associations of the peer at its `receive_port` for a while, and of nobody else.

    Raises:
        ArchiveUnreachable: The port stays taken, by another transfer for instance.
    """
    entity = _entity(peer)
    entity.require_calling_aet = [peer.aet]
    # Whoever takes associations answers C-ECHO (PS3.2 7.1).
    entity.supported_contexts = [build_context(Verification), *contexts]
    until = time.monotonic() + max(peer.timeout_s, peer.commit_wait_s)
    while True:
        try:
            server = entity.start_server(
                (peer.receive_host, peer.receive_port),
                block=False,
                evt_handlers=list(handlers.items()),
                ssl_context=peer.tls.server_context() if peer.tls else None,
            )
            break
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > until:
                told = f"port {peer.receive_port} of this side cannot be listened on"
                raise ArchiveUnreachable(told, hop="connect") from error
            time.sleep(0.2)
    try:
        yield
    finally:
        if server is not None:  # it is not, where it does not block
            server.shutdown()


def require(status: Dataset, hop: str) -> None:
    """Raise where a DIMSE status is none of success.

    Raises:
        ArchiveUnreachable: It can pass, or there was no answer.
        ArchiveRefused: It is for good.
    """
    code = status.get("Status")
    if code is None:
        raise ArchiveUnreachable("the association ended without an answer", hop=hop)
    if code != 0:
        why = failure(code)
        kind = ArchiveRefused if why.lasting else ArchiveUnreachable
        raise kind(f"the archive answered {why.reason}", hop=hop)


def _entity(peer: DimsePeer) -> AE:
    entity = AE(ae_title=peer.calling)
    entity.connection_timeout = entity.acse_timeout = peer.timeout_s
    entity.dimse_timeout = entity.network_timeout = peer.timeout_s
    return entity


def _unestablished(association: Association, hop: str) -> Exception:
    if association.is_rejected:
        answer = association.acceptor.primitive
        for_good = answer is not None and answer.result == _REJECTED_FOR_GOOD
        if not for_good:
            return ArchiveUnreachable("the archive takes no association for now", hop=hop)
        told = "the archive rejects the association: are the AE titles right?"
        return ArchiveRefused(told, hop=hop)
    if association.rejected_contexts:
        return ArchiveRefused("the archive offers no such service", hop=hop)
    return ArchiveUnreachable("no association could be opened", hop="connect")
