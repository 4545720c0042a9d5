"""Routes: uploads that survive a broken line.

A study is hundreds of files over a hospital's network, or a zip of gigabytes. Such an upload is one
stream: the files one after the other, cut at sizes that are told beforehand. So one number says
where to go on from, for two thousand small files as for one large one (after the IETF's draft
"Resumable Uploads for HTTP"). Nothing is looked into before all of it is here: a part of a study
would be measured as a study.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Self
from uuid import UUID, uuid4

import anyio
from anyio import to_thread
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import ClientDisconnect

from opacimeter.api.filing import FINDING, disk_full_told, file_studies, require_space
from opacimeter.api.problems import Problem, rejection, responses
from opacimeter.api.schemas import Received
from opacimeter.api.services import Services, ServicesDep
from opacimeter.api.upload_content import Content, Writer
from opacimeter.api.uploads import batches, bounded
from opacimeter.errors import Conflict, IntakeRejected

__all__ = ["UPLOADS", "Turns", "router"]

UPLOADS = "/api/v1/uploads"
router = APIRouter(prefix=UPLOADS, tags=["uploads"])

_ID = "5d2f9b1e-6a0c-4f0e-9a59-0f5f4a0d1b7c"
_RAW = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class Announced(BaseModel):
    """What will be sent."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"sizes": [5, 7]}]})

    sizes: list[Annotated[int, Field(ge=0, le=1 << 50)]] = Field(
        min_length=1, description="Bytes of each file, in the order in which they will be sent."
    )


class UploadView(BaseModel):
    """How far an upload is."""

    id: UUID = Field(examples=[_ID])
    href: str = Field(examples=[f"{UPLOADS}/{_ID}"])
    files: int = Field(examples=[300])
    bytes: int = Field(examples=[158_000_000])
    received_files: int = Field(description="Files that are here whole.", examples=[120])
    received_bytes: int = Field(
        description="Where the next request goes on from.", examples=[63_200_000]
    )

    @classmethod
    def of(cls, upload: UUID, content: Content) -> Self:
        """The view of an upload; one that was completed is here whole."""
        done = content.answer() is not None
        received = content.total if done else content.received()
        whole, end = 0, 0
        for size in content.sizes:
            end += size
            whole += end <= received
        return cls(
            id=upload, href=f"{UPLOADS}/{upload}", files=len(content.sizes), bytes=content.total,
            received_files=whole, received_bytes=received,
        )  # fmt: skip


class Turns:
    """Who may change an upload: the newest request.

    A line may be broken for minutes before the service notices; whoever sends again must not wait
    for that, and what the old request still holds must not be written afterwards.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._held: dict[UUID, tuple[threading.Lock, object]] = {}
        self._completing: dict[UUID, anyio.Lock] = {}

    def take(self, upload: UUID, holder: object) -> None:
        """Give an upload to a new holder, once the write that is under way has ended."""
        lock, _ = self._held.get(upload, (threading.Lock(), None))
        with lock:
            self._held[upload] = (lock, holder)

    def within(self, upload: UUID, holder: object, act: Callable[[], None]) -> None:
        """Act as the holder.

        Raises:
            Conflict: Another request has taken over.
        """
        lock, _ = self._held[upload]
        with lock:
            if self._held[upload][1] is not holder:
                raise Conflict("another request goes on with this upload")
            act()

    def completing(self, upload: UUID) -> anyio.Lock:
        """One at a time finds the studies of an upload."""
        return self._completing.setdefault(upload, anyio.Lock())

    def forget(self, upload: UUID) -> None:
        """Nothing more is written to an upload."""
        self._held.pop(upload, None)
        self._completing.pop(upload, None)


def _turns(request: Request) -> Turns:
    turns: Turns = request.app.state.turns
    return turns


def _content(upload: UUID, services: ServicesDep) -> Content:
    return Content.open(services.store.files.resumable(upload))


TurnsDep = Annotated[Turns, Depends(_turns)]
ContentDep = Annotated[Content, Depends(_content)]


@router.post("", status_code=201, responses=responses(403, 413, 422, 507))
def begin(announced: Announced, services: ServicesDep) -> UploadView:
    """Announce an upload; what is too large is refused before it is sent."""
    bounds, sizes = services.bounds, tuple(announced.sizes)
    if len(sizes) > bounds.upload_files:
        raise Problem(413, f"{len(sizes)} files are too many; the limit is {bounds.upload_files}")
    if sum(sizes) > bounds.upload_bytes:
        raise Problem(413, f"the upload is too large; the limit is {bounds.upload_bytes} bytes")
    services.store.files.sweep_uploads(datetime.now(UTC).timestamp())
    require_space(services, coming_bytes=sum(sizes))
    upload = uuid4()
    with disk_full_told(services):
        content = Content.begin(services.store.files.resumable(upload), sizes)
    return UploadView.of(upload, content)


@router.get("/{upload}", responses=responses(404, 422))
def state(upload: UUID, content: ContentDep) -> UploadView:
    """Tell how much of an upload is here."""
    return UploadView.of(upload, content)


@router.delete("/{upload}", status_code=204, responses=responses(403, 404, 422))
def give_up(upload: UUID, content: ContentDep, services: ServicesDep, turns: TurnsDep) -> None:
    """Forget an upload. Studies that were taken in from it remain."""
    turns.take(upload, None)
    services.store.files.discard(content.folder)
    turns.forget(upload)


@router.put(
    "/{upload}/content", openapi_extra=_RAW, responses=responses(400, 403, 404, 409, 413, 422, 507)
)
async def send(
    upload: UUID,
    request: Request,
    content: ContentDep,
    turns: TurnsDep,
    offset: Annotated[int, Query(ge=0, le=1 << 62, description="Place in the stream.")] = 0,
) -> UploadView:
    """Send bytes of the stream from an offset on, as many as the sender likes.

    What is here already is passed over, so that the same request may be repeated. What came
    before the line broke is kept.
    """
    if content.answer() is not None:
        raise Conflict("the upload was completed")
    services: Services = request.app.state.services
    content.keep_alive()
    holder = object()
    await to_thread.run_sync(turns.take, upload, holder)
    writer = await to_thread.run_sync(Writer, content, offset)
    try:
        async for batch in batches(bounded(request, content.total)):
            with disk_full_told(services):
                await to_thread.run_sync(turns.within, upload, holder, partial(writer.write, batch))
    except ClientDisconnect as error:
        raise Problem(400, "the line broke: go on from where the upload is") from error
    return await to_thread.run_sync(UploadView.of, upload, content)


@router.post(
    "/{upload}/complete",
    status_code=202,
    responses={
        200: {"model": Received, "description": "All known."},
        **responses(403, 404, 409, 422, 507),
    },
)
async def complete(
    upload: UUID, response: Response, content: ContentDep, services: ServicesDep, turns: TurnsDep
) -> Received:
    """Take in the studies of an upload that is here whole: the answer of `POST /assessments`.

    Asked again, it gives the same answer: one that was lost on the way is not lost.
    """
    async with turns.completing(upload):
        answer = content.answer()
        if answer is None:
            answer = await to_thread.run_sync(_completed, services, content, limiter=FINDING)
            turns.forget(upload)
    if "problem" in answer:
        raise Problem(422, answer["problem"], **answer["members"])
    received = Received.model_validate(answer)
    if not any(study.new for study in received.assessments):
        response.status_code = 200
    return received


def _completed(services: Services, content: Content) -> dict[str, Any]:
    received = content.received()
    if received < content.total:
        raise Conflict(f"{received} of {content.total} bytes are here: send the others first")
    try:
        with disk_full_told(services):
            answer = file_studies(services, content.folder).model_dump(mode="json")
    except IntakeRejected as error:
        answer = {"problem": str(error), "members": rejection(error.checks)}
    except Problem as error:
        if error.status != 422:  # the next try may find space
            raise
        answer = {"problem": error.detail, "members": error.members}
    content.end(answer)
    return answer
