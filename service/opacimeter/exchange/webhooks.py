"""Webhooks: a signed message to whoever wants to know.

The signature is HMAC-SHA256 (RFC 2104) over the time of sending, a full stop and the body, so that
neither can be changed and an old message cannot be passed off as a new one.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from opacimeter.errors import ArchiveRefused, ArchiveUnreachable
from opacimeter.exchange.client import connected
from opacimeter.exchange.peer import Tls

__all__ = ["Hook", "Notice", "notify", "signature"]

# The same request may be answered later (RFC 9110 15.5.9; 425 RFC 8470; 429 RFC 6585).
_PASSING: Final = {408, 425, 429}


@dataclass(frozen=True, slots=True)
class Hook:
    """Where messages go.

    Attributes:
        name: What it is called here.
        url: Where they are posted.
        secret: Signs them; both sides know it.
        tls: For https.
        timeout_s: Silence that counts as no answer.
    """

    name: str
    url: str
    secret: str = field(repr=False)
    tls: Tls = field(default_factory=Tls)
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Notice:
    """A message.

    Attributes:
        id: The same each time it is sent: who has seen it can drop it.
        event: What has happened, in a word.
        body: JSON in UTF-8.
    """

    id: str
    event: str
    body: bytes


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over timestamp, full stop and body, in hexadecimal.

    Args:
        secret: Of both sides.
        timestamp: Seconds since 1970, as it stands in the header.
        body: As it is sent.
    """
    signed = timestamp.encode("ascii") + b"." + body
    return hmac.new(secret.encode("utf-8"), signed, hashlib.sha256).hexdigest()


def notify(hook: Hook, notice: Notice, *, at: datetime) -> None:
    """Post a message; returns where the receiver answered that it has it (2xx).

    No redirect is followed: the message would go where nobody has said it may. The body of the
    answer is not read.

    Args:
        hook: Where it goes.
        notice: The message.
        at: Now: the time that is signed.

    Raises:
        ArchiveUnreachable: No answer, or one that says to come again: 408, 425, 429 or 5xx.
        ArchiveRefused: Any other.
    """
    headers = _headers(hook, notice, at)
    with (
        connected(hook.url, "notify", tls=hook.tls, timeout_s=hook.timeout_s) as client,
        client.stream("POST", hook.url, content=notice.body, headers=headers) as answer,
    ):
        status, done = answer.status_code, answer.is_success
    if not done:
        _refuse(status)


def _refuse(status: int) -> None:
    if status in _PASSING or status >= 500:
        raise ArchiveUnreachable(f"the receiver answered HTTP {status}", hop="notify")
    why = ", and redirects are not followed" if 300 <= status < 400 else ""
    raise ArchiveRefused(f"the receiver answered HTTP {status}{why}", hop="notify")


def _headers(hook: Hook, notice: Notice, at: datetime) -> Mapping[str, str]:
    timestamp = str(int(at.timestamp()))
    return {
        "Content-Type": "application/json",
        "User-Agent": "opacimeter",
        "Opacimeter-Event": notice.event,
        "Opacimeter-Delivery": notice.id,
        "Opacimeter-Timestamp": timestamp,
        "Opacimeter-Signature": f"sha256={signature(hook.secret, timestamp, notice.body)}",
    }
