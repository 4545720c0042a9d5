"""Reading survives any bytes, and notices every file that ends early."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from opacimeter.errors import IntakeRejected
from opacimeter.intake import Limits, find, load
from opacimeter.intake.reading import be_lenient, read
from opacimeter.intake.values import number, numbers, whole, words
from tests.intake.series import as_bytes, image, series, write

LIMITS = Limits()
FILES = settings(  # the folder may be shared between examples: each writes its file anew
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
HEADER_BYTES = as_bytes(image(0)).index(b"\xe0\x7f\x10\x00")


@settings(FILES, max_examples=60)
@given(cut=st.integers(140, HEADER_BYTES))
def test_a_header_cut_anywhere_is_never_a_whole_file(cut: int, tmp_path: Path) -> None:
    be_lenient()
    (tmp_path / "cut.dcm").write_bytes(as_bytes(image(0))[:cut])
    instance = read(tmp_path / "cut.dcm", limits=LIMITS)
    assert instance is not None
    assert instance.problem is not None or instance.pixels is None


@settings(FILES, max_examples=150)
@given(
    at=st.integers(0, HEADER_BYTES + 12),
    noise=st.binary(min_size=1, max_size=12),
)
def test_no_bytes_in_a_header_make_reading_fail(at: int, noise: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    if not folder.exists():
        write(folder, series())
    raw = bytearray(as_bytes(image(5)))
    raw[at : at + len(noise)] = noise
    (folder / "005.dcm").write_bytes(raw)
    # An answer or a rejection; any other error fails the test.
    with suppress(IntakeRejected):
        for study in find([folder], workspace=tmp_path / "work"):
            with suppress(IntakeRejected):
                load(study, threads=1)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_other_native_syntaxes_read_the_same(syntax: str, tmp_path: Path) -> None:
    def change(header: Dataset, number: int) -> None:
        header.file_meta.TransferSyntaxUID = syntax

    (study,) = find([write(tmp_path / "study", series(change))], workspace=tmp_path)
    assert load(study).hu[7, 16, 16] == 47  # 40 plus the slice's number


def test_a_deflated_file_that_swells_is_too_large(tmp_path: Path) -> None:
    header = image(0)
    header.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    header.ImageComments = "x" * 10_000
    folder = write(tmp_path / "study", [header])
    with pytest.raises(IntakeRejected) as rejected:
        find([folder], workspace=tmp_path, limits=Limits(inflated_bytes=5000))
    assert [check.code for check in rejected.value.checks] == ["too-large"]


def test_numbers_that_cannot_be_read_are_missing() -> None:
    be_lenient()
    header = Dataset()
    header.add_new("PixelSpacing", "DS", ["1.5", "+02.5e0 "])
    assert numbers(header, "PixelSpacing", 2) == (1.5, 2.5)
    assert numbers(header, "PixelSpacing", 3) is None
    assert number(header, "SliceThickness") is None
    header.add_new("Rows", "US", 12)
    assert whole(header, "Rows") == 12
    header.add_new("ImageType", "CS", ["original ", "PRIMARY"])
    assert words(header, "ImageType") == ("ORIGINAL", "PRIMARY")


def test_an_undeclared_or_unknown_character_set_is_no_failure(tmp_path: Path) -> None:
    raw = as_bytes(image(0)).replace(b"Test^One", "Tést^One".encode("latin-1"))
    (tmp_path / "latin.dcm").write_bytes(raw)
    be_lenient()
    instance = read(tmp_path / "latin.dcm", limits=LIMITS)
    assert instance is not None
    assert str(instance.header.PatientName) == "Tést^One"
    header = image(0)
    header.add_new("SpecificCharacterSet", "CS", "KLINGON")
    folder = write(tmp_path / "study", [header])
    instance = read(folder / "000.dcm", limits=LIMITS)
    assert instance is not None
    assert str(instance.header.PatientName) == "Test^One"


def test_an_impossible_value_representation_in_the_meta_group_is_no_failure(
    tmp_path: Path,
) -> None:
    folder = write(tmp_path / "study", series())
    raw = bytearray(as_bytes(image(5)))
    at = raw.index(b"\x02\x00\x02\x00UI") + 5  # MediaStorageSOPClassUID (0002,0002)
    raw[at] = 0
    (folder / "005.dcm").write_bytes(raw)
    assert len(find([folder], workspace=tmp_path / "work")) == 1
