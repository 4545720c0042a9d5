"""Paintings from outside: what is read, and what is refused in which words."""

import gzip
import struct

import nibabel as nib
import numpy as np
import pytest

from opacimeter.report.nifti import read_nifti, write_nifti
from opacimeter.report.painting import accept_painting, classes_of, read_painting
from tests.boxes import two_lungs, volume_of

SPACING = (3.0, 0.7, 0.8)


@pytest.fixture
def volume(tmp_path):
    hu, _ = two_lungs()
    written = volume_of(hu, SPACING)
    write_nifti(tmp_path / "volume.nii.gz", written.hu, written.affine)
    return tmp_path / "volume.nii.gz"


def painting():
    painted = classes_of(two_lungs()[1])
    painted[20, 25, 30:40] = 2
    return painted


def saved(path, painted, volume, **changes):
    """As a browser writes it: the volume's own header, uint8."""
    like = nib.load(volume)
    image = nib.Nifti1Image(painted.T, changes.get("affine", like.affine), dtype=painted.dtype)
    nib.save(image, path)
    return path


@pytest.mark.parametrize("name", ["painted.nii", "painted.nii.gz"])
def test_a_painting_in_the_volumes_header_comes_back_as_it_was(volume, tmp_path, name):
    found = read_painting(saved(tmp_path / name, painting(), volume), volume)
    assert found.dtype == np.uint8
    assert np.array_equal(found, painting())


def test_axes_in_another_order_are_the_same_voxels(volume, tmp_path):
    upright = nib.load(saved(tmp_path / "painted.nii", painting(), volume))
    for axes in ("RAS", "SPL", "IAL"):
        turn = nib.orientations.ornt_transform(
            nib.orientations.io_orientation(upright.affine), nib.orientations.axcodes2ornt(axes)
        )
        nib.save(upright.as_reoriented(turn), tmp_path / "turned.nii.gz")
        assert np.array_equal(read_painting(tmp_path / "turned.nii.gz", volume), painting())


def test_a_tilted_and_mirrored_volume_is_painted_on_in_its_own_grid(tmp_path):
    hu, labels = two_lungs()
    # Slices 3 mm down and 0.6 mm back; columns run to the right.
    affine = np.array([[0, 0, -0.8, 40], [0.6, 0.7, 0, -9], [-3.0, 0, 0, 7], [0, 0, 0, 1.0]])
    write_nifti(tmp_path / "volume.nii.gz", hu, affine)
    path = saved(tmp_path / "painted.nii.gz", classes_of(labels), tmp_path / "volume.nii.gz")
    assert np.array_equal(read_painting(path, tmp_path / "volume.nii.gz"), classes_of(labels))


def refusal(path, volume):
    with pytest.raises(ValueError, match=r"^the painting") as refused:
        read_painting(path, volume)
    return str(refused.value)


def test_another_grid_is_refused_with_both_sizes(volume, tmp_path):
    path = saved(tmp_path / "painted.nii", painting()[1:], volume)
    assert "80 × 60 × 41 voxels; the volume has 80 × 60 × 42" in refusal(path, volume)


def test_another_place_is_refused_with_the_distance(volume, tmp_path):
    affine = nib.load(volume).affine.copy()
    affine[1, 3] += 0.02
    path = saved(tmp_path / "painted.nii", painting(), volume, affine=affine)
    assert "0.02 mm off the volume" in refusal(path, volume)
    affine[1, 3] -= 0.0195
    path = saved(tmp_path / "painted.nii", painting(), volume, affine=affine)
    assert np.array_equal(read_painting(path, volume), painting())  # half a thousandth of a mm


def test_voxels_a_little_too_wide_are_refused_for_their_far_end(volume, tmp_path):
    affine = nib.load(volume).affine.copy()
    affine[0, 0] *= 1.0001  # 0.8 mm × 0.0001 × 79 columns = 0.0063 mm
    path = saved(tmp_path / "painted.nii", painting(), volume, affine=affine)
    assert "0.00632 mm off the volume" in refusal(path, volume)


def test_other_numbers_than_bytes_are_refused(volume, tmp_path):
    path = saved(tmp_path / "painted.nii", painting().astype(np.int8), volume)
    assert "type 256; it must hold uint8, type 2" in refusal(path, volume)


def test_scaled_values_are_refused(volume, tmp_path):
    path = saved(tmp_path / "painted.nii", painting(), volume)
    content = bytearray(path.read_bytes())
    content[112:120] = struct.pack("<ff", 2.0, 0.0)  # scl_slope, scl_inter
    path.write_bytes(content)
    assert "scales its values" in refusal(path, volume)


def test_a_class_that_there_is_not_is_refused(volume, tmp_path):
    painted = painting()
    painted[0, 0, 0] = 3
    assert "has the value 3" in refusal(saved(tmp_path / "p.nii", painted, volume), volume)


def test_nothing_painted_is_refused(volume, tmp_path):
    path = saved(tmp_path / "p.nii", np.zeros_like(painting()), volume)
    assert "holds no lung" in refusal(path, volume)


def test_what_unpacks_to_more_than_the_volume_is_not_unpacked(volume, tmp_path):
    path = tmp_path / "bomb.nii.gz"
    path.write_bytes(gzip.compress(b"\0" * 50_000_000))
    # 42 × 60 × 80 voxels of a byte, and 65 536 for the header.
    assert "more than 267136 bytes" in refusal(path, volume)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no NIfTI-1 file"),
        (b"holiday.jpg" * 100, "no NIfTI-1 file"),
        (gzip.compress(b"x" * 1000)[:-20], "damaged gzip"),
        (b"\x1f\x8bnonsense", "damaged gzip"),
    ],
)
def test_what_is_no_nifti_is_refused(volume, tmp_path, content, words):
    path = tmp_path / "other"
    path.write_bytes(content)
    assert words in refusal(path, volume)


@pytest.mark.parametrize("kept", [100, 400, 100_000])
def test_a_painting_that_ends_early_is_refused(volume, tmp_path, kept):
    path = saved(tmp_path / "p.nii", painting(), volume)
    path.write_bytes(path.read_bytes()[:kept])
    assert refusal(path, volume) in {
        "the painting is no NIfTI-1 file",
        "the painting ends before its last voxel: send it again",
    }


def refusals(content, places, volume, path):
    """What is said of a file with bytes changed in its header; nothing where it can be read."""
    rng = np.random.default_rng(0)
    for _ in range(places):
        changed = bytearray(content)
        for place in rng.integers(0, 352, 6):
            changed[place] = rng.integers(0, 256)
        path.write_bytes(changed)
        try:
            read_painting(path, volume)
        except ValueError as refused:
            yield str(refused)


def test_headers_of_nonsense_are_refused_in_words(volume, tmp_path):
    whole = saved(tmp_path / "p.nii", painting(), volume).read_bytes()
    said = list(refusals(whole, 150, volume, tmp_path / "nonsense.nii"))
    assert len(said) > 50
    assert all(words.startswith("the painting") for words in said)


def test_an_accepted_painting_is_the_same_bytes_however_it_came(volume, tmp_path):
    _, labels = two_lungs()
    write_nifti(tmp_path / "labels.nii.gz", labels, volume_of(two_lungs()[0], SPACING).affine)
    written = []
    for name in ("p.nii", "p.nii.gz"):
        out = tmp_path / f"{name}.out.nii.gz"
        accept_painting(
            saved(tmp_path / name, painting(), volume),
            volume=volume, labels=tmp_path / "labels.nii.gz", out=out,
        )  # fmt: skip
        written.append(out.read_bytes())
    assert written[0] == written[1]
    assert np.array_equal(read_nifti(out)[0], painting())


def test_a_painting_that_changes_nothing_is_refused(volume, tmp_path):
    _, labels = two_lungs()
    write_nifti(tmp_path / "labels.nii.gz", labels, volume_of(two_lungs()[0], SPACING).affine)
    path = saved(tmp_path / "p.nii", classes_of(labels), volume)
    with pytest.raises(ValueError, match="nothing to correct"):
        accept_painting(
            path, volume=volume, labels=tmp_path / "labels.nii.gz", out=tmp_path / "o.nii.gz"
        )
