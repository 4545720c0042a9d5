"""Reliability of probabilities, and the interval of the percentage."""

import numpy as np
import pytest

from training.evaluation.interval import Pair, calibrate, ends, guaranteed, residual
from training.evaluation.reliability import BINS, expected_error, pool, reliability


def test_a_probability_that_is_right_has_no_error():
    probability = np.repeat(np.float32([0.1, 0.9]), 10)
    truth = np.zeros(20, dtype=np.float32)
    truth[0] = 1  # 1 of 10
    truth[10:19] = 1  # 9 of 10
    assert expected_error(reliability(probability, truth)) == pytest.approx(0.0, abs=1e-6)


def test_too_much_confidence_shows_as_the_gap():
    # Ten voxels said 0.9, five are lesion; ten said 0, none is: (10·0.4 + 10·0) / 20 = 0.2.
    probability = np.repeat(np.float32([0.9, 0.0]), 10)
    truth = np.repeat(np.float32([1.0, 0.0, 0.0]), [5, 5, 10])
    bins = reliability(probability, truth)
    assert expected_error(bins) == pytest.approx(0.2)
    assert expected_error(bins, first=1) == pytest.approx(0.4)
    assert bins.voxels[0] == 10
    assert bins.voxels[int(0.9 * BINS)] == 10


def test_certainty_falls_into_the_last_bin():
    bins = reliability(np.float32([1.0]), np.float32([1.0]))
    assert bins.voxels[-1] == 1
    assert expected_error(reliability(np.float32([0.0]), np.float32([0.0])), first=1) is None


def test_patients_are_pooled_voxel_by_voxel():
    one = reliability(np.float32([0.9]), np.float32([0.0]))
    two = reliability(np.float32([0.9] * 3), np.float32([1.0] * 3))
    # Four voxels at 0.9, three of them lesion: |3.6 - 3| / 4.
    assert expected_error(pool([one, two])) == pytest.approx(0.15)


def pairs_of(residuals, found_percent=0.0):
    # At 0 % the scale is the offset of one point, so residuals are points.
    return [
        Pair(f"p{index}", found_percent, found_percent + value)
        for index, value in enumerate(residuals)
    ]


def test_a_residual_is_scaled_by_the_burden():
    # At 50 % the scale is 1 + 50·0.5 = 26; 13 points too little are half of it.
    assert residual(Pair("p", 50.0, 63.0)) == pytest.approx(0.5)
    assert ends(50.0, 0.5, 1.0) == pytest.approx((37.0, 76.0))
    assert ends(0.0, 2.0, 3.0) == (0.0, 3.0)
    assert ends(99.0, 1.0, 2.0)[1] == 100.0


def test_fourteen_patients_take_their_extremes_and_promise_13_of_15():
    # The rank asked is ceil(15·0.95) = 15 of 14, so the ends are the extremes, each missed by one
    # more patient with probability 1/15.
    interval = calibrate(pairs_of([*np.linspace(0, 4, 13), 6.0]))
    assert (interval.below, interval.above) == (0.0, 6.0)
    assert guaranteed(14) == pytest.approx(13 / 15)
    assert guaranteed(19) == pytest.approx(0.9)


def test_with_many_patients_an_end_is_a_quantile_and_no_longer_the_extreme():
    # ceil(40·0.95) = 38 of 39: the largest of 0…38 is left outside.
    interval = calibrate(pairs_of(range(39)))
    assert interval.above == 37.0


def test_coverage_is_counted_on_the_patient_left_out():
    # Without its own residual each extreme lies outside what the others allow: 12 of 14. Truths
    # below zero do not occur, so burdens are 50 % here, in scales of 26.
    interval = calibrate(pairs_of([26 * value / 10 for value in range(-7, 7)], found_percent=50.0))
    assert interval.covered == 12
    assert interval.patients == 14
    assert (interval.below, interval.above) == (pytest.approx(0.7), pytest.approx(0.6))
    assert interval.mean_width_points == pytest.approx(26 * 1.3, abs=0.1)


def test_the_count_of_the_covered_is_the_rules_and_the_width_is_the_models():
    # Five times the errors: the same two patients make the ends, and the width is five times.
    good, bad = (
        calibrate(pairs_of([26 * size * value / 10 for value in range(-7, 7)], found_percent=50.0))
        for size in (0.2, 1.0)
    )
    assert good.covered == bad.covered == 12
    assert bad.mean_width_points == pytest.approx(5 * good.mean_width_points, rel=0.02)


def test_ends_are_rounded_outwards():
    interval = calibrate(pairs_of([0, 0, 0, 0, 1.00049]))
    assert interval.above == 1.001


def test_four_patients_are_too_few():
    assert calibrate(pairs_of([1, 2, 3, 4])) is None
