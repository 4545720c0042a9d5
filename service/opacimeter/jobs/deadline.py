"""Deadline: an end for work that would never end by itself."""

import faulthandler
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["deadline"]

_GRACE_S = 30.0


@contextmanager
def deadline(
    seconds: float, *, missed: Callable[[], None], grace_s: float = _GRACE_S
) -> Iterator[None]:
    """End this process where the block takes longer.

    A thread that hangs in a decoder cannot be ended, only its process can; whoever started the
    process starts another.

    Args:
        seconds: How long the block may take.
        missed: Called before the end, so that the work is not taken up again.
        grace_s: How long `missed` may take. Native code that holds the interpreter keeps it from
            being called at all; the process is ended all the same.
    """
    timer = threading.Timer(seconds, _end, (missed,))
    timer.daemon = True
    timer.start()
    # A thread outside of the interpreter, which no native code can hold up. It tells the log where
    # the work stood, by files and lines alone.
    faulthandler.dump_traceback_later(seconds + grace_s, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        timer.cancel()


def _end(missed: Callable[[], None]) -> None:
    try:
        missed()
    finally:
        os._exit(1)
