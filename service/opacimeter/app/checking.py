"""Checking: what the settings name is there and can be used, before anything begins."""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

from opacimeter.errors import Misconfigured
from opacimeter.exchange import Tls
from opacimeter.settings import SECRET_LENGTH, Listener, Pacs, Settings, Webhook

__all__ = ["require_usable"]


def require_usable(settings: Settings) -> None:
    """Look at each secret and certificate that the settings name.

    Raises:
        Misconfigured: Some cannot be used; all of them are told of.
    """
    faults = [
        *(f"OPACIMETER_PACS, {each.name}: {why}" for each in settings.pacs for why in _pacs(each)),
        *(
            f"OPACIMETER_WEBHOOKS, {each.name}: {why}"
            for each in settings.webhooks
            for why in _webhook(each)
        ),
        *(f"OPACIMETER_LISTENER: {why}" for why in _listener(settings.listener)),
    ]
    if faults:
        raise Misconfigured(f"{'; '.join(faults)}.")


def _pacs(pacs: Pacs) -> Iterator[str]:
    if pacs.password_file is not None:
        yield from _secret("password_file", lambda: pacs.secret("password"))
    if pacs.token_file is not None:
        yield from _secret("token_file", lambda: pacs.secret("token"))
    tls = Tls(pacs.authorities, pacs.certificate, pacs.key, pacs.check_name)
    yield from _certificates(_files(pacs), tls)


def _webhook(webhook: Webhook) -> Iterator[str]:
    if webhook.secret_file is not None:
        yield from _secret("secret_file", webhook.signing_secret, least=SECRET_LENGTH)
    yield from _certificates({"authorities": webhook.authorities}, Tls(webhook.authorities))


def _listener(listener: Listener | None) -> Iterator[str]:
    if listener is not None:
        tls = Tls(listener.authorities, listener.certificate, listener.key)
        yield from _certificates(_files(listener), tls)


def _files(secured: Pacs | Listener) -> dict[str, Path | None]:
    return {name: getattr(secured, name) for name in ("authorities", "certificate", "key")}


def _secret(name: str, read: Callable[[], str], *, least: int = 1) -> Iterator[str]:
    try:
        length = len(read())
    except OSError as error:
        yield f"{name} cannot be read ({error.strerror})"
    except UnicodeDecodeError:
        yield f"{name} is no text"
    else:
        if not length:
            yield f"{name} is empty"
        elif length < least:
            yield f"{name} holds {length} characters, and at least {least} are needed"


def _certificates(files: dict[str, Path | None], tls: Tls) -> Iterator[str]:
    named = {name: file for name, file in files.items() if file is not None}
    faults = [fault for name, file in named.items() for fault in _unreadable(name, file)]
    yield from faults
    if named and not faults:
        try:
            tls.context()
        except (ssl.SSLError, OSError, ValueError):
            yield f"{', '.join(named)}: no certificates in PEM that fit together"


def _unreadable(name: str, file: Path) -> Iterator[str]:
    try:
        file.open("rb").close()
    except OSError as error:
        yield f"{name} cannot be read ({error.strerror})"
