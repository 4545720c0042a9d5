"""Problem documents (RFC 9457): every error of the API has one form and a stable type."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from opacimeter.api.schemas import CheckView
from opacimeter.checks import Check
from opacimeter.errors import Conflict, IntakeRejected, NotFound

__all__ = ["KINDS", "MEDIA_TYPE", "Problem", "ProblemView", "install", "problem", "responses"]

MEDIA_TYPE = "application/problem+json"

_TYPES = {
    400: ("bad-request", "The request is malformed"),
    403: ("forbidden", "The request is not allowed"),
    404: ("not-found", "There is no such thing"),
    405: ("method-not-allowed", "The route does not know this method"),
    406: ("not-acceptable", "There is nothing of the kind that was asked for"),
    409: ("conflict", "The state does not allow this"),
    413: ("too-large", "The request is too large"),
    415: ("unsupported-media-type", "The body is of a kind the route does not take"),
    416: ("range-not-satisfiable", "The document has no such part"),
    422: ("invalid-request", "The request does not fit the schema"),
    500: ("internal", "The service failed"),
    503: ("not-ready", "The service is not ready"),
    507: ("insufficient-storage", "The disk is full"),
}

KINDS = (*(kind for kind, _ in _TYPES.values()), "rejected")
"""All that may stand behind `urn:opacimeter:problem:`; stable."""


class InvalidField(BaseModel):
    """One part of the request that does not fit."""

    where: str = Field(examples=["query.limit"])
    message: str = Field(examples=["Input should be less than or equal to 200"])


class ProblemView(BaseModel):
    """An error, RFC 9457."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(
        description="Stable name of the kind of error.",
        examples=["urn:opacimeter:problem:not-found"],
    )
    title: str = Field(examples=["There is no such thing"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["there is no such assessment"])
    checks: list[CheckView] | None = Field(
        default=None, description="Why a study was refused; of the same form as in a result."
    )
    errors: list[InvalidField] | None = Field(
        default=None, description="What does not fit the schema."
    )
    reasons: dict[str, str] | None = Field(
        default=None, description="What is missing, by part of the service."
    )


class Problem(Exception):
    """An error that already knows its answer."""

    def __init__(self, status: int, detail: str, **members: Any) -> None:  # noqa: ANN401
        """Keep status, detail and further members of the document."""
        super().__init__(detail)
        self.status, self.detail, self.members = status, detail, members


def problem(status: int, detail: str, **members: Any) -> JSONResponse:  # noqa: ANN401
    """A problem document; `type` in the members names a kind other than the status's own."""
    slug, title = _TYPES.get(status, ("error", "The request failed"))
    kind = members.pop("kind", slug)
    body = {
        "type": f"urn:opacimeter:problem:{kind}",
        "title": members.pop("title", title),
        "status": status,
        "detail": detail,
        **members,
    }
    headers = members.pop("headers", None)
    body.pop("headers", None)
    return JSONResponse(body, status, headers=headers, media_type=MEDIA_TYPE)


def rejection(checks: Sequence[Check]) -> dict[str, Any]:
    """The members that tell why a study was refused."""
    return {
        "kind": "rejected",
        "title": "The study cannot be measured",
        "checks": [CheckView.of(check).model_dump(mode="json") for check in checks],
    }


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's description of the errors of a route."""
    reference = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {"description": _TYPES[status][1], "content": {MEDIA_TYPE: reference}}
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Give every error of the application this form."""

    @app.exception_handler(Problem)
    def _known(_request: Request, error: Problem) -> JSONResponse:
        return problem(error.status, error.detail, **error.members)

    @app.exception_handler(NotFound)
    def _not_found(_request: Request, error: NotFound) -> JSONResponse:
        return problem(404, str(error))

    @app.exception_handler(Conflict)
    def _conflict(_request: Request, error: Conflict) -> JSONResponse:
        return problem(409, str(error))

    @app.exception_handler(IntakeRejected)
    def _rejected(_request: Request, error: IntakeRejected) -> JSONResponse:
        return problem(422, str(error), **rejection(error.checks))

    @app.exception_handler(HTTPException)
    def _http(_request: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers or {})
        return problem(error.status_code, _sentence(error), headers=headers)

    @app.exception_handler(RequestValidationError)
    def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        return problem(422, "the request does not fit the schema", errors=_fields(error))


def _sentence(error: HTTPException) -> str:
    known = {
        404: "there is nothing under this address",
        405: "the route does not know this method; Allow lists those it does",
        413: "the body is larger than this route takes",
    }
    return known.get(error.status_code, str(error.detail))


def _fields(error: RequestValidationError) -> list[dict[str, str]]:
    # The input itself is left out: it may be a patient's.
    return [
        {"where": ".".join(str(part) for part in found["loc"]), "message": found["msg"]}
        for found in error.errors()
    ]
