"""The command line: what it prints, what it writes, and how it ends."""

import csv
import json
import shutil
import zipfile

import nibabel as nib
import numpy as np
import pytest

from opacimeter.cli import run
from opacimeter.record import assessment_id
from tests.conftest import ROOT
from training.phantom import Patient, Scan, spread, write_study

SMALL = Scan(slices=28, rows=72, columns=80, spacing_mm=(9.0, 4.8, 4.5), thickness_mm=9.0)
INSPECTED = {
    "accepted", "patient_name", "study_uid", "series_uid", "slices", "spacing_mm",
    "first_slice_z_mm", "chosen_because", "checks", "others",
}  # fmt: skip


@pytest.fixture(scope="session")
def model():
    """Tests that assess use the carried network; they assert what any sane one gives."""
    if not (ROOT / "models" / "lung-lesion" / "models" / "model.onnx").exists():
        pytest.skip("the model bundle has no weights")


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """Two patients in a folder each, and the truth of the first."""
    folder = tmp_path_factory.mktemp("studies")
    truth = write_study(folder / "one", Patient(lesions=spread(12.0, seed=4)), SMALL)
    write_study(folder / "two", Patient(seed=2, id="PHANTOM-002"), SMALL)
    return folder, truth


@pytest.fixture
def studies(written):
    return written[0]


@pytest.fixture
def call(capfd):
    """Runs a command: exit code, lines of stdout, stderr."""

    def command(*arguments):
        with pytest.raises(SystemExit) as left:
            run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return left.value.code, out.splitlines(), err

    return command


def rows_of(table):
    with table.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def short(studies, folder):
    """A study of five slices: too few."""
    folder.mkdir()
    for number in range(10, 15):
        shutil.copy(studies / "two" / f"{number:04d}.dcm", folder)
    return folder


def test_json_is_one_result_a_line_and_nothing_else(call, written, model):
    folder, truth = written
    code, lines, _ = call("assess", folder / "one", "--json")
    assert code == 0
    (result,) = map(json.loads, lines)
    assert (result["schema"], result["status"]) == ("opacimeter-result-1", "complete")
    assert result["regions"]["lungs"]["volume_ml"] == pytest.approx(
        truth.volumes_ml["lungs"], rel=0.15
    )


def test_without_json_the_scores_are_printed_for_every_region(call, studies, model):
    code, lines, _ = call("assess", studies / "two")
    assert code == 0
    for region in ("lungs", "right-upper", "left-lower"):
        assert any(region in line for line in lines)


def test_an_interrupted_list_goes_on_where_it_stopped(call, studies, tmp_path, model):
    out, table = tmp_path / "out", tmp_path / "scores.csv"
    keep = ("--out", out, "--csv", table, "--json")
    code, lines, _ = call("assess", studies / "one", *keep)
    assert (code, len(lines)) == (0, 1)
    first = json.loads(lines[0])
    code, lines, err = call("assess", studies / "one", studies / "two", *keep)
    assert (code, len(lines)) == (0, 1)
    assert f"{first['study']['uid']}: done before, skipped" in err
    assert json.loads(lines[0])["patient"]["id"] == "PHANTOM-002"
    assert [row["patient_id"] for row in rows_of(table)] == ["PHANTOM-001", "PHANTOM-002"]
    assert len(list(out.iterdir())) == 2
    folder = out / str(assessment_id(first["study"]["uid"]))
    assert json.loads((folder / "result.json").read_text()) == first
    assert {path.name for path in folder.iterdir()} == {
        "result.json", "measurements.csv", "overlay.png", "labels.nii.gz", "anatomy.nii.gz",
        "volume.nii.gz", "report.en.pdf", "report.zh-CN.pdf", "pictures.dcm", "report.dcm",
        "anatomy.seg.dcm", "lesions.seg.dcm", "measurements.sr.dcm", "fhir.json",
    }  # fmt: skip
    # A result that was cut off while it was written is no result, nor is one of other weights.
    (folder / "result.json").write_text('{"schema": "opac')
    code, lines, _ = call("assess", studies / "one", "--out", out, "--json")
    assert len(lines) == 1
    mend(table, "model_sha256", "0" * 64)
    code, lines, _ = call("assess", studies / "two", "--csv", table, "--json")
    assert len(lines) == 1
    assert [row["patient_id"] for row in rows_of(table)] == ["PHANTOM-001", "PHANTOM-002"]


def mend(table, column, value):
    """Give all rows another value."""
    rows = [row | {column: value} for row in rows_of(table)]
    with table.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_a_table_of_other_columns_is_left_alone(call, studies, tmp_path, model):
    table = tmp_path / "mine.csv"
    table.write_text("name,age\nsomebody,50\n")
    code, lines, err = call("assess", studies / "one", "--csv", table)
    assert (code, lines) == (4, [])
    assert "name a new file" in err
    assert table.read_text() == "name,age\nsomebody,50\n"


def test_a_series_that_is_not_there_fails_with_a_sentence(call, studies, model):
    code, lines, err = call("assess", studies / "one", "--series", "1.2.3", "--json")
    assert (code, lines) == (4, [])
    assert "No study has a CT series of the UID asked for." in err.splitlines()


def test_of_several_studies_the_one_with_the_series_is_taken(call, studies):
    _, lines, _ = call("inspect", studies / "two", "--json")
    uid = json.loads(lines[0])["series_uid"]
    code, lines, err = call("inspect", studies, "--series", uid, "--json")
    assert code == 0
    assert [json.loads(line)["series_uid"] for line in lines] == [uid]
    assert "no such series" in err


def test_a_rejected_study_says_why_and_the_others_are_still_assessed(
    call, studies, tmp_path, model
):
    few, out, table = short(studies, tmp_path / "few"), tmp_path / "out", tmp_path / "scores.csv"
    code, lines, _ = call("assess", few, studies / "one", "--json", "--out", out, "--csv", table)
    assert code == 3
    rejected, complete = map(json.loads, lines)
    assert (rejected["status"], complete["status"]) == ("rejected", "complete")
    assert "too-few-slices" in [check["code"] for check in rejected["checks"]]
    assert rejected["patient"]["id"] == "PHANTOM-002"
    assert "summary" not in rejected
    assert [row["patient_id"] for row in rows_of(table)] == ["PHANTOM-001"]
    assert (out / rejected["id"] / "result.json").exists()
    # It is not done: its missing files may come.
    code, lines, _ = call("assess", few, "--json", "--out", out)
    assert (code, len(lines)) == (3, 1)


def test_a_folder_without_a_study_is_a_rejected_result_too(call, tmp_path, model):
    (tmp_path / "letter.txt").write_text("no DICOM")
    code, lines, _ = call("assess", tmp_path, "--json")
    assert code == 3
    (result,) = map(json.loads, lines)
    assert (result["schema"], result["status"]) == ("opacimeter-result-1", "rejected")
    assert result["checks"][0]["code"] == "not-dicom"


@pytest.mark.parametrize(
    "arguments",
    [
        ("assess",),
        ("assess", "no-such-folder"),
        ("assess", ".", "--threads", "0"),
        ("measure",),
        ("inspect", "--deep", "."),
    ],
)
def test_wrong_use_is_told_apart(call, arguments):
    code, lines, err = call(*arguments)
    assert (code, lines) == (2, [])
    assert "Error" in err


def test_a_model_that_is_none_fails_with_a_sentence_without_its_path(call, studies, tmp_path):
    code, lines, err = call("assess", studies / "one", "--model", tmp_path)
    assert (code, lines) == (4, [])
    assert "no readable configs/metadata.json" in err
    assert str(tmp_path) not in err


def test_inspect_tells_what_intake_found(call, written):
    folder, truth = written
    code, lines, _ = call("inspect", folder / "one", "--json")
    assert code == 0
    (found,) = map(json.loads, lines)
    assert set(found) >= INSPECTED
    assert found["accepted"] is True
    assert found["patient_name"] == "Phantom^Chest"
    assert (found["slices"], found["spacing_mm"]) == (28, [9.0, 4.8, 4.5])
    assert found["first_slice_z_mm"] == 130.0
    assert found["affine"][2][3] == pytest.approx(truth.affine[2, 3])


def test_inspect_of_a_study_that_cannot_be_measured(call, studies, tmp_path):
    code, lines, _ = call("inspect", short(studies, tmp_path / "few"), "--json")
    assert code == 3
    (found,) = map(json.loads, lines)
    assert found["accepted"] is False
    assert found["patient_name"] == "Phantom^Chest"
    assert "too-few-slices" in [check["code"] for check in found["checks"]]


def test_inspect_writes_the_volume(call, written, tmp_path):
    folder, truth = written
    nifti = tmp_path / "volume.nii.gz"
    code, _, _ = call("inspect", folder / "one", "--volume", nifti)
    assert code == 0
    image = nib.load(nifti)
    assert image.shape == (80, 72, 28)
    # Voxel (slice 3, row 2, column 1) in LPS; NIfTI's x and y have the other sign.
    lps = truth.affine @ [3, 2, 1, 1]
    assert (image.affine @ [1, 2, 3, 1])[:3] == pytest.approx(lps[:3] * [-1, -1, 1])
    assert np.asarray(image.dataobj).min() >= -1024


def test_one_volume_file_is_not_written_twice(call, studies, tmp_path):
    code, lines, err = call("inspect", studies, "--volume", tmp_path / "v.nii.gz", "--json")
    assert code == 2
    assert len(lines) == 1
    assert "several studies" in err


def test_a_zip_is_a_study_too(call, studies, tmp_path):
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as packed:
        for path in sorted((studies / "one").iterdir()):
            packed.write(path, path.name)
    code, lines, _ = call("inspect", tmp_path / "study.zip", "--json")
    assert code == 0
    assert json.loads(lines[0])["slices"] == 28


def test_the_version_is_that_of_the_package(call):
    from opacimeter.version import __version__

    assert call("--version")[:2] == (0, [__version__])
