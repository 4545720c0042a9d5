"""Promotion and rollback of real small bundles on a real disk."""

import json
import shutil
import threading

import pytest

from opacimeter.assess import Registry, read_bundle
from opacimeter.errors import Conflict, ModelError, ModelRefused
from tests.bundles import (
    FIGURES,
    copy_of,
    figures,
    read_metadata,
    write_bundle,
    write_metadata,
)
from tests.fakes import PROCESSES, Clock, names


@pytest.fixture
def carried(tmp_path):
    return write_bundle(tmp_path / "carried", "carried")


@pytest.fixture
def registry(tmp_path, carried):
    return Registry(tmp_path / "data" / "models", carried=carried, clock=Clock())


@pytest.fixture
def better(tmp_path):
    """A candidate, and its files with their bytes."""
    return write_bundle(tmp_path / "better", "better", **figures(lesion_dice=0.7))


def contents(folder):
    return {name: (folder / name).read_bytes() for name in names(folder)}


def test_before_any_promotion_the_carried_model_is_in_service_and_nothing_is_written(
    registry, carried, tmp_path
):
    assert registry.in_service() == carried
    assert registry.history() == ()
    assert not (tmp_path / "data").exists()


def test_a_promoted_model_is_a_copy_under_the_next_minor_version(registry, better):
    before = contents(better)
    change = registry.promote(better, notes="more cases")
    assert contents(better) == before
    copy = registry.in_service()
    sha256 = read_bundle(better).network.sha256
    assert copy.name == change.folder == f"1.1.0-{sha256[:12]}"
    assert read_bundle(copy).network.version == "1.1.0"
    told = read_metadata(copy)
    assert told["changelog"]["1.0.0"] == "first"
    for words in ("more cases", "gate opacimeter", "0.700", "3.40 points", sha256):
        assert words.lower() in told["changelog"]["1.1.0"].lower()
    same = set(before) - {"configs/metadata.json"}
    assert {name: contents(copy)[name] for name in same} == {name: before[name] for name in same}


def test_the_history_keeps_who_came_when_with_figures_and_notes(registry, better, tmp_path):
    registry.promote(better, version="2.0.0", notes="more cases")
    registry.rollback()
    again = Registry(tmp_path / "data" / "models", carried=registry.carried).history()
    assert again == registry.history()
    first, second = again
    assert (first.action, first.version, first.notes) == ("promote", "2.0.0", "more cases")
    assert first.figures.lesion_dice == 0.7
    assert (second.action, second.version, second.folder) == ("rollback", "1.0.0", None)
    # The clock moves a second each time it is read.
    assert (second.time - first.time).total_seconds() == 1


def test_rollbacks_go_back_one_by_one_and_delete_nothing(registry, better, tmp_path):
    third = write_bundle(tmp_path / "third", "third", **figures(lesion_dice=0.72))
    folders = [registry.promote(one).folder for one in (better, third)]
    assert registry.rollback().version == "1.1.0"
    assert registry.in_service().name == folders[0]
    assert registry.rollback().version == "1.0.0"
    assert registry.in_service() == registry.carried
    with pytest.raises(Conflict, match="none before it"):
        registry.rollback()
    assert all((tmp_path / "data" / "models" / folder).is_dir() for folder in folders)


def test_a_rollback_goes_to_the_model_that_was_in_service_not_to_the_one_rolled_back(
    registry, better, tmp_path
):
    third, fourth = (
        write_bundle(tmp_path / mark, mark, **figures(lesion_dice=0.7)) for mark in ("3", "4")
    )
    versions = [registry.promote(better).version, registry.promote(third).version]
    registry.rollback()
    versions.append(registry.promote(fourth).version)
    assert versions == ["1.1.0", "1.2.0", "1.3.0"]
    assert registry.rollback().version == "1.1.0"


def test_a_model_that_was_rolled_back_is_compared_with_the_one_now_in_service(
    registry, better, tmp_path
):
    worse = write_bundle(tmp_path / "worse", "worse")  # Dice 0.66, as the carried one
    registry.promote(better)  # 0.70
    with pytest.raises(ModelRefused, match=r"worse than 1\.1\.0"):
        registry.promote(worse)
    registry.rollback()
    assert registry.promote(worse).version == "1.2.0"


@pytest.mark.parametrize("version", ["1.0.0", "0.9.9"])
def test_a_version_must_be_above_all_before(registry, better, version):
    with pytest.raises(Conflict, match=r"not above 1\.0\.0"):
        registry.promote(better, version=version)
    assert registry.history() == ()


def test_a_version_is_never_used_twice_although_its_model_was_rolled_back(
    registry, better, tmp_path
):
    registry.promote(better, version="1.4.0")
    registry.rollback()
    other = write_bundle(tmp_path / "other", "other")
    with pytest.raises(Conflict, match=r"1\.4\.0"):
        registry.promote(other, version="1.4.0")
    assert registry.promote(other).version == "1.5.0"


def test_a_carried_model_that_an_update_brought_counts_among_the_versions(registry, better):
    registry.promote(better)
    told = read_metadata(registry.carried)
    write_metadata(registry.carried, told | {"version": "3.0.0"})
    other = write_bundle(registry.carried.parent / "other", "other", **figures(lesion_dice=0.71))
    assert registry.promote(other).version == "3.1.0"


def test_a_bundle_that_does_not_infer_as_its_reference_is_refused(registry, tmp_path):
    # The logarithm of a probability of a third is -1.1.
    wrong = write_bundle(tmp_path / "wrong", "wrong", operator="LogSoftmax")
    with pytest.raises(ModelError, match="reference"):
        registry.promote(wrong)
    assert registry.in_service() == registry.carried


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda folder: (folder / "evaluation" / "reference.npz").unlink(), "reference"),
        (lambda folder: (folder / "evaluation" / "reference.npz").write_bytes(b"PK"), "reference"),
        (lambda folder: (folder / "models" / "model.onnx").write_bytes(b"other"), "sha256"),
        (lambda folder: shutil.rmtree(folder / "configs"), "metadata"),
    ],
)
def test_a_damaged_bundle_is_refused_without_its_path(registry, better, harm, told):
    harm(better)
    with pytest.raises(ModelError, match=told) as error:
        registry.promote(better)
    assert str(better) not in str(error.value)


def test_what_a_killed_promotion_left_is_in_nobodys_way(registry, better, tmp_path):
    models = tmp_path / "data" / "models"
    sha256 = read_bundle(better).network.sha256
    half, whole = models / "arriving-x1", models / f"1.1.0-{sha256[:12]}"
    for left in (half, whole):
        left.mkdir(parents=True)
        (left / "rest").write_text("of an earlier attempt")
    assert registry.in_service() == registry.carried
    assert registry.promote(better).folder == whole.name
    assert not half.exists()
    assert "rest" not in set(names(whole))


def test_a_copy_that_was_damaged_meanwhile_is_not_rolled_back_to(registry, better, tmp_path):
    registry.promote(better)
    damaged = registry.in_service()
    third = write_bundle(tmp_path / "third", "third", **figures(lesion_dice=0.72))
    registry.promote(third)
    here = registry.in_service()
    (damaged / "models" / "model.onnx").write_bytes(b"other")
    with pytest.raises(ModelError, match="sha256"):
        registry.rollback()
    assert registry.in_service() == here


def test_a_list_that_cannot_be_read_is_an_error_and_not_the_carried_model(registry, better):
    registry.promote(better)
    listed = registry.in_service().parent / "registry.json"
    listed.write_text(listed.read_text()[:-20])
    with pytest.raises(ModelError, match=r"registry\.json"):
        registry.in_service()


def test_the_bundle_named_by_the_operator_overrides_what_was_promoted(registry, better, tmp_path):
    registry.promote(better)
    named = tmp_path / "named"
    overridden = Registry(tmp_path / "data" / "models", override=named, carried=registry.carried)
    assert overridden.in_service() == named


def promote_one(folder, carried, candidate):
    """In a process of its own."""
    Registry(folder, carried=carried).promote(candidate)


def test_promotions_of_several_processes_come_one_after_the_other(registry, carried, tmp_path):
    candidates = [write_bundle(tmp_path / mark, mark) for mark in ("a", "b", "c")]
    models = tmp_path / "data" / "models"
    processes = [
        PROCESSES.Process(target=promote_one, args=(models, carried, candidate))
        for candidate in candidates
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    history = registry.history()
    assert [change.version for change in history] == ["1.1.0", "1.2.0", "1.3.0"]
    assert {change.sha256 for change in history} == {
        read_bundle(candidate).network.sha256 for candidate in candidates
    }
    assert [change.before for change in history[1:]] == [change.folder for change in history[:-1]]
    assert read_bundle(registry.in_service()).network.version == "1.3.0"


def test_a_reader_never_sees_half_a_list(registry, tmp_path):
    """It reads all the while, and each time what it is told of is there."""
    candidates = [write_bundle(tmp_path / f"c{index}", f"c{index}") for index in range(4)]
    done, seen = threading.Event(), []

    def read():
        while not done.is_set():
            seen.append(read_bundle(registry.in_service()).network.version)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for candidate in candidates:
            registry.promote(candidate)
            registry.rollback()
    finally:
        done.set()
        reader.join()
    assert set(seen) <= {"1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0"}
    assert len(set(seen)) > 1


def test_the_registry_is_readable_by_its_owner_alone(registry, better, tmp_path):
    registry.promote(better)
    for folder in (tmp_path / "data", tmp_path / "data" / "models"):
        assert folder.stat().st_mode & 0o077 == 0


def test_figures_of_other_weights_open_no_gate(registry, better, tmp_path):
    """Weights exchanged in an evaluated bundle, hash and all: its figures are not about them."""
    new = copy_of(better, tmp_path / "new", mark="x", **figures(
        lesion_dice=0.9, weights_sha256=read_bundle(better).network.sha256
    ))  # fmt: skip
    with pytest.raises(ModelRefused, match="stale"):
        registry.promote(new)
    assert registry.in_service() == registry.carried
    assert registry.history() == ()


def test_a_list_of_before_gates_named_their_weights_is_read(registry, better, tmp_path):
    registry.promote(better)
    listed = tmp_path / "data" / "models" / "registry.json"
    content = json.loads(listed.read_text())
    del content["opacimeter-models-1"][0]["figures"]["weights_sha256"]
    listed.write_text(json.dumps(content))
    (change,) = registry.history()
    assert change.figures.weights_sha256 is None
    assert change.figures.lesion_dice == 0.7


def test_the_list_is_plain_json_that_names_its_form(registry, better, tmp_path):
    registry.promote(better)
    content = json.loads((tmp_path / "data" / "models" / "registry.json").read_text())
    (change,) = content["opacimeter-models-1"]
    assert change["figures"]["error_points"] == FIGURES["error_points"]
