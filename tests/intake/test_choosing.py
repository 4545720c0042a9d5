"""The series that serves best is chosen, one rule after the other."""

from pathlib import Path

import pytest
from pydicom import Dataset

from opacimeter.intake import find, load
from opacimeter.intake.kernels import SHARP, sharpness
from tests.intake.series import SERIES, Change, renamed, series, write

OTHER = "2.25.3000"


def chosen(tmp_path: Path, first: Change, second: Change, *, counts: tuple[int, int] = (12, 12)):
    write(tmp_path / "study", series(first, count=counts[0]))
    write(tmp_path / "study", renamed(series(second, count=counts[1]), OTHER, 2), "b")
    (study,) = find([tmp_path / "study"], workspace=tmp_path / "work")
    return load(study).series


def plain(header: Dataset, number: int) -> None:
    pass


def sharp(header: Dataset, number: int) -> None:
    header.ConvolutionKernel = "B70f"


def contrast(header: Dataset, number: int) -> None:
    header.ContrastBolusAgent = "Omnipaque"


def expiration(header: Dataset, number: int) -> None:
    header.SeriesDescription = "Expiration"


def step_of(mm: float) -> Change:
    def change(header: Dataset, number: int) -> None:
        header.ImagePositionPatient[2] = -mm * number
        header.SliceThickness = mm

    return change


def test_all_alike_the_lower_number_is_chosen(tmp_path: Path) -> None:
    found = chosen(tmp_path, plain, plain)
    assert (found.uid, found.others[0].uid) == (SERIES, OTHER)
    assert found.others[0].why_not == "Its series number is higher."


@pytest.mark.parametrize(
    ("first", "reason"), [(sharp, "softer"), (contrast, "native"), (expiration, "inspiration")]
)
def test_the_better_series_is_chosen_though_its_number_is_higher(
    first: Change, reason: str, tmp_path: Path
) -> None:
    found = chosen(tmp_path, first, plain)
    assert found.uid == OTHER
    assert reason in found.chosen_because


def test_native_goes_before_a_softer_kernel(tmp_path: Path) -> None:
    assert chosen(tmp_path, contrast, sharp).uid == OTHER


def test_the_longer_series_goes_before_the_thinner(tmp_path: Path) -> None:
    # 41 slices of 2.5 mm reach 100 mm, 21 slices of 10 mm reach 200 mm.
    found = chosen(tmp_path, step_of(2.5), step_of(10), counts=(41, 21))
    assert found.uid == OTHER
    assert "covers more" in found.chosen_because


def test_the_thinner_series_is_chosen_though_the_thick_one_reaches_a_little_further(
    tmp_path: Path,
) -> None:
    # 12 slices of 10 mm reach 110 mm, 44 slices of 2.5 mm reach 107.5 mm: 98 %.
    found = chosen(tmp_path, step_of(10), step_of(2.5), counts=(12, 44))
    assert found.uid == OTHER
    assert found.others[0].why_not == "Its slices are thicker."


def test_the_choice_does_not_depend_on_the_order_of_files(tmp_path: Path) -> None:
    write(tmp_path / "study", renamed(series(plain), OTHER, 2))
    write(tmp_path / "study", series(plain), "b")
    (study,) = find([tmp_path / "study"], workspace=tmp_path / "work")
    assert load(study).series.uid == SERIES


@pytest.mark.parametrize(
    "kernel", ["B60f", "B70s", "Br64f", "Bl57d", "I70f", "LUNG", "BONEPLUS", "FC52", "B_SHARP_C"]
)
def test_lung_and_bone_kernels_are_sharp(kernel: str) -> None:
    assert sharpness(kernel) >= SHARP


@pytest.mark.parametrize("kernel", ["B31f", "D40s", "Br40", "STANDARD", "SOFT", "FC08", "", "UB"])
def test_soft_and_unknown_kernels_are_not_sharp(kernel: str) -> None:
    assert sharpness(kernel) < SHARP
