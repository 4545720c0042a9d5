"""Peer: how an archive is reached, in plain values."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Credentials", "DicomwebPeer", "DimsePeer", "Peer", "Tls"]


@dataclass(frozen=True, slots=True)
class Tls:
    """How the line is secured.

    Attributes:
        authorities: Certificates in PEM that are trusted; those of the system where None.
        certificate: This side's certificate in PEM; None where the peer asks for none.
        key: Its private key; None where it stands in the same file.
        check_name: Whether the peer's certificate must name its host.
    """

    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    check_name: bool = True

    def context(self) -> ssl.SSLContext:
        """For connections that this side opens.

        Raises:
            OSError: A file cannot be read, or is no certificate.
        """
        made = ssl.create_default_context(cafile=self.authorities)
        made.check_hostname = self.check_name
        if self.certificate is not None:
            made.load_cert_chain(self.certificate, self.key)
        return made

    def server_context(self) -> ssl.SSLContext:
        """For connections that the peer opens; it must have a certificate that is trusted.

        Raises:
            OSError: A file cannot be read, or is no certificate.
        """
        made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.authorities)
        if self.certificate is not None:
            made.load_cert_chain(self.certificate, self.key)
        if self.authorities is not None:
            made.verify_mode = ssl.CERT_REQUIRED
        return made


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who this side says it is: user and password (basic), or a token (bearer)."""

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class DicomwebPeer:
    """An archive that speaks DICOMweb (PS3.18).

    Attributes:
        name: What it is called here.
        url: Its DICOMweb root, such as https://pacs.example/dicom-web.
        credentials: None where it asks for none.
        tls: For https.
        timeout_s: Silence after which it counts as unreachable.
    """

    name: str
    url: str
    credentials: Credentials | None = None
    tls: Tls = field(default_factory=Tls)
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class DimsePeer:
    """An archive that speaks DIMSE (PS3.7).

    Attributes:
        name: What it is called here.
        host: Its address.
        port: Its port.
        aet: Its AE title.
        calling: This side's AE title.
        tls: None where the line is plain.
        move: Fetch by C-MOVE in place of C-GET.
        verify: Ask by query whether it holds what it was sent.
        commit: Ask for storage commitment.
        commit_wait_s: How long its report is waited for.
        receive_port: Where this side listens while it waits for what it asked for: moved images,
            reports of commitment. The peer must know it under `calling`.
        receive_host: Address to listen on then.
        timeout_s: Silence after which it counts as unreachable.
    """

    name: str
    host: str
    port: int
    aet: str
    calling: str = "OPACIMETER"
    tls: Tls | None = None
    move: bool = False
    commit: bool = False
    verify: bool = True
    commit_wait_s: float = 300.0
    receive_port: int = 11112
    receive_host: str = ""
    timeout_s: float = 60.0


Peer = DicomwebPeer | DimsePeer
