"""The queue with real worker processes that are really killed."""

import os
import signal
import sqlite3
import threading
from contextlib import closing

import pytest

from opacimeter.jobs import Queue, Worker
from tests.fakes import PROCESSES, wait_until
from tests.jobs.labourer import labour

pytestmark = pytest.mark.slow


class Workplace:
    """A folder with a queue, and worker processes that end with the test."""

    def __init__(self, folder):
        self.folder = folder
        self.queue = Queue(folder)
        self.processes = []

    def worker(self, attempts=3):
        process = PROCESSES.Process(target=labour, args=(self.folder, attempts))
        process.start()
        self.processes.append(process)
        return process

    def lines(self):
        log = self.folder / "log"
        return log.read_text().splitlines() if log.exists() else []

    def wait_for(self, line, times=1):
        wait_until(lambda: self.lines().count(line) >= times)

    def close(self):
        for process in self.processes:
            process.kill()
            process.join()
        self.queue.close()


def stopped(process):
    """The exit code of a worker that is asked to stop."""
    os.kill(process.pid, signal.SIGTERM)
    process.join(10)
    return process.exitcode


@pytest.fixture
def place(tmp_path):
    opened = Workplace(tmp_path)
    yield opened
    opened.close()


def test_a_job_submitted_before_any_worker_runs_is_done_once(place):
    for _ in range(3):
        place.queue.submit("quick-1")
    place.worker()
    place.queue.submit("quick-2")
    place.wait_for("end quick-2")
    assert place.lines().count("begin quick-1") == 1


def test_a_worker_killed_at_work_takes_the_job_up_again_and_ends_it_once(place):
    first = place.worker()
    place.queue.submit("slow-1")
    place.wait_for("begin slow-1")
    first.kill()
    first.join()
    (place.folder / "go").touch()
    place.worker()
    place.wait_for("end slow-1")
    place.queue.submit("quick-after")
    place.wait_for("end quick-after")
    assert place.lines().count("begin slow-1") == 2
    assert place.lines().count("end slow-1") == 1


def test_a_worker_does_one_job_at_a_time(place):
    place.worker()
    place.queue.submit("slow-1")
    place.wait_for("begin slow-1")
    place.queue.submit("quick-1")
    threading.Event().wait(1.5)  # three times the queue's own polling
    assert "begin quick-1" not in place.lines()
    (place.folder / "go").touch()
    place.wait_for("end quick-1")


def test_a_slow_lane_holds_up_neither_the_others_nor_another_line(place):
    place.worker()
    place.queue.submit("slow-1", line="deliver", lane="pacs")
    place.wait_for("begin slow-1")
    place.queue.submit("quick-behind", line="deliver", lane="pacs")
    place.queue.submit("quick-beside", line="deliver", lane="other")
    place.queue.submit("quick-other")
    place.wait_for("end quick-beside")
    place.wait_for("end quick-other")
    assert "begin quick-behind" not in place.lines()
    (place.folder / "go").touch()
    place.wait_for("end quick-behind")


def test_what_can_wait_waits_for_what_came_later(place):
    place.queue.submit("quick-low", low=True)
    place.queue.submit("quick-first")
    place.worker()
    place.wait_for("end quick-low")
    ended = [line for line in place.lines() if line.startswith("end")]
    assert ended == ["end quick-first", "end quick-low"]


def test_a_killed_push_is_taken_up_again_in_its_own_lane(place):
    first = place.worker()
    place.queue.submit("slow-1", line="deliver", lane="pacs")
    place.wait_for("begin slow-1")
    first.kill()
    first.join()
    (place.folder / "go").touch()
    place.worker()
    place.wait_for("end slow-1")
    assert place.lines().count("end slow-1") == 1


def test_a_job_that_kills_every_worker_is_given_up_and_blocks_nobody(place):
    place.queue.submit("poison-1")
    place.queue.submit("quick-1")

    def keep_a_worker():
        if not place.processes or not place.processes[-1].is_alive():
            place.worker(attempts=0)
        return "abandon poison-1" in place.lines() and "end quick-1" in place.lines()

    wait_until(keep_a_worker, seconds=60)
    # The bound is attempts + 1 recoveries after the first run, so 2 runs in all.
    assert place.lines().count("begin poison-1") == 2


def test_a_living_worker_takes_up_what_one_that_died_for_good_has_left(place):
    first = place.worker()
    place.queue.submit("slow-1")
    place.wait_for("begin slow-1")
    place.worker()
    wait_until(lambda: len([line for line in place.lines() if line.startswith("worker")]) == 2)
    first.kill()
    first.join()
    (place.folder / "go").touch()
    place.wait_for("end slow-1")
    assert place.lines().count("end slow-1") == 1


def test_each_worker_has_a_name_of_its_own_and_the_first_free_one(tmp_path):
    def worker():
        return Worker(tmp_path, ())

    first, second = worker(), worker()
    assert (first.name[-2:], second.name[-2:]) == ("-0", "-1")
    first._lock.close()
    third = worker()
    assert third.name == first.name
    for each in (second, third):
        each._lock.close()


def test_a_job_whose_execution_breaks_is_told_of_and_a_worker_that_is_asked_to_stop_stops(place):
    process = place.worker()
    place.queue.submit("raises-1")
    place.wait_for("abandon raises-1")
    assert stopped(process) == 0


def test_a_worker_stops_in_the_middle_of_a_job_which_the_next_one_takes_up(place):
    first = place.worker()
    place.queue.submit("slow-1")
    place.wait_for("begin slow-1")
    assert stopped(first) == 0
    (place.folder / "go").touch()
    place.worker()
    place.wait_for("end slow-1")
    assert place.lines().count("end slow-1") == 1


def test_the_queues_database_is_in_write_ahead_mode(place):
    with closing(sqlite3.connect(place.folder / "jobs.sqlite")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
