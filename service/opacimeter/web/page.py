"""The page at `/`: a template, a style sheet and a script, all served from here."""

from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

__all__ = ["install"]

_HERE = Path(__file__).parent


def install(app: FastAPI) -> None:
    """Serve the page and its files."""
    templates = Jinja2Templates(_HERE / "templates")
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")

    @app.get("/", include_in_schema=False)
    def page(request: Request) -> Response:
        return templates.TemplateResponse(request, "page.html", {"version": app.version})
