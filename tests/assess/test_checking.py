from dataclasses import replace

import numpy as np
import pytest

from opacimeter.assess.bundle import DetectionLimit
from opacimeter.assess.checking import check_lungs
from opacimeter.assess.measure import measure
from opacimeter.checks import Check
from opacimeter.errors import IntakeRejected
from tests.assess.test_segment import BUNDLE
from tests.boxes import volume_of


def chest(slices=60):
    """Two lungs of 40 slices × 100 × 60 voxels; with voxels of 0.012 ml 5.76 l over 120 mm."""
    hu = np.full((slices, 160, 180), -1000, dtype=np.int16)
    hu[:, 10:150, 5:175] = 40
    labels = np.zeros(hu.shape, dtype=np.uint8)
    labels[10:50, 30:130, 15:75] = 2
    labels[10:50, 30:130, 105:165] = 1
    hu[labels > 0] = -850
    return hu, labels


def trachea(hu, height, width):
    """Air of a given cross-section in pixels, between the lungs, from the top to the carina."""
    hu[:30, 80 - height // 2 : 80 - height // 2 + height, 90 - width // 2 : 90 + width // 2] = -1000


def codes(hu, labels, bundle=BUNDLE, spacing=(3.0, 2.0, 2.0)):
    volume = volume_of(hu, spacing)
    rows = measure(volume, labels).measurements
    return {check.code: check for check in check_lungs(volume, labels, rows, bundle)}


def test_a_whole_chest_raises_nothing():
    hu, labels = chest()
    trachea(hu, 10, 10)
    assert codes(hu, labels) == {}


def test_no_lung_is_no_chest_and_says_how_much_there_was():
    hu, labels = chest()
    labels[:] = 0
    with pytest.raises(IntakeRejected, match="0 ml of lung over 0 mm") as rejected:
        codes(hu, labels)
    assert [check.code for check in rejected.value.checks] == ["not-chest"]


def test_lung_bases_under_an_abdomen_are_no_chest():
    hu, labels = chest()
    labels[18:] = 0  # 8 slices: 24 mm, 1152 ml
    with pytest.raises(IntakeRejected, match="1152 ml of lung over 24 mm"):
        codes(hu, labels)


def test_a_small_lung_is_named_with_its_volume():
    hu, labels = chest()
    labels[30:] = 0
    labels[:, 80:] = 0  # 20 slices × 50 × 60 voxels a side: 1440 ml over 60 mm
    assert codes(hu, labels)["small-lung"].detail["lung_ml"] == 1440.0


@pytest.mark.parametrize(
    ("cut", "place"),
    [(np.s_[10:], "top"), (np.s_[:50], "bottom"), (np.s_[:, :, 15:], "side")],
)
def test_lung_at_the_edge_of_the_images_is_cut_off(cut, place):
    hu, labels = chest()
    found = codes(np.ascontiguousarray(hu[cut]), np.ascontiguousarray(labels[cut]))
    assert place in found["lung-cut-off"].detail


def test_an_enhanced_heart_means_contrast_medium():
    hu, labels = chest()
    hu[10:50, 30:130, 75:105] = 180
    found = codes(hu, labels)
    assert found["contrast-medium"].detail["heart_hu"] == pytest.approx(180, abs=2)


def test_what_intake_said_is_not_said_twice():
    hu, labels = chest()
    hu[10:50, 30:130, 75:105] = 180
    volume = volume_of(hu, (3.0, 2.0, 2.0))
    volume = replace(volume, checks=(Check("contrast-medium", "By tag."),))
    assert check_lungs(volume, labels, measure(volume, labels).measurements, BUNDLE) == ()


def test_a_flat_trachea_means_expiration():
    hu, labels = chest()
    trachea(hu, 4, 10)
    assert codes(hu, labels)["expiration"].detail["depth_by_width"] == 0.4


def test_spacing_outside_the_evaluation_is_named():
    hu, labels = chest()
    bundle = replace(BUNDLE, evaluated={"slice_mm": (1.0, 2.5)})
    assert "1 to 2.5 mm" in codes(hu, labels, bundle)["outside-evaluated-range"].message


def test_a_lesion_below_the_detection_limit_cannot_be_told_from_none():
    hu, labels = chest()
    labels[20, 40:60, 20:40] = 4  # 400 of 480 000 voxels: 0.083 %
    bundle = replace(BUNDLE, detection_limit=DetectionLimit(0.1, 2))
    assert codes(hu, labels, bundle)["lesion-at-limit"].detail["lesion_percent"] == 0.083
    bundle = replace(BUNDLE, detection_limit=DetectionLimit(0.08, 2))
    assert "lesion-at-limit" not in codes(hu, labels, bundle)


def test_lung_at_the_edge_of_a_round_field_is_cut_off():
    hu, labels = chest()
    rows, columns = np.mgrid[:160, :180]
    outside = (rows - 80) ** 2 + (columns - 90) ** 2 > 70**2  # the lungs reach 75 columns out
    hu[:, outside] = -1024
    labels[:, outside] = 0
    trachea(hu, 10, 10)
    assert list(codes(hu, labels)["lung-cut-off"].detail) == ["side"]


def test_one_lung_alone_says_nothing_of_the_heart():
    hu, labels = chest()
    labels[labels == 1] = 0
    hu[10:50, 30:130, 75:105] = 180
    assert "contrast-medium" not in codes(hu, labels)


@pytest.mark.parametrize("turn", ["prone", "mirrored", "on the side"])
def test_the_trachea_is_looked_at_as_it_lies_in_the_patient(turn):
    hu, labels = chest()
    trachea(hu, 4, 10)  # flat from front to back
    affine = volume_of(hu, (3.0, 2.0, 2.0)).affine.copy()
    if turn == "prone":
        hu, labels = hu[:, ::-1, ::-1], labels[:, ::-1, ::-1]
        affine[:3, 1:3] *= -1
    elif turn == "mirrored":
        hu, labels = hu[:, :, ::-1], labels[:, :, ::-1]
        affine[:3, 2] *= -1
    else:
        hu, labels = hu.transpose(0, 2, 1), labels.transpose(0, 2, 1)
        affine = affine[:, [0, 2, 1, 3]]
    volume = volume_of(np.ascontiguousarray(hu), affine=affine)
    rows = measure(volume, labels).measurements
    (check,) = check_lungs(volume, labels, rows, BUNDLE)
    assert check.detail["depth_by_width"] == 0.4
