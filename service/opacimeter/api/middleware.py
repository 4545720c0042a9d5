"""What every answer passes: safe headers, a guard against other sites, figures, a last resort."""

import re
import time
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opacimeter.api.dicomweb import ROOT as DICOMWEB
from opacimeter.api.health import Figures
from opacimeter.api.problems import problem
from opacimeter.api.schemas import PREFIX
from opacimeter.api.upload_sessions import UPLOADS

__all__ = ["Edge"]

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_SMALL_BODY_BYTES = 64 * 1024
# Routes whose bodies may be larger: by how much, or None where the route counts for itself.
_LARGER_BODIES = (
    ("POST", re.compile(PREFIX), None),
    ("POST", re.compile(f"{PREFIX}/[^/]+/corrections"), None),
    ("PUT", re.compile(f"{UPLOADS}/[^/]+/content"), None),
    ("POST", re.compile(f"{DICOMWEB}/studies(/[^/]+)?"), None),
    ("POST", re.compile(UPLOADS), 1 << 20),  # the sizes of thousands of files
)
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}

log = structlog.get_logger()


class Edge:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, figures: Figures) -> None:
        """Wrap an application."""
        self._app, self._figures = app, figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        began = time.perf_counter()
        try:
            if _from_another_site(scope):
                refusal = problem(403, "a page of another site may not change anything here")
                await refusal(scope, receive, answer)
            else:
                await self._app(scope, _bounded(scope, receive), answer)
        except Exception as error:  # the process boundary: one request must not end the service
            await self._last_resort(error, scope, receive, answer)
        finally:
            self._count(scope, answer.status, time.perf_counter() - began)

    async def _last_resort(
        self, error: Exception, scope: Scope, receive: Receive, answer: "_Answer"
    ) -> None:
        # Place and kind only: the message of a foreign exception may quote a patient's data.
        log.error("request failed", error=type(error).__name__, where=_where(error))
        if answer.status:
            raise error
        await problem(500, "the service failed; its log tells where")(scope, receive, answer)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        # The route's pattern, never the address: that would be one figure for each assessment.
        route = getattr(scope.get("route"), "path", "unknown")
        self._figures.requests.labels(scope["method"], route, str(status)).inc()
        self._figures.request_seconds.labels(route).observe(seconds)


class _Answer:
    """Adds the headers, gives foreign errors the form of ours, and remembers the status."""

    def __init__(self, send: Send) -> None:
        self._send, self.status = send, 0
        self._replaced = False

    async def __call__(self, message: Message) -> None:
        if message["type"] != "http.response.start":
            if not self._replaced:
                await self._send(message)
            return
        self.status = message["status"]
        ours = _our_form(message)
        self._replaced = ours is not None
        start = message if ours is None else {**message, "headers": ours.raw_headers}
        _add_headers(start)
        await self._send(start)
        if ours is not None:
            await self._send({"type": "http.response.body", "body": ours.body})


# Sentences for what the framework answers by itself, as plain text.
_FOREIGN = {
    400: "a header of the request is malformed, or names a host that this service does not serve",
    416: "the document is shorter than the part that was asked for; Content-Range tells its length",
}


def _our_form(message: Message) -> Response | None:
    """A problem document in place of a plain text of the framework's."""
    headers = Headers(raw=message["headers"])
    if message["status"] < 400 or not headers.get("content-type", "").startswith("text/plain"):
        return None
    kept = {name: headers[name] for name in ("content-range",) if name in headers}
    detail = _FOREIGN.get(message["status"], "the request failed")
    return problem(message["status"], detail, headers=kept)


def _add_headers(message: MutableMapping[str, Any]) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    # Patients' data belongs in no shared or lasting cache unless a route says otherwise.
    headers.setdefault("Cache-Control", "no-store")


def _bounded(scope: Scope, receive: Receive) -> Receive:
    """Bound the body of every request but those that count their own."""
    limit = _body_limit(scope)
    if limit is None:
        return receive
    received = 0

    async def bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise HTTPException(413)
        return message

    return bounded


def _body_limit(scope: Scope) -> int | None:
    for method, path, limit in _LARGER_BODIES:
        if scope["method"] == method and path.fullmatch(scope["path"]):
            return limit
    return _SMALL_BODY_BYTES


def _from_another_site(scope: Scope) -> bool:
    """Whether a browser sends this on behalf of another site's page."""
    if scope["method"] in _SAFE_METHODS:
        return False
    headers = Headers(scope=scope)
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")


def _where(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "unknown"
    code = trace.tb_frame.f_code
    return f"{code.co_qualname}:{trace.tb_lineno}" if hasattr(code, "co_qualname") else code.co_name
