"""The tables of errands: what is to be brought to others, or fetched from an archive."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from opacimeter.store.rows import Base

__all__ = ["DeliveryRow", "ErrandColumns", "PullRow"]


class ErrandColumns:
    """What every errand has: where it stands, and when it is tried next."""

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    status: Mapped[str] = mapped_column(String(16))
    # Names one turn of the queue; whoever holds an older one has lost the right to write.
    token: Mapped[str] = mapped_column(String(32))
    # Begun since it was last asked for, by its making or by hand; and when that was, or the first
    # attempt after it: from there patience counts.
    attempts: Mapped[int]
    asked: Mapped[datetime]
    next_attempt: Mapped[datetime]
    hop: Mapped[str | None] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(Text)
    created: Mapped[datetime]
    updated: Mapped[datetime]


class DeliveryRow(ErrandColumns, Base):
    """One version's documents, or word of its end, on their way to one destination."""

    __tablename__ = "deliveries"
    __table_args__ = (
        ForeignKeyConstraint(
            ["assessment_id", "version"],
            ["versions.assessment_id", "versions.number"],
            ondelete="CASCADE",
        ),
        UniqueConstraint("assessment_id", "version", "destination", "kind"),
        Index("ix_deliveries_due", "status", "next_attempt"),
        Index("ix_deliveries_created", "created", "id"),
    )

    assessment_id: Mapped[str] = mapped_column(String(36))
    version: Mapped[int]
    study_uid: Mapped[str] = mapped_column(String(128))
    destination: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    # name, uid, stored, reason of each document, after the first attempt.
    objects: Mapped[list[Any]]


class PullRow(ErrandColumns, Base):
    """One study to be fetched from one source."""

    __tablename__ = "pulls"
    __table_args__ = (
        Index("ix_pulls_due", "status", "next_attempt"),
        Index("ix_pulls_created", "created", "id"),
        Index("ix_pulls_study", "study_uid", "source"),
        Index("ix_pulls_prior", "prior_of", "source"),
    )

    source: Mapped[str] = mapped_column(String(64))
    # None where the source is first asked which study it is.
    study_uid: Mapped[str | None] = mapped_column(String(128))
    origin: Mapped[str] = mapped_column(String(16))
    # The assessment whose patient's earlier study is wanted.
    prior_of: Mapped[str | None] = mapped_column(String(36))
    assessment_id: Mapped[str | None] = mapped_column(String(36))
    images: Mapped[int | None]
