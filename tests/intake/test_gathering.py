"""Archives are foreign input; discs and folders are walked."""

import io
import zipfile
from pathlib import Path

import pytest

from opacimeter.errors import IntakeRejected
from opacimeter.intake import Limits, find, load
from tests.intake.series import as_bytes, series, write


def zipped(members: dict[str, bytes], **options: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def slices() -> dict[str, bytes]:
    return {f"{number}.dcm": as_bytes(header) for number, header in enumerate(series())}


def codes(path: Path, workspace: Path, limits: Limits | None = None) -> set[str]:
    with pytest.raises(IntakeRejected) as rejected:
        [load(study) for study in find([path], workspace=workspace, limits=limits)]
    return {check.code for check in rejected.value.checks}


def test_a_zip_in_a_zip_is_opened(tmp_path: Path) -> None:
    inner = zipped(slices())
    (tmp_path / "study.zip").write_bytes(zipped({"a/inner.zip": inner, "readme.txt": b"x"}))
    (study,) = find([tmp_path / "study.zip"], workspace=tmp_path / "work")
    assert load(study).hu.shape == (12, 32, 32)


def test_names_in_an_archive_lead_nowhere(tmp_path: Path) -> None:
    whole = slices()
    evil = {"../../evil.dcm": whole["0.dcm"], "/evil.dcm": whole["0.dcm"]}
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "study.zip").write_bytes(zipped(whole | evil))
    link = zipfile.ZipInfo("link.dcm")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "in" / "study.zip", "a") as archive:
        archive.writestr(link, "/etc/passwd")
    (study,) = find([tmp_path / "in" / "study.zip"], workspace=tmp_path / "in" / "work")
    assert load(study).hu.shape == (12, 32, 32)
    assert not list(tmp_path.rglob("*evil*"))
    assert not [path for path in tmp_path.rglob("*") if path.is_symlink()]


def test_a_bomb_is_stopped_by_the_bytes_that_come_out(tmp_path: Path) -> None:
    bomb = bytes(128) + b"DICM" + bytes(50_000_000)
    (tmp_path / "bomb.zip").write_bytes(zipped({"0.dcm": bomb}))
    limits = Limits(unpacked_bytes=3_000_000)
    assert codes(tmp_path / "bomb.zip", tmp_path / "work", limits) == {"too-large"}
    unpacked = sum(path.stat().st_size for path in (tmp_path / "work").rglob("*") if path.is_file())
    assert unpacked <= 3_000_000


def test_archives_nested_without_end_are_refused(tmp_path: Path) -> None:
    content = zipped(slices())
    for _ in range(4):
        content = zipped({"inner.zip": content})
    (tmp_path / "deep.zip").write_bytes(content)
    assert codes(tmp_path / "deep.zip", tmp_path / "work") == {"too-large"}


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "many.zip").write_bytes(zipped({f"{n}.txt": b"" for n in range(20)}))
    assert codes(tmp_path / "many.zip", tmp_path / "work", Limits(files=19)) == {"too-large"}


def test_an_archive_cut_short_is_damage_not_nothing(tmp_path: Path) -> None:
    whole = zipped(slices())
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    assert codes(tmp_path / "cut.zip", tmp_path / "work") == {"damaged-file"}


def test_a_member_that_fails_its_checksum_rejects_the_study(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in slices().items():
            archive.writestr(name, content)
    raw = bytearray(buffer.getvalue())
    raw[len(raw) // 2] ^= 0xFF
    (tmp_path / "study.zip").write_bytes(raw)
    assert "damaged-file" in codes(tmp_path / "study.zip", tmp_path / "work")


def test_a_file_given_twice_counts_once(tmp_path: Path) -> None:
    folder = write(tmp_path / "study", series())
    (study,) = find([folder, folder / "003.dcm"], workspace=tmp_path / "work")
    assert len(study.instances) == 12


def test_a_path_that_does_not_exist_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        find([tmp_path / "nowhere"], workspace=tmp_path)
