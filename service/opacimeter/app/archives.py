"""Archives: the PACS of the settings, as the rooms that speak to them want them."""

from collections.abc import Mapping

from opacimeter.app.checking import require_usable
from opacimeter.dispatch import Correspondent
from opacimeter.exchange import Credentials, DicomwebPeer, DimsePeer, Hook, Peer, Tls, open_archive
from opacimeter.settings import Pacs, Settings, Webhook
from opacimeter.store import Archived, Following, Recipient, Status

__all__ = ["correspondents", "following", "hooks", "peers"]

_DOCUMENTS: Mapping[str, tuple[str, ...]] = {
    "segmentations": ("anatomy.seg.dcm", "lesions.seg.dcm"),
    "report": ("measurements.sr.dcm",),
    "pictures": ("pictures.dcm",),
    "page": ("report.dcm",),
}


def peers(settings: Settings) -> dict[str, Peer]:
    """Each PACS by its name.

    Raises:
        Misconfigured: The settings cannot be used.
    """
    require_usable(settings)
    return {pacs.name: _peer(pacs) for pacs in settings.pacs}


def correspondents(settings: Settings) -> dict[str, Correspondent]:
    """Each PACS opened, with what goes there; nothing is connected yet."""
    return {
        pacs.name: Correspondent(open_archive(_peer(pacs)), _destination(pacs), pacs.chest.pattern)
        for pacs in settings.pacs
    }


def hooks(settings: Settings) -> dict[str, Hook]:
    """Each webhook by its name."""
    return {
        each.name: Hook(
            each.name,
            url=each.url,
            secret=each.signing_secret(),
            tls=Tls(each.authorities),
            timeout_s=each.timeout_s,
        )
        for each in settings.webhooks
    }


def following(settings: Settings) -> Following:
    """What the end of a version brings about."""
    places = [place for pacs in settings.pacs if (place := _destination(pacs)) is not None]
    return Following(
        destinations=(*places, *map(_recipient, settings.webhooks)),
        priors_from=tuple(pacs.name for pacs in settings.pacs if pacs.priors),
    )


def _destination(pacs: Pacs) -> Archived | None:
    documents = {name for kind in pacs.send for name in _DOCUMENTS[kind]}
    if pacs.send_rejections:
        documents.add("refusal.dcm")
    if not documents:
        return None
    return Archived(
        pacs.name,
        frozenset(documents),
        backfill=pacs.send_backfill,
        rejections=pacs.send_rejections,
    )


def _recipient(webhook: Webhook) -> Recipient:
    events = frozenset(Status(event) for event in webhook.events)
    return Recipient(webhook.name, events, backfill=webhook.send_backfill)


def _peer(pacs: Pacs) -> Peer:
    tls = Tls(pacs.authorities, pacs.certificate, pacs.key, pacs.check_name)
    if pacs.kind == "dicomweb":
        return DicomwebPeer(
            pacs.name,
            url=pacs.url or "",
            credentials=_credentials(pacs),
            tls=tls,
            timeout_s=pacs.timeout_s,
        )
    return DimsePeer(
        pacs.name,
        host=pacs.host or "",
        port=pacs.port or 0,
        aet=pacs.aet or "",
        calling=pacs.calling,
        tls=tls if pacs.tls else None,
        move=pacs.move,
        commit=pacs.commit,
        commit_wait_s=pacs.commit_wait_s,
        verify=pacs.verify,
        receive_port=pacs.receive_port,
        receive_host=pacs.receive_host,
        timeout_s=pacs.timeout_s,
    )


def _credentials(pacs: Pacs) -> Credentials | None:
    password, token = pacs.secret("password"), pacs.secret("token")
    if not (pacs.user or token):
        return None
    return Credentials(pacs.user or "", password, token)
