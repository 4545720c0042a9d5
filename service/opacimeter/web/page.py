"""The page at `/`, its files and its texts, all served from here."""

import hashlib
import json
from functools import cache
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates
from starlette.types import Scope

from opacimeter.language import LANGUAGES, texts

__all__ = ["install"]

_HERE = Path(__file__).parent
# Kept by the browser, asked for again each time: a new version of the service is seen at once.
_REVALIDATE = {"Cache-Control": "no-cache"}


def install(app: FastAPI) -> None:
    """Serve the page, its files and the texts of each language."""
    templates = Jinja2Templates(_HERE / "templates")
    app.mount("/static", _Revalidated(directory=_HERE / "static"), name="static")

    @app.get("/", include_in_schema=False)
    def page(request: Request) -> Response:
        known = {"version": app.version, "languages": LANGUAGES, "modules": _modules()}
        return templates.TemplateResponse(request, "page.html", known)

    @app.get("/language/{tag}.json", include_in_schema=False)
    def language(tag: str, request: Request) -> Response:
        if tag not in LANGUAGES:
            raise HTTPException(404)
        body, etag = _texts(tag)
        headers = {"ETag": etag, **_REVALIDATE}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="application/json", headers=headers)


class _Revalidated(StaticFiles):
    """Static files that a browser keeps; the edge would forbid it, as for patients' data."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(_REVALIDATE)
        return response


@cache
def _modules() -> tuple[str, ...]:
    """All modules by their path: named at once, they come at once, not one import after another."""
    static = _HERE / "static"
    paths = (path.relative_to(static) for path in static.rglob("*.js"))
    return tuple(
        sorted(
            path.as_posix()
            for path in paths
            if path.parts[0] != "vendor" and path.name != "theme.js"
        )
    )


@cache
def _texts(tag: str) -> tuple[bytes, str]:
    body = json.dumps(dict(texts(tag)), ensure_ascii=False).encode()
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'
