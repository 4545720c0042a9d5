import numpy as np
import pytest

from opacimeter.intake import find, load
from tests.training.judges import Told, volume_of
from training.evaluation.encoding import Encoding, encoded
from training.evaluation.robustness import judge_variation, variations_of
from training.evaluation.variations import (
    VARIATIONS,
    half_a_voxel_on,
    noised,
    rethickened,
    sharpened,
    softened,
)
from training.phantom import Patient, Scan, spread, write_study

Z = np.array([0.0, 0.0, 1.0])


def ramp(slices=20, side=16):
    """HU that rise by 10 a slice and by 3 a column."""
    index = np.indices((slices, side, side))
    return volume_of(-900 + 10 * index[0] + 3 * index[2], spacing_mm=(2.0, 1.0, 1.0))


def test_five_millimetres_are_the_mean_of_two_and_a_half_slices():
    thick = rethickened(ramp())
    assert len(thick.hu) == 8  # 40 mm in slabs of 5
    # Slices 0, 1 and half of 2: (0·1 + 10·1 + 20·0.5) / 2.5 = 8.
    assert thick.hu[0, 0, 0] == -900 + 8
    # Half of 2, then 3 and 4: (20·0.5 + 30 + 40) / 2.5 = 32.
    assert thick.hu[1, 0, 0] == -900 + 32
    assert thick.spacing_mm == pytest.approx((5.0, 1.0, 1.0))
    # The slab reaches from -1 mm above the first slice's centre to 4 mm below: its middle is 1.5.
    assert thick.position_mm(np.zeros((1, 3)))[0] @ Z == pytest.approx(-1.5)


def test_thick_slices_stay_as_they_are():
    thick = volume_of(np.full((4, 8, 8), -800), spacing_mm=(5.0, 1.0, 1.0))
    assert rethickened(thick) is thick


def test_half_a_voxel_further_is_the_same_patient():
    volume = ramp()
    shifted = half_a_voxel_on(volume)
    # Half a slice and half a column further on a ramp: 5 + 1.5, rounded to even HU of 6 or 7.
    inner = np.s_[3:-3, 3:-3, 3:-3]
    assert np.abs(shifted.hu[inner] - volume.hu[inner] - 6.5).max() <= 0.5
    before, after = (each.position_mm(np.zeros((1, 3)))[0] for each in (volume, shifted))
    assert after - before == pytest.approx((0.5, 0.5, -1.0))


def test_noise_has_its_deviation_and_is_the_same_every_time():
    flat = volume_of(np.full((8, 64, 64), -800))
    first = noised(flat).hu
    assert np.std(first.astype(float)) == pytest.approx(30, rel=0.02)
    assert np.mean(first.astype(float)) == pytest.approx(-800, abs=1)
    assert np.array_equal(first, noised(flat).hu)


def test_soft_and_sharp_pull_an_edge_apart_and_leave_a_flat_alone():
    hu = np.full((2, 32, 32), -800)
    hu[:, :, 16:] = 0
    edge = volume_of(hu)
    soft, sharp = softened(edge).hu[0, 16], sharpened(edge).hu[0, 16]
    assert -800 < soft[15] < -400 < soft[16] < 0
    assert sharp[15] < -800 < 0 < sharp[16]
    assert soft[0] == sharp[0] == -800
    assert soft[31] == sharp[31] == 0


def test_every_variation_stays_within_what_twelve_bits_say():
    hu = np.where(np.indices((6, 16, 16)).sum(0) % 2, -1024, 3071)
    for vary in VARIATIONS.values():
        changed = vary(volume_of(hu)).hu
        assert changed.dtype == np.int16
        assert changed.min() >= -1024
        assert changed.max() <= 3071


def test_a_variation_is_measured_and_an_identical_one_is_not():
    judge = Told(lambda volume: np.where(volume.hu > -700, 3, 1))
    volume = volume_of(np.full((4, 8, 8), -800))
    same = judge_variation("s", volume, ("same", lambda volume: volume), judge, 12.5)
    assert same.identical
    assert same.moved_points == 0.0
    assert judge.calls == 0
    dense = volume_of(np.where(np.indices((4, 8, 8))[2] < 2, -600, -800))
    moved = judge_variation("s", volume, ("dense", lambda volume: dense), judge, 12.5)
    assert not moved.identical
    assert moved.moved_points == pytest.approx(25.0 - 12.5)  # 2 of 8 columns


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    """A phantom study of 28 slices, taken in."""
    folder = tmp_path_factory.mktemp("study")
    protocol = Scan(
        slices=28, rows=72, columns=72, spacing_mm=(10.0, 5.2, 5.2), thickness_mm=5.0, noise_hu=15.0
    )
    write_study(folder, Patient(lesions=spread(10, seed=2)), protocol)
    (study,) = find([folder], workspace=folder)
    return load(study)


@pytest.mark.parametrize("encoding", [Encoding.REVERSED, Encoding.JPEG_LS, Encoding.JPEG_2000])
def test_another_lossless_syntax_or_order_changes_no_voxel(scanned, encoding, tmp_path):
    again = encoded(scanned, encoding, tmp_path)
    assert np.array_equal(again.hu, scanned.hu)
    assert np.allclose(again.affine, scanned.affine)


def test_lossy_compression_changes_a_little_and_is_noticed(scanned, tmp_path):
    again = encoded(scanned, Encoding.LOSSY, tmp_path)
    difference = np.abs(again.hu.astype(int) - scanned.hu)
    assert 0 < difference.max() <= 60
    assert difference.mean() < 10
    assert "lossy-compressed" in {check.code for check in again.checks}


def test_files_can_be_written_anew_only_where_there_are_files(scanned):
    assert {encoding.value for encoding in Encoding} <= {name for name, _ in variations_of(scanned)}
    assert {name for name, _ in variations_of(ramp())} == set(VARIATIONS)
