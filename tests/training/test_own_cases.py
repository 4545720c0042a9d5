"""A researcher's own cases, beside the data folder's and alone."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
# torch and monai warn of each other's ways; those are not ours to mend.
pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore")]

from tests.training import data_folder  # noqa: E402
from tests.training.small import write_config  # noqa: E402
from training.cases import CaseFolderError, Row, folders_of, join, read_cases, write_rows  # noqa: E402
from training.evaluate import main as evaluate  # noqa: E402
from training.evaluation.figures import from_json  # noqa: E402
from training.export import export_run  # noqa: E402
from training.run import patients_seen  # noqa: E402
from training.train import main as train  # noqa: E402

OURS = {"case-01", "case-02", "lung-slices", "volume-1", "nodule-001"}
"""Patients of the small data folder that are not gate."""


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return data_folder.make(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "train.yaml"
    return write_config(
        path, iterations=1, fold_iterations=1, checkpoint_every=1, validate_every=100,
        folds={"mine": ["p1"]},
    )  # fmt: skip


def own(folder, *names, gate=()):
    """A case folder; the case c1 is of patient p1, and so on."""
    rows = []
    for name in names:
        hu, label = data_folder.chest(8, int(name[1:]))
        for kind, array in (("ct", hu), ("label", label)):
            data_folder.write(folder / name / f"{kind}.nii.gz", array, (12.0, 1.7, 1.7))
        patient = f"p{name[1:]}"
        rows.append(Row(id=name, patient=patient, spacing="nominal", gate=name in gate))
    write_rows(folder, rows)
    return folder


def trained(tmp_path, config, *arguments):
    """The patients that a run of one iteration saw."""
    common = ("--config", config, "--out", tmp_path / "run", "--workers", 0, "--threads", 1)
    train([str(each) for each in (*arguments, *common)])
    return patients_seen(tmp_path / "run")


def test_own_cases_join_those_of_the_data_folder(data, config, tmp_path, monkeypatch):
    monkeypatch.setenv("OPACIMETER_DATA", str(data))
    first, second = own(tmp_path / "a", "c1", "c2", gate=("c2",)), own(tmp_path / "b", "c3")
    seen = trained(tmp_path, config, "--cases", first, second)
    assert seen == OURS | {"p1", "p3"}  # neither the gate of the data folder nor their own


def test_a_fold_leaves_out_a_patient_of_ones_own(data, config, tmp_path):
    mine = own(tmp_path / "a", "c1", "c2")
    seen = trained(tmp_path, config, "--data", data, "--cases", mine, "--fold", "mine")
    assert seen == OURS | {"p2", "case-03", "volume-4"}  # a fold's weights never ship


def test_own_cases_are_alone_where_there_is_no_data_folder(config, tmp_path, monkeypatch):
    monkeypatch.setenv("OPACIMETER_DATA", str(tmp_path / "absent"))
    mine = own(tmp_path / "a", "c1")
    assert folders_of(None, [mine]) == (mine,)
    assert trained(tmp_path, config, "--cases", mine) == {"p1"}


def test_a_data_folder_that_was_named_and_is_absent_is_told(config, tmp_path):
    mine = own(tmp_path / "a", "c1")
    with pytest.raises(SystemExit, match="lesion_cases"):
        trained(tmp_path, config, "--data", tmp_path / "absent", "--cases", mine)


def test_one_name_for_two_cases_is_refused(config, tmp_path):
    first, second = own(tmp_path / "a", "c1"), own(tmp_path / "b", "c1")
    with pytest.raises(SystemExit, match="case c1; rename"):
        trained(tmp_path, config, "--data", first, "--cases", second)


def test_a_patient_of_two_folders_is_on_one_side_of_the_gate(tmp_path):
    (case,) = read_cases(own(tmp_path / "a", "c1"))
    gated = replace(case, name="c1-later", gate=True)
    with pytest.raises(CaseFolderError, match="outside of the gate: p1"):
        join([[case], [gated]])
    assert len(join([[replace(case, gate=True)], [gated]])) == 2


def test_nothing_to_train_on_is_told(config, tmp_path):
    mine = own(tmp_path / "a", "c1", gate=("c1",))
    with pytest.raises(SystemExit, match="nothing to train on"):
        trained(tmp_path, config, "--data", mine)


def test_own_cases_are_exported_by_name_and_judged_by_the_fold_that_left_them_out(
    data, config, tmp_path, capsys
):
    mine, runs = own(tmp_path / "a", "c1", "c2"), tmp_path / "runs"
    trained(tmp_path, config, "--data", data, "--cases", mine)
    common = ("--data", data, "--cases", mine, "--config", config)
    fold = (*common, "--fold", "mine", "--out", runs / "fold-mine", "--workers", 0)
    train([str(each) for each in fold])
    bundle = export_run(tmp_path / "run", tmp_path / "bundle", config=config)
    told = json.loads((bundle / "configs" / "metadata.json").read_text())["opacimeter"]
    assert {"p1", "p2", "case-01"} <= set(told["trained_on"])
    asked = ("--bundle", bundle, "--runs", runs, "--out", tmp_path / "out", "--only", "lesions")
    evaluate([str(each) for each in (*common, *asked, "--threads", 1)])
    figures = from_json((tmp_path / "out" / "figures.json").read_text())
    assert {row.case: row.seen_by for row in figures.patients} == {
        "c1": "fold mine", "case-03": "bundle",
    }  # fmt: skip
    assert {"c2", "case-01", "case-02"} <= {each.study for each in figures.refused}
