"""Forgetting: what waits in the inbox and will never be part of an assessment."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from opacimeter.store.files import Files
from opacimeter.store.rows import InstanceRow
from opacimeter.store.rows_inbox import InboxRow, WaitingRow

__all__ = ["expired", "forget_waiting", "forget_with_files", "waiting_of"]


def waiting_of(session: Session, assessment: UUID) -> Sequence[WaitingRow]:
    """The objects that wait, of one study."""
    query = select(WaitingRow).where(WaitingRow.assessment_id == str(assessment))
    return session.scalars(query.order_by(WaitingRow.uid_hash)).all()


def expired(before: datetime) -> Select[str]:
    """Assessments-to-be that wait for nobody, and of which nothing has come since a moment."""
    last = func.coalesce(InboxRow.updated, InboxRow.received)
    return select(InboxRow.assessment_id).where(InboxRow.due.is_(None), last < before)


def forget_waiting(session: Session, key: str) -> None:
    """Forget what waits of an assessment; its files go with the assessment's."""
    session.execute(delete(WaitingRow).where(WaitingRow.assessment_id == key))
    session.execute(delete(InboxRow).where(InboxRow.assessment_id == key))


def forget_with_files(session: Session, files: Files, assessment: UUID) -> None:
    """Forget what waits of a study, and its files but those that an assessment has."""
    names = {row.name for row in waiting_of(session, assessment)}
    forget_waiting(session, str(assessment))
    filed = select(InstanceRow.name).where(InstanceRow.assessment_id == str(assessment))
    for name in names - set(session.scalars(filed)):
        files.instance(assessment, name).unlink(missing_ok=True)
