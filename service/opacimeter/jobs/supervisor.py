"""Supervisor: keeps worker processes alive, and lets none outlive their parent."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.context import SpawnProcess
from types import FrameType, TracebackType
from typing import Any, Self

import structlog

__all__ = ["Supervisor", "stop_signal"]

_LONGEST_PAUSE_S = 30.0
_SETTLED_AFTER_S = 60.0
_GRACE_S = 5.0

log = structlog.get_logger()


class Supervisor:
    """Starts worker processes, again when they die; a context manager.

    A decoder or a network that crashes takes its own process along and nothing else.
    """

    def __init__(self, target: Callable[..., None], *args: Any, count: int) -> None:  # noqa: ANN401
        """Nothing starts before the context is entered.

        Args:
            target: Runs in each process; must be importable, and call `stop_signal`.
            *args: Its arguments; they are pickled.
            count: How many processes.
        """
        self._target, self._args, self._count = target, args, count
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        """Start the processes, each watched by a thread."""
        for number in range(self._count):
            thread = threading.Thread(target=self._watch, name=f"supervisor-{number}")
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the processes."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _watch(self) -> None:
        pause_s = 0.5
        while not self._stop.is_set():
            started = time.monotonic()
            process = self._start()
            while process.is_alive() and not self._stop.wait(0.2):
                pass
            if self._stop.is_set():
                _end(process)
                return
            lived_s = time.monotonic() - started
            pause_s = 0.5 if lived_s > _SETTLED_AFTER_S else min(2 * pause_s, _LONGEST_PAUSE_S)
            log.error("worker ended", exit_code=process.exitcode, again_in_s=pause_s)
            self._stop.wait(pause_s)

    def _start(self) -> SpawnProcess:
        # Spawned, not forked: a fork would inherit the API's threads, locks and connections.
        process = multiprocessing.get_context("spawn").Process(target=self._target, args=self._args)
        process.start()
        return process


def _end(process: SpawnProcess) -> None:
    process.terminate()
    process.join(_GRACE_S)
    if process.is_alive():
        process.kill()
        process.join()


def stop_signal() -> threading.Event:
    """An event that is set when this process is to stop: by a signal, or by its parent's end.

    The parent's end is seen in every case, kill -9 included: the system closes its end of a pipe.
    Native code that never comes back cannot ignore it for long: the process is ended after a
    moment of grace.
    """
    stop = threading.Event()

    def asked(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, asked)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_orphaned, args=(parent.join, stop), daemon=True).start()
    return stop


def _orphaned(parent_ended: Callable[[], None], stop: threading.Event) -> None:
    parent_ended()
    stop.set()
    time.sleep(_GRACE_S)
    os._exit(1)
