"""The phantom's scans: known volumes, geometry, intensities."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from training.phantom import (
    Kernel,
    Lesion,
    LesionKind,
    Patient,
    Position,
    Region,
    Scan,
    scan,
    spread,
)

SMALL = Scan(
    slices=28, rows=72, columns=72, spacing_mm=(10.0, 5.2, 5.2), thickness_mm=5.0, noise_hu=15.0
)
BALL = Lesion(
    LesionKind.CONSOLIDATION, (85.0, 20.0, -10.0), (20.0, 20.0, 20.0), hu=0.0, ragged_mm=0
)
SICK = Patient(lesions=(BALL,))


def centroid_mm(labels, affine, values):
    index = np.argwhere(np.isin(labels, values)).mean(0)
    return affine[:3, :3] @ index + affine[:3, 3]


@pytest.fixture(scope="module")
def small():
    return scan(SICK, SMALL)


def test_a_ball_of_20_mm_has_the_volume_of_a_ball():
    # 4/3·π·20³ mm³ = 33.510 ml; it lies wholly in the left lung. 40 planes of 1 mm hold it.
    protocol = Scan(
        slices=50, rows=60, columns=60, spacing_mm=(1, 1, 1), thickness_mm=1, top_mm=15.0
    )
    wide = replace(protocol, rows=240, columns=240)
    _, truth = scan(SICK, wide)
    assert truth.volumes_ml["lesion"] == pytest.approx(4 / 3 * math.pi * 8, rel=0.01)
    assert truth.volumes_ml["right_lesion"] == 0
    assert truth.lesions[0].left_ml == pytest.approx(truth.volumes_ml["left_lesion"])


def test_volumes_are_those_of_the_masks(small):
    _, truth = small
    voxel_ml = 10 * 5.2 * 5.2 / 1000  # 0.2704 ml
    volumes = truth.volumes_ml
    assert volumes["lungs"] == pytest.approx(np.count_nonzero(truth.labels) * voxel_ml)
    assert volumes["lungs"] == pytest.approx(volumes["left_lung"] + volumes["right_lung"])
    assert volumes["lesion"] == pytest.approx(np.count_nonzero(truth.labels >= 3) * voxel_ml)
    assert truth.lesion_percent == pytest.approx(100 * volumes["lesion"] / volumes["lungs"])


def test_a_chest_scan_holds_the_whole_lungs(small):
    labels = small[1].labels
    assert not labels[0].any()
    assert not labels[-1].any()
    assert not labels[:, :, [0, -1]].any()


def test_lungs_are_an_adults_and_the_right_is_larger(small):
    volumes = small[1].volumes_ml
    assert 4000 < volumes["lungs"] < 5000
    assert 1.02 < volumes["right_lung"] / volumes["left_lung"] < 1.3


def test_a_finer_grid_gives_the_same_volumes_within_one_percent(small):
    finer = replace(
        SMALL, slices=70, rows=144, columns=144, spacing_mm=(4, 2.6, 2.6), thickness_mm=4
    )
    coarse, fine = small[1].volumes_ml, scan(SICK, finer)[1].volumes_ml
    for name in ("lungs", "left_lung", "right_lung"):
        assert fine[name] == pytest.approx(coarse[name], rel=0.01)


def test_truth_lies_where_its_affine_says(small):
    _, truth = small
    # The ball's middle is at (85, 20, -10); a voxel is 10 mm high, so half of one is the tolerance.
    assert centroid_mm(truth.labels, truth.affine, [3]) == pytest.approx((85, 20, -10), abs=5)
    assert centroid_mm(truth.labels, truth.affine, [1])[0] > 40
    assert centroid_mm(truth.labels, truth.affine, [2])[0] < -40


@pytest.mark.parametrize("position", list(Position))
def test_lungs_keep_their_place_in_the_body_in_every_position(small, position):
    hu, truth = scan(SICK, replace(SMALL, position=position))
    for values in ([1], [2], [3]):
        there = centroid_mm(small[1].labels, small[1].affine, values)
        assert centroid_mm(truth.labels, truth.affine, values) == pytest.approx(there, abs=1.5)
    assert hu[truth.labels == 1].mean() < -650


@pytest.mark.parametrize("flip", [{"flipped_rows": True}, {"flipped_columns": True}])
def test_mirrored_images_have_a_left_handed_affine_and_the_same_voxels(small, flip):
    hu, truth = scan(SICK, replace(SMALL, noise_hu=0, **flip))
    axis = 1 if "flipped_rows" in flip else 2
    plain, plain_truth = scan(SICK, replace(SMALL, noise_hu=0))
    # Index (slice, row, column) with slices downwards: not mirrored has a determinant above 0.
    assert np.linalg.det(plain_truth.affine[:3, :3]) * np.linalg.det(truth.affine[:3, :3]) < 0
    assert np.array_equal(np.flip(truth.labels, axis), plain_truth.labels)
    assert np.abs(np.flip(hu, axis).astype(int) - plain).max() <= 1


def test_a_tilted_gantry_shears_the_grid_and_keeps_the_volumes(small):
    _, truth = scan(SICK, replace(SMALL, slices=34, top_mm=170.0, tilt_degrees=15.0))
    # A table step of 10 mm is 10·cos 15° = 9.659 mm between planes: 0.2612 ml a voxel.
    assert truth.voxel_ml == pytest.approx(0.2704 * math.cos(math.radians(15)))
    assert truth.volumes_ml["lungs"] == pytest.approx(small[1].volumes_ml["lungs"], rel=0.01)
    assert truth.volumes_ml["lesion"] == pytest.approx(small[1].volumes_ml["lesion"], rel=0.06)


def test_tissues_have_their_hounsfield_units():
    protocol = Scan(slices=12, rows=200, columns=200, spacing_mm=(3, 1.9, 1.9), thickness_mm=3,
                    top_mm=20.0, noise_hu=0)  # fmt: skip
    hu, truth = scan(SICK, protocol)
    deep = binary_erosion(np.isin(truth.labels, (1, 2)), iterations=2)
    assert -885 < np.median(hu[deep]) < -830
    assert -40 < np.median(hu[binary_erosion(truth.labels == 3, iterations=2)]) < 40
    assert (hu[:, 2, 2] == -1000).all()
    assert hu.max() > 500
    inverse = np.linalg.inv(truth.affine)
    heart = np.rint(inverse[:3, :3] @ (20, -28, 5) + inverse[:3, 3]).astype(int)
    assert 30 < hu[tuple(heart)] < 60


def test_ground_glass_is_denser_than_lung_and_thinner_than_water():
    glass = replace(BALL, kind=LesionKind.GROUND_GLASS, hu=-550)
    protocol = replace(SMALL, spacing_mm=(10.0, 2.6, 2.6), rows=144, columns=144)
    hu, truth = scan(Patient(lesions=(glass,)), protocol)
    assert -680 < np.median(hu[truth.labels == 3]) < -450


def test_noise_has_the_deviation_that_was_asked_for():
    flat = replace(SMALL, slices=4, top_mm=-130.0, rows=160, columns=160, spacing_mm=(3, 2.2, 2.2))
    quiet, _ = scan(Patient(), replace(flat, noise_hu=0))
    loud, _ = scan(Patient(), replace(flat, noise_hu=20))
    liver = (loud.astype(float) - quiet)[:, 60:100, 45:65]
    # In the middle of a body nearly all of the noise shows: 20 HU times 0.9 to 1.
    assert 16 < liver.std() < 21


def test_a_sharp_kernel_has_steeper_edges_than_a_soft_one():
    plain = replace(SMALL, slices=3, top_mm=10.0, rows=300, columns=300, spacing_mm=(3, 1.2, 1.2),
                    noise_hu=0)  # fmt: skip
    soft, _ = scan(Patient(), plain)
    sharp, _ = scan(Patient(), replace(plain, kernel=Kernel.SHARP))
    steepness = [np.abs(np.diff(image.astype(float), axis=2)).max() for image in (soft, sharp)]
    assert steepness[1] > 1.1 * steepness[0]


def test_a_head_and_an_abdomen_hold_no_lung():
    for elsewhere in ({"region": Region.HEAD, "top_mm": 110.0}, {"top_mm": -150.0}):
        hu, truth = scan(Patient(), replace(SMALL, slices=18, **elsewhere))
        assert truth.volumes_ml["lungs"] == 0
        assert truth.lesion_percent is None
        assert hu.max() > 300  # there is bone all the same


def test_the_same_arguments_give_the_same_voxels_and_another_seed_others():
    first, _ = scan(SICK, replace(SMALL, slices=4, top_mm=20.0))
    again, _ = scan(SICK, replace(SMALL, slices=4, top_mm=20.0))
    other, _ = scan(SICK, replace(SMALL, slices=4, top_mm=20.0, seed=2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("percent", [2.0, 15.0, 45.0])
def test_a_burden_is_met_on_both_sides(percent):
    patient = Patient(lesions=spread(percent, seed=3))
    truth = scan(patient, replace(SMALL, slices=56, spacing_mm=(5.0, 5.2, 5.2)))[1]
    assert truth.lesion_percent == pytest.approx(percent, rel=0.08)
    assert min(truth.volumes_ml["left_lesion"], truth.volumes_ml["right_lesion"]) > 0
    each = sum(lesion.left_ml + lesion.right_ml for lesion in truth.lesions)
    assert each == pytest.approx(truth.volumes_ml["lesion"])


def test_a_healthy_patient_has_no_lesion():
    assert spread(0, seed=1) == ()
    assert scan(Patient(), SMALL)[1].lesion_percent == 0


@pytest.mark.parametrize(
    "wrong", [{"slices": 0}, {"thickness_mm": 0}, {"tilt_degrees": 40}, {"noise_hu": -1}]
)
def test_a_scan_that_no_scanner_makes_is_refused(wrong):
    with pytest.raises(ValueError, match=r"scan|spacing|noise"):
        Scan(**wrong)


def test_the_truth_as_json_says_all_volumes(small):
    told = small[1].to_dict()
    assert told["schema"] == "opacimeter-phantom-truth-1"
    assert set(told["volumes_ml"]) == {
        "lungs", "left_lung", "right_lung", "lesion", "left_lesion", "right_lesion"
    }  # fmt: skip
    assert told["lesion_percent"] == pytest.approx(small[1].lesion_percent, abs=1e-3)
    (ball,) = told["lesions"]
    assert ball["kind"] == "consolidation"
    assert ball["centre_mm"] == [85.0, 20.0, -10.0]
    assert ball["ml"] == pytest.approx(ball["left_ml"] + ball["right_ml"])
    assert told["grid"]["shape"] == [28, 72, 72]
