"""The application: routes, errors and edge put together."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any

import anyio
import structlog
from anyio import to_thread
from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

from opacimeter.api import (
    artifacts,
    assessments,
    corrections,
    deliveries,
    dicomweb,
    events,
    followup,
    health,
    inbox,
    listing,
    previews,
    problems,
    upload_sessions,
    versions,
)
from opacimeter.api.middleware import Edge
from opacimeter.api.services import Services
from opacimeter.api.viewers import Viewers
from opacimeter.errors import Conflict, IntakeRejected, NotFound
from opacimeter.record import assessment_id

__all__ = ["build"]

_REQUEUE_EVERY_S = 10.0
_LOOK_EVERY_S = 1.0
_EXPIRE_EVERY_S = 600.0

log = structlog.get_logger()


def build(
    services: Services,
    *,
    hosts: Sequence[str] = ("*",),
    viewers: Sequence[str] = (),
    at_end: Sequence[Callable[[], None]] = (),
) -> FastAPI:
    """The HTTP application on its collaborators; it starts nothing before its lifespan.

    Args:
        services: What the routes need.
        hosts: Host names that requests may name.
        viewers: Origins whose pages may read what DICOMweb gives.
        at_end: Called in this order at the end of the lifespan.
    """
    app = FastAPI(
        title="opacimeter",
        version=services.software,
        summary="Chest CT in, lung and opacity volumes out.",
        description="Research use only. Not a medical device.",
        lifespan=_lifespan,
        # Their pages load scripts from elsewhere, which the content policy forbids.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    app.state.at_end = tuple(at_end)
    app.state.figures = health.Figures(services)
    app.state.turns = upload_sessions.Turns()
    app.state.slices = previews.OpenSlices()
    for part in (
        listing,
        assessments,
        versions,
        corrections,
        followup,
        upload_sessions,
        artifacts,
        previews,
        events,
        health,
        inbox,
        deliveries,
    ):
        app.include_router(part.router)
    for router in dicomweb.routers:
        app.include_router(router)
    problems.install(app)
    _describe_problems(app)
    if viewers:
        app.add_middleware(Viewers, origins=viewers)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    app.add_middleware(Edge, figures=app.state.figures)
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    await to_thread.run_sync(services.store.files.sweep)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_again_and_again, "requeueing", services.requeue, _REQUEUE_EVERY_S)
        tasks.start_soon(_again_and_again, "inbox", partial(_take_in, services), _LOOK_EVERY_S)
        expire = partial(services.store.inbox.expire, services.bounds.keep_others)
        tasks.start_soon(_again_and_again, "expiry", expire, _EXPIRE_EVERY_S)
        try:
            yield
        finally:
            # Unlike a task of asyncio's, it waits for the thread that is at work.
            tasks.cancel_scope.cancel()
    for close in app.state.at_end:
        await to_thread.run_sync(close)


async def _again_and_again(what: str, do: Callable[[], object], every_s: float) -> None:
    while True:
        try:
            await to_thread.run_sync(do)
        except Exception as error:  # a task that ends here would never be missed
            log.warning("failed, and tried again", what=what, error=type(error).__name__)
        await anyio.sleep(every_s)


def _take_in(services: Services) -> None:
    """Take in the studies that nothing more has come of."""
    for study in services.store.inbox.due():
        try:
            services.take_in(study)
        except (IntakeRejected, Conflict, NotFound) as error:
            about = str(assessment_id(study))
            log.warning("study in the inbox not taken in", assessment=about, why=str(error))
        except Exception as error:  # one study must not hold up those behind it
            about, kind = str(assessment_id(study)), type(error).__name__
            log.warning("study in the inbox not taken in yet", assessment=about, error=kind)


def _describe_problems(app: FastAPI) -> None:
    """Put the problem document among the schemas of the OpenAPI document."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            template = "#/components/schemas/{model}"
            schema = problems.ProblemView.model_json_schema(ref_template=template)
            parts = schema.pop("$defs", {})
            components = plain().setdefault("components", {}).setdefault("schemas", {})
            components.update(
                {name: part for name, part in parts.items() if name not in components}
            )
            components["Problem"] = schema
        document: dict[str, Any] = app.openapi_schema or {}
        return document

    app.openapi = openapi  # type: ignore[method-assign]
