"""Worker: the end that executes. One per process, its lines of work beside each other."""

import fcntl
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer

from opacimeter.jobs.database import APPLICATION, SCHEMA, prepare

__all__ = ["Line", "Worker"]

_SLOTS = 64
_LANES = 8
_KEPT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of work, with a queue of its own: what is slow in one holds up no other.

    Attributes:
        name: Of the queue and its workflow; jobs of earlier versions are found by it.
        perform: Does one job; must bear being called again for a job half done.
        abandon: Told of a job that the queue has given up, with the reason in words.
        attempts: How often `perform` may be interrupted before a job is given up.
        lanes: Whether its jobs have lanes that do not wait for each other. One job at a time
            otherwise.
    """

    name: str
    perform: Callable[[str], None]
    abandon: Callable[[str, str], None]
    attempts: int
    lanes: bool = False


class Worker:
    """Executes jobs until it is told to stop.

    A worker has a name that it holds by a file lock. The lock is freed by the system when the
    process ends, however it ends; the next worker of that name, or any other that finds the lock
    free, takes up what it left.
    """

    def __init__(self, folder: Path, lines: Sequence[Line]) -> None:
        """Take a name.

        Args:
            folder: Of the queues.
            lines: The work.
        """
        self._folder, self._lines = folder, tuple(lines)
        (folder / "workers").mkdir(exist_ok=True)
        self._number, self._lock = _free_slot(folder / "workers")
        self.name = _name(self._number)

    def run(self, stop: threading.Event, *, beat: Callable[[], None], every_s: float = 5.0) -> None:
        """Execute jobs until `stop` is set; `beat` is called every so often.

        A job under way at the end gets no grace: it is taken up again at the next start.
        """
        config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_url": prepare(self._folder),
            "application_version": SCHEMA,
            "executor_id": self.name,
            "log_level": "WARNING",
            "serializer": DBOSPortableJSONSerializer(),
            # Nothing here waits for notifications, but a stop waits for the thread that polls.
            "notification_listener_polling_interval_sec": 1.0,
        }
        DBOS(config=config)
        for line in self._lines:
            _register(line)
        DBOS.launch()
        for line in self._lines:
            _open(line)
        try:
            self._watch(stop, beat=beat, every_s=every_s)
        finally:
            DBOS.destroy(workflow_completion_timeout_sec=0)
            self._lock.close()

    def _watch(self, stop: threading.Event, *, beat: Callable[[], None], every_s: float) -> None:
        last_sweep = time.monotonic()
        while True:
            beat()
            self._adopt()
            self._bury()
            if time.monotonic() - last_sweep > 3600:
                last_sweep = time.monotonic()
                _forget_old()
            if stop.wait(every_s):
                return

    def _adopt(self) -> None:
        """Take up what workers that died for good have left.

        DBOS knows no lease: a dead executor's jobs stay with it for ever. Holding its lock while
        they are handed over keeps it from coming back in between.
        """
        for number in _others(self._number):
            path = self._folder / "workers" / f"{number}.lock"
            if path.exists() and (lock := _try_lock(path)) is not None:
                with lock:
                    _recover(_name(number))

    def _bury(self) -> None:
        """Tell of jobs that were given up, or whose execution broke, and forget them."""
        known = {line.name: line for line in self._lines}
        for status in ("MAX_RECOVERY_ATTEMPTS_EXCEEDED", "ERROR"):
            for lost in DBOS.list_workflows(
                name=list(known), status=status, load_input=False, load_output=False
            ):
                known[lost.name].abandon(
                    lost.workflow_id,
                    "The worker ended each time it began this, so it was given up. Retry it, or "
                    "report the study.",
                )
                DBOS.delete_workflow(lost.workflow_id)


def _register(line: Line) -> None:
    # The step of the first line keeps its name: jobs begun by an earlier version find it.
    @DBOS.step(name="perform")
    def perform_step(job: str) -> None:
        line.perform(job)

    # One more than `perform` counts itself: the net below it, for deaths before it counts.
    @DBOS.workflow(name=line.name, max_recovery_attempts=line.attempts + 1)
    def work(job: str) -> None:
        perform_step(job)


def _open(line: Line) -> None:
    if line.lanes:
        DBOS.register_queue(
            line.name,
            worker_concurrency=_LANES,
            partition_worker_concurrency=1,
            polling_interval_sec=0.5,
        )
    else:
        DBOS.register_queue(line.name, worker_concurrency=1, polling_interval_sec=0.5)


def _recover(executor_id: str) -> None:
    # The public resume would lift the bound on recoveries and leave the queue's own limits.
    DBOS._recover_pending_workflows([executor_id])


def _forget_old() -> None:
    """Remove finished jobs: DBOS keeps them for ever."""
    before = (datetime.now(UTC) - _KEPT).isoformat()
    done = DBOS.list_workflows(
        status=["SUCCESS", "CANCELLED"], end_time=before, load_input=False, load_output=False
    )
    for workflow in done:
        DBOS.delete_workflow(workflow.workflow_id)


def _name(number: int) -> str:
    return f"{socket.gethostname()}-{number}"


def _others(number: int) -> range | list[int]:
    return [other for other in range(_SLOTS) if other != number]


def _free_slot(folder: Path) -> tuple[int, IO[str]]:
    for number in range(_SLOTS):
        lock = _try_lock(folder / f"{number}.lock")
        if lock is not None:
            return number, lock
    raise RuntimeError(f"{_SLOTS} workers run already; the limit is {_SLOTS}")


def _try_lock(path: Path) -> IO[str] | None:
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
