"""The values that go into the inbox and come out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from uuid import UUID

from opacimeter.store.entries import Origin

__all__ = ["Arriving", "Kept", "Role", "Waiting"]


class Role(StrEnum):
    """What an object is to the inbox.

    Only an image starts anything. What stands aside goes along with the images of its study. What
    is unwanted goes along where somebody asks for the study by hand; what is our own never does.
    """

    IMAGE = "image"
    ASIDE = "aside"
    UNWANTED = "unwanted"
    OURS = "ours"
    REFUSED = "refused"
    """An image that stands in the way of another way in: the same UID, other content."""


class Kept(StrEnum):
    """What became of an object that arrived."""

    STORED = "stored"
    KNOWN = "known"
    CONFLICT = "conflict"
    """Its UID is known with other content; nothing was kept of it."""
    LOST = "lost"
    """The study was removed at the same moment; it may be sent again."""


@dataclass(frozen=True, slots=True)
class Arriving:
    """One object on its way in.

    Attributes:
        path: Where it lies now, on the store's own file system; the store moves it.
        study_uid: StudyInstanceUID (0020,000D).
        series_uid: SeriesInstanceUID (0020,000E).
        instance_uid: SOPInstanceUID (0008,0018).
        sop_class: SOPClassUID (0008,0016).
        role: What it is to the inbox.
        patient: As in `Incoming`.
        study: As in `Incoming`.
    """

    path: Path
    study_uid: str
    series_uid: str
    instance_uid: str
    sop_class: str
    role: Role
    patient: Mapping[str, str] = field(default_factory=dict)
    study: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A study of which objects wait.

    Attributes:
        id: The assessment it is, or will be.
        study_uid: StudyInstanceUID.
        origin: Where it came from.
        received: When its first waiting object came, UTC.
        due: When it will be taken in unless more of it comes; None where nobody will by itself.
        counts: How many objects wait in each role.
    """

    id: UUID
    study_uid: str
    origin: Origin
    received: datetime
    due: datetime | None
    counts: Mapping[Role, int]
