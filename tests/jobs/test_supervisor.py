"""Worker processes live and die with their supervisor."""

import os
import signal
import subprocess
import sys
import threading

import psutil

from opacimeter.jobs import Supervisor, isolated
from tests.fakes import wait_until
from tests.jobs import hands
from tests.jobs.hands import divide, note_and_wait


def numbers(folder):
    return [int(path.name) for path in folder.iterdir() if path.name.isdigit()]


def alive(number):
    return psutil.pid_exists(number) and psutil.Process(number).status() != "zombie"


def test_a_worker_that_dies_is_replaced_and_all_end_with_the_supervisor(tmp_path):
    with Supervisor(note_and_wait, tmp_path, count=1):
        wait_until(lambda: len(numbers(tmp_path)) == 1)
        (first,) = numbers(tmp_path)
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: len(numbers(tmp_path)) == 2)
        assert sum(alive(number) for number in numbers(tmp_path)) == 1
    assert not any(alive(number) for number in numbers(tmp_path))


def test_workers_end_when_their_parent_is_killed(tmp_path):
    folder = tmp_path / "workers"
    folder.mkdir()
    parent = subprocess.Popen([sys.executable, hands.__file__, folder])
    wait_until(lambda: len(numbers(folder)) == 1)
    parent.kill()
    parent.wait()
    (worker,) = numbers(folder)
    wait_until(lambda: not alive(worker))


def test_an_isolated_call_gives_its_result():
    assert isolated(divide, 6, 2) == 3.0


def test_an_isolated_crash_stays_where_it_is():
    assert isolated(divide, 6, -1) is None
    assert threading.main_thread().is_alive()
