"""Work that would never end is ended, with its process."""

import ctypes
import os
import time

import pytest

from opacimeter.jobs import deadline
from tests.fakes import PROCESSES


def work(folder, kind):
    """Work under a deadline of a fifth of a second."""
    with (folder / "log").open("w") as log:
        os.dup2(log.fileno(), 2)
    with deadline(0.2, missed=(folder / "missed").touch, grace_s=0.3):
        if kind == "hangs":
            time.sleep(60)
        if kind == "holds the interpreter":
            ctypes.PyDLL(None).sleep(60)
    time.sleep(0.6)


def end_of(folder, kind):
    process = PROCESSES.Process(target=work, args=(folder, kind))
    process.start()
    process.join(20)
    assert not process.is_alive()
    return process.exitcode


def test_work_that_ends_in_time_is_let_be(tmp_path):
    assert end_of(tmp_path, "ends") == 0
    assert not (tmp_path / "missed").exists()


def test_work_that_hangs_is_told_of_and_ended(tmp_path):
    assert end_of(tmp_path, "hangs") == 1
    assert (tmp_path / "missed").exists()


def test_native_code_that_holds_the_interpreter_is_ended_all_the_same(tmp_path):
    assert end_of(tmp_path, "holds the interpreter") == 1
    assert not (tmp_path / "missed").exists()
    assert "in work" in (tmp_path / "log").read_text()


def test_an_error_within_the_deadline_comes_out():
    with pytest.raises(ValueError, match="wrong"), deadline(60, missed=lambda: None):
        raise ValueError("wrong")
