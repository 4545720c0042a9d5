"""What goes over the wire, as Pydantic models: the source of the OpenAPI document."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from opacimeter.checks import Check, Severity
from opacimeter.store import Artifact, Entry, Status, Version

__all__ = [
    "AnotherSeries",
    "ArtifactView",
    "Artifacts",
    "AssessmentView",
    "Assessments",
    "CheckView",
    "Live",
    "Ready",
    "Received",
    "ReceivedStudy",
    "RefusedStudy",
    "base_of",
    "correction_of",
    "review_of",
    "state_of",
]

PREFIX = "/api/v1/assessments"
_ID = "0b5cf2a2-6e6c-5c39-9b5f-1f6d2f6c7a10"


def base_of(assessment: UUID) -> str:
    """The address of an assessment."""
    return f"{PREFIX}/{assessment}"


class CheckView(BaseModel):
    """One finding about a study's fitness for measurement."""

    code: str = Field(examples=["thick-slices"])
    severity: Severity = Field(examples=["warning"])
    message: str = Field(examples=["The slices are 8.0 mm thick; above 3 mm volumes are rough."])
    detail: dict[str, Any] = Field(default_factory=dict, examples=[{"thickness_mm": 8.0}])

    @classmethod
    def of(cls, check: Check) -> Self:
        """The view of a check."""
        return cls(
            code=check.code,
            severity=check.severity,
            message=check.message,
            detail=dict(check.detail),
        )


class ReceivedStudy(BaseModel):
    """A study found in an upload, and the version that answers it."""

    id: UUID = Field(examples=[_ID])
    version: int = Field(examples=[1])
    new: bool = Field(description="False where the same images were known already.")
    status: Status = Field(examples=["queued"])
    href: str = Field(examples=[f"{PREFIX}/{_ID}"])


class RefusedStudy(BaseModel):
    """A study in an upload that was not taken in."""

    detail: str
    checks: list[CheckView]


class Received(BaseModel):
    """What became of an upload."""

    assessments: list[ReceivedStudy]
    refused: list[RefusedStudy] = Field(default_factory=list)


class AssessmentView(BaseModel):
    """An assessment: its state, and its result once there is one.

    A complete or rejected assessment has the members of result.json beside those listed here.
    """

    model_config = ConfigDict(extra="allow")

    id: UUID = Field(examples=[_ID])
    version: int = Field(examples=[1])
    status: Status = Field(examples=["complete"])
    created: datetime
    finished: datetime | None = None
    step: str | None = Field(default=None, examples=["segment"])
    fraction: float = Field(ge=0, le=1, examples=[1.0])
    cancelling: bool = False
    series_uid: str | None = None
    error: str | None = None
    patient: dict[str, Any] = Field(
        default_factory=dict,
        examples=[{"id": "P001", "name": "Doe^Jane", "birth_date": "1970-01-01", "sex": "F"}],
    )
    study: dict[str, Any] = Field(
        default_factory=dict, examples=[{"uid": "1.2.3", "date": "2026-11-23"}]
    )
    checks: list[dict[str, Any]] = Field(default_factory=list)
    summary: dict[str, Any] | None = Field(
        default=None, examples=[{"lesion_ml": 512.1, "lesion_percent": 11.9}]
    )
    prior: dict[str, Any] | None = Field(
        default=None,
        description="Of a complete version: the patient's earlier assessment, and the changes.",
        examples=[{"id": _ID, "version": 1, "days": 123, "regions": {}, "caveats": []}],
    )
    correction: dict[str, Any] | None = Field(
        default=None,
        description="Whose changes made this version.",
        examples=[{"of": 1, "author": "Dr. Doe", "reason": "effusion taken for opacity"}],
    )
    review: dict[str, Any] | None = Field(
        default=None,
        description="The latest review: state (accepted or rejected), author, reason, time.",
        examples=[{"state": "accepted", "author": "Dr. Doe"}],
    )
    links: dict[str, str] = Field(
        default_factory=dict, examples=[{"events": f"{PREFIX}/{_ID}/events"}]
    )

    @classmethod
    def of(cls, entry: Entry, result: Mapping[str, Any] | None = None) -> Self:
        """The view of an entry; `result` is the content of its result.json."""
        state = state_of(entry.version)
        known: dict[str, Any] = {
            "patient": dict(entry.patient),
            "study": {"uid": entry.study_uid, **entry.study},
            "checks": list(entry.version.checks),
            "summary": dict(entry.version.summary) or None,
        }
        told = {**(result or {}), **state} if result else {**known, **state}
        told.update(id=entry.id, version=entry.version.number, links=_links(entry.id))
        told.update(correction=correction_of(entry.version), review=review_of(entry.version))
        if "seconds" in told:
            told["seconds"] = {**told["seconds"], **entry.version.seconds}
        return cls.model_validate(told)


class Assessments(BaseModel):
    """A page of the list."""

    assessments: list[AssessmentView]
    cursor: str | None = Field(default=None, description="Asks for the next page; null at the end.")
    total: int = Field(description="How many there are on all pages.", examples=[1204])


class ArtifactView(BaseModel):
    """A document of an assessment."""

    name: str = Field(examples=["result.json"])
    media_type: str = Field(examples=["application/json"])
    size_bytes: int = Field(examples=[18231])
    sha256: str
    href: str = Field(examples=[f"{PREFIX}/{_ID}/artifacts/result.json"])

    @classmethod
    def of(cls, assessment: UUID, version: int, artifact: Artifact) -> Self:
        """The view of an artifact."""
        href = f"{base_of(assessment)}/artifacts/{artifact.name}?version={version}"
        return cls(
            name=artifact.name,
            media_type=artifact.media_type,
            size_bytes=artifact.size_bytes,
            sha256=artifact.sha256,
            href=href,
        )


class Artifacts(BaseModel):
    """The documents of one version."""

    version: int
    artifacts: list[ArtifactView]


class AnotherSeries(BaseModel):
    """Asks for another series of a study."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"series_uid": "1.2.840.1"}]}
    )

    series_uid: str = Field(
        pattern=r"^[0-9]+(\.[0-9]+)*$", max_length=64, description="SeriesInstanceUID."
    )


class Live(BaseModel):
    """The service answers."""

    status: str = Field(examples=["ok"])
    software: str = Field(examples=["0.1.0"])


class Ready(Live):
    """The service can work."""

    model: dict[str, str] = Field(
        description="name, version and sha256 of the network that the workers have.",
        examples=[{"name": "lung-lesion", "version": "1.0.0", "sha256": "7debb0f3…"}],
    )
    warnings: dict[str, str] = Field(
        default_factory=dict,
        description="What is wrong without keeping studies from being measured: `model`, where the "
        "one in service cannot be loaded and a worker goes on with the one before.",
    )


def state_of(version: Version) -> dict[str, Any]:
    """Where a version stands, as JSON."""
    return {
        "status": version.status,
        "created": version.created,
        "finished": version.finished,
        "step": version.step,
        "fraction": version.fraction,
        "cancelling": version.cancelling,
        "series_uid": version.series_uid,
        "error": version.error,
    }


def review_of(version: Version) -> dict[str, Any] | None:
    """The latest review as JSON."""
    return dict(version.review) if version.review else None


def correction_of(version: Version) -> dict[str, Any] | None:
    """Whose changes made a version, as JSON."""
    told = version.correction
    return {name: told[name] for name in ("of", "author", "reason")} if told else None


def _links(assessment: UUID) -> dict[str, str]:
    base = base_of(assessment)
    links = {name: f"{base}/{name}" for name in ("events", "artifacts", "versions", "follow-up")}
    return {"self": base, **links}
