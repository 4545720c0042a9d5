"""The tables. A change here needs a migration beside it; a test compares the two."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    TypeDecorator,
    false,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

__all__ = [
    "AssessmentRow",
    "Base",
    "DocumentRow",
    "EventRow",
    "InstanceRow",
    "UtcDateTime",
    "VersionRow",
    "WorkerRow",
]


class UtcDateTime(TypeDecorator[datetime]):
    """Timezone-aware UTC in and out; SQLite keeps no timezone of its own."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times, turn others to UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("times must be timezone-aware")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Say that it is UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """All tables of the store."""

    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012


class AssessmentRow(Base):
    """One study. Much of it is repeated for the list, which sorts and searches by columns alone.

    `status`, `version` and `lesion_percent` are those of the newest version; what stands below
    `patient` and `study` is taken from those two, see `store.identity`.
    """

    __tablename__ = "assessments"
    __table_args__ = (
        # Each filter of the list has an index that ends in its order, and each sort has one.
        Index("ix_assessments_received", "received", "id"),
        Index("ix_assessments_status", "status", "received", "id"),
        Index("ix_assessments_patient", "patient_id", "received", "id"),
        Index("ix_assessments_patient_name", "patient_name", "received", "id"),
        Index("ix_assessments_study_date", "study_date", "received", "id"),
        Index("ix_assessments_lesion_percent", "lesion_percent", "received", "id"),
        Index("ix_assessments_accession", "accession", "received", "id"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    study_uid: Mapped[str] = mapped_column(String(128), unique=True)
    received: Mapped[datetime]
    version: Mapped[int]
    status: Mapped[str] = mapped_column(String(16))
    patient_id: Mapped[str | None] = mapped_column(String(256))
    patient: Mapped[dict[str, Any]]
    study: Mapped[dict[str, Any]]
    # Of patient_id: two hospitals may give one number to two people (0010,0021).
    issuer: Mapped[str | None] = mapped_column(String(256))
    # Folded: a key to sort by, never shown.
    patient_name: Mapped[str | None] = mapped_column(String(256))
    birth_date: Mapped[str | None] = mapped_column(String(10))
    sex: Mapped[str | None] = mapped_column(String(16))
    study_date: Mapped[str | None] = mapped_column(String(10))
    accession: Mapped[str | None] = mapped_column(String(64))
    lesion_percent: Mapped[float | None] = mapped_column(Double)
    # All that a search looks through, folded.
    sought: Mapped[str] = mapped_column(Text, default="", server_default="")


class RemovedRow(Base):
    """The last version of an assessment that was removed; nothing else of it is kept."""

    __tablename__ = "removed"

    assessment_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    version: Mapped[int]


class InstanceRow(Base):
    """One received file. It belongs to the versions from `since` on, up to but without `until`."""

    __tablename__ = "instances"
    __table_args__ = (
        Index("ix_instances_uid", "assessment_id", "uid_hash"),
        # Storage commitment names an object without its study.
        Index("ix_instances_hash", "uid_hash"),
    )

    assessment_id: Mapped[str] = mapped_column(
        ForeignKey("assessments.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    uid_hash: Mapped[str | None] = mapped_column(String(32))
    since: Mapped[int]
    until: Mapped[int | None]
    # No CT image: it does not count among those that a version answers.
    aside: Mapped[bool] = mapped_column(default=False, server_default=false())


class VersionRow(Base):
    """One version: (series, its instances, model, correction)."""

    __tablename__ = "versions"
    __table_args__ = (Index("ix_versions_status", "status"),)

    assessment_id: Mapped[str] = mapped_column(
        ForeignKey("assessments.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    series_uid: Mapped[str | None] = mapped_column(String(128))
    instances_hash: Mapped[str] = mapped_column(String(64))
    # Checks of the delivery that no kept file would show again: a broken archive, say.
    problems: Mapped[list[Any]]
    model: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(String(16))
    # Names one attempt to do the work; whoever holds an older one has lost the right to write.
    token: Mapped[str] = mapped_column(String(32))
    attempts: Mapped[int]
    cancelling: Mapped[bool]
    step: Mapped[str | None] = mapped_column(String(16))
    fraction: Mapped[float]
    created: Mapped[datetime]
    started: Mapped[datetime | None]
    finished: Mapped[datetime | None]
    error: Mapped[str | None]
    checks: Mapped[list[Any]]
    summary: Mapped[dict[str, Any]]
    seconds: Mapped[dict[str, Any]]
    # of, author, reason.
    correction: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    # state, author, reason, time: the latest of `reviews`.
    review: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    reviews: Mapped[list[Any]] = mapped_column(JSON, default=list, server_default="[]")
    # How its images came; see `Origin`.
    origin: Mapped[str] = mapped_column(String(16), default="upload", server_default="upload")


class DocumentRow(Base):
    """One kept document of a version."""

    __tablename__ = "documents"
    __table_args__ = (
        ForeignKeyConstraint(
            ["assessment_id", "version"],
            ["versions.assessment_id", "versions.number"],
            ondelete="CASCADE",
        ),
    )

    assessment_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    position: Mapped[int]
    media_type: Mapped[str] = mapped_column(String(128))
    size_bytes: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))


class EventRow(Base):
    """One step of the work, for those who watch."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_assessment", "assessment_id", "number"),
        # Numbers are never used twice, or a watcher that resumes would miss events.
        {"sqlite_autoincrement": True},
    )

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    assessment_id: Mapped[str] = mapped_column(ForeignKey("assessments.id", ondelete="CASCADE"))
    version: Mapped[int]
    time: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(16))
    step: Mapped[str | None] = mapped_column(String(16))
    fraction: Mapped[float]


class WorkerRow(Base):
    """One worker's last word."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    beat: Mapped[datetime]
    model: Mapped[dict[str, Any]]
    problem: Mapped[str | None]
