"""What the processes of the supervisor's tests do; imports little, for each starts anew."""

import os
import signal
import sys
import time
from pathlib import Path

from opacimeter.jobs import Supervisor, stop_signal


def note_and_wait(folder: Path) -> None:
    """A worker that says its process number and waits to be stopped."""
    stop = stop_signal()
    (folder / str(os.getpid())).touch()
    stop.wait()


def divide(above: int, below: int) -> float:
    """Raises, or is killed, as asked."""
    if below < 0:
        os.kill(os.getpid(), signal.SIGSEGV)
    return above / below


if __name__ == "__main__":
    with Supervisor(note_and_wait, Path(sys.argv[1]), count=1):
        time.sleep(60)
