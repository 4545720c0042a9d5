"""Every number here is worked out by hand from box lungs."""

import tracemalloc

import numpy as np
import pytest

from opacimeter.assess.measure import measure
from opacimeter.findings import Quantity, Region
from opacimeter.zones import lung_zones
from tests.boxes import two_lungs, volume_of

# Voxels of 2×1×1 mm are 0.002 ml; a lung of 30·40·20 = 24 000 voxels is 48 ml; the lesion of
# 6·10·10 = 600 voxels is 1.2 ml, 2.5 % of its lung and 1.25 % of both.
SPACING = (2.0, 1.0, 1.0)


def values(hu, labels, spacing=SPACING, **kwargs):
    measured = measure(volume_of(hu, spacing, **kwargs), labels)
    return {(row.region, row.quantity): row.value for row in measured.measurements}, measured


def test_volumes_and_percentages_follow_from_the_voxels():
    found, _ = values(*two_lungs())
    assert found[Region.LUNGS, Quantity.VOLUME_ML] == pytest.approx(96.0)
    assert found[Region.RIGHT_LUNG, Quantity.LESION_ML] == pytest.approx(1.2)
    assert found[Region.RIGHT_LUNG, Quantity.LESION_PERCENT] == pytest.approx(2.5)
    assert found[Region.LUNGS, Quantity.LESION_PERCENT] == pytest.approx(1.25)
    assert found[Region.LEFT_LUNG, Quantity.LESION_PERCENT] == 0.0


def test_a_lung_without_lesion_has_no_lesion_mean():
    found, _ = values(*two_lungs())
    assert (Region.LEFT_LUNG, Quantity.LESION_MEAN_HU) not in found
    assert found[Region.RIGHT_LUNG, Quantity.LESION_MEAN_HU] == -400.0


def test_no_lung_gives_no_row_at_all():
    hu, labels = two_lungs()
    found, measured = values(hu, np.zeros_like(labels))
    assert found == {}
    assert measured.lesions == ()


def test_mass_weighs_water_at_one_gram_a_millilitre_and_air_at_nothing():
    hu, labels = two_lungs()
    hu[labels == 1] = -1024  # denser than nothing is nothing: clipped, not negative
    found, _ = values(hu, labels)
    # Right lung: 23 400 voxels of -800 HU weigh 0.2 g/ml, 600 of -400 HU 0.6 g/ml.
    assert found[Region.LEFT_LUNG, Quantity.MASS_G] == 0.0
    assert found[Region.RIGHT_LUNG, Quantity.MASS_G] == pytest.approx(46.8 * 0.2 + 1.2 * 0.6)
    assert found[Region.LUNGS, Quantity.LESION_MASS_G] == pytest.approx(0.72)


def test_high_opacity_begins_at_minus_200_and_low_attenuation_below_minus_950():
    hu, labels = two_lungs()
    hu[8:14, 20:30, 15:20] = -200  # half of the lesion, just inside
    hu[8:14, 20:30, 20:25] = -201
    hu[6, 10:50, 50:70] = -951  # one slice of 30 of the left lung
    hu[7, 10:50, 50:70] = -950
    found, _ = values(hu, labels)
    assert found[Region.RIGHT_LUNG, Quantity.HIGH_OPACITY_ML] == pytest.approx(0.6)
    assert found[Region.RIGHT_LUNG, Quantity.HIGH_OPACITY_PERCENT] == pytest.approx(1.25)
    assert found[Region.LEFT_LUNG, Quantity.LOW_ATTENUATION_PERCENT] == pytest.approx(100 / 30)


def test_mean_and_deviation_are_those_of_the_voxels():
    hu, labels = two_lungs()
    hu += np.random.default_rng(1).integers(-50, 50, hu.shape).astype(np.int16)
    found, _ = values(hu, labels)
    lung = hu[labels > 0]
    assert found[Region.LUNGS, Quantity.MEAN_HU] == pytest.approx(lung.mean(dtype=float))
    assert found[Region.LUNGS, Quantity.SD_HU] == pytest.approx(lung.std(dtype=float))


def test_each_lung_is_cut_in_thirds_of_its_own_height():
    hu, labels = two_lungs()
    labels[labels == 1] = 0
    labels[12:24, 10:50, 50:70] = 1  # a left lung of 12 slices: 4 in each zone
    zones = lung_zones(volume_of(hu, SPACING), labels)
    counted = [np.count_nonzero((zones == zone).any((1, 2))) for zone in range(1, 7)]
    assert counted == [10, 10, 10, 4, 4, 4]
    assert zones[6:16, 30, 12].tolist() == [1] * 10  # the most cranial third of the right lung


def test_zones_follow_the_patient_not_the_slices_of_a_tilted_gantry():
    hu, labels = two_lungs()
    # Planes lean by one mm of z for each row: 40 rows are as much as 20 slices.
    affine = np.array([[0, 0, 1.0, 0], [0, 1.0, 0, 0], [-2.0, 1.0, 0, 0], [0, 0, 0, 1.0]])
    zones = lung_zones(volume_of(hu, affine=affine), labels)
    assert zones[6, 10, 12] == 2  # first slice, front: 39 mm below the top of 99
    assert zones[6, 49, 12] == 1
    assert zones[35, 10, 12] == 3


def test_a_tilted_gantry_does_not_inflate_the_volume():
    hu, labels = two_lungs()
    affine = np.array([[0, 0, 1.0, 0], [0, 0.6, 0, 0], [-2.0, 0.8, 0, 0], [0, 0, 0, 1.0]])
    found, _ = values(hu, labels, affine=affine)
    # Rows of 1 mm lean so far that planes lie 2·0.6 = 1.2 mm apart: 48 000 voxels of 0.0012 ml.
    assert found[Region.LUNGS, Quantity.VOLUME_ML] == pytest.approx(57.6)


def test_lesions_are_listed_from_a_tenth_of_a_millilitre():
    hu, labels = two_lungs()
    labels[30, 12:17, 52:62] = 3  # 50 voxels: exactly 0.1 ml
    labels[34, 40:47, 60:67] = 3  # 49 voxels: too small to list, still volume
    found, measured = values(hu, labels)
    assert [round(lesion.volume_ml, 3) for lesion in measured.lesions] == [1.2, 0.1]
    assert found[Region.LEFT_LUNG, Quantity.LESION_COUNT] == 1
    assert found[Region.LEFT_LUNG, Quantity.LESION_ML] == pytest.approx(0.198)


def test_a_lesion_has_its_centre_zone_and_slices():
    _, measured = values(*two_lungs())
    (lesion,) = measured.lesions
    # Middle of slices 8…13 is 10.5, of rows 20…29 24.5, of columns 15…24 19.5.
    assert lesion.centre_mm == pytest.approx((19.5, 24.5, -21.0))
    assert lesion.region is Region.RIGHT_UPPER
    assert lesion.slices == (8, 13)
    assert lesion.mean_hu == -400.0


def test_lesions_that_touch_at_a_corner_are_one():
    hu, labels = two_lungs()
    labels[14:16, 30:40, 25:29] = 4  # touches the first at one corner
    _, measured = values(hu, labels)
    assert len(measured.lesions) == 1


def test_profile_gives_square_centimetres_by_slice():
    _, measured = values(*two_lungs())
    profile = measured.profile
    assert profile.lung_cm2[8] == pytest.approx(16.0)  # 2·800 mm²
    assert profile.lesion_cm2[[7, 8, 13, 14]].tolist() == [0.0, 1.0, 1.0, 0.0]
    assert profile.position_mm[:2].tolist() == [0.0, -2.0]


def test_histogram_holds_every_millilitre():
    _, measured = values(*two_lungs())
    histogram = measured.histogram
    assert histogram.lungs_ml.sum() == pytest.approx(96.0)
    assert histogram.lesion_ml.sum() == pytest.approx(1.2)
    inside = int(np.searchsorted(histogram.edges_hu, -400, side="right")) - 1
    assert histogram.lesion_ml[inside] == pytest.approx(1.2)


def test_ten_thousand_specks_beside_a_lesion_do_not_move_it():
    # Pieces are counted in 16 bits, and 9363·7 is beyond them: the large lesion is labelled last.
    labels = np.zeros((56, 80, 160), dtype=np.uint8)
    labels[:, :, :100] = 2
    labels[:40:2, :80:2, :100:4] = 4  # 20·40·25 = 20 000 single voxels
    labels[44:54, 10:20, 10:20] = 4  # 1000 voxels in the lowest third
    hu = np.full(labels.shape, -800, dtype=np.int16)
    hu[44:54, 10:20, 10:20] = -300
    _, measured = values(hu, labels)
    (lesion,) = measured.lesions
    assert lesion.volume_ml == pytest.approx(2.0)
    assert lesion.region is Region.RIGHT_LOWER
    assert lesion.mean_hu == -300.0


def test_what_was_measured_cannot_be_changed():
    _, measured = values(*two_lungs())
    with pytest.raises(ValueError, match="read-only"):
        measured.histogram.edges_hu[0] = 0.0
    with pytest.raises(ValueError, match="read-only"):
        measured.profile.lung_cm2[0] = 0.0


def test_metal_is_clipped_and_does_not_wrap_around():
    hu, labels = two_lungs()
    hu[labels == 1] = 32767
    found, _ = values(hu, labels)
    assert found[Region.LEFT_LUNG, Quantity.MEAN_HU] == 3071.0
    assert found[Region.LEFT_LUNG, Quantity.SD_HU] == 0.0


def test_one_lung_alone_has_no_row_of_the_other():
    hu, labels = two_lungs()
    labels[labels == 1] = 0
    found, _ = values(hu, labels)
    assert found[Region.LUNGS, Quantity.VOLUME_ML] == pytest.approx(48.0)
    assert not any(region.startswith("left") for region, _ in found)


def test_a_lesion_across_both_lungs_is_one_in_each():
    hu, labels = two_lungs()
    labels[20:26, 20:30, 20:60] = np.where(np.arange(20, 60) < 40, 4, 3)  # 6·10·20 voxels a side
    _, measured = values(hu, labels)
    assert [round(one.volume_ml, 3) for one in measured.lesions] == [2.4, 2.4, 1.2]


def test_measuring_of_nothing_but_lesion_needs_less_than_eight_bytes_a_voxel():
    hu = np.full((64, 256, 256), -300, dtype=np.int16)
    labels = np.full(hu.shape, 4, dtype=np.uint8)
    labels[:, :, 128:] = 3  # nothing but lesion: the worst there is
    volume = volume_of(hu, SPACING)
    tracemalloc.start()
    measure(volume, labels)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # The zones take 1 byte, a mask 1, the lesions' numbers 4 while they are listed.
    assert peak < 8 * hu.size
