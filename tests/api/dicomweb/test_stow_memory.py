"""A large request through a real server: memory does not grow with it."""

import pytest

from tests.benchmarks.stow import measure_stow


@pytest.mark.slow
def test_two_hundred_megabytes_pass_through_flat_memory():
    taken = measure_stow(400)
    assert taken.size_mb > 200
    # A group of 64 MB held in memory, let alone all of it, would show; so would a part a piece.
    assert taken.grown_mb < 40
