"""Store: what was received, what was made of it, and how far the work is."""

from opacimeter.store.entries import (
    Artifact,
    Earlier,
    Entry,
    Event,
    Followed,
    FollowUp,
    Incoming,
    IncomingFile,
    Origin,
    Receipt,
    Status,
    Version,
    Worker,
)
from opacimeter.store.listing import Order, Sort, Wanted
from opacimeter.store.objects import MadeStudy
from opacimeter.store.reviews import Review, ReviewState
from opacimeter.store.run import Run
from opacimeter.store.store import Store
from opacimeter.store.waiting import Arriving, Kept, Role, Waiting

__all__ = [
    "Arriving",
    "Artifact",
    "Earlier",
    "Entry",
    "Event",
    "FollowUp",
    "Followed",
    "Incoming",
    "IncomingFile",
    "Kept",
    "MadeStudy",
    "Order",
    "Origin",
    "Receipt",
    "Review",
    "ReviewState",
    "Role",
    "Run",
    "Sort",
    "Status",
    "Store",
    "Version",
    "Waiting",
    "Wanted",
    "Worker",
]
