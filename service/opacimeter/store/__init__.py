"""Store: what was received, what was made of it, and how far the work is."""

from opacimeter.store.entries import (
    Artifact,
    Entry,
    Event,
    Incoming,
    IncomingFile,
    Receipt,
    Status,
    Version,
    Worker,
)
from opacimeter.store.runs import Run
from opacimeter.store.store import Store

__all__ = [
    "Artifact",
    "Entry",
    "Event",
    "Incoming",
    "IncomingFile",
    "Receipt",
    "Run",
    "Status",
    "Store",
    "Version",
    "Worker",
]
