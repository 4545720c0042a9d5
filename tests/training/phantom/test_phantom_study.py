"""The phantom's DICOM files, read back with pydicom alone."""

import filecmp
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage

from training.phantom import Patient, Position, Scan, Syntax, scan, spread, write_study
from training.phantom.__main__ import main
from training.phantom.sample import write_sample

ROOT = Path(__file__).resolve().parents[3]
TINY = Scan(
    slices=12, rows=40, columns=44, spacing_mm=(22.0, 9.0, 8.5), thickness_mm=10.0, noise_hu=15.0
)
PATIENT = Patient(lesions=spread(8, seed=2))


def read(folder):
    files = [pydicom.dcmread(path) for path in sorted(folder.glob("*.dcm"))]
    return sorted(files, key=lambda one: -float(one.ImagePositionPatient[2]))


def hounsfield(dataset):
    slope, intercept = float(dataset.RescaleSlope), float(dataset.RescaleIntercept)
    return dataset.pixel_array * slope + intercept


@pytest.mark.parametrize("syntax", [one for one in Syntax if one is not Syntax.HTJ2K])
def test_every_lossless_syntax_decodes_to_the_scanned_voxels(tmp_path, syntax):
    write_study(tmp_path, PATIENT, replace(TINY, syntax=syntax))
    files = read(tmp_path)
    assert {one.file_meta.TransferSyntaxUID for one in files} == {str(syntax)}
    # The noise's seed is the scan's; the syntax changes no voxel.
    expected, _ = scan(PATIENT, TINY)
    assert np.array_equal(np.stack([hounsfield(one) for one in files]), expected)


def test_high_throughput_jpeg_2000_decodes_to_the_scanned_voxels(tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs")
    write_study(tmp_path, PATIENT, replace(TINY, slices=2, top_mm=0.0, syntax=Syntax.HTJ2K))
    expected, _ = scan(PATIENT, replace(TINY, slices=2, top_mm=0.0))
    for dataset, image in zip(read(tmp_path), expected, strict=True):
        frame = pydicom.encaps.get_frame(dataset.PixelData, 0, number_of_frames=1)
        assert np.array_equal(imagecodecs.htj2k_decode(frame).astype(int) - 1024, image)


@pytest.mark.parametrize("tilt_degrees", [0.0, 12.5])
def test_headers_place_every_pixel_where_the_truth_has_it(tmp_path, tilt_degrees):
    truth = write_study(tmp_path, PATIENT, replace(TINY, tilt_degrees=tilt_degrees))
    for index, one in enumerate(read(tmp_path)):
        origin = np.array(one.ImagePositionPatient, float)
        along_row, along_column = np.array(one.ImageOrientationPatient, float).reshape(2, 3)
        row_mm, column_mm = map(float, one.PixelSpacing)
        # PS3.3 C.7.6.2.1.1: the first cosines run along the row, with growing column index.
        there = origin + along_row * column_mm * 5 + along_column * row_mm * 7
        assert truth.affine @ (index, 7, 5, 1) == pytest.approx((*there, 1), abs=1e-4)


def test_one_study_one_series_and_an_instance_for_each_slice(tmp_path):
    write_study(tmp_path, PATIENT, TINY)
    files = read(tmp_path)
    assert len(files) == 12
    assert {one.SOPClassUID for one in files} == {CTImageStorage}
    assert len({one.StudyInstanceUID for one in files}) == 1
    assert len({one.SeriesInstanceUID for one in files}) == 1
    assert len({one.SOPInstanceUID for one in files}) == 12
    assert all(one.SOPInstanceUID.is_valid for one in files)
    assert [one.InstanceNumber for one in files] == list(range(1, 13))


def test_feet_first_is_acquired_from_below(tmp_path):
    write_study(tmp_path, PATIENT, replace(TINY, position=Position.FFS))
    assert [one.InstanceNumber for one in read(tmp_path)] == list(range(12, 0, -1))


@pytest.mark.parametrize("syntax", [Syntax.EXPLICIT, Syntax.JPEG_2000, Syntax.RLE])
def test_an_enhanced_file_holds_the_same_slices(tmp_path, syntax):
    truth = write_study(tmp_path, PATIENT, replace(TINY, enhanced=True, syntax=syntax))
    (path,) = tmp_path.iterdir()
    dataset = pydicom.dcmread(path)
    assert dataset.SOPClassUID == EnhancedCTImageStorage
    shared = dataset.SharedFunctionalGroupsSequence[0]
    intercept = float(shared.PixelValueTransformationSequence[0].RescaleIntercept)
    assert np.array_equal(dataset.pixel_array + intercept, scan(PATIENT, TINY)[0])
    for index, groups in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        position = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        assert truth.affine @ (index, 0, 0, 1) == pytest.approx((*position, 1), abs=1e-4)


def test_the_same_arguments_write_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write_study(tmp_path / name, PATIENT, replace(TINY, slices=3, syntax=Syntax.JPEG_LS))
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["0001.dcm", "0002.dcm", "0003.dcm"]
    assert filecmp.cmpfiles(tmp_path / "one", tmp_path / "two", names, shallow=False)[0] == names


def test_two_scans_of_a_patient_are_two_series_of_one_study(tmp_path):
    for seed in (1, 2):
        write_study(tmp_path / str(seed), PATIENT, replace(TINY, slices=1, seed=seed))
    first, second = (pydicom.dcmread(tmp_path / name / "0001.dcm") for name in "12")
    assert first.StudyInstanceUID == second.StudyInstanceUID
    assert first.SeriesInstanceUID != second.SeriesInstanceUID
    assert first.SOPInstanceUID != second.SOPInstanceUID


def test_the_command_line_writes_a_study_and_its_truth(tmp_path, capsys):
    arguments = "--slices 12 --rows 40 --columns 44 --spacing 22 9 8.5 --thickness 10 --burden 8"
    status = main([str(tmp_path / "out"), *arguments.split(), "--lesion-seed", "2"])
    assert status == 0
    assert len(list((tmp_path / "out").iterdir())) == 12
    told = json.loads((tmp_path / "out.json").read_text())
    printed = json.loads(capsys.readouterr().out)
    assert told["volumes_ml"]["lungs"] == pytest.approx(printed["volumes_ml"]["lungs"], abs=1e-3)
    assert told["volumes_ml"]["lungs"] > 4000


def test_a_wrong_command_line_ends_with_status_2(tmp_path):
    for arguments in ([], [str(tmp_path / "out"), "--thickness", "0"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
    assert not (tmp_path / "out").exists()


def test_the_phantom_needs_no_torch_and_no_intake():
    program = (
        "import sys, training.phantom;"
        "print(sorted({'torch', 'monai', 'opacimeter.intake'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.slow
def test_the_shipped_sample_is_what_its_command_makes(tmp_path):
    write_sample(tmp_path)
    shipped = ROOT / "dicom_samples"
    names = sorted(path.name for path in (shipped / "phantom-001").iterdir())
    made = filecmp.cmpfiles(tmp_path / "phantom-001", shipped / "phantom-001", names, shallow=False)
    assert made == (names, [], [])
    truth = "phantom-001.json"
    assert (tmp_path / truth).read_bytes() == (shipped / truth).read_bytes()


def test_the_shipped_sample_is_below_8_megabytes_and_its_truth_fits():
    shipped = ROOT / "dicom_samples"
    files = list((shipped / "phantom-001").iterdir())
    assert sum(path.stat().st_size for path in files) < 8_000_000
    told = json.loads((shipped / "phantom-001.json").read_text())
    assert told["grid"]["shape"][0] == len(files) == 108
    volumes = told["volumes_ml"]
    assert told["lesion_percent"] == pytest.approx(
        100 * volumes["lesion"] / volumes["lungs"], abs=1e-3
    )
