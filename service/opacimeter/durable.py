"""On the disk itself: what is written must outlive a loss of power."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

__all__ = ["sync", "sync_all"]

_AT_ONCE = 8


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk itself.

    A rename is durable once the folder is synced too, not before (fsync(2)).
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_all(paths: Iterable[Path]) -> None:
    """As `sync` for many files, several at a time.

    Each waits for the journal of the file system, which one commit writes for all that wait.
    """
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        for _ in pool.map(sync, paths):
            pass
