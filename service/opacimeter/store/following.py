"""Following: what the end of a version brings about, decided by the settings."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.orm import Session

from opacimeter.store.deliveries import Deliveries
from opacimeter.store.destinations import Destination
from opacimeter.store.entries import Status
from opacimeter.store.errands import Patience
from opacimeter.store.onward import Onward
from opacimeter.store.pulls import Pulls
from opacimeter.store.rows import VersionRow

__all__ = ["NOTHING_FOLLOWS", "Following"]


@dataclass(frozen=True, slots=True)
class Following:
    """What follows.

    Attributes:
        destinations: Where its documents go, and who is told.
        priors_from: Names of the archives in which the earlier study of a complete version's
            patient is looked for.
        patience: How long all of that is tried.
    """

    destinations: Sequence[Destination] = ()
    priors_from: Sequence[str] = ()
    patience: Patience = field(default_factory=Patience)

    def onward(self, deliveries: Deliveries, pulls: Pulls) -> Onward:
        """Makes the rows of all that, within the transaction that ends a version."""

        def ended(session: Session, version: VersionRow, names: Sequence[str]) -> None:
            deliveries.announce(session, version, names, self.destinations)
            if version.status == Status.COMPLETE:
                pulls.seek_prior(session, version, self.priors_from)

        return ended


NOTHING_FOLLOWS: Final = Following()
