"""Reviews: what a person says of a version, without changing it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy.orm import Session

from opacimeter.errors import Conflict, NotFound
from opacimeter.store.database import Database
from opacimeter.store.entries import Status
from opacimeter.store.rows import AssessmentRow, VersionRow

__all__ = ["Review", "ReviewState", "Reviews"]


class ReviewState(StrEnum):
    """The words of IHE Radiology's AI Results for Assessment; what has no review is pending."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Review:
    """What a person says of a result.

    Attributes:
        state: Accepted or rejected.
        author: Who says so, as they gave their name.
        reason: Why, in their words; may be empty.
    """

    state: ReviewState
    author: str
    reason: str = ""


class Reviews:
    """Keeps reviews, the latest of which holds."""

    def __init__(
        self, db: Database, *, clock: Callable[[], datetime],
        rejected: Callable[[Session, VersionRow], None],
    ) -> None:  # fmt: skip
        """Wire it; `rejected` makes what follows a rejection, in the review's own transaction."""
        self._db, self._clock, self._rejected = db, clock, rejected

    def add(self, assessment: UUID, version: int | None, review: Review) -> int:
        """Review a version; saying again what holds already changes nothing.

        Args:
            assessment: The study.
            version: Which version; None is the newest.
            review: What is said of it.

        Returns:
            The number of the version that was reviewed.

        Raises:
            NotFound: No such assessment or version.
            Conflict: The version has no result.
        """
        told = {"state": review.state.value, "author": review.author, "reason": review.reason}
        with self._db.write() as session:
            head = session.get(AssessmentRow, str(assessment))
            if head is None:
                raise NotFound("there is no such assessment")
            number = version or head.version
            row = session.get(VersionRow, (head.id, number), with_for_update=True)
            if row is None:
                raise NotFound(f"the assessment has no version {number}")
            if row.status != Status.COMPLETE:
                raise Conflict(f"version {number} is {row.status}; only a result can be reviewed")
            if row.review is None or not told.items() <= row.review.items():
                time = self._clock().isoformat(timespec="seconds").replace("+00:00", "Z")
                row.review = {**told, "time": time}
                row.reviews = [*row.reviews, row.review]
                if review.state is ReviewState.REJECTED:
                    self._rejected(session, row)
            return number
