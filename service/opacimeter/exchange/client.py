"""Client: requests over HTTP, and what their failing means."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2 as httpx

from opacimeter.errors import ArchiveRefused, ArchiveUnreachable
from opacimeter.exchange.peer import Credentials, Tls

__all__ = ["connected"]


@contextmanager
def connected(
    url: str, hop: str, *, tls: Tls, timeout_s: float, credentials: Credentials | None = None
) -> Iterator[httpx.Client]:
    """A client for what lies below an address; it follows no redirects.

    Args:
        url: The address.
        hop: What is done there, for errors.
        tls: For https.
        timeout_s: Silence that counts as no answer.
        credentials: None where none are asked for.

    Raises:
        ArchiveUnreachable: The connection failed, or was lost.
        ArchiveRefused: The address is none.
    """
    basic = (credentials.user, credentials.password) if credentials and credentials.user else None
    token = credentials.token if credentials else ""
    try:
        with httpx.Client(
            base_url=url.rstrip("/") + "/",
            auth=basic,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            # Of a plain line an empty context: reading the system's certificates takes its time.
            verify=tls.context() if _secure(url) else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            timeout=timeout_s,
            # No proxy that the settings do not name ever sees a patient's data.
            trust_env=False,
        ) as client:
            yield client
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise ArchiveRefused("its url is none", hop="connect") from error
    except httpx.TransportError as error:
        begun = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
        raise ArchiveUnreachable(_why(error), hop=hop if begun else "connect") from error


def _secure(url: str) -> bool:
    return url.lower().startswith("https:")


def _why(error: httpx.TransportError) -> str:
    """In words; where TLS is the reason, what it found: nobody could mend it otherwise."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {cause.verify_message}"
    if cause is not None:
        return f"TLS failed ({cause.reason or type(cause).__name__})"
    return f"the connection failed ({type(error).__name__})"
