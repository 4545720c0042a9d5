"""Store: the counters behind which rows and files lie."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from opacimeter.store.arrivals import Arrivals
from opacimeter.store.catalogue import Catalogue
from opacimeter.store.corrections import Corrections
from opacimeter.store.database import Database
from opacimeter.store.deliveries import Deliveries
from opacimeter.store.files import Files
from opacimeter.store.following import NOTHING_FOLLOWS, Following
from opacimeter.store.heartbeats import Heartbeats
from opacimeter.store.inbox import Inbox
from opacimeter.store.novelty import Novelty, SameImages
from opacimeter.store.objects import Objects
from opacimeter.store.patients import Patients
from opacimeter.store.pulls import Pulls
from opacimeter.store.reviews import Reviews
from opacimeter.store.runs import Runs

__all__ = ["Store"]


def _now() -> datetime:
    return datetime.now(UTC)


def _never_same(pairs: Sequence[tuple[Path, Path]]) -> Sequence[bool]:
    return [False] * len(pairs)


class Store:
    """Rows and files of one folder.

    Attributes:
        files: The folders.
        arrivals: Takes studies in.
        inbox: Takes single objects in, until they are a study.
        objects: Finds the DICOM objects that were made.
        corrections: Takes in what people painted.
        reviews: What people say of results.
        runs: The work on them.
        deliveries: What is brought to archives, and who is told.
        pulls: What is fetched from archives.
        catalogue: Finds, reads, removes.
        patients: Follows patients over their studies.
        heartbeats: Which workers live.
    """

    def __init__(
        self, folder: Path, *, url: str | None = None, same_images: SameImages = _never_same,
        clock: Callable[[], datetime] = _now, following: Following = NOTHING_FOLLOWS,
    ) -> None:  # fmt: skip
        """Open the store, making or migrating it where needed.

        Args:
            folder: Where the files are, and the SQLite database unless `url` names another.
            url: SQLAlchemy address of the database.
            same_images: See `Novelty`.
            clock: Now, UTC.
            following: What the end of a version brings about.
        """
        self.files = Files(folder)
        self._db = Database(url or f"sqlite:///{self.files.root / 'opacimeter.sqlite'}")
        self._db.migrate(self.files.root / "migrate.lock")
        novelty = Novelty(self._db, self.files, same_images=same_images)
        self.deliveries = Deliveries(self._db, clock=clock, patience=following.patience)
        self.pulls = Pulls(self._db, clock=clock, patience=following.patience)
        onward = following.onward(self.deliveries, self.pulls)
        self.arrivals = Arrivals(self._db, self.files, novelty=novelty, clock=clock, onward=onward)
        self.inbox = Inbox(
            self._db, self.files, novelty=novelty, arrivals=self.arrivals, clock=clock
        )
        self.objects = Objects(self._db, self.files)
        self.corrections = Corrections(self._db, self.files, clock=clock)
        self.reviews = Reviews(self._db, clock=clock, rejected=self.deliveries.reject)
        self.runs = Runs(self._db, self.files, clock=clock, onward=onward)
        self.catalogue = Catalogue(self._db, self.files)
        self.patients = Patients(self._db, self.files)
        self.heartbeats = Heartbeats(self._db, clock=clock)

    def ping(self) -> None:
        """Raise whatever the database raises when it does not answer."""
        with self._db.read() as session:
            session.execute(text("SELECT 1"))

    def close(self) -> None:
        """Give the connections back."""
        self._db.close()
