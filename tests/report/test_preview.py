"""Previews and marked slices, with numbers that can be worked out by hand."""

import io

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from opacimeter.report.nifti import write_nifti
from opacimeter.report.preview import halved_hu, halved_labels, preview_affine, write_preview
from opacimeter.report.slices import SliceRenderer, oriented_affine
from opacimeter.volume import oriented


def test_a_preview_voxel_is_the_mean_of_its_block():
    hu = np.array([[[0, 10, -1000], [20, 30, -1000]], [[40, 50, -1000], [60, 71, -1000]]], np.int16)
    # (0+10+20+30+40+50+60+71)/8 = 35.125; the odd column repeats itself.
    assert halved_hu(hu, (2, 2, 2)).tolist() == [[[35, -1000]]]
    # Slices kept: (0+10+20+30)/4 = 15; (40+50+60+71)/4 = 55.25.
    assert halved_hu(hu, (1, 2, 2)).tolist() == [[[15, -1000]], [[55, -1000]]]


def test_half_of_a_block_makes_it_lung_or_lesion_and_the_larger_side_counts():
    blocks = {
        (0, 0, 0, 2): 0,  # a quarter
        (0, 0, 2, 2): 2,
        (1, 1, 2, 2): 1,  # as much on both sides: left
        (2, 2, 4, 4): 4,
        (2, 2, 2, 4): 2,
        (0, 0, 3, 3): 3,
    }
    labels = np.array(list(blocks), np.uint8).reshape(-1, 2, 2)
    halved = halved_labels(labels, (1, 2, 2))
    assert halved.ravel().tolist() == list(blocks.values())


def test_a_preview_voxel_stands_in_the_middle_of_its_block():
    affine = np.array([[0, 0, 0.5, 10], [0, 0.5, 0, 20], [-2, 0, 0, 30], [0, 0, 0, 1.0]])
    coarse = preview_affine(affine, (2, 2, 2))
    # The first block's middle is half a voxel further along each axis.
    assert coarse[:3, 3].tolist() == [10.25, 20.25, 29.0]
    assert coarse[:3, :3].tolist() == [[0, 0, 1], [0, 1, 0], [-4, 0, 0]]


@pytest.mark.parametrize(("slice_mm", "slices"), [(1.0, 3), (2.4, 3), (2.5, 6), (5.0, 6)])
def test_only_thin_slices_are_halved(tmp_path, slice_mm, slices):
    affine = np.array([[0, 0, 1.0, 0], [0, 1, 0, 0], [-slice_mm, 0, 0, 0], [0, 0, 0, 1]])
    write_nifti(tmp_path / "volume.nii.gz", np.zeros((6, 8, 8), np.int16), affine)
    target = tmp_path / "preview.nii.gz"
    write_preview(target, tmp_path / "volume.nii.gz", tmp_path / "cache", kind="volume")
    assert nib.load(target).shape == (4, 4, slices)


def test_a_preview_has_the_same_bytes_when_made_twice(tmp_path):
    hu = np.random.default_rng(1).integers(-1000, 400, (4, 9, 7)).astype(np.int16)
    write_nifti(tmp_path / "volume.nii.gz", hu, np.diag([1.0, 1, -1, 1])[[2, 1, 0, 3]])
    made = []
    for turn in ("one", "two"):
        target = tmp_path / f"{turn}.nii.gz"
        write_preview(target, tmp_path / "volume.nii.gz", tmp_path / turn, kind="volume")
        made.append(target.read_bytes())
    assert made[0] == made[1]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["one", "two"]


def test_an_oriented_grid_keeps_each_voxel_at_its_place():
    # A patient on the side: rows run to the right, columns to the front.
    affine = np.array([[0, -2, 0, 5], [0, 0, -3, 6], [-1, 0, 0, 7], [0, 0, 0, 1.0]])
    shape = (2, 3, 4)
    places = np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]
    turned = oriented_affine(affine, shape)
    for axis in range(3):
        moved = oriented(places[..., axis], affine)
        again = np.moveaxis(np.indices(moved.shape), 0, -1) @ turned[:3, :3].T + turned[:3, 3]
        assert np.array_equal(again[..., axis], moved)


@pytest.fixture
def slices(tmp_path):
    """One plane of −600 HU: grey 127 in the lung window. Lung all over but a lesion in a corner."""
    affine = np.array([[0, 0, 1.0, 0], [0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 0, 1]])
    labels = np.full((2, 5, 6), 2, np.uint8)
    labels[:, :3, :3] = 4
    write_nifti(tmp_path / "volume.nii.gz", np.full((2, 5, 6), -600, np.int16), affine)
    write_nifti(tmp_path / "labels.nii.gz", labels, affine)
    return SliceRenderer(tmp_path / "volume.nii.gz", tmp_path / "labels.nii.gz", tmp_path / "c")


def rendered(slices, style, opacity=1.0):
    packed = slices.webp("axial", 0, window=(-600, 1500), style=style, opacity=opacity)
    return np.asarray(Image.open(io.BytesIO(packed)).convert("RGB"))


def test_contours_leave_the_inside_as_it_is(slices):
    picture = rendered(slices, "contours")
    assert picture[1, 1].tolist() == [127, 127, 127]
    assert picture[2, 2].tolist() == [255, 140, 0]  # the lesion's own rim
    assert picture[4, 5].tolist() == [70, 150, 255]  # the picture's edge ends the lung
    assert picture[3, 4].tolist() == [127, 127, 127]


def test_a_fill_mixes_colour_and_grey(slices):
    picture = rendered(slices, "fill", 0.4)
    # Lesion 0.6 · 127 + 0.4 · (255, 140, 0); lung 0.86 · 127 + 0.4 · 0.35 · (70, 150, 255).
    assert picture[1, 1].tolist() == [178, 132, 76]
    assert picture[3, 4].tolist() == [119, 130, 145]


def test_no_style_shows_the_ct_alone(slices):
    assert np.unique(rendered(slices, "none")).tolist() == [127]


def test_a_voxel_tells_its_hu_and_zones_their_places(slices):
    assert slices.hu((1, 4, 5)) == -600
    # Both slices hold right lung alone, over all rows (middle 2) and columns (middle 2.5 to even).
    assert set(slices.zones().values()) == {(0, 2, 2)}
    assert set(slices.zones()) == {"right-upper", "right-middle", "right-lower"}
