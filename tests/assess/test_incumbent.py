"""The loaded model follows the registry."""

import shutil
from functools import partial

import pytest

from opacimeter.assess import Assessor, Incumbent, Registry
from opacimeter.errors import ModelError
from tests.bundles import write_bundle


@pytest.fixture
def registry(tmp_path):
    carried = write_bundle(tmp_path / "carried", "carried")
    return Registry(tmp_path / "data" / "models", carried=carried)


@pytest.fixture
def loaded():
    """Folders that were loaded, in their order."""
    return []


class Seconds:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Seconds()


@pytest.fixture
def incumbent(registry, loaded, clock):
    def load(folder):
        loaded.append(folder)
        return Assessor.from_bundle(folder, threads=1)

    return Incumbent(registry, load=load, clock=clock)


def version(incumbent):
    return incumbent.follow().network.version


def test_a_promoted_model_is_loaded_once_and_an_old_one_in_hand_stays_whole(
    incumbent, registry, loaded, tmp_path
):
    in_hand = incumbent.follow()
    registry.promote(write_bundle(tmp_path / "new", "new"))
    assert (version(incumbent), version(incumbent)) == ("1.1.0", "1.1.0")
    assert len(loaded) == 2
    assert in_hand.network.version == "1.0.0"
    registry.rollback()
    assert version(incumbent) == "1.0.0"
    assert len(loaded) == 3


def test_a_model_that_cannot_be_loaded_leaves_the_old_one_in_service_and_says_so(
    incumbent, registry, loaded, clock, tmp_path
):
    registry.promote(write_bundle(tmp_path / "new", "new"))
    weights = registry.in_service() / "models" / "model.onnx"
    whole = weights.read_bytes()
    weights.write_bytes(b"other")
    assert version(incumbent) == "1.0.0"
    assert "sha256" in incumbent.problem
    version(incumbent)
    assert len(loaded) == 2  # what failed is not tried again at once
    weights.write_bytes(whole)
    clock.now = 59.0
    assert version(incumbent) == "1.0.0"
    clock.now = 61.0
    assert version(incumbent) == "1.1.0"
    assert incumbent.problem is None


def test_a_rollback_ends_the_problem(incumbent, registry, tmp_path):
    registry.promote(write_bundle(tmp_path / "new", "new"))
    shutil.rmtree(registry.in_service())
    assert version(incumbent) == "1.0.0"
    assert incumbent.problem
    registry.rollback()
    assert version(incumbent) == "1.0.0"
    assert incumbent.problem is None


def test_a_list_that_cannot_be_read_leaves_the_old_one_in_service(incumbent, registry, tmp_path):
    registry.promote(write_bundle(tmp_path / "new", "new"))
    assert version(incumbent) == "1.1.0"
    (tmp_path / "data" / "models" / "registry.json").write_text("{")
    assert version(incumbent) == "1.1.0"
    assert "registry.json" in incumbent.problem


def test_without_a_model_in_hand_one_that_cannot_be_loaded_is_an_error(registry):
    (registry.carried / "models" / "model.onnx").unlink()
    with pytest.raises(ModelError):
        Incumbent(registry, load=partial(Assessor.from_bundle, threads=1))
