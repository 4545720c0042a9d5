"""Backfilling: the archive and the store of the settings put together."""

from collections.abc import Iterator
from datetime import date

from opacimeter.app.archives import correspondents
from opacimeter.app.checking import require_usable
from opacimeter.app.taking_in import open_store
from opacimeter.dispatch import BackfilledDay
from opacimeter.dispatch import backfill as backfill_days
from opacimeter.settings import Settings

__all__ = ["backfill"]


def backfill(
    settings: Settings, name: str, days: tuple[date, date], *, dry_run: bool
) -> Iterator[BackfilledDay]:
    """Ask for the chest CT that an archive of the settings has of a range of days.

    Raises:
        Misconfigured: The settings cannot be used.
        ArchiveError: The archive could not be asked.
    """
    require_usable(settings)
    store = open_store(settings)
    try:
        yield from backfill_days(store, correspondents(settings)[name], days, dry_run=dry_run)
    finally:
        store.close()
