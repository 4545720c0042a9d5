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


INTERVAL = {
    "level": 0.9, "method": "cv+", "patients": 14, "offset_points": 1.0, "below": 0.8, "above": 1.4,
    "covered": 13, "mean_width_points": 8.1,
}  # fmt: skip
GATE = {
    "sha256": "d" * 64, "lesion_dice": 0.66, "error_points": 3.4, "healthy_percent_max": 0.06,
    "healthy_bound_percent": 0.5, "cases": {"case-03": {"dice": 0.64}}, "studies": {},
}  # fmt: skip


def test_a_bundle_without_calibration_and_gates_has_none(folder):
    assert read_bundle(folder).interval is None
    assert read_bundle(folder).gates == {}
    change(folder, interval=None, gates={})
    assert read_bundle(folder).interval is None


@pytest.mark.parametrize(
    ("percent", "low", "high"),
    [
        # The scale is 1 + 10 · 0.9 = 10: 10 - 8 and 10 + 14.
        (10.0, 2.0, 24.0),
        # At 50 it is 1 + 25 = 26.
        (50.0, 29.2, 86.4),
        # At both ends it is 1, and a percentage stays one.
        (0.0, 0.0, 1.4),
        (100.0, 99.2, 100.0),
    ],
)
def test_the_interval_is_scaled_by_burden(folder, percent, low, high):
    change(folder, interval=INTERVAL)
    interval = read_bundle(folder).interval
    assert interval.around(percent) == pytest.approx((low, high))
    assert (interval.method, interval.patients) == ("cv+", 14)


def test_an_interval_of_another_level_has_no_name_in_the_result_and_is_refused(folder):
    change(folder, interval=INTERVAL | {"level": 0.95})
    with pytest.raises(ModelError, match=r"0\.95"):
        read_bundle(folder)


@pytest.mark.parametrize("wrong", [{"offset_points": 0}, {"below": -2}, {"above": float("nan")}])
def test_an_interval_that_would_be_none_is_refused(folder, wrong):
    change(folder, interval=INTERVAL | wrong)
    with pytest.raises(ModelError, match="interval with offset_points"):
        read_bundle(folder)


def test_an_exponent_out_of_range_is_refused(folder):
    change(folder, interval=INTERVAL | {"exponent": 1.5})
    with pytest.raises(ModelError, match="exponent"):
        read_bundle(folder)


def test_an_interval_says_how_its_scale_grows_and_older_bundles_grow_with_the_variance(folder):
    change(folder, interval=INTERVAL)
    assert read_bundle(folder).interval.scale(50.0) == pytest.approx(1.0 + 25.0)
    change(folder, interval=INTERVAL | {"exponent": 0.5})
    assert read_bundle(folder).interval.scale(50.0) == pytest.approx(1.0 + 5.0)


def test_gates_are_read_by_their_names(folder):
    change(folder, gates={"opacimeter": GATE, "ours": GATE | {"healthy_percent_max": None}})
    gates = read_bundle(folder).gates
    assert (gates["opacimeter"].lesion_dice, gates["opacimeter"].error_points) == (0.66, 3.4)
    assert gates["ours"].healthy_percent_max is None


def test_a_gate_with_an_impossible_figure_is_refused(folder):
    change(folder, gates={"opacimeter": GATE | {"lesion_dice": float("nan")}})
    with pytest.raises(ModelError, match="gate with Dice nan"):
        read_bundle(folder)
