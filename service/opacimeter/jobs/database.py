"""The queue's own database, and the few words both of its ends must agree on."""

import fcntl
import logging
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from dbos import run_dbos_database_migrations

__all__ = ["APPLICATION", "ASSESS", "SCHEMA", "prepare"]

APPLICATION = "opacimeter"
ASSESS = "assess"
"""The line of work that a job is for unless it is said otherwise."""
SCHEMA = "1"
"""Number of the workflows' form. Raise it by hand when their steps change order or meaning.

Left alone, DBOS derives it from the source and its own version; jobs of an older number are never
taken up again, silently, so an update of the library would strand every job in the queue."""


def prepare(folder: Path) -> str:
    """Make the database where needed; returns its address.

    DBOS opens SQLite without WAL, but keeps the mode it finds in the file.
    """
    path = folder.absolute() / "jobs.sqlite"
    _quieten()
    url = f"sqlite:///{path}"
    # A service and a further worker may be started at the same moment.
    with path.with_suffix(".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        run_dbos_database_migrations(url)
    return url


class _OncePerMinute(logging.Filter):
    """Lets each message through once a minute: a lost database would fill the log otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this record is heard."""
        key = f"{record.module}:{record.lineno}"
        quiet = time.monotonic() - self._last.get(key, -60.0) < 60.0
        if not quiet:
            self._last[key] = time.monotonic()
        return not quiet


def _quieten() -> None:
    logger = logging.getLogger("dbos")
    logger.setLevel(logging.WARNING)
    if not any(isinstance(known, _OncePerMinute) for known in logger.filters):
        logger.addFilter(_OncePerMinute())
