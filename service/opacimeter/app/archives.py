"""Archives: the PACS of the settings, as the rooms that speak to them want them."""

from collections.abc import Mapping

from opacimeter.dispatch import Correspondent
from opacimeter.exchange import Credentials, DicomwebPeer, DimsePeer, Peer, Tls, open_archive
from opacimeter.settings import Pacs, Settings
from opacimeter.store import Destination, Following

__all__ = ["correspondents", "following", "peers"]

_DOCUMENTS: Mapping[str, tuple[str, ...]] = {
    "segmentations": ("anatomy.seg.dcm", "lesions.seg.dcm"),
    "report": ("measurements.sr.dcm",),
    "pictures": ("pictures.dcm",),
    "page": ("report.dcm",),
}


def peers(settings: Settings) -> dict[str, Peer]:
    """Each PACS by its name."""
    return {pacs.name: _peer(pacs) for pacs in settings.pacs}


def correspondents(settings: Settings) -> dict[str, Correspondent]:
    """Each PACS opened, with what goes there; nothing is connected yet."""
    return {
        pacs.name: Correspondent(open_archive(_peer(pacs)), _destination(pacs), pacs.chest.pattern)
        for pacs in settings.pacs
    }


def following(settings: Settings) -> Following:
    """What a complete version brings about."""
    places = (_destination(pacs) for pacs in settings.pacs)
    return Following(
        destinations=tuple(place for place in places if place is not None),
        priors_from=tuple(pacs.name for pacs in settings.pacs if pacs.priors),
    )


def _destination(pacs: Pacs) -> Destination | None:
    documents = frozenset(name for kind in pacs.send for name in _DOCUMENTS[kind])
    return Destination(pacs.name, documents, pacs.send_backfill) if documents else None


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
        receive_port=pacs.receive_port,
        receive_host=pacs.receive_host,
        timeout_s=pacs.timeout_s,
    )


def _credentials(pacs: Pacs) -> Credentials | None:
    password, token = pacs.secret("password"), pacs.secret("token")
    if not (pacs.user or token):
        return None
    return Credentials(pacs.user or "", password, token)
