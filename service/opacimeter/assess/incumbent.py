"""The model in service, loaded: it follows the registry without a restart."""

import time
from collections.abc import Callable
from pathlib import Path

import structlog

from opacimeter.assess.assessor import Assessor
from opacimeter.assess.registry import Registry
from opacimeter.errors import ModelError

__all__ = ["Incumbent"]

_AGAIN_AFTER_S = 60.0

log = structlog.get_logger()


class Incumbent:
    """Holds one assessor and exchanges it when another model comes into service.

    Whoever has an assessor in hand keeps it; it goes when the last run with it has ended.

    Attributes:
        assessor: On the model in service, or on the one before where that cannot be loaded.
        problem: Why the model in service cannot be loaded; None where it is.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        load: Callable[[Path], Assessor],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Load the model in service.

        Args:
            registry: Says which one that is.
            load: Makes an assessor of a bundle's folder; raises ModelError.
            clock: Seconds.

        Raises:
            ModelError: It cannot be loaded, and there is none before it in hand.
        """
        self._registry, self._load, self._clock = registry, load, clock
        self._failed: tuple[Path, float] | None = None
        self._folder = registry.in_service()
        self.assessor = load(self._folder)
        self.problem: str | None = None

    def follow(self) -> Assessor:
        """Look which model is in service, load it where it is another one; the assessor."""
        try:
            folder = self._registry.in_service()
            if folder == self._folder:
                self._failed = self.problem = None
            elif not self._failed_lately(folder):
                self._take(folder)
        except ModelError as error:
            self._complain(str(error))
        return self.assessor

    def _failed_lately(self, folder: Path) -> bool:
        """Hashing and loading takes a second: what failed is not tried with every heartbeat."""
        if self._failed is None or self._failed[0] != folder:
            return False
        return self._clock() - self._failed[1] < _AGAIN_AFTER_S

    def _complain(self, problem: str) -> None:
        """Once, although it is met again with every heartbeat."""
        if problem != self.problem:
            log.error("model not loaded", problem=problem, goes_on_with=self._version)
        self.problem = problem

    def _take(self, folder: Path) -> None:
        before = self._version
        self._failed = (folder, self._clock())
        self.assessor, self._folder = self._load(folder), folder
        self._failed = self.problem = None
        log.info("model exchanged", before=before, now=self._version)

    @property
    def _version(self) -> str:
        return self.assessor.network.version
