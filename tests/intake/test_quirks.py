"""Every odd input of the collection gets the answer its expect.json states."""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from opacimeter.errors import IntakeRejected
from opacimeter.intake import Limits, find, load
from opacimeter.intake.frames import frames_of
from opacimeter.intake.hounsfield import hu_of
from opacimeter.intake.reading import be_lenient, read
from tests.intake.quirks import answers, hold, peak_mb

ROOT = Path(__file__).resolve().parents[2]
QUIRKS = Path(os.environ.get("OPACIMETER_DATA", ROOT.parent / "shared" / "data")) / "dicom_quirks"
CASES = [folder.parent.name for folder in sorted(QUIRKS.glob("*/expect.json"))]
CASES = [name for name in CASES if name != "codecs"]
FILES = (
    json.loads((QUIRKS / "codecs" / "expect.json").read_text())["files"] if QUIRKS.is_dir() else []
)
LIMITS = Limits()


@pytest.mark.parametrize("case", CASES or [pytest.param("", marks=pytest.mark.skip("no data"))])
def test_an_odd_input_gets_its_answer(case: str, data: Path, tmp_path: Path) -> None:
    expected = json.loads((QUIRKS / case / "expect.json").read_text())
    path = QUIRKS / case / expected.get("path", "files")
    found = answers([path], tmp_path / "work" / "space")
    hold(expected, found)
    if "max_rss_mb" in expected and sys.platform == "linux":
        assert peak_mb(path, tmp_path / "apart") < expected["max_rss_mb"]
    for name in expected.get("must_not_exist", []):
        assert not list(tmp_path.rglob(name))
        assert not Path("/tmp", name).exists()


def decoded(path: Path) -> np.ndarray:
    be_lenient()
    instance = read(path, limits=LIMITS)
    assert instance is not None
    if instance.problem is not None:
        raise IntakeRejected((instance.problem,))
    (frame,) = frames_of(instance, limits=LIMITS)
    return hu_of(frame, limits=LIMITS)


@pytest.mark.parametrize("expected", FILES, ids=[each["file"] for each in FILES])
def test_a_codec_gives_the_reference(expected: dict, data: Path) -> None:
    hu = decoded(QUIRKS / "codecs" / expected["file"])
    if expected["reference"] is None:
        for row, column, wanted in expected["hu_at"]:
            # Below -1100 the reference keeps what a volume reads as padding.
            assert hu[row, column] == (wanted if wanted >= -1100 else -1024)
        return
    reference = np.load(QUIRKS / "codecs" / expected["reference"])
    inside = reference > -1100
    off = np.abs(hu.astype(int) - reference)[inside]
    assert off.max() <= expected["max_abs_hu"]
    assert off.mean() <= expected.get("mean_abs_hu", np.inf)


@pytest.mark.parametrize("expected", FILES, ids=[each["file"] for each in FILES])
@pytest.mark.parametrize("share", [0.5, 0.8, 0.97])
def test_a_file_cut_short_is_an_error_never_an_image(
    expected: dict, share: float, data: Path, tmp_path: Path
) -> None:
    raw = (QUIRKS / "codecs" / expected["file"]).read_bytes()
    (tmp_path / "cut.dcm").write_bytes(raw[: int(len(raw) * share)])
    with pytest.raises(IntakeRejected) as rejected:
        decoded(tmp_path / "cut.dcm")
    assert rejected.value.checks[0].code == "damaged-file"


def test_names_are_decoded_in_every_character_set(data: Path) -> None:
    be_lenient()
    names = json.loads((QUIRKS / "charsets" / "names.json").read_text())
    for file, expected in names.items():
        instance = read(QUIRKS / "charsets" / file, limits=LIMITS)
        assert instance is not None
        assert str(instance.header.get("PatientName", "")) == expected["patient_name"]


@pytest.mark.parametrize(
    ("name", "slices", "side"),
    [("covid-p001", 148, 512), ("cap-001", 168, 256), ("normal-001", 154, 256)],
)
def test_a_real_chest_loads(name: str, slices: int, side: int, data: Path, tmp_path: Path) -> None:
    start = time.perf_counter()
    (study,) = find([data / "dicom" / name], workspace=tmp_path)
    volume = load(study)
    seconds = time.perf_counter() - start
    assert volume.hu.shape == (slices, side, side)
    assert volume.spacing_mm[0] == pytest.approx(2.0, abs=1e-3)
    assert [check.code for check in volume.checks] == []
    # 1.5 s on two idle cores; ten times as much means that something is done twice.
    assert seconds < 15
