import numpy as np
import pytest

from training.evaluation.overlap import AreaClass, areas_by_size, dice, pooled, surface_dice


def square(slices, first, last, side=64):
    mask = np.zeros((slices, side, side), dtype=bool)
    mask[:, first:last, first:last] = True
    return mask


def test_dice_of_two_overlapping_squares():
    # 10x10 and 10x10 shifted by 5 along both axes share 5x5: 2·25 / 200.
    assert dice(square(1, 10, 20), square(1, 15, 25)) == pytest.approx(0.25)


def test_two_empty_masks_agree_and_one_empty_does_not():
    nothing = np.zeros((1, 8, 8), dtype=bool)
    assert dice(nothing, nothing) == 1.0
    assert surface_dice(nothing, nothing, (1.0, 2.0)) == (1.0, 1.0)
    assert surface_dice(square(1, 10, 20), np.zeros((1, 64, 64), dtype=bool), (1.0,)) == (0.0,)


def test_an_outline_two_pixels_off_agrees_within_two_and_not_within_one():
    # A square of side 20 inside one of side 24, same middle: every pixel of both outlines is two
    # pixels from the other but the outer corners, whose nearest is sqrt(8) = 2.83 away, and the
    # pixels next to them, whose nearest is 2 across and 1 along, sqrt(5) = 2.24.
    inner, outer = square(1, 12, 32), square(1, 10, 34)
    one, two = surface_dice(inner, outer, (1.0, 2.0))
    assert one == 0.0
    # Outlines: 4·20 - 4 = 76 and 4·24 - 4 = 92. Beyond two: 4 corners and 2·4 neighbours.
    assert two == pytest.approx((76 + 92 - 12) / (76 + 92))


def test_slices_are_not_neighbours():
    # The same square, one slice further: no outline has anything in its own slice.
    a, b = np.zeros((2, 64, 64), dtype=bool), np.zeros((2, 64, 64), dtype=bool)
    a[0, 10:20, 10:20] = b[1, 10:20, 10:20] = True
    assert surface_dice(a, b, (2.0,)) == (0.0,)


def test_areas_are_counted_by_their_size():
    truth, found = np.zeros((1, 64, 64), dtype=bool), np.zeros((1, 64, 64), dtype=bool)
    truth[0, 2:5, 2:5] = True  # 9 pixels, missed
    truth[0, 20:40, 20:40] = True  # 400 pixels, of which 10 rows of 20 are found
    found[0, 20:30, 20:40] = True  # 200 pixels, all true
    found[0, 50:60, 50:60] = True  # 100 pixels, none true
    small, medium, large, huge = areas_by_size(truth, found)
    assert small == AreaClass(1, true_areas=1, true_px=9)
    assert medium == AreaClass(50, found_areas=1, found_px=100)
    assert large == AreaClass(200, 1, 1, 400, 200, 1, 1, 200, 200)
    assert huge == AreaClass(1000)


def test_areas_that_touch_at_a_corner_are_one_and_slices_are_apart():
    truth = np.zeros((2, 16, 16), dtype=bool)
    truth[:, 2:4, 2:4] = truth[:, 4:6, 4:6] = True
    assert areas_by_size(truth, truth)[0].true_areas == 2  # one in each of two slices


def test_patients_are_pooled_and_those_without_counts_add_nothing():
    truth = square(1, 10, 20)
    once = areas_by_size(truth, truth)
    twice = pooled([once, (), once])
    assert twice[1].true_px == 200
    assert twice[1].from_px == once[1].from_px
    assert pooled([()]) == ()
