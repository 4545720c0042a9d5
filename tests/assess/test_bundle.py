import hashlib
import json

import pytest

from opacimeter.assess.bundle import read_bundle
from opacimeter.errors import ModelError


@pytest.fixture
def folder(tmp_path):
    """A bundle as the contract has it, around weights that are four bytes."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "model.onnx").write_bytes(b"onnx")
    own = {
        "sha256": hashlib.sha256(b"onnx").hexdigest(),
        "axes": "context-row-column",
        "pixel_mm": 1.5,
        "plane_mm": 3.0,
        "context": 3,
        "context_mm": 5.0,
        "thresholds": {"lung": 0.5, "lesion": 0.4},
        "detection_limit": {"percent": 0.2, "chests": 2},
        "evaluated": {"slice_mm": [2.0, 5.6]},
    }
    write(tmp_path, {"name": "lung-lesion", "version": "1.2.3", "opacimeter": own})
    return tmp_path


def write(folder, metadata):
    (folder / "configs" / "metadata.json").write_text(json.dumps(metadata))


def change(folder, **values):
    metadata = json.loads((folder / "configs" / "metadata.json").read_text())
    metadata["opacimeter"].update(values)
    write(folder, metadata)


def test_a_bundle_tells_what_inference_needs(folder):
    bundle = read_bundle(folder)
    assert (bundle.network.name, bundle.network.version) == ("lung-lesion", "1.2.3")
    assert bundle.lesion_threshold == 0.4
    assert bundle.detection_limit is not None
    assert bundle.detection_limit.chests == 2
    assert bundle.evaluated["slice_mm"] == (2.0, 5.6)


def test_weights_with_another_hash_are_refused(folder):
    (folder / "models" / "model.onnx").write_bytes(b"other")
    with pytest.raises(ModelError, match="sha256"):
        read_bundle(folder)


def test_missing_weights_are_refused(folder):
    (folder / "models" / "model.onnx").unlink()
    with pytest.raises(ModelError, match=r"model\.onnx"):
        read_bundle(folder)


def test_an_input_layout_that_cannot_be_fed_is_refused(folder):
    change(folder, axes="slice-row-column")
    with pytest.raises(ModelError, match="slice-row-column"):
        read_bundle(folder)


def test_metadata_without_the_contract_is_refused(folder):
    write(folder, {"name": "x", "version": "1"})
    with pytest.raises(ModelError, match="opacimeter"):
        read_bundle(folder)


def test_a_folder_that_is_no_bundle_is_refused_without_naming_its_path(tmp_path):
    with pytest.raises(ModelError) as error:
        read_bundle(tmp_path)
    assert str(tmp_path) not in str(error.value)


def test_an_even_number_of_slices_has_no_middle_one_and_is_refused(folder):
    change(folder, context=4)
    with pytest.raises(ModelError, match="context 4"):
        read_bundle(folder)
