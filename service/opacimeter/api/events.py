"""Routes: the events of an assessment as they happen (server-sent events)."""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import anyio
from anyio import to_thread
from fastapi import APIRouter, Depends, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

from opacimeter.api.problems import responses
from opacimeter.api.schemas import PREFIX
from opacimeter.api.services import ServicesDep
from opacimeter.errors import NotFound
from opacimeter.store import Entry, Event

__all__ = ["router"]

router = APIRouter(prefix=PREFIX, tags=["assessments"])

_POLL_S = 0.25


def _known(assessment: UUID, services: ServicesDep) -> Entry:
    """Answer 404 before the stream begins; inside it, it would be too late."""
    return services.store.catalogue.get(assessment)


@router.get(
    "/{assessment}/events",
    response_class=EventSourceResponse,
    dependencies=[Depends(_known)],
    responses=responses(404, 422),
)
async def events(
    assessment: UUID,
    services: ServicesDep,
    last_event_id: Annotated[int, Header(ge=0, le=1 << 62, description="Resume after it.")] = 0,
) -> AsyncIterator[ServerSentEvent]:
    """Tell the steps of the work as they happen: `step` events, then one `end`.

    Each carries status, step, fraction and version. A client that lost the line resumes with
    Last-Event-ID and misses nothing.
    """
    after = last_event_id
    catalogue = services.store.catalogue
    while True:
        # In this order: what happens between the two is told in the next round.
        entry = await to_thread.run_sync(_entry, services, assessment)
        news = await to_thread.run_sync(lambda: catalogue.events(assessment, after=after))  # noqa: B023
        for event in news:
            after = event.number
            yield ServerSentEvent(data=_data(event), event="step", id=str(event.number))
        if entry is None or (entry.version.status.final and not news):
            yield ServerSentEvent(data=_last(entry), event="end", id=str(after))
            return
        if not news:
            await anyio.sleep(_POLL_S)


def _entry(services: ServicesDep, assessment: UUID) -> Entry | None:
    try:
        return services.store.catalogue.get(assessment)
    except NotFound:
        return None


def _data(event: Event) -> dict[str, Any]:
    return {
        "version": event.version,
        "status": event.status.value,
        "step": event.step,
        "fraction": round(event.fraction, 3),
    }


def _last(entry: Entry | None) -> dict[str, Any]:
    if entry is None:
        return {"status": "removed"}
    return {"version": entry.version.number, "status": entry.version.status.value}
