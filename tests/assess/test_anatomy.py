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
