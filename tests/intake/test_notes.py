"""Warnings and notes: what the headers say beside the geometry."""

from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset

from tests.intake.series import Change, body, loaded, series, set_pixels, setting, write

# Warnings and notes: (what, the code, whether it comes).
NOTED: list[tuple[str, Change, str, bool]] = [
    ("lossy-by-tag", setting(LossyImageCompression="01"), "lossy-compressed", True),
    ("sharp", setting(ConvolutionKernel="B70f"), "sharp-kernel", True),
    ("two-valued", setting(ConvolutionKernel=["Br64f", "3"]), "sharp-kernel", True),
    ("canon-lung", setting(ConvolutionKernel="FC51"), "sharp-kernel", True),
    ("canon-body", setting(ConvolutionKernel="FC08"), "sharp-kernel", False),
    ("ge-standard", setting(ConvolutionKernel="STANDARD"), "sharp-kernel", False),
    ("agent", setting(ContrastBolusAgent="Omnipaque"), "contrast-medium", True),
    ("agent-none", setting(ContrastBolusAgent="None"), "contrast-medium", False),
    ("words-of-contrast", setting(SeriesDescription="Thorax KM"), "contrast-medium", True),
    ("words-of-none", setting(SeriesDescription="no contrast"), "contrast-medium", False),
    ("expiration", setting(SeriesDescription="Thorax Exspiration"), "expiration", True),
    ("inspiration", setting(SeriesDescription="PRONE INSPRATION"), "expiration", False),
    ("both", setting(SeriesDescription="insp and exp"), "expiration", False),
    ("child", setting(PatientAge="191M"), "child", True),  # 15 years 11 months
    ("sixteen", setting(PatientAge="192M"), "child", False),
    ("prone", setting(PatientPosition="HFP"), "not-supine", True),
    ("decubitus", setting(PatientPosition="FFDR"), "not-supine", True),
    ("feet-first-supine", setting(PatientPosition="FFS"), "not-supine", False),
]


@pytest.mark.parametrize(("what", "change", "code", "comes"), NOTED, ids=[n[0] for n in NOTED])
def test_headers_give_rise_to_their_checks(
    what: str, change: Change, code: str, comes: bool, tmp_path: Path
) -> None:
    volume = loaded(write(tmp_path / "study", series(change)))
    assert (code in {check.code for check in volume.checks}) == comes


@pytest.mark.parametrize(("born", "is_child"), [("20050305", True), ("20050304", False)])
def test_age_comes_from_birth_and_study_date(born: str, is_child: bool, tmp_path: Path) -> None:
    change = setting(PatientAge="", PatientBirthDate=born, StudyDate="20210304")
    codes = {check.code for check in loaded(write(tmp_path / "study", series(change))).checks}
    assert ("child" in codes) == is_child


def test_a_tilted_gantry_does_not_inflate_the_volume(tmp_path: Path) -> None:
    sine, cosine = np.sin(np.radians(15)), np.cos(np.radians(15))
    change = setting(ImageOrientationPatient=[1, 0, 0, 0, float(cosine), float(-sine)])
    volume = loaded(write(tmp_path / "study", series(change)))
    (check,) = [c for c in volume.checks if c.code == "gantry-tilt"]
    assert check.detail == {"degrees": 15.0}
    # 10 x 10 mm pixels, planes 10 cos 15 = 9.659 mm apart: 0.9659 ml.
    assert volume.voxel_ml == pytest.approx(0.9659, abs=1e-4)


def test_thickness_counts_where_it_exceeds_the_distance(tmp_path: Path) -> None:
    def thin(header: Dataset, number: int) -> None:
        header.ImagePositionPatient[2] = -2.5 * number
        header.SliceThickness = 5

    volume = loaded(write(tmp_path / "study", series(thin, count=42)))
    (check,) = [c for c in volume.checks if c.code == "thick-slices"]
    assert check.detail == {"thickness_mm": 5.0}


def test_padding_reads_minus_1024_whatever_was_declared(tmp_path: Path) -> None:
    def pad(header: Dataset, number: int) -> None:
        hu = body(number).astype(np.int32)
        hu[:2] = 500  # a value a body has, around the image and once inside it
        hu[12, 16] = 500
        set_pixels(header, hu)
        header.PixelPaddingValue = 500 + 1024

    volume = loaded(write(tmp_path / "study", series(pad)))
    assert (volume.hu[:, :2] == -1024).all()
    assert (volume.hu[:, 12, 16] == 500).all()
    (check,) = [c for c in volume.checks if c.code == "padding-ignored"]
    assert check.detail["voxels"] == 12 * 2 * 32
