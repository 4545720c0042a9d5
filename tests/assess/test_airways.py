import numpy as np

from opacimeter.assess.airways import central_airways
from tests.assess.test_anatomy import grid_of

SHAPE = (60, 96, 128)


def neck_and_lungs():
    """Soft tissue, lungs from plane 15, and a trachea of 9×9 pixels that parts at plane 30."""
    hu = np.full(SHAPE, 40, dtype=np.int16)
    lung = np.zeros(SHAPE, dtype=bool)
    lung[15:55, 20:80, 10:50] = True
    lung[15:55, 20:80, 78:118] = True
    hu[lung] = -840
    hu[:30, 45:54, 60:69] = -1000
    hu[30:40, 45:53, 54:61] = -1000
    hu[30:40, 45:53, 68:75] = -1000
    return hu, lung


def test_trachea_and_main_bronchi_are_found_with_their_walls():
    hu, lung = neck_and_lungs()
    found = central_airways(hu, lung, grid_of(SHAPE))
    assert found[:40][hu[:40] == -1000].all()
    assert found[20, 44, 64]  # one pixel of wall
    assert not found[20, 42, 64]


def test_a_bronchus_that_opens_into_the_lung_does_not_empty_it():
    hu, lung = neck_and_lungs()
    hu[40:, 20:80, 10:54] = -1000  # emphysema without a wall towards the right bronchus
    found = central_airways(hu, lung, grid_of(SHAPE))
    assert not found[45].any()


def test_without_a_trachea_nothing_is_taken():
    hu, lung = neck_and_lungs()
    hu[:40][hu[:40] == -1000] = 40
    assert not central_airways(hu, lung, grid_of(SHAPE)).any()
