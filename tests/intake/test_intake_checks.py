"""Every check that intake decides, each on a series broken on purpose."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import RawDataStorage, SecondaryCaptureImageStorage, generate_uid

from opacimeter.errors import IntakeRejected, NotFound
from opacimeter.intake import Limits, find, load
from tests.intake.series import (
    SERIES,
    STUDY,
    Change,
    body,
    image,
    loaded,
    rejected,
    removing,
    renamed,
    series,
    set_pixels,
    setting,
    write,
)


def moved(*numbers: int, by_mm: float) -> Change:
    def change(header: Dataset, number: int) -> None:
        if number in numbers:
            header.ImagePositionPatient[2] += by_mm

    return change


def test_a_whole_series_is_a_volume_without_warnings_but_thickness(tmp_path: Path) -> None:
    volume = loaded(write(tmp_path / "study", series()))
    assert volume.hu.shape == (12, 32, 32)
    assert volume.spacing_mm == pytest.approx((10, 10, 10))
    assert volume.voxel_ml == pytest.approx(1.0)  # 10 x 10 x 10 mm = 1000 mm3
    np.testing.assert_array_equal(volume.hu[3], body(3))
    assert [check.code for check in volume.checks] == ["thick-slices"]
    assert volume.series.study_uid == STUDY
    assert [one.header.InstanceNumber for one in volume.series.slices] == list(range(1, 13))


# Rejections: (what is broken, the code, numbers of its detail that were worked out by hand).
BROKEN: list[tuple[str, Change, str, dict[str, object]]] = [
    ("no-position", removing("ImagePositionPatient"), "missing-geometry", {"position": 12}),
    ("no-orientation", removing("ImageOrientationPatient"), "missing-geometry", {}),
    ("no-spacing", removing("PixelSpacing"), "missing-geometry", {"pixel spacing": 12}),
    ("spacing-zero", setting(PixelSpacing=[0, 0]), "missing-geometry", {}),
    (
        "cosines-that-are-none",
        setting(ImageOrientationPatient=[1, 0, 0, 1, 0, 0]),
        "missing-geometry",
        {"orientation": 12},
    ),
    ("no-rescale", removing("RescaleSlope"), "not-hounsfield", {"slices": 12}),
    ("slope-zero", setting(RescaleSlope=0), "not-hounsfield", {"slices": 12}),
    ("electron-density", setting(RescaleType="ED"), "not-hounsfield", {}),
    ("air-at-zero", setting(RescaleIntercept=-24), "not-hounsfield", {"air_percent": 0.0}),
    # Air of -1000 reads -2024, which is padding; tissue of 40 reads -984, which is no tissue.
    ("tissue-at-air", setting(RescaleIntercept=-2048), "not-hounsfield", {}),
    ("slice-off-by-3-mm", moved(5, by_mm=3), "irregular-spacing", {"from_mm": 7.0, "to_mm": 13.0}),
    (
        "coronal",
        setting(ImageOrientationPatient=[1, 0, 0, 0, 0, -1]),
        "no-axial-series",
        {},
    ),
    ("mip", setting(ImageType=["DERIVED", "SECONDARY", "AXIAL", "MIP"]), "no-axial-series", {}),
    ("derived", setting(ImageType=["DERIVED", "SECONDARY", "AXIAL"]), "no-axial-series", {}),
    ("localizers", setting(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), "no-axial-series", {}),
    ("other-objects", setting(SOPClassUID=RawDataStorage), "no-ct", {"modalities": ["CT"]}),
    ("captures", setting(SOPClassUID=SecondaryCaptureImageStorage), "no-ct", {}),
    ("no-pixels", removing("PixelData"), "damaged-file", {"files": 12}),
    ("twelve-bits-packed", setting(BitsAllocated=12), "unsupported-syntax", {"files": 12}),
    ("huge", setting(Rows=65535, Columns=65535), "too-large", {"rows": 65535}),
    ("no-rows", removing("Rows"), "damaged-file", {}),
]


@pytest.mark.parametrize(("what", "change", "code", "detail"), BROKEN, ids=[b[0] for b in BROKEN])
def test_a_broken_series_is_rejected_with_the_fact(
    what: str, change: Change, code: str, detail: dict[str, object], tmp_path: Path
) -> None:
    headers = series(change)
    checks = rejected(write(tmp_path / "study", headers))
    assert code in checks
    assert dict(checks[code].detail).items() >= detail.items()
    assert not {"TEST", "Test"} & set(checks[code].message.split())


def test_a_missing_slice_is_told_with_its_place(tmp_path: Path) -> None:
    headers = series()
    del headers[4]
    # Slices 3 and 5 lie at -50 - 30 and -50 - 50 mm.
    checks = rejected(write(tmp_path / "study", headers))
    gap = checks["slice-gap"].detail
    assert (gap["missing"], gap["between_z_mm"]) == (1, [[-80, -100]])
    assert "irregular-spacing" not in checks


def test_nine_slices_are_too_few(tmp_path: Path) -> None:
    assert rejected(write(tmp_path / "study", series(count=9)))["too-few-slices"].detail == {
        "slices": 9,
        "extent_mm": 80.0,
    }


def test_twelve_slices_over_66_mm_are_too_few(tmp_path: Path) -> None:
    def closer(header: Dataset, number: int) -> None:
        header.ImagePositionPatient[2] = -6 * number

    assert "too-few-slices" in rejected(write(tmp_path / "study", series(closer)))


def test_slices_eleven_millimetres_apart_are_too_thick(tmp_path: Path) -> None:
    def further(header: Dataset, number: int) -> None:
        header.ImagePositionPatient[2] = -11 * number

    assert rejected(write(tmp_path / "study", series(further)))["too-thick"].detail == {
        "step_mm": 11.0
    }


def test_two_orientations_are_no_stack(tmp_path: Path) -> None:
    def turn_some(header: Dataset, number: int) -> None:
        if number > 8:
            header.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]

    checks = rejected(write(tmp_path / "study", series(turn_some)))
    assert checks["mixed-orientation"].detail == {"orientations": 2}


def test_one_image_of_another_size_is_a_mixed_grid(tmp_path: Path) -> None:
    headers = series()
    set_pixels(headers[5], body()[:16])
    assert "mixed-grid" in rejected(write(tmp_path / "study", headers))


def test_an_image_shifted_sideways_is_a_mixed_grid(tmp_path: Path) -> None:
    def shift(header: Dataset, number: int) -> None:
        header.ImagePositionPatient[0] += 4 if number == 6 else 0

    assert rejected(write(tmp_path / "study", series(shift)))["mixed-grid"].detail == {
        "shift_mm": 4.0
    }


def twins(change: Callable[[Dataset], None]) -> list[Dataset]:
    """The series and a second set of it with its own UIDs and one HU more in one pixel."""
    second = [image(number, body(number + 100)) for number in range(12)]
    for header in second:
        header.SOPInstanceUID = generate_uid()
        header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
        change(header)
    return [*series(), *second]


def test_two_images_in_one_place_are_refused(tmp_path: Path) -> None:
    checks = rejected(write(tmp_path / "study", twins(lambda header: None)))
    assert checks["duplicate-position"].detail == {"places": 12}


@pytest.mark.parametrize("keyword", ["AcquisitionNumber", "TemporalPositionIdentifier"])
def test_two_scans_in_one_series_are_told_apart(keyword: str, tmp_path: Path) -> None:
    headers = twins(lambda header: setattr(header, keyword, 2))
    for header in headers[:12]:
        setattr(header, keyword, 1)
    volume = loaded(write(tmp_path / "study", headers))
    assert "series-split" in {check.code for check in volume.checks}
    # Pixel (16, 16) holds 40 plus the slice's number in the first scan, 100 more in the second.
    np.testing.assert_array_equal(volume.hu[:, 16, 16], 40 + np.arange(12))


def test_times_that_run_on_from_slice_to_slice_tell_two_scans_apart(tmp_path: Path) -> None:
    headers = twins(lambda header: None)
    for index, header in enumerate(headers):
        header.AcquisitionTime = f"1200{index:02d}"
    volume = loaded(write(tmp_path / "study", headers))
    np.testing.assert_array_equal(volume.hu[:, 16, 16], 40 + np.arange(12))


def test_two_scans_between_each_others_slices_are_not_mixed(tmp_path: Path) -> None:
    def between(header: Dataset) -> None:
        header.AcquisitionNumber = 2
        header.ImagePositionPatient[2] -= 5  # together a regular grid of 5 mm

    volume = loaded(write(tmp_path / "study", twins(between)))
    assert volume.hu.shape[0] == 12
    assert "series-split" in {check.code for check in volume.checks}


def test_copies_are_removed_and_counted(tmp_path: Path) -> None:
    headers = series()
    copies = [image(3), image(4)]
    copies[1].SOPInstanceUID = "2.25.77"  # the same image under another UID
    volume = loaded(write(tmp_path / "study", [*headers, *copies]))
    (check,) = [c for c in volume.checks if c.code == "exact-duplicate-removed"]
    assert check.detail == {"files": 2}
    assert len(volume.hu) == 12


def test_one_uid_for_two_images_is_a_conflict(tmp_path: Path) -> None:
    other = image(3, body(200))
    assert "uid-conflict" in rejected(write(tmp_path / "study", [*series(), other]))


def test_two_patients_under_one_series_are_a_conflict(tmp_path: Path) -> None:
    def mix(header: Dataset, number: int) -> None:
        header.PatientID = f"P{number % 2}"

    checks = rejected(write(tmp_path / "study", series(mix)))
    assert checks["uid-conflict"].detail == {"patients": 2}


def test_localizers_and_captures_inside_are_set_aside(tmp_path: Path) -> None:
    localizer, capture = image(20), image(21)
    localizer.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    localizer.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
    capture.SOPClassUID = SecondaryCaptureImageStorage
    volume = loaded(write(tmp_path / "study", [*series(), localizer, capture]))
    codes = {check.code for check in volume.checks}
    assert codes == {"thick-slices", "localizer-removed", "not-image-removed"}
    assert len(volume.hu) == 12


def test_images_without_a_study_cannot_be_filed(tmp_path: Path) -> None:
    folder = write(tmp_path / "study", series(removing("StudyInstanceUID", "SeriesInstanceUID")))
    assert "missing-identifiers" in rejected(folder)


def test_images_without_a_series_reject_their_study(tmp_path: Path) -> None:
    headers = series()
    del headers[3].SeriesInstanceUID
    assert rejected(write(tmp_path / "study", headers))["missing-identifiers"].detail == {
        "files": 1
    }


def test_text_files_are_no_dicom(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "readme.dcm").write_text("no image")
    (tmp_path / "study" / "preamble").write_bytes(bytes(128) + b"DICM")
    (tmp_path / "study" / "empty.dcm").touch()
    assert set(rejected(tmp_path / "study")) == {"not-dicom"}


def test_a_volume_beyond_the_limit_is_refused_before_it_is_made(tmp_path: Path) -> None:
    folder = write(tmp_path / "study", series())
    # 12 x 32 x 32 = 12,288 voxels.
    (study,) = find([folder], workspace=tmp_path, limits=Limits(voxels=12_287))
    with pytest.raises(IntakeRejected) as error:
        load(study)
    assert [check.code for check in error.value.checks if check.severity == "reject"] == [
        "too-large"
    ]
    assert error.value.header is not None


def test_a_series_that_does_not_exist_is_not_found(tmp_path: Path) -> None:
    (study,) = find([write(tmp_path / "study", series())], workspace=tmp_path)
    with pytest.raises(NotFound):
        load(study, series_uid="2.25.9")
    assert load(study, series_uid=SERIES).series.chosen_because == "It was asked for."


def test_a_bad_study_does_not_take_a_good_one_with_it(tmp_path: Path) -> None:
    write(tmp_path / "study", series())
    write(tmp_path / "study", series(setting(StudyInstanceUID="2.25.1001"), count=3), "b")
    good, bad = find([tmp_path / "study"], workspace=tmp_path)
    assert load(good).hu.shape[0] == 12
    with pytest.raises(IntakeRejected):
        load(bad)


def test_whole_series_serves_where_the_better_one_is_damaged(tmp_path: Path) -> None:
    broken = series()
    broken[5].PixelData = broken[5].PixelData[:-100]
    sharp = renamed(series(setting(ConvolutionKernel="B70f")), "2.25.3000", 2)
    write(tmp_path / "study", broken)
    volume = loaded(write(tmp_path / "study", sharp, "b"))
    assert volume.series.uid == "2.25.3000"
    assert "series 1 could not be used: damaged-file" in volume.series.chosen_because
    assert volume.series.others[0].uid == SERIES
    assert "damaged" in volume.series.others[0].why_not
