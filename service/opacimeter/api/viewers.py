"""Viewers: pages of other origins that may read what DICOMweb gives, and nothing else."""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from opacimeter.api.dicomweb import ROOT

__all__ = ["Viewers"]


class Viewers:
    """Cross-origin resource sharing for the routes of DICOMweb, to read."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        """Wrap an application.

        Args:
            app: It.
            origins: Scheme, host and port of pages that may read.
        """
        self._app = app
        self._shared = CORSMiddleware(
            app,
            allow_origins=tuple(origins),
            allow_methods=("GET", "HEAD", "OPTIONS"),
            # For a log-in that stands before the service.
            allow_headers=("Authorization",),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope.get("path", "")
        below = scope["type"] == "http" and (path == ROOT or path.startswith(f"{ROOT}/"))
        await (self._shared if below else self._app)(scope, receive, send)
