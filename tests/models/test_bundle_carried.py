"""The bundle that the wheel carries: whole, honest about its training, and alike on any machine."""

import json

import numpy as np
import pytest

from opacimeter.assess.bundle import default_folder, read_bundle
from opacimeter.assess.network import OnnxNetwork
from training.cases import GATE

FOLDER = default_folder()
GATE_STUDIES = {"covid-p001", "cap-001", "normal-001"}

pytestmark = pytest.mark.skipif(
    not (FOLDER / "models" / "model.onnx").exists(), reason="the model bundle has no weights"
)


@pytest.fixture(scope="module")
def bundle():
    return read_bundle(FOLDER)


@pytest.fixture(scope="module")
def metadata():
    return json.loads((FOLDER / "configs" / "metadata.json").read_text())


def test_the_weights_are_light_enough_to_carry(bundle):
    assert bundle.onnx.stat().st_size < 30e6


def test_no_gate_case_was_trained_on(metadata):
    own = metadata["opacimeter"]
    assert set(own["gate"]) == GATE | GATE_STUDIES
    assert set(own["trained_on"]).isdisjoint(own["gate"])


def test_this_machine_infers_as_the_one_that_exported(bundle):
    with np.load(FOLDER / "evaluation" / "reference.npz") as reference:
        hu, expected = reference["hu"], reference["probability"].astype(np.float32)
    found = OnnxNetwork(bundle.onnx, threads=2)(hu[None].astype(np.float32))
    assert np.abs(found - expected).max() < 5e-3  # half precision in the file


def test_a_batch_gives_what_single_slices_give(bundle):
    with np.load(FOLDER / "evaluation" / "reference.npz") as reference:
        hu = reference["hu"][None].astype(np.float32)
    network = OnnxNetwork(bundle.onnx, threads=1)
    pair = network(np.concatenate([hu, hu[..., ::-1]]))
    assert np.abs(pair[:1] - network(hu)).max() < 1e-4


def test_the_evaluation_is_of_these_weights(bundle, metadata):
    figures = json.loads((FOLDER / "evaluation" / "figures.json").read_text())
    assert figures["sha256"] == bundle.network.sha256
    assert metadata["opacimeter"]["figures"] == figures["summary"]
    assert bundle.detection_limit is not None


def test_the_wheel_finds_a_bundle_of_the_layout_the_card_describes():
    names = ("configs/train.yaml", "docs/README.md", "evaluation/report.md")
    assert all((FOLDER / name).exists() for name in names)
