import numpy as np
import pytest

from opacimeter.assess.anatomy import LEFT, RIGHT, split_lungs
from opacimeter.assess.grid import Grid


def grid_of(shape, plane_mm=3.0, pixel_mm=1.5):
    groups = tuple((index, index + 1) for index in range(shape[0]))
    window = (slice(0, shape[1]), slice(0, shape[2]))
    return Grid(groups, plane_mm, (pixel_mm, pixel_mm), shape[1:], window, shape)


def lungs(contact=0):
    """Two blocks of 40×60×40, apart by 20 columns, or touching over some planes at the front."""
    lung = np.zeros((60, 96, 128), dtype=bool)
    lung[10:50, 20:80, 14:54] = True
    lung[10:50, 20:80, 74:114] = True
    if contact:
        lung[20 : 20 + contact, 20:26, 54:74] = True
    return lung


def test_the_patients_left_is_at_the_higher_columns():
    sides = split_lungs(lungs(), grid_of((60, 96, 128)))
    assert sides[30, 50, 20] == RIGHT
    assert sides[30, 50, 100] == LEFT


@pytest.mark.parametrize("contact", [2, 12, 30])
def test_lungs_that_touch_in_front_of_the_heart_are_told_apart(contact):
    lung = lungs(contact)
    sides = split_lungs(lung, grid_of((60, 96, 128)))
    assert (sides[lung] > 0).all()
    # Behind the bridge everything is on its own side; the bridge is shared about evenly.
    assert (sides[10:50, 20:80, 14:54] == RIGHT).mean() > 0.99
    assert (sides[10:50, 20:80, 74:114] == LEFT).mean() > 0.99
    bridge = sides[20 : 20 + contact, 20:26, 54:74]
    assert 0.2 < (bridge == LEFT).mean() < 0.8


def test_one_lung_alone_keeps_its_side():
    lung = lungs()
    lung[:, :, 64:] = False
    sides = split_lungs(lung, grid_of((60, 96, 128)))
    assert set(np.unique(sides)) == {0, RIGHT}


def test_bowel_gas_is_no_lung():
    lung = lungs()
    lung[55:58, 60:70, 60:70] = True  # 300 voxels of 6.75 mm³: 2 ml
    sides = split_lungs(lung, grid_of((60, 96, 128)))
    assert not sides[55:58].any()


def test_vessels_are_filled_and_the_heart_is_not():
    lung = lungs()
    lung[15:45, 40:46, 30:36] = False  # 9 mm wide: a vessel
    lung[10:50, 55:75, 80:100] = False  # 30 mm wide, open at both ends: not a hole to fill
    sides = split_lungs(lung, grid_of((60, 96, 128)))
    assert (sides[15:45, 40:46, 30:36] == RIGHT).all()
    assert not sides[30, 60:70, 85:95].any()


def test_nothing_gives_nothing():
    assert not split_lungs(np.zeros((8, 32, 32), dtype=bool), grid_of((8, 32, 32))).any()


def ellipse(shape, centre, radii):
    inside = np.zeros(shape)
    for axis, (middle, radius) in enumerate(zip(centre, radii, strict=True)):
        along = ((np.arange(shape[axis]) - middle) / radius) ** 2
        inside = inside + along.reshape([-1 if i == axis else 1 for i in range(3)])
    return inside <= 1


@pytest.mark.parametrize(("column", "side"), [(40, RIGHT), (88, LEFT)])
def test_one_round_lung_alone_is_not_cut_in_two(column, side):
    # Its breadth falls off to both sides, without a valley in it.
    lung = ellipse((60, 96, 128), (30, 48, column), (25, 35, 28))
    sides = split_lungs(lung, grid_of((60, 96, 128)))
    assert set(np.unique(sides)) == {0, side}


def test_one_large_lung_that_reaches_over_the_middle_is_one_lung():
    lung = ellipse((60, 96, 128), (30, 48, 50), (25, 35, 38))  # columns 12…88, the middle is 64
    assert set(np.unique(split_lungs(lung, grid_of((60, 96, 128))))) == {0, RIGHT}


def test_a_small_lung_beside_a_large_one_is_found():
    # Columns 10…25 and 40…117: the gap lies outside the middle half of both.
    lung = np.zeros((60, 96, 128), dtype=bool)
    lung[10:50, 20:80, 10:26] = True
    lung[10:50, 20:80, 40:118] = True
    sides = split_lungs(lung, grid_of((60, 96, 128)))
    assert (sides[:, :, :26][lung[:, :, :26]] == RIGHT).all()
    assert (sides[:, :, 40:][lung[:, :, 40:]] == LEFT).all()


def test_a_lung_that_falls_in_two_before_it_lets_go_of_the_other_keeps_its_side():
    lung = lungs()
    lung[32:50, 20:40, 54:74] = True  # below the fissure the lungs are joined over 30 mm
    lung[30, :, 14:54] = False  # a fissure through the right lung …
    lung[30, 48:52, 30:34] = True  # … with a bridge of four pixels
    sides = split_lungs(lung, grid_of((60, 96, 128)))
    assert (sides[10:30, 20:80, 14:50] == RIGHT).all()
    assert (sides[31:50, 20:80, 14:50] == RIGHT).all()
    assert (sides[10:50, 20:80, 78:114] == LEFT).all()
