"""Destinations: who is brought what when a version ends."""

from dataclasses import dataclass
from enum import StrEnum

from opacimeter.store.entries import Origin, Status

__all__ = ["Archived", "DeliveryKind", "Destination", "Ended", "Recipient"]

_NOTICE = "notice-"


class DeliveryKind(StrEnum):
    """What goes: a version's documents, the note that they are rejected, or word of its end."""

    RESULT = "result"
    REJECTION = "rejection"
    NOTICE_COMPLETE = "notice-complete"
    NOTICE_REJECTED = "notice-rejected"
    NOTICE_FAILED = "notice-failed"

    @property
    def event(self) -> Status | None:
        """The end that it brings word of; None of documents."""
        return Status(self.removeprefix(_NOTICE)) if self.startswith(_NOTICE) else None

    @classmethod
    def notice(cls, status: Status) -> "DeliveryKind":
        """Word of an end."""
        return cls(f"{_NOTICE}{status}")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a version ended.

    Attributes:
        status: A final one.
        origin: How its images came.
        documents: Names of what was made.
    """

    status: Status
    origin: Origin
    documents: frozenset[str]

    def concerns(self, *, backfill: bool) -> bool:
        """Whether it goes anywhere: an earlier study fetched to compare with never does."""
        return self.origin is not Origin.PRIOR and (backfill or self.origin is not Origin.BACKFILL)


@dataclass(frozen=True, slots=True)
class Archived:
    """An archive that gets documents.

    Attributes:
        name: Of the archive in the settings.
        documents: Names of the documents that it gets, of those that a version has.
        backfill: Whether it gets what was fetched for a date range, too.
        rejections: Whether it gets what there is of a study that cannot be measured.
    """

    name: str
    documents: frozenset[str]
    backfill: bool = False
    rejections: bool = False

    def wants(self, ended: Ended) -> DeliveryKind | None:
        """What it gets; None for nothing."""
        fit = ended.status is Status.COMPLETE or (
            self.rejections and ended.status is Status.REJECTED
        )
        if fit and ended.concerns(backfill=self.backfill) and self.documents & ended.documents:
            return DeliveryKind.RESULT
        return None


@dataclass(frozen=True, slots=True)
class Recipient:
    """A webhook that is told.

    Attributes:
        name: Of the webhook in the settings.
        events: The ends that it is told of: complete, rejected, failed.
        backfill: Whether it is told of what was fetched for a date range, too.
    """

    name: str
    events: frozenset[Status]
    backfill: bool = False

    def wants(self, ended: Ended) -> DeliveryKind | None:
        """What it gets; None for nothing."""
        fit = ended.status in self.events and ended.concerns(backfill=self.backfill)
        return DeliveryKind.notice(ended.status) if fit else None


Destination = Archived | Recipient
