"""Store: what was received, what was made of it, and how far the work is."""

from opacimeter.store.deliveries import Delivery, DeliveryPage, DeliveryStatus
from opacimeter.store.destinations import Archived, DeliveryKind, Destination, Recipient
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
from opacimeter.store.errands import Mishap, Patience, Turn
from opacimeter.store.following import Following
from opacimeter.store.listing import Order, Sort, Wanted
from opacimeter.store.objects import MadeStudy
from opacimeter.store.pulls import Pull, PullPage, PullStatus
from opacimeter.store.reviews import Review, ReviewState
from opacimeter.store.run import Run
from opacimeter.store.store import Store
from opacimeter.store.waiting import Arriving, Kept, Role, Waiting

__all__ = [
    "Archived",
    "Arriving",
    "Artifact",
    "Delivery",
    "DeliveryKind",
    "DeliveryPage",
    "DeliveryStatus",
    "Destination",
    "Earlier",
    "Entry",
    "Event",
    "FollowUp",
    "Followed",
    "Following",
    "Incoming",
    "IncomingFile",
    "Kept",
    "MadeStudy",
    "Mishap",
    "Order",
    "Origin",
    "Patience",
    "Pull",
    "PullPage",
    "PullStatus",
    "Receipt",
    "Recipient",
    "Review",
    "ReviewState",
    "Role",
    "Run",
    "Sort",
    "Status",
    "Store",
    "Turn",
    "Version",
    "Waiting",
    "Wanted",
    "Worker",
]
