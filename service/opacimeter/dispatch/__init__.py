"""Dispatch: takes what is ready to its archive, and fetches what is wanted from one.

The store remembers each errand, the queue carries its turns, an archive does the work; here the
three meet.
"""

from opacimeter.dispatch.dispatch import DELIVER, FETCH, Correspondent, Dispatch
from opacimeter.dispatch.filing import Filing

__all__ = ["DELIVER", "FETCH", "Correspondent", "Dispatch", "Filing"]
