"""The tables of the inbox: what came in object by object and waits to be taken in as a study."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from opacimeter.store.rows import Base

__all__ = ["InboxRow", "WaitingRow"]


class InboxRow(Base):
    """One study of which objects wait. The assessment it will be may not be there yet."""

    __tablename__ = "inbox"
    __table_args__ = (Index("ix_inbox_due", "due"),)

    assessment_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    study_uid: Mapped[str] = mapped_column(String(128))
    origin: Mapped[str] = mapped_column(String(16))
    received: Mapped[datetime]
    # When the last object of it came; none in rows of before.
    updated: Mapped[datetime | None]
    # When the study is taken in unless more of it comes; none where nothing waits for that.
    due: Mapped[datetime | None]
    patient: Mapped[dict[str, Any]]
    study: Mapped[dict[str, Any]]


class WaitingRow(Base):
    """One object that waits; its file lies where those of the assessment do."""

    __tablename__ = "inbox_objects"
    __table_args__ = (Index("ix_inbox_objects_hash", "uid_hash"),)

    assessment_id: Mapped[str] = mapped_column(
        ForeignKey("inbox.assessment_id", ondelete="CASCADE"), primary_key=True
    )
    uid_hash: Mapped[str] = mapped_column(String(32), primary_key=True)
    instance_uid: Mapped[str] = mapped_column(String(128))
    name: Mapped[str] = mapped_column(String(80))
    role: Mapped[str] = mapped_column(String(16))
