"""`opacimeter models`: what it prints, and how it ends."""

import json

import pytest

from opacimeter.assess import Registry, read_bundle
from opacimeter.assess.bundle import default_folder
from opacimeter.cli import run
from tests.bundles import copy_of, figures, write_bundle
from tests.conftest import ROOT
from tests.fakes import names
from training.phantom import Patient, Scan, write_study

SMALL = Scan(slices=28, rows=72, columns=80, spacing_mm=(9.0, 4.8, 4.5), thickness_mm=9.0)


CARRIED = read_bundle(default_folder()).network.version
"""Of the model in the package: another one with each model that ships."""


def following(*versions):
    """The next after the newest of them."""
    major, minor, _ = max(tuple(map(int, version.split("."))) for version in versions)
    return f"{major}.{minor + 1}.0"


NEXT = following("1.1.0", CARRIED)


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A data folder in which 1.1.0 was promoted over a bundle with gate figures."""
    data = tmp_path / "data"
    monkeypatch.setenv("OPACIMETER_DATA_DIR", str(data))
    monkeypatch.delenv("OPACIMETER_MODEL", raising=False)
    first = write_bundle(tmp_path / "first", "first")
    registry = Registry(data / "models", carried=write_bundle(tmp_path / "zero", "zero"))
    registry.promote(first, notes="the first")
    return registry


@pytest.fixture
def call(capfd):
    """Runs a command: exit code, stdout, stderr."""

    def command(*arguments):
        with pytest.raises(SystemExit) as left:
            run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return left.value.code, out, err

    return command


@pytest.fixture
def better(tmp_path):
    return write_bundle(tmp_path / "better", "better", **figures(lesion_dice=0.7))


@pytest.fixture
def worse(tmp_path):
    return write_bundle(tmp_path / "worse", "worse", **figures(lesion_dice=0.6, error_points=3.5))


def test_a_better_model_comes_into_service_under_the_next_version(call, models, better):
    code, out, _ = call("models", "promote", better, "--notes", "ours", "--json")
    assert code == 0
    told = json.loads(out)
    assert (told["status"], told["version"], told["notes"]) == ("promoted", NEXT, "ours")
    assert told["sha256"] == read_bundle(better).network.sha256
    assert read_bundle(models.in_service()).network.version == NEXT


def test_a_version_may_be_named(call, models, better):
    code, out, _ = call("models", "promote", better, "--version", "3.0.0")
    assert (code, out.startswith("3.0.0 (")) == (0, True)
    assert models.history()[-1].version == "3.0.0"


def test_a_worse_model_is_refused_with_each_figure_and_changes_nothing(call, models, worse):
    before = models.in_service()
    code, out, err = call("models", "promote", worse)
    assert (code, out) == (3, "")
    assert "lesion Dice 0.600, at least 0.650 (0.660 in service): too bad" in err
    assert "mean error 3.500 points, at most 3.600 (3.400 points in service): good" in err
    assert "python -m training.evaluate --bundle" in err
    assert str(worse) not in err
    assert models.in_service() == before


def test_a_refusal_as_json_names_the_figures(call, models, worse):
    code, out, _ = call("models", "promote", worse, "--json")
    told = json.loads(out)
    assert (code, told["status"]) == (3, "refused")
    assert {row["figure"]: row["good"] for row in told["figures"]} == {
        "lesion_dice": False,
        "error_points": True,
        "healthy_percent_max": True,
    }


def test_another_gate_must_be_known_to_both(call, models, better):
    code, _, err = call("models", "promote", better, "--gate", "ours")
    assert code == 3
    assert "gate ours" in err


def test_a_folder_that_is_no_bundle_fails_without_its_path(call, models, tmp_path):
    (tmp_path / "empty").mkdir()
    code, out, err = call("models", "promote", tmp_path / "empty")
    assert (code, out) == (4, "")
    assert "metadata" in err
    assert str(tmp_path) not in err


@pytest.mark.parametrize(
    "arguments",
    [("promote",), ("promote", "no-such"), ("promote", ".", "--version", "1.2"), ("demote",)],
)
def test_wrong_use_is_told_apart(call, models, arguments):
    code, out, err = call("models", *arguments)
    assert (code, out) == (2, "")
    assert "Error" in err


def test_a_rollback_goes_one_back_and_another_one_further(call, models, better):
    call("models", "promote", better)
    code, out, _ = call("models", "rollback", "--json")
    told = json.loads(out)
    assert (code, told["status"], told["version"]) == (0, "rolled back", "1.1.0")
    code, _, _ = call("models", "rollback")
    assert code == 0
    assert models.history()[-1].folder is None  # the carried one
    code, out, err = call("models", "rollback")
    assert (code, out) == (4, "")
    assert "none before it" in err


def test_the_list_tells_what_is_in_service_and_what_was(call, models, better):
    call("models", "promote", better)
    code, out, _ = call("models", "list", "--json")
    assert code == 0
    told = json.loads(out)
    assert told["in_service"]["version"] == NEXT
    assert told["in_service"]["gates"]["opacimeter"]["lesion_dice"] == 0.7
    assert [model["version"] for model in told["earlier"]] == ["1.1.0"]
    assert told["earlier"][0]["notes"] == "the first"
    assert told["carried"]["source"] == "carried"
    assert [change["version"] for change in told["history"]] == ["1.1.0", NEXT]


def test_the_list_for_people_has_a_row_a_model(call, models, better, monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    call("models", "promote", better)
    code, out, _ = call("models", "list")
    assert code == 0
    (new,) = (line for line in out.splitlines() if NEXT in line)
    assert "in service" in new
    assert "0.700" in new
    (old,) = (line for line in out.splitlines() if "earlier" in line)
    assert "1.1.0" in old
    (carried,) = (line for line in out.splitlines() if "carried" in line)
    assert CARRIED in carried


def test_a_damaged_model_is_listed_with_what_is_wrong(call, models):
    (models.in_service() / "models" / "model.onnx").write_bytes(b"other")
    told = json.loads(call("models", "list", "--json")[1])
    assert "sha256" in told["in_service"]["problem"]
    assert told["in_service"]["version"] == "1.1.0"
    code, out, err = call("models", "list")
    assert (code, "unusable" in out) == (0, True)
    assert "in service: The weights' sha256 is" in err


def test_a_bundle_named_in_the_environment_is_in_service_and_said_to_be(
    call, models, better, worse, monkeypatch
):
    monkeypatch.setenv("OPACIMETER_MODEL", str(worse))
    told = json.loads(call("models", "list", "--json")[1])
    assert told["in_service"]["source"] == "environment"
    assert told["in_service"]["sha256"] == read_bundle(worse).network.sha256
    assert told["overridden"]["version"] == "1.1.0"
    code, _, err = call("models", "promote", better)
    assert code == 0
    assert "OPACIMETER_MODEL" in err


def test_a_list_of_nothing_makes_no_folder(call, tmp_path, monkeypatch):
    monkeypatch.setenv("OPACIMETER_DATA_DIR", str(tmp_path / "none"))
    code, out, _ = call("models", "list", "--json")
    assert (code, json.loads(out)["earlier"]) == (0, [])
    assert list(names(tmp_path)) == []
    assert not (tmp_path / "none").exists()


def test_a_setting_that_is_wrong_is_named_and_not_quoted(call, monkeypatch):
    monkeypatch.setenv("OPACIMETER_PORT", "secret")
    code, out, err = call("models", "list")
    assert (code, out) == (2, "")
    assert "OPACIMETER_PORT" in err
    assert "secret" not in err


def test_assess_takes_the_model_in_service(call, tmp_path, monkeypatch):
    """The carried weights, promoted over others: the result says under which version."""
    if not (default_folder() / "models" / "model.onnx").exists():
        pytest.skip("the model bundle has no weights")
    monkeypatch.setenv("OPACIMETER_DATA_DIR", str(tmp_path / "data"))
    candidate = copy_of(ROOT / "models" / "lung-lesion", tmp_path / "candidate")
    registry = Registry(tmp_path / "data" / "models", carried=write_bundle(tmp_path / "0", "0"))
    registry.promote(candidate, version="9.0.0")
    write_study(tmp_path / "study", Patient(), SMALL)
    code, out, _ = call("assess", tmp_path / "study", "--json", "--threads", "1")
    assert code == 0
    assert json.loads(out)["model"]["version"] == "9.0.0"
    code, out, _ = call("assess", tmp_path / "study", "--json", "--model", default_folder())
    assert json.loads(out)["model"]["version"] != "9.0.0"
