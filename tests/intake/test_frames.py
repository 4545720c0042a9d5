"""Files of many frames say the same as files of one."""

from pathlib import Path

import numpy as np
import pytest

from opacimeter.errors import IntakeRejected
from opacimeter.intake import Limits, find, load
from tests.intake.series import body, enhanced, loaded, rejected, write


def test_an_enhanced_ct_is_the_same_volume(tmp_path: Path) -> None:
    volume = loaded(write(tmp_path / "study", [enhanced()]))
    np.testing.assert_array_equal(volume.hu, [body(number) for number in range(12)])
    assert volume.affine[2, 3] == -50
    # Frames lie from caudal to cranial: the most cranial slice is the last frame.
    assert [one.frame for one in volume.series.slices] == list(range(11, -1, -1))
    assert all(one.header is volume.series.header for one in volume.series.slices)


def test_every_frame_has_its_own_rescale(tmp_path: Path) -> None:
    header = enhanced()
    group = header.PerFrameFunctionalGroupsSequence[11]  # the most cranial
    group.PixelValueTransformationSequence[0].RescaleIntercept = -1014
    volume = loaded(write(tmp_path / "study", [header]))
    np.testing.assert_array_equal(volume.hu[0], body(0) + 10)
    np.testing.assert_array_equal(volume.hu[1], body(1))


def test_frames_of_two_times_are_told_apart(tmp_path: Path) -> None:
    header = enhanced(24)
    stored = np.frombuffer(header.PixelData, "<u2").reshape(24, 32, 32).copy()
    for index, group in enumerate(header.PerFrameFunctionalGroupsSequence):
        z_mm = -50.0 - 10.0 * (index % 12)
        group.PlanePositionSequence[0].ImagePositionPatient = [-155, -155, z_mm]
        group.FrameContentSequence[0].TemporalPositionIndex = 1 + index // 12
        stored[index] = (body(100 * (index // 12)) + 1024) * 2
    header.PixelData = stored.tobytes()
    volume = loaded(write(tmp_path / "study", [header]))
    assert "series-split" in {check.code for check in volume.checks}
    assert (volume.hu[:, 16, 16] == 40).all()  # the first time alone


def test_a_frame_without_position_is_refused(tmp_path: Path) -> None:
    header = enhanced()
    del header.PerFrameFunctionalGroupsSequence[3].PlanePositionSequence
    checks = rejected(write(tmp_path / "study", [header]))
    assert checks["missing-geometry"].detail == {"position": 1}


def test_more_frames_claimed_than_described_are_damage(tmp_path: Path) -> None:
    header = enhanced()
    header.NumberOfFrames = 13
    assert "damaged-file" in rejected(write(tmp_path / "study", [header]))


def test_frames_without_end_are_too_large(tmp_path: Path) -> None:
    header = enhanced()
    header.NumberOfFrames = 2_000_000
    assert "too-large" in rejected(write(tmp_path / "study", [header]))


def test_frames_that_are_mips_are_never_measured(tmp_path: Path) -> None:
    header = enhanced()
    header.ImageType = ["DERIVED", "PRIMARY", "VOLUME", "MAXIMUM"]
    assert "no-axial-series" in rejected(write(tmp_path / "study", [header]))


def test_the_limits_come_with_the_study(tmp_path: Path) -> None:
    folder = write(tmp_path / "study", [enhanced()])
    (study,) = find([folder], workspace=tmp_path, limits=Limits(slices=11))
    with pytest.raises(IntakeRejected, match="12 images"):
        load(study)
