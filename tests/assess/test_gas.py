"""Air that is no lung: every box here is 1.5 mm in plane, planes are 3 mm apart."""

import numpy as np
import pytest

from opacimeter.assess.gas import without_gas
from tests.assess.test_anatomy import grid_of

SHAPE = (60, 96, 128)
PARENCHYMA = -860


def chest():
    """A body with a margin of air, two lungs of 40×60×40 in it, HU with a noise of 20."""
    noise = np.random.default_rng(7).normal(0, 20, SHAPE)
    hu = np.full(SHAPE, -1000.0)
    hu[:, 6:90, 6:122] = 40
    lung = np.zeros(SHAPE, dtype=bool)
    lung[10:50, 20:80, 14:54] = True
    lung[10:50, 20:80, 74:114] = True
    hu[lung] = PARENCHYMA
    return hu + noise, lung


def kept(hu, lung):
    return without_gas(hu.astype(np.int16), lung, grid_of(SHAPE))


def test_lung_within_the_body_is_left_as_it_is():
    hu, lung = chest()
    assert np.array_equal(kept(hu, lung), lung)


def test_air_around_the_body_is_no_lung_nor_is_the_skin():
    hu, lung = chest()
    wrong = lung.copy()
    wrong[20:40, 0:8, 30:90] = True  # air, and two pixels of skin
    found = kept(hu, wrong)
    assert (found[lung]).all()
    # Of 9600 voxels single ones beside the noise's peaks; pieces below 15 ml are dropped later.
    assert np.count_nonzero(found & ~lung) < 30


def test_gas_in_the_bowel_is_no_lung_even_where_it_touches_one():
    hu, lung = chest()
    wrong = lung.copy()
    # 14 ml: 7·15·20 voxels of 6.75 mm³, its wall taken for lung, and joined to the lung above.
    hu[51:58, 40:55, 80:100] = -1000
    wrong[50:59, 39:56, 79:101] = True
    found = kept(hu, wrong)
    assert not found[51:58, 40:55, 80:100].any()
    assert np.array_equal(found[:50], lung[:50])


def test_a_bulla_at_the_pleura_is_lung():
    hu, lung = chest()
    hu[20:30, 20:40, 74:94] = -1000  # 27 ml in the corner of the left lung
    assert np.array_equal(kept(hu, lung), lung)


@pytest.mark.parametrize("share", [0.2, 0.45])
def test_emphysema_is_lung(share):
    hu, lung = chest()
    holes = np.random.default_rng(8).random(SHAPE) < share
    hu[lung & holes] = -990
    assert np.array_equal(kept(hu, lung), lung)


def test_lung_that_the_picture_cuts_off_is_lung():
    hu, lung = chest()
    cut = np.s_[:, :, 20:]
    planes = hu[cut].astype(np.int16)
    assert np.array_equal(without_gas(planes, lung[cut], grid_of(planes.shape)), lung[cut])


def test_nothing_gives_nothing():
    hu, lung = chest()
    assert not kept(hu, np.zeros_like(lung)).any()
