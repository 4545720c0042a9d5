"""The Python door."""

import json

import numpy as np
import pytest

import opacimeter
from opacimeter.errors import IntakeRejected, ModelError
from opacimeter.results import studies
from tests.conftest import ROOT
from training.phantom import Patient, Scan, write_study

SMALL = Scan(slices=28, rows=72, columns=80, spacing_mm=(9.0, 4.8, 4.5), thickness_mm=9.0)


@pytest.fixture(scope="module")
def model():
    if not (ROOT / "models" / "lung-lesion" / "models" / "model.onnx").exists():
        pytest.skip("the model bundle has no weights")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A whole study, and one of 8 slices."""
    folder = tmp_path_factory.mktemp("studies")
    write_study(folder / "whole", Patient(), SMALL)
    write_study(
        folder / "few", Patient(seed=2, id="PHANTOM-002"), Scan(slices=8, rows=32, columns=32)
    )
    return folder


@pytest.fixture(scope="module")
def results(folder, model):
    found = opacimeter.quantify(folder, threads=2)
    return {result.to_dict()["patient"]["id"]: result for result in found}


def test_there_is_one_result_a_study(results):
    assert {name: result.to_dict()["status"] for name, result in results.items()} == {
        "PHANTOM-001": "complete",
        "PHANTOM-002": "rejected",
    }


def test_volume_and_labels_lie_on_the_scanners_grid(results):
    result = results["PHANTOM-001"]
    assert (result.volume.shape, result.volume.dtype) == ((28, 72, 80), np.int16)
    assert (result.labels.shape, result.labels.dtype) == ((28, 72, 80), np.uint8)
    # The document says what the labels hold: voxels of 9·4.8·4.5 mm³.
    volume_ml = np.count_nonzero(result.labels) * 0.1944
    told = result.to_dict()["regions"]["lungs"]["volume_ml"]
    assert told == pytest.approx(volume_ml, abs=0.001)


def test_the_document_is_json_and_always_the_same(results):
    result = results["PHANTOM-001"]
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False)) == result.to_dict()


def test_a_rejected_study_says_why_and_has_no_arrays(results):
    result = results["PHANTOM-002"]
    codes = [check["code"] for check in result.to_dict()["checks"]]
    assert "too-few-slices" in codes
    with pytest.raises(IntakeRejected, match="8"):
        _ = result.volume
    assert [document.name for document in result.documents()] == ["result.json"]


def test_a_path_without_a_study_is_an_error(tmp_path, model):
    with pytest.raises(IntakeRejected):
        opacimeter.quantify(tmp_path)


def test_a_folder_that_is_no_model_is_an_error(folder, tmp_path):
    with pytest.raises(ModelError):
        opacimeter.quantify(folder, model=tmp_path)


def test_a_long_list_takes_one_place_after_the_other_and_leaves_nothing(folder, tmp_path):
    empty, workspace = tmp_path / "empty", tmp_path / "workspace"
    for new in (empty, workspace):
        new.mkdir()
    places = [folder / "whole", empty, folder / "few" / "0001.dcm", folder / "few" / "0002.dcm"]
    found = list(studies(places, workspace))
    # Single files come first and belong together.
    assert [isinstance(one, IntakeRejected) for one in found] == [False, False, True]
    assert [len(one.instances) for one in found[:2]] == [2, 28]
    assert list(workspace.iterdir()) == []
