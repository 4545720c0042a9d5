"""A worker process for the tests of the queue.

Each job is named for what becomes of it and leaves a line in `log`: `quick…` ends at once, `slow…`
waits for the file `go`, `poison…` kills the process, `raises…` raises.
"""

import os
import signal
import time
from pathlib import Path

from opacimeter.jobs import Line, Worker, stop_signal


def labour(folder: Path, attempts: int) -> None:
    """Be a worker; complaints of libraries go to the file `errors`."""
    with (folder / "errors").open("a") as errors:
        os.dup2(errors.fileno(), 2)

    def note(line: str) -> None:
        with (folder / "log").open("a") as log:
            log.write(f"{line}\n")

    def perform(job: str) -> None:
        note(f"begin {job}")
        if job.startswith("poison"):
            os.kill(os.getpid(), signal.SIGKILL)
        while job.startswith("slow") and not (folder / "go").exists():
            time.sleep(0.02)
        if job.startswith("raises"):
            raise ValueError(job)
        note(f"end {job}")

    stop = stop_signal()

    def abandon(job: str, _why: str) -> None:
        note(f"abandon {job}")

    worker = Worker(
        folder,
        (
            Line("assess", perform, abandon, attempts),
            Line("deliver", perform, abandon, attempts, lanes=True),
        ),
    )
    note(f"worker {worker.name}")
    worker.run(stop, beat=lambda: None, every_s=0.2)
    os._exit(0)
