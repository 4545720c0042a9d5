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


def controls_of(found):
    return [Pair(f"c{index}", value, 0.0, control=True) for index, value in enumerate(found)]


def test_a_residual_is_scaled_by_the_root_of_the_burden():
    # At 50 % the scale is 1 + √(50·0.5) = 6; 3 points too little are half of it.
    assert residual(Pair("p", 50.0, 53.0)) == pytest.approx(0.5)
    assert residual(Pair("p", 50.0, 47.0)) == pytest.approx(-0.5)
    assert ends(50.0, 0.5) == pytest.approx((47.0, 53.0))
    assert ends(0.0, 2.0) == (0.0, 2.0)
    assert ends(99.0, 2.0)[1] == 100.0


def test_fourteen_patients_take_the_largest_error_and_promise_14_of_15():
    # The rank asked is ceil(15·0.9) = 14 of 14: the largest, on whichever side it lay.
    interval = calibrate(pairs_of([*np.linspace(0, 4, 13), 6.0]))
    assert (interval.below, interval.above) == (6.0, 6.0)
    assert guaranteed(14) == pytest.approx(14 / 15)
    assert guaranteed(9) == pytest.approx(0.9)


def test_from_nineteen_patients_the_worst_is_left_outside():
    # ceil(20·0.9) = 18 of 19.
    interval = calibrate(pairs_of(range(19)))
    assert interval.above == 17.0
    assert guaranteed(19) == pytest.approx(0.9)


def test_controls_count_for_the_rank_and_not_for_coverage_and_width():
    diseased = pairs_of(range(14))
    alone, beside = calibrate(diseased), calibrate([*diseased, *controls_of([0.0] * 5)])
    assert (alone.patients, alone.controls, alone.above) == (14, 0, 13.0)
    assert (beside.patients, beside.controls, beside.above) == (19, 5, 12.0)
    # All have a found percentage of 0, so each interval is as wide as its upper reach.
    assert (alone.mean_width_points, beside.mean_width_points) == (13.0, 12.0)
    assert beside.covered == 13


def test_a_control_in_which_much_is_found_makes_the_interval_wider():
    diseased = pairs_of([0.1] * 14)
    assert calibrate([*diseased, *controls_of([0.0] * 5)]).above == pytest.approx(0.1)
    assert calibrate([*diseased, *controls_of([9.0] * 5)]).above > 2


def test_controls_alone_calibrate_nothing():
    assert calibrate(controls_of([0.1] * 6)) is None


def test_coverage_is_counted_on_the_patient_left_out():
    # Without its own residual the worst lies outside what the others allow. Truths below zero do
    # not occur, so burdens are 50 % here, in scales of 6.
    interval = calibrate(pairs_of([6 * value / 10 for value in range(-7, 7)], found_percent=50.0))
    assert interval.covered == 13
    assert interval.patients == 14
    assert interval.below == interval.above == pytest.approx(0.7)
    assert interval.mean_width_points == pytest.approx(6 * 1.4, abs=0.1)


def test_the_count_of_the_covered_is_the_rules_and_the_width_is_the_models():
    # Five times the errors: the same patient makes the ends, and the width is five times.
    good, bad = (
        calibrate(pairs_of([6 * size * value / 10 for value in range(-7, 7)], found_percent=50.0))
        for size in (0.2, 1.0)
    )
    assert good.covered == bad.covered == 13
    assert bad.mean_width_points == pytest.approx(5 * good.mean_width_points, rel=0.02)


def test_ends_are_rounded_outwards():
    interval = calibrate(pairs_of([0, 0, 0, 0, 1.00049]))
    assert interval.above == 1.001


def test_four_patients_are_too_few():
    assert calibrate(pairs_of([1, 2, 3, 4])) is None
