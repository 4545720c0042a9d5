"""Distances of slices, judged as numbers without any file."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opacimeter.intake.stacking import step_checks


def codes(steps: list[float]) -> list[str]:
    z = np.concatenate([[0.0], -np.cumsum(steps)])
    return [check.code for check in step_checks(np.array(steps), z)]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([8.0] * 11, []),
        ([8.0] * 5 + [8.3] * 6, []),  # 3.75 % off
        ([8.0] * 10 + [8.5], ["irregular-spacing"]),  # 6 %
        ([1.0] * 10 + [1.08], []),  # 8 %, but below 0.1 mm
        ([8.0] * 10 + [16.0], ["slice-gap"]),
        ([8.0] * 10 + [16.7], ["slice-gap"]),  # within 5 % of 2 steps
        ([8.0] * 10 + [17.0], ["irregular-spacing"]),
        ([8.0] * 6 + [24.0, 20.0], ["slice-gap", "irregular-spacing"]),
        ([8.0, 16.0] * 6, ["slice-gap"]),  # half of the slices are missing, not doubled
        ([10.0] * 11, []),
        ([10.5] * 11, ["too-thick"]),
    ],
)
def test_steps_are_judged_by_the_rule(steps: list[float], expected: list[str]) -> None:
    assert codes(steps) == expected


@given(st.integers(1, 40), st.integers(2, 5), st.floats(0.5, 9.9))
def test_a_gap_tells_how_many_are_missing(before: int, multiple: int, step: float) -> None:
    steps = np.array([step] * before + [step * multiple] + [step] * 2)
    z = np.concatenate([[0.0], -np.cumsum(steps)])
    (check,) = step_checks(steps, z)
    assert check.code == "slice-gap"
    assert check.detail["missing"] == multiple - 1
    assert check.detail["between_z_mm"] == [[round(z[before], 3), round(z[before + 1], 3)]]
