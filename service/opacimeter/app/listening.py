"""Listening: what comes by C-STORE goes the way of what comes by STOW-RS."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import timedelta
from functools import partial

from opacimeter import settings as asked
from opacimeter.app.taking_in import looker, open_store
from opacimeter.errors import Misconfigured
from opacimeter.exchange import DimsePeer, Listener, Received, Sender, StoreStatus, Tls, listen
from opacimeter.settings import Settings
from opacimeter.store import Kept, Origin, Store

__all__ = ["listening"]

_STATUSES = {
    Kept.STORED: StoreStatus.SUCCESS,
    Kept.KNOWN: StoreStatus.SUCCESS,
    Kept.CONFLICT: StoreStatus.DUPLICATE,
    Kept.LOST: StoreStatus.PROCESSING_FAILURE,
}


@contextmanager
def listening(settings: Settings) -> Iterator[int | None]:
    """Take objects by C-STORE until the end of the block, where the settings ask for it.

    Yields:
        The port that is listened on; None where nothing listens.

    Raises:
        Misconfigured: The port cannot be had.
    """
    if settings.listener is None:
        yield None
        return
    with ExitStack() as at_end:
        store = open_store(settings)
        at_end.callback(store.close)
        try:
            port = at_end.enter_context(_taking(settings, settings.listener, store))
        except OSError as error:
            raise Misconfigured(
                f"OPACIMETER_LISTENER: port {settings.listener.port} of {settings.listener.host} "
                f"cannot be listened on ({error.strerror or 'no such address'})."
            ) from error
        yield port


def _taking(
    settings: Settings, listener: asked.Listener, store: Store
) -> AbstractContextManager[int]:
    return listen(
        _listener(listener),
        store.files.root / "incoming" / "dimse",
        keep=partial(_keep, settings, store),
        held=partial(_held, settings, store),
    )


def _keep(settings: Settings, store: Store, received: Received) -> StoreStatus:
    """Keep an object in the store's inbox, durably before success is answered."""
    if store.files.free_bytes() < settings.min_free_bytes:
        return StoreStatus.OUT_OF_RESOURCES
    arrived = looker(settings)(received.path, caller=received.caller)
    if arrived is None:
        return StoreStatus.CANNOT_UNDERSTAND
    quiet = timedelta(seconds=settings.quiet_period_s)
    (kept,) = store.inbox.keep([arrived], quiet=quiet, origin=Origin.DIMSE)
    return _STATUSES[kept]


def _held(settings: Settings, store: Store, instance_uid: str) -> frozenset[str]:
    """SOP classes of what is kept under a UID and can still be read."""
    looked = map(looker(settings), store.objects.held(instance_uid))
    return frozenset(each.sop_class for each in looked if each is not None)


def _listener(listener: asked.Listener) -> Listener:
    tls = Tls(listener.authorities, listener.certificate, listener.key, check_name=False)
    secured = tls if listener.certificate is not None else None
    return Listener(
        listener.aet,
        tuple(_sender(each, listener, secured) for each in listener.senders),
        host=listener.host,
        port=listener.port,
        tls=secured,
        max_associations=listener.max_associations,
        timeout_s=listener.timeout_s,
    )


def _sender(sender: asked.Sender, listener: asked.Listener, tls: Tls | None) -> Sender:
    reports = None
    if sender.report_host is not None and sender.report_port is not None:
        reports = DimsePeer(
            sender.aet,
            sender.report_host,
            sender.report_port,
            aet=sender.aet,
            calling=listener.aet,
            tls=tls,
            timeout_s=listener.timeout_s,
        )
    return Sender(sender.aet, sender.addresses, reports)
