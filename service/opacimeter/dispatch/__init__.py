"""Dispatch: takes what is ready to its archive, and fetches what is wanted from one.

The store remembers each errand, the queue carries its turns, an archive does the work; here the
three meet.
"""

from opacimeter.dispatch.backfilling import BackfilledDay, Sought, Standing, backfill
from opacimeter.dispatch.dispatch import DELIVER, FETCH, Correspondent, Dispatch
from opacimeter.dispatch.filing import Filing
from opacimeter.dispatch.notifying import Notifying

__all__ = [
    "DELIVER",
    "FETCH",
    "BackfilledDay",
    "Correspondent",
    "Dispatch",
    "Filing",
    "Notifying",
    "Sought",
    "Standing",
    "backfill",
]
