"""The errands of one worker: handed to the queue when due, done when their turn comes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from opacimeter.dispatch.fetching import Fetching
from opacimeter.dispatch.filing import Filing
from opacimeter.dispatch.notifying import Notifying
from opacimeter.dispatch.sending import Sending
from opacimeter.errors import ArchiveError, ArchiveRefused, IntakeRejected
from opacimeter.exchange import Archive
from opacimeter.store import Archived, Mishap, Store, Turn

__all__ = ["DELIVER", "FETCH", "Correspondent", "Dispatch"]

DELIVER: Final = "deliver"
FETCH: Final = "fetch"

log = structlog.get_logger()


class Submit(Protocol):
    """What `jobs.Queue.submit` does."""

    def __call__(
        self, job: str, *, line: str = ..., lane: str | None = None, low: bool = False
    ) -> None:
        """Put a job into the queue; the same job twice is one job."""
        ...


class Errands(Protocol):
    """What deliveries and pulls have in common."""

    def due(self) -> tuple[Turn, ...]:
        """Turns whose time has come."""
        ...

    def queued(self, turn: str) -> None:
        """The queue has taken a turn."""
        ...

    def mishap(self, turn: str, mishap: Mishap) -> None:
        """An attempt came to nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Correspondent:
    """An archive, and what goes there.

    Attributes:
        archive: The archive.
        destination: What it gets; None where nothing goes there.
        chest: Regular expression that tells a chest CT by its description or body part.
    """

    archive: Archive
    destination: Archived | None = None
    chest: str = ""


class Dispatch:
    """Sends and fetches."""

    def __init__(
        self, store: Store, submit: Submit, filing: Filing,
        correspondents: Mapping[str, Correspondent], notifying: Notifying,
    ) -> None:  # fmt: skip
        """Wire it.

        Args:
            store: Where the errands are remembered.
            submit: Puts a job into a line of the queue.
            filing: Files what was fetched.
            correspondents: By the archive's name.
            notifying: Brings word to webhooks.
        """
        self._store, self._submit = store, submit
        archives = {name: each.archive for name, each in correspondents.items()}
        places = {name: each.destination for name, each in correspondents.items()}
        chests = {name: each.chest for name, each in correspondents.items()}
        self._sending = Sending(store, archives, places, notifying)
        self._fetching = Fetching(store, archives, chests, filing)

    def hand_out(self) -> None:
        """Put what is due into the queue; a death in between is made good by the next call."""
        lines: dict[str, Errands] = {DELIVER: self._store.deliveries, FETCH: self._store.pulls}
        for line, errands in lines.items():
            for turn in errands.due():
                self._submit(turn.job, line=line, lane=turn.archive)
                errands.queued(turn.job)

    def send(self, turn: str) -> None:
        """Bring one version's documents to one destination; what becomes of it is remembered."""
        self._attempt(turn, self._store.deliveries, self._sending.send, "store")

    def fetch(self, turn: str) -> None:
        """Fetch one study; what becomes of it is remembered."""
        self._attempt(turn, self._store.pulls, self._fetching.fetch, "file")

    def _attempt(
        self, turn: str, errands: Errands, attempt: Callable[[str], Mishap | None], hop: str
    ) -> None:
        try:
            mishap = attempt(turn)
        except ArchiveError as error:
            mishap = Mishap(error.hop, str(error), isinstance(error, ArchiveRefused))
        except IntakeRejected as error:
            mishap = Mishap("file", str(error), lasting=True)
        except OSError as error:  # this side's disk: full now, maybe not later
            mishap = Mishap(hop, error.strerror or type(error).__name__, lasting=False)
        except Exception as error:  # the process boundary: a job that raises would be lost
            # Kind only: the message of a foreign exception may quote a patient's data. Not for
            # good: it may be a database that was busy, and nothing is to be lost.
            log.critical("errand failed", error=type(error).__name__, hop=hop)
            mishap = Mishap(hop, f"An internal error ({type(error).__name__}).", lasting=False)
        if mishap is not None:
            log.warning("errand missed", hop=mishap.hop, reason=mishap.reason, turn=turn[:36])
            errands.mishap(turn, mishap)
