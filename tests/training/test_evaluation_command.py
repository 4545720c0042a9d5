"""The command itself: real inference, a real fold, files as they are left."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
onnx = pytest.importorskip("onnx", reason="the train extra is not installed")
# torch and monai warn of each other's ways; those are not ours to mend.
pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore")]

from opacimeter.assess import Assessor  # noqa: E402
from tests.training import data_folder  # noqa: E402
from tests.training.small import write_config  # noqa: E402
from training.cases import Row, read_cases, write_rows  # noqa: E402
from training.evaluate import main  # noqa: E402
from training.evaluation.figures import from_json  # noqa: E402
from training.export import export_run  # noqa: E402
from training.run import Run, read_config  # noqa: E402
from training.train import split, train  # noqa: E402

FOLDS = {"a": ["case-01"], "b": ["case-02"]}


def thresholds():
    """A network that calls all below -300 HU lung, and lesion what of it is above -700."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    constants = {"air": -300.0, "dense": -700.0, "middle": 1}
    tensors = [
        helper.make_tensor(name, onnx.TensorProto.INT64 if name == "middle" else kind, [1], [value])
        for name, value in constants.items()
    ]
    nodes = [
        helper.make_node("Gather", ["hu", "middle"], ["slice"], axis=1),
        helper.make_node("Less", ["slice", "air"], ["is_lung"]),
        helper.make_node("Greater", ["slice", "dense"], ["is_dense"]),
        helper.make_node("And", ["is_lung", "is_dense"], ["is_lesion"]),
        helper.make_node("Cast", ["is_lung"], ["lungs"], to=kind),
        helper.make_node("Cast", ["is_lesion"], ["lesion"], to=kind),
        helper.make_node("Not", ["is_lung"], ["is_other"]),
        helper.make_node("Cast", ["is_other"], ["background"], to=kind),
        helper.make_node("Sub", ["lungs", "lesion"], ["lung"]),
        helper.make_node("Concat", ["background", "lung", "lesion"], ["probability"], axis=1),
    ]
    ends = [
        helper.make_tensor_value_info(name, kind, ["batch", channels, "row", "column"])
        for name, channels in (("hu", 3), ("probability", 3))
    ]
    graph = helper.make_graph(nodes, "thresholds", ends[:1], ends[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """The small data folder, its slices so far apart that the boxes are as large as lungs."""
    folder = data_folder.make(tmp_path_factory.mktemp("data"))
    for path in [*folder.glob("lesion_cases/*/*.nii.gz"), *folder.glob("lung_volumes/*.nii.gz")]:
        image = nib.load(path)
        affine = image.affine @ np.diag([1.0, 1.0, 2.0, 1.0])
        nib.save(nib.Nifti1Image(np.asarray(image.dataobj), affine), path)
    return folder


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "train.yaml"
    return write_config(path, folds=FOLDS, checkpoint_every=1, validate_every=100)


@pytest.fixture
def bundle(data, config, tmp_path, monkeypatch):
    """A bundle as export leaves it, whose graph is then the thresholds; case-01 and 02 seen."""
    monkeypatch.setenv("OPACIMETER_DATA", str(data))
    left_out = {"case-03", "volume-4"}
    cases = [case for case in read_cases(data) if case.name not in left_out]
    run_folder = tmp_path / "ship"
    run_folder.mkdir()
    train(Run(read_config(config), run_folder, torch.device("cpu"), 1), cases, [], 0)
    folder = export_run(run_folder, tmp_path / "bundle", version="1.0.0", config=config)
    onnx.save(thresholds(), str(folder / "models" / "model.onnx"))
    path = folder / "configs" / "metadata.json"
    metadata = json.loads(path.read_text())
    sha256 = hashlib.sha256((folder / "models" / "model.onnx").read_bytes()).hexdigest()
    metadata["opacimeter"] |= {"sha256": sha256, "context": 3}
    path.write_text(json.dumps(metadata))
    return folder


def told(capsys, *arguments):
    main([*map(str, arguments), "--threads", "1"])
    return capsys.readouterr().out


def test_a_whole_evaluation_is_written_into_the_bundle(bundle, data, config, tmp_path, capsys):
    runs = tmp_path / "runs"
    (runs / "fold-a").mkdir(parents=True)
    kept, _ = split(read_cases(data), FOLDS["a"])
    train(Run(read_config(config), runs / "fold-a", torch.device("cpu"), 1), kept, [], 0)
    common = ("--bundle", bundle, "--data", data, "--config", config, "--runs", runs)
    text = told(
        capsys, *common, "--out", tmp_path / "out", "--previous", bundle, "--pictures", "with"
    )
    figures = from_json((bundle / "evaluation" / "figures.json").read_text())
    assert {row.case: row.seen_by for row in figures.patients} == {
        "case-01": "fold a", "case-03": "bundle",
    }  # fmt: skip
    refused = {each.study: each.why for each in figures.refused}
    assert "fold b" in refused["case-02"]
    assert set(refused) == {"case-02", "nodule-001", "volume-1"}
    judged = next(row for row in figures.patients if row.case == "case-03")
    # Resampling blurs the seam of lung and body, which thresholds then call lesion.
    assert judged.lung_dice > 0.99
    assert judged.lesion_dice > 0.5
    assert "## Gates" in text
    assert {failure.case for failure in figures.failures} == {"case-01", "case-03"}
    pictures = sorted(path.name for path in (bundle / "evaluation").glob("*.webp"))
    assert pictures == ["failure-case-01.webp", "failure-case-03.webp"]
    own = Assessor.from_bundle(bundle, threads=1).bundle
    assert own.gates["opacimeter"].weights_sha256 == own.network.sha256
    assert own.gates["opacimeter"].lesion_dice == pytest.approx(judged.lesion_dice, abs=1e-4)
    assert own.detection_limit.chests == 1
    fold = json.loads((runs / "fold-a" / "bundle" / "configs" / "metadata.json").read_text())
    assert "case-01" not in fold["opacimeter"]["trained_on"]
    assert {"case-02", "case-03", "volume-4"} <= set(fold["opacimeter"]["trained_on"])


def test_pictures_alone_are_of_the_figures_in_the_bundle(bundle, data, config, tmp_path, capsys):
    common = ("--bundle", bundle, "--data", data, "--config", config, "--runs", tmp_path / "none")
    alone = (*common, "--out", tmp_path / "out", "--pictures", "only")
    with pytest.raises(SystemExit, match="holds no figures"):
        told(capsys, *alone)
    told(capsys, *common, "--out", tmp_path / "out")
    before = from_json((bundle / "evaluation" / "figures.json").read_text())
    told(capsys, *alone)
    after = from_json((bundle / "evaluation" / "figures.json").read_text())
    assert [failure.seen_by for failure in after.failures] == ["bundle"]  # case-03; no fold is here
    assert replace(after, failures=()) == before
    assert (bundle / "evaluation" / "failure-case-03.webp").exists()
    assert "## Failure cases" in (bundle / "evaluation" / "report.md").read_text()


def test_a_part_alone_leaves_the_bundle_as_it_was(bundle, data, config, tmp_path, capsys):
    before = (bundle / "configs" / "metadata.json").read_bytes()
    common = ("--bundle", bundle, "--data", data, "--config", config, "--runs", tmp_path / "none")
    text = told(capsys, *common, "--out", tmp_path / "out", "--only", "studies")
    assert "## Whole studies" in text
    assert "## Patients" not in text
    assert (bundle / "configs" / "metadata.json").read_bytes() == before
    assert not (bundle / "evaluation" / "report.md").exists()
    assert (tmp_path / "out" / "report.md").read_text() in text


def case_folder(folder, *, healthy):
    """A researcher's own: one case with lesions, and one without where asked."""
    hu, label = data_folder.chest(8, 5)
    rows = [Row(id="mine-1", patient="m1", spacing="nominal")]
    data_folder.write(folder / "mine-1" / "ct.nii.gz", hu, (12.0, 1.7, 1.7))
    data_folder.write(folder / "mine-1" / "label.nii.gz", label, (12.0, 1.7, 1.7))
    if healthy:
        clean, lung = np.where(label == 2, -850, hu).astype(np.int16), (label > 0).astype(np.uint8)
        rows.append(Row(id="mine-2", patient="m2", spacing="nominal", healthy=True))
        data_folder.write(folder / "mine-2" / "ct.nii.gz", clean, (12.0, 1.7, 1.7))
        data_folder.write(folder / "mine-2" / "label.nii.gz", lung, (12.0, 1.7, 1.7))
    write_rows(folder, rows)
    return folder


def test_a_gate_of_ones_own_needs_no_data_folder(bundle, config, tmp_path, capsys):
    mine = case_folder(tmp_path / "mine", healthy=True)
    common = ("--bundle", bundle, "--data", tmp_path / "absent", "--config", config)
    told(capsys, *common, "--out", tmp_path / "out", "--gate", f"mine={mine}")
    gate = json.loads((bundle / "configs" / "metadata.json").read_text())["opacimeter"]["gates"]
    assert set(gate) == {"mine"}
    assert gate["mine"]["cases"]["mine-1"]["dice"] > 0.5
    assert set(gate["mine"]["studies"]) == {"mine-2"}
    # mine-2 is mine-1 without its lesion; what is left is the seam.
    seam = gate["mine"]["healthy_percent_max"]
    assert 0 < seam < gate["mine"]["cases"]["mine-1"]["found_percent"]
    assert not (bundle / "evaluation" / "report.md").exists()


def test_a_gate_without_a_healthy_chest_is_said_so(bundle, config, tmp_path, capsys):
    mine = case_folder(tmp_path / "mine", healthy=False)
    common = ("--bundle", bundle, "--data", tmp_path / "absent", "--config", config)
    with pytest.raises(SystemExit, match="no healthy chest"):
        told(capsys, *common, "--out", tmp_path / "out", "--gate", f"mine={mine}")


@pytest.mark.parametrize("gate", ["opacimeter=.", "mine", "mine=/no/such/folder"])
def test_a_gate_needs_a_name_and_a_folder(gate, capsys):
    with pytest.raises(SystemExit):
        main(["--gate", gate])
    assert "NAME=FOLDER" in capsys.readouterr().err
