"""WADO-RS (PS3.18 10.4): reads the objects that were made here, and single ones that came in."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Request, Response
from fastapi import Path as InPath
from fastapi.responses import JSONResponse, StreamingResponse

from opacimeter.api.dicomweb.address import (
    DICOM,
    DICOM_JSON,
    ROOT,
    InstanceUid,
    SeriesUid,
    StudyUid,
    accepted,
    require_accepted,
)
from opacimeter.api.dicomweb.made import Made, made_of
from opacimeter.api.problems import Problem, responses
from opacimeter.api.services import Services, ServicesDep
from opacimeter.errors import NotFound

__all__ = ["router"]

router = APIRouter(prefix=f"{ROOT}/studies/{{study}}", tags=["DICOMweb"])

_Frames = Annotated[
    str,
    InPath(
        max_length=4000,
        pattern="^[0-9]{1,6}(,[0-9]{1,6})*$",
        description="Numbers from 1 on, by commas.",
    ),
]

_CHUNK_BYTES = 1 << 20
_MULTIPART = "multipart/related"


def _about(description: str, media_type: str) -> dict[str, Any]:
    schema = (
        {"type": "array", "items": {"type": "object"}}
        if media_type == DICOM_JSON
        else {"type": "string", "format": "binary"}
    )
    told = {"description": description, "content": {media_type: {"schema": schema}}}
    return {
        "response_class": Response,
        "responses": {200: told, **responses(404, 406, 422)},
    }


_OBJECTS = _about("The objects.", _MULTIPART)
_HEADERS = _about("The headers, in the DICOM JSON model, without bulk.", DICOM_JSON)


def _found(services: Services, study: str, **uids: str) -> Sequence[Made]:
    """Raises NotFound where there is nothing."""
    studies = services.store.objects.studies(study_uids=[study])
    objects = [made for ones in made_of(services, studies) for made in ones]
    fitting = [
        made for made in objects if all(made.uid(keyword) == uid for keyword, uid in uids.items())
    ]
    if not fitting:
        raise NotFound("nothing was made of such a study or series")
    return fitting


def _named(
    study: StudyUid, series: SeriesUid, instance: InstanceUid, services: ServicesDep
) -> Made:
    """The object that an address names; raises NotFound where there is none."""
    try:
        return _found(services, study, SeriesInstanceUID=series, SOPInstanceUID=instance)[0]
    except NotFound:
        path = services.store.objects.received(study, instance)
    if not path.exists():
        raise NotFound("the assessment was removed meanwhile")
    received = Made(services.dicom.header(path), path, path.stat().st_size)
    if received.uid("SeriesInstanceUID") != series:
        raise NotFound("the series has no such instance")
    return received


_NamedDep = Annotated[Made, Depends(_named)]


@router.get("", **_OBJECTS)
def study(study: StudyUid, request: Request, services: ServicesDep) -> Response:
    """Read the objects that were made of a study (WADO-RS)."""
    return _objects(request, _found(services, study))


@router.get("/metadata", **_HEADERS)
def study_metadata(study: StudyUid, request: Request, services: ServicesDep) -> Response:
    """Read the headers of a study's objects (WADO-RS)."""
    return _headers(request, services, _found(services, study))


@router.get("/series/{series}", **_OBJECTS)
def series(study: StudyUid, series: SeriesUid, request: Request, services: ServicesDep) -> Response:
    """Read the objects of a series (WADO-RS)."""
    return _objects(request, _found(services, study, SeriesInstanceUID=series))


@router.get("/series/{series}/metadata", **_HEADERS)
def series_metadata(
    study: StudyUid, series: SeriesUid, request: Request, services: ServicesDep
) -> Response:
    """Read the headers of a series (WADO-RS)."""
    return _headers(request, services, _found(services, study, SeriesInstanceUID=series))


@router.get("/series/{series}/instances/{instance}", **_OBJECTS)
def instance(named: _NamedDep, request: Request) -> Response:
    """Read one object, made here or received (WADO-RS)."""
    return _objects(request, [named])


@router.get("/series/{series}/instances/{instance}/metadata", **_HEADERS)
def instance_metadata(named: _NamedDep, request: Request, services: ServicesDep) -> Response:
    """Read the header of one object (WADO-RS)."""
    return _headers(request, services, [named])


@router.get(
    "/series/{series}/instances/{instance}/frames/{frames}",
    **_about("The frames.", _MULTIPART),
)
def frames(named: _NamedDep, frames: _Frames, request: Request, services: ServicesDep) -> Response:
    """Read frames as they are stored (WADO-RS)."""
    read = [services.dicom.frame(named.path, int(number)) for number in frames.split(",")]
    require_accepted(request, [_MULTIPART, *{media_type for _, media_type in read}])
    parts = [(media_type, iter([frame])) for frame, media_type in read]
    return _multipart(parts, read[0][1])


@router.get("/series/{series}/instances/{instance}/rendered", **_about("A picture.", "image/jpeg"))
def rendered(named: _NamedDep, request: Request, services: ServicesDep) -> Response:
    """Read an object as a picture (WADO-RS): the first page of pictures, and of nothing else."""
    frame, media_type = services.dicom.frame(named.path, 1)
    if media_type != "image/jpeg":
        raise Problem(406, "only the pictures are rendered; read the object itself, or its frames")
    require_accepted(request, [media_type])
    return Response(frame, media_type=media_type)


def _objects(request: Request, objects: Sequence[Made]) -> Response:
    """The files as they are, one part each; a single one alone where that is asked for."""
    _require_as_stored(request, objects)
    if len(objects) == 1 and any(each.partition(";")[0] == DICOM for each in accepted(request)):
        (made,) = objects
        headers = {"Content-Length": str(made.size)}
        return StreamingResponse(_file(made.path), media_type=DICOM, headers=headers)
    return _multipart([(DICOM, _file(made.path)) for made in objects], DICOM)


def _require_as_stored(request: Request, objects: Sequence[Made]) -> None:
    """Refuse with 406 who accepts only what the objects are not: nothing is encoded anew."""
    require_accepted(request, [_MULTIPART, DICOM])
    fitting = (_MULTIPART, DICOM, "*/*", "multipart/*", "application/*")
    syntaxes = [_syntax(each) for each in accepted(request) if each.partition(";")[0] in fitting]
    if not any(asked in ("", "*") for asked in syntaxes):
        stored = {made.uid("AvailableTransferSyntaxUID") for made in objects}
        if not stored <= set(syntaxes):
            raise Problem(406, "objects are given in the transfer syntax they have; ask for *")


def _syntax(accepted_type: str) -> str:
    options = dict(piece.partition("=")[::2] for piece in accepted_type.split(";")[1:])
    return options.get("transfer-syntax", "")


def _headers(request: Request, services: Services, objects: Sequence[Made]) -> Response:
    require_accepted(request)
    told = [services.dicom.header(made.path) for made in objects]
    return JSONResponse(told, media_type=DICOM_JSON)


def _multipart(parts: Sequence[tuple[str, Iterator[bytes]]], media_type: str) -> Response:
    boundary = uuid4().hex
    return StreamingResponse(
        _joined(parts, boundary),
        media_type=f'{_MULTIPART}; type="{media_type}"; boundary={boundary}',
    )


def _joined(parts: Sequence[tuple[str, Iterator[bytes]]], boundary: str) -> Iterator[bytes]:
    for media_type, content in parts:
        yield f"--{boundary}\r\nContent-Type: {media_type}\r\n\r\n".encode()
        yield from content
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def _file(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
