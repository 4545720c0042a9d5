"""Addresses of the DICOMweb service, and what a client says it accepts."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Path, Request

from opacimeter.api.problems import Problem

__all__ = [
    "DICOM",
    "DICOM_JSON",
    "ROOT",
    "InstanceUid",
    "SeriesUid",
    "StudyUid",
    "accepted",
    "instance_url",
    "require_accepted",
]

ROOT = "/dicom-web"
DICOM = "application/dicom"
DICOM_JSON = "application/dicom+json"

StudyUid = Annotated[str, Path(max_length=64, description="StudyInstanceUID (0020,000D).")]
SeriesUid = Annotated[str, Path(max_length=64, description="SeriesInstanceUID (0020,000E).")]
InstanceUid = Annotated[str, Path(max_length=64, description="SOPInstanceUID (0008,0018).")]

_JSON_NAMES = (DICOM_JSON, "application/json")


def instance_url(request: Request, study: str, series: str, instance: str) -> str:
    """Where an instance can be had."""
    base = str(request.base_url).rstrip("/")
    return f"{base}{ROOT}/studies/{study}/series/{series}/instances/{instance}"


def accepted(request: Request) -> tuple[str, ...]:
    """Media types that the client accepts, with their parameters, in lower case (RFC 9110 12.5.1).

    What stands in the address counts too, as PS3.18 8.3.3.1 has it.
    """
    asked = request.query_params.get("accept") or request.headers.get("accept") or "*/*"
    types = (_normal(part) for part in asked.lower().split(","))
    return tuple(each for each in types if each and not each.endswith(";q=0"))


def require_accepted(request: Request, offered: Sequence[str] = _JSON_NAMES) -> None:
    """Refuse with 406 who accepts none of the media types on offer."""
    names = {each.partition(";")[0] for each in accepted(request)}
    ranges = {"*/*", *offered, *(f"{name.partition('/')[0]}/*" for name in offered)}
    if names.isdisjoint(ranges):
        raise Problem(406, f"this is to be had as {offered[0]}")


def _normal(part: str) -> str:
    return ";".join(piece.strip() for piece in part.replace('"', "").split(";"))
