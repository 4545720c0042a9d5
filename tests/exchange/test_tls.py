"""Archives over TLS whose authority is private: answered are those who show a certificate of it."""

import gc

import pytest

from opacimeter.errors import ArchiveUnreachable
from opacimeter.exchange import DicomwebPeer, DimsePeer, Tls, deliver, open_archive
from tests.exchange.conftest import CALLING
from tests.exchange.fake_pacs import Answer, fake_pacs, objects, stored
from tests.peers import Certificates, certificates, running_orthanc
from tests.proxy import proxy_to

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def known(folder):
    return certificates(folder, "known")


@pytest.fixture(scope="module")
def strange(folder):
    return certificates(folder, "strange")


@pytest.fixture(scope="module")
def web(known):
    """A DICOMweb peer behind a proxy that ends TLS and asks for a certificate."""
    there = stored("1.2.3.1.1", "1.2.3.2.1")
    with (
        fake_pacs(
            lambda asked: Answer(200, there) if asked.method == "POST" else Answer(404)
        ) as up,
        proxy_to(up.url, known.server()) as proxy,
    ):
        yield up, proxy.url


@pytest.fixture(scope="module")
def dimse(known, folder):
    settings = {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(known.certificate),
        "DicomTlsPrivateKey": str(known.key),
        "DicomTlsTrustedCertificates": str(known.authority),
        "DicomTlsRemoteCertificateRequired": True,
    }
    with running_orthanc(folder, settings) as orthanc:
        yield orthanc


def test_objects_go_to_a_web_peer_that_both_sides_certificates_vouch_for(web, known, tmp_path):
    _, url = web
    archive = open_archive(DicomwebPeer("web", url, tls=trusting(known, known)))
    assert not deliver(archive, objects(tmp_path)).failed


def trusting(authority: Certificates | None, own: Certificates | None) -> Tls:
    return Tls(authority and authority.authority, own and own.certificate, own and own.key)


@pytest.fixture(
    params=[
        ("known", None, "TLS failed .*CERTIFICATE_REQUIRED"),
        ("known", "strange", "TLS failed .*UNKNOWN_CA"),
        ("strange", "known", "its certificate is not trusted: self-signed certificate"),
        (None, "known", "its certificate is not trusted: self-signed certificate"),
    ]
)
def mistaken(request):
    """A line with a wrong authority or certificate, and what is wrong with it."""
    trusted, shown, reason = request.param
    named = [request.getfixturevalue(name) if name else None for name in (trusted, shown)]
    return trusting(*named), reason


def test_a_web_peer_of_another_authority_gets_nothing_and_the_reason_is_told(
    web, mistaken, tmp_path
):
    (pacs, url), (tls, reason) = web, mistaken
    before = len(pacs.asked)
    with pytest.raises(ArchiveUnreachable, match=reason):
        open_archive(DicomwebPeer("web", url, tls=tls)).send(objects(tmp_path))
    assert len(pacs.asked) == before


def dimse_archive(orthanc, tls):
    return open_archive(
        DimsePeer("dimse", "127.0.0.1", orthanc.dicom_port, orthanc.aet, calling=CALLING, tls=tls,
                  timeout_s=10.0)
    )  # fmt: skip


def test_objects_go_to_a_dimse_peer_that_both_sides_certificates_vouch_for(dimse, known, tmp_path):
    """This Orthanc takes no queries of strangers and cuts them off: its answers have to do."""
    archive = dimse_archive(dimse, trusting(known, known))
    assert "0x0000" in archive.echo()
    assert not deliver(archive, objects(tmp_path)).failed
    assert len(dimse.json("/instances")) == 2


# pynetdicom leaves a socket without association to be closed by the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("trust", ["known", "strange"])
def test_a_dimse_peer_answers_nobody_who_shows_no_certificate_of_its_authority(
    request, dimse, strange, trust
):
    archive = dimse_archive(dimse, trusting(request.getfixturevalue(trust), strange))
    with pytest.raises(ArchiveUnreachable):
        archive.echo()
    gc.collect()
