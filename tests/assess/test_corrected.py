"""A person's painting, measured: two box lungs of 3 × 2 × 2 mm voxels, 0.012 ml each."""

import numpy as np
import pytest

from opacimeter.assess import Corrected, Original
from opacimeter.assess.corrected import corrected_labels
from opacimeter.checks import Check
from opacimeter.errors import Conflict, IntakeRejected
from opacimeter.findings import Network, Quantity, Region
from tests.boxes import two_lungs, volume_of

NETWORK = Network("lung-lesion", "1.0.0", "a" * 64)
SPACING = (3.0, 2.0, 2.0)


def classes(labels):
    """0, 1 lung, 2 lesion: what a viewer shows a person to paint on."""
    return np.array([0, 1, 1, 2, 2], np.uint8)[labels]


def corrected(painted, labels=None, **original):
    hu, found = two_lungs()
    labels = found if labels is None else labels
    return Corrected(Original(1, labels, NETWORK, **original), painted)(volume_of(hu, SPACING))


def of_code(assessment, code):
    return next(check for check in assessment.checks if check.code == code)


def test_lung_that_stays_keeps_its_side_and_what_is_erased_is_gone():
    _, labels = two_lungs()
    painted = classes(labels)
    painted[6:8] = 0  # two slices of both lungs
    painted[8:14, 20:30, 15:25] = 1  # the lesion becomes lung
    found = corrected_labels(labels, painted, volume_of(two_lungs()[0]).affine)
    assert not found[6:8].any()
    assert np.array_equal(np.unique(found[8:, :, :40]), [0, 2])
    assert np.array_equal(np.unique(found[8:, :, 40:]), [0, 1])


def test_what_is_painted_beyond_the_lungs_takes_the_side_of_the_nearer_one():
    hu, labels = two_lungs()  # the right lung ends at column 29, the left one begins at 50
    painted = classes(labels)
    painted[20, 25, 30:40] = 2  # up to 10 columns from the right lung
    painted[20, 25, 40:50] = 1
    found = corrected_labels(labels, painted, volume_of(hu).affine)
    assert found[20, 25, 30:40].tolist() == [4] * 10
    assert found[20, 25, 40:50].tolist() == [1] * 10


def test_nearness_is_counted_in_millimetres():
    labels = np.zeros((10, 1, 10), np.uint8)
    labels[0, 0, 2], labels[8, 0, 5] = 2, 1
    painted = classes(labels)
    painted[0, 0, 5] = 2  # 3 columns from the right lung, 8 slices from the left one
    for slice_mm, column_mm, side in ((1.0, 1.0, 4), (1.0, 3.0, 3)):  # 3 or 9 mm; 8 mm
        affine = np.diag([slice_mm, 1.0, column_mm, 1.0])
        assert corrected_labels(labels, painted, affine)[0, 0, 5] == side


def test_a_painted_lesion_adds_exactly_its_voxels():
    _, labels = two_lungs()
    painted = classes(labels)
    painted[8:14, 20:30, 25:35] = 2  # columns 25…29 were lung, 30…34 were not
    found = corrected(painted)
    # The lesion: 6 × 10 × 10 voxels, and as many again: 1200 × 0.012 ml. The lungs: 2 × 24 000
    # voxels and 6 × 10 × 5 = 300 beyond them: 48 300 × 0.012 ml.
    assert found.value(Quantity.LESION_ML) == pytest.approx(14.4)
    assert found.value(Quantity.LESION_ML, Region.RIGHT_LUNG) == pytest.approx(14.4)
    assert found.value(Quantity.VOLUME_ML) == pytest.approx(579.6)
    assert of_code(found, "corrected").detail == {
        "of": 1,
        "lesion_added_ml": 7.2,
        "lesion_removed_ml": 0.0,
        "lung_added_ml": 3.6,
        "lung_removed_ml": 0.0,
    }


def test_the_network_and_its_limit_stay_and_there_is_no_interval():
    _, labels = two_lungs()
    painted = classes(labels)
    painted[8, 20, 15] = 1
    range_check = Check("outside-evaluated-range", "Slices lie 3.00 mm apart.")
    found = corrected(painted, detection_limit_percent=2.0, checks=(range_check,))
    assert found.segmentation.network == NETWORK
    assert found.detection_limit_percent == 2.0
    assert found.interval_90_percent is None
    assert range_check in found.checks
    # 599 of 48 000 voxels are 1.25 %, below 2 %.
    assert "1.25 %" in of_code(found, "lesion-at-limit").message
    assert "no interval" in of_code(found, "corrected").message


def test_what_is_above_the_limit_is_not_said_to_be_at_it():
    _, labels = two_lungs()
    found = corrected(classes(labels), detection_limit_percent=1.0)  # 600 of 48 000: 1.25 %
    assert "lesion-at-limit" not in {check.code for check in found.checks}


def test_a_painting_without_a_chest_is_rejected_as_any_study_is():
    painted = np.zeros((42, 60, 80), np.uint8)
    painted[10, 20:30, 20:30] = 1
    with pytest.raises(IntakeRejected, match="1 ml of lung over 3 mm"):  # 100 × 0.012 ml
        corrected(painted)


def test_images_that_are_read_onto_another_grid_are_refused():
    _, labels = two_lungs()
    with pytest.raises(Conflict, match="42 slices of 60 × 80"):
        corrected(classes(labels)[1:], labels[1:])
