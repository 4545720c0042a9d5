"""Holds what intake answers against the expect.json of one odd input."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opacimeter.checks import Check
from opacimeter.errors import IntakeRejected
from opacimeter.intake import find, load
from opacimeter.volume import Volume

Answer = Volume | IntakeRejected
ROOT = Path(__file__).resolve().parents[2]
NOT_OURS = {"private-precision"}  # named by the data, no code of ours


def answers(paths: list[Path], workspace: Path) -> dict[str, Answer]:
    """What intake says of each study; of a delivery refused whole under the empty UID."""
    try:
        studies = find(paths, workspace=workspace)
    except IntakeRejected as rejected:
        return {"": rejected}
    found: dict[str, Answer] = {}
    for study in studies:
        try:
            found[study.uid] = load(study)
        except IntakeRejected as rejected:
            found[study.uid] = rejected
    return found


def hold(expected: dict[str, Any], found: dict[str, Answer]) -> None:
    """Fail with the list of what differs, unless one of the acceptable answers was given."""
    if "studies" in expected:
        assert len(found) == len(expected["studies"])
        for each in expected["studies"]:
            assert not list(_differences(each, found[each["study_uid"]]))
        return
    if "every" in expected:
        assert len(found) >= expected["studies_at_least"]
        for answer in found.values():
            assert not list(_differences(expected["every"], answer))
        return
    (answer,) = found.values()
    wrong = list(_differences(expected, answer))
    for other in expected.get("also_acceptable", []) if wrong else []:
        if not list(_differences(other, answer)):
            return
    assert not wrong


def _differences(expected: dict[str, Any], answer: Answer) -> Iterator[str]:
    accepted = isinstance(answer, Volume)
    codes = {check.code for check in answer.checks}
    if accepted != expected["accepted"]:
        yield f"accepted {accepted}, checks {codes}: {answer}"
        return
    if missing := set(expected.get("checks", ())) - codes:
        yield f"checks {missing} missing among {codes}"
    for one_of in expected.get("checks_any_of", ()):
        if not codes & set(one_of):
            yield f"none of {one_of} among {codes}"
    if present := codes & (set(expected.get("forbidden_checks", ())) - NOT_OURS):
        yield f"forbidden {present}"
    yield from _detail_differences(expected.get("detail", {}), answer.checks)
    if isinstance(answer, Volume):
        yield from _volume_differences(expected, answer)


def peak_mb(path: Path, workspace: Path) -> float:
    """Most memory that a fresh process has resident while it finds and loads what is in a path."""
    run = [sys.executable, "-m", "tests.intake.quirks", str(path), str(workspace)]
    told = subprocess.run(run, check=True, capture_output=True, text=True, timeout=120, cwd=ROOT)
    return float(told.stdout)


def _own_peak_mb() -> float:
    # Not getrusage: its maximum begins with what the parent had resident.
    status = Path("/proc/self/status").read_text().splitlines()
    (line,) = [line for line in status if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def _detail_differences(expected: dict[str, Any], checks: tuple[Check, ...]) -> Iterator[str]:
    for code, detail in expected.items():
        (check,) = [each for each in checks if each.code == code]
        ours = list(_numbers(dict(check.detail)))
        for wanted in _numbers(detail):
            if not any(abs(wanted - number) <= 0.15 for number in ours):
                yield f"{code} does not tell {wanted}: {dict(check.detail)}"


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from _numbers(each)
    elif isinstance(value, int | float):
        yield float(value)


def _volume_differences(expected: dict[str, Any], volume: Volume) -> Iterator[str]:
    tolerance = expected.get("tolerance_mm", 0.001)
    uids = expected.get("acceptable_series", [expected.get("series_uid", volume.series.uid)])
    if volume.series.uid not in uids:
        yield f"series {volume.series.uid}"
    for axis, name in enumerate(("slices", "rows", "columns")):
        if volume.hu.shape[axis] != expected.get(name, volume.hu.shape[axis]):
            yield f"{name} {volume.hu.shape[axis]} for {expected[name]}"
    spacings = expected.get("spacing_mm_any_of") or [expected.get("spacing_mm", volume.spacing_mm)]
    if not any(np.allclose(volume.spacing_mm, s, rtol=0, atol=tolerance) for s in spacings):
        yield f"spacing {volume.spacing_mm} for {spacings}"
    if volume.voxel_ml != pytest.approx(expected.get("voxel_ml", volume.voxel_ml), rel=1e-4):
        yield f"voxel_ml {volume.voxel_ml} for {expected['voxel_ml']}"
    for name, ours in (("first_slice_z_mm", volume.affine[2, 3]), ("affine", volume.affine)):
        if not np.allclose(ours, expected.get(name, ours), rtol=1e-5, atol=tolerance):
            yield f"{name} {ours} for {expected[name]}"
    yield from _name_differences(expected, volume)
    yield from _voxel_differences(expected, volume)


def _name_differences(expected: dict[str, Any], volume: Volume) -> Iterator[str]:
    name = str(volume.series.header.get("PatientName", ""))
    name.encode()  # valid Unicode
    if expected.get("patient_name", name).rstrip("=") != name.rstrip("="):
        yield f"name {name}"
    if not name.startswith(expected.get("patient_name_begins", "")):
        yield f"name {name}"
    if str(volume.series.header.get("PatientID")) != expected.get(
        "patient_id", str(volume.series.header.get("PatientID"))
    ):
        yield "patient mixed up"


def _voxel_differences(expected: dict[str, Any], volume: Volume) -> Iterator[str]:
    tolerance = expected.get("hu_tolerance", 0)
    probes = [list(_wrong(volume.hu, expected.get("hu_at", []), tolerance))]
    if "hu_at_other" in expected:
        probes.append(list(_wrong(volume.hu, expected["hu_at_other"], tolerance)))
    if all(probes):
        yield from probes[0]
    inverse = np.linalg.inv(volume.affine)
    for x, y, z, hu in expected.get("hu_at_mm", []) if "hu_at_other" not in expected else []:
        index = inverse @ (x, y, z, 1)
        nearest = np.rint(index[:3]).astype(int)
        if np.abs(index[:3] - nearest).max() > 0.01:
            yield f"{x} {y} {z} is no centre of a voxel: {index}"
        elif (nearest < 0).any() or (nearest >= volume.hu.shape).any():
            yield f"{x} {y} {z} lies outside"
        else:
            yield from _wrong(volume.hu, [[*nearest, hu]], tolerance)
    for slice_, row, column in expected.get("padding_at", []):
        if volume.hu[slice_, row, column] > expected["padding_hu_max"]:
            yield f"padding {volume.hu[slice_, row, column]}"


def _wrong(hu: np.ndarray, probes: list[list[int]], tolerance: int) -> Iterator[str]:
    for slice_, row, column, wanted in probes:
        if abs(int(hu[slice_, row, column]) - wanted) > tolerance:
            yield f"{hu[slice_, row, column]} HU at {slice_} {row} {column} for {wanted}"


if __name__ == "__main__":
    answers([Path(sys.argv[1])], Path(sys.argv[2]))
    sys.stdout.write(f"{_own_peak_mb()}\n")
