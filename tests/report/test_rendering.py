import csv
import io
import json

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from opacimeter.errors import NotFound
from opacimeter.report import SliceRenderer, render, table_row, write_table
from opacimeter.report.drawing import LESION_COLOUR
from opacimeter.report.nifti import read_nifti, write_nifti
from tests.boxes import volume_of


@pytest.fixture
def folder(assessment, record, tmp_path):
    for document in render(assessment, record):
        document.write(tmp_path / document.name)
    return tmp_path


def test_the_documents_are_those_of_the_design(assessment, record):
    assert {document.name for document in render(assessment, record)} == {
        "result.json",
        "measurements.csv",
        "overlay.png",
        "labels.nii.gz",
        "anatomy.nii.gz",
        "volume.nii.gz",
        "report.en.pdf",
        "report.zh-CN.pdf",
        "pictures.dcm",
        "report.dcm",
        "measurements.sr.dcm",  # no segmentations: the headers have no frame of reference
        "fhir.json",
    }


def test_writing_twice_gives_the_same_bytes(assessment, record, folder, tmp_path):
    again = tmp_path / "again"
    again.mkdir()
    for document in render(assessment, record):
        document.write(again / document.name)
        assert (again / document.name).read_bytes() == (folder / document.name).read_bytes()


def test_json_and_table_tell_the_same_numbers(folder):
    result = json.loads((folder / "result.json").read_text())
    with (folder / "measurements.csv").open(encoding="utf-8-sig") as file:
        (row,) = csv.DictReader(file)
    for region, quantities in result["regions"].items():
        for name, value in quantities.items():
            assert float(row[f"{region.replace('-', '_')}_{name}"]) == pytest.approx(value)
    assert row["left_lung_lesion_mean_hu"] == ""  # absent, not 0


def test_a_table_of_two_studies_has_two_rows(assessment, record, tmp_path):
    row = table_row(assessment, record)
    write_table(tmp_path / "two.csv", [row, row])
    assert len((tmp_path / "two.csv").read_text().splitlines()) == 3


def test_nifti_puts_voxels_where_they_are_in_the_patient(assessment, folder):
    image = nib.load(folder / "labels.nii.gz")
    # Voxel (slice 10, row 20, column 60) lies at LPS (60, 20, -20), which is RAS (-60, -20, -20).
    assert (image.affine @ [60, 20, 10, 1])[:3].tolist() == [-60.0, -20.0, -20.0]
    assert np.asarray(image.dataobj)[60, 20, 10] == 1
    assert image.get_data_dtype() == np.uint8


def test_nifti_comes_back_as_it_went(assessment, tmp_path):
    volume = assessment.volume
    write_nifti(tmp_path / "v.nii.gz", volume.hu, volume.affine)
    hu, affine = read_nifti(tmp_path / "v.nii.gz")
    assert np.array_equal(hu, volume.hu)
    assert affine == pytest.approx(volume.affine)


def test_anatomy_numbers_the_six_zones(folder):
    zones = read_nifti(folder / "anatomy.nii.gz")[0]
    assert np.unique(zones).tolist() == [0, 1, 2, 3, 4, 5, 6]


def orange(picture):
    return (np.abs(np.asarray(picture, dtype=int)[..., :3] - LESION_COLOUR) < 60).all(-1)


def test_the_contact_sheet_outlines_the_lesion_on_the_side_of_the_right_lung(folder):
    with Image.open(folder / "overlay.png") as png:
        sheet = png.convert("RGB")
    assert sheet.size == (6 * 360, 64 + 4 * 360)
    tile = orange(sheet.crop((720, 64, 1080, 424)))  # the third of 24 tiles: slice 9
    columns = np.flatnonzero(tile.any(0))
    assert len(columns)
    assert columns.max() < 180  # the patient's right is on the left of the picture


def test_slices_are_rendered_in_three_planes(folder, tmp_path):
    slices = SliceRenderer(folder / "volume.nii.gz", folder / "labels.nii.gz", tmp_path / "cache")
    assert slices.shape == (42, 60, 80)
    sizes = {}
    for plane in ("axial", "coronal", "sagittal"):
        packed = slices.webp(plane, 20, window=(-600, 1500), style="contours")
        sizes[plane] = Image.open(io.BytesIO(packed)).size
    # Slices are 2 mm and pixels 1 mm: 42 slices stand 84 pixels high.
    assert sizes == {"axial": (80, 60), "coronal": (80, 84), "sagittal": (60, 84)}


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_each_plane_stands_as_a_radiologist_looks_at_it(plane, tmp_path):
    """Denser toward feet, back and left, 15, 3 and 4 HU a voxel: no flip looks like the array."""
    index = np.indices((42, 60, 80))
    hu = (-1300 + np.tensordot((15, 3, 4), index, 1)).astype(np.int16)
    affine = volume_of(hu, (2.0, 1.0, 1.0)).affine
    write_nifti(tmp_path / "volume.nii.gz", hu, affine)
    write_nifti(tmp_path / "labels.nii.gz", np.zeros(hu.shape, np.uint8), affine)
    slices = SliceRenderer(tmp_path / "volume.nii.gz", tmp_path / "labels.nii.gz", tmp_path)
    packed = slices.webp(plane, 7, window=(-600, 1500), style="none")
    shown = np.asarray(Image.open(io.BytesIO(packed)).convert("L")).astype(int)
    # Head, front and the patient's right are where the array begins.
    cut = {"axial": hu[7], "coronal": hu[:, 7], "sagittal": hu[:, :, 7]}[plane]
    if plane != "axial":
        shown = (shown[0::2] + shown[1::2]) / 2  # a slice is as thick as two pixels are high
    assert np.abs(shown - (cut + 1350) / 1500 * 255).max() <= 2


def test_a_slice_shows_its_lesion_only_with_the_overlay(folder, tmp_path):
    slices = SliceRenderer(folder / "volume.nii.gz", folder / "labels.nii.gz", tmp_path / "cache")
    for style in ("contours", "none"):
        packed = slices.webp("axial", 10, window=(-600, 1500), style=style)
        assert orange(Image.open(io.BytesIO(packed)).convert("RGB")).any() == (style != "none")


def test_a_slice_that_is_not_there_is_not_found(folder, tmp_path):
    slices = SliceRenderer(folder / "volume.nii.gz", folder / "labels.nii.gz", tmp_path / "cache")
    with pytest.raises(NotFound, match="42 axial slices"):
        slices.webp("axial", 42, window=(-600, 1500), style="none")
