"""Runs that start from others, teachers, and several processes: nobody sees whom he left out."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
# torch and monai warn of each other's ways; those are not ours to mend.
pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore")]

from tests.training import data_folder  # noqa: E402
from tests.training.small import write_config  # noqa: E402
from training.cases import Case, Target  # noqa: E402
from training.export import Probability, export, export_run  # noqa: E402
from training.run import Run, patients_seen, read_config  # noqa: E402
from training.teach import taught  # noqa: E402
from training.thaw import thaw  # noqa: E402
from training.train import main  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return data_folder.make(tmp_path_factory.mktemp("data"))


def configured(folder: Path, **changes) -> Path:
    """The shipped configuration with a small network, two iterations and two folds."""
    few = {"average": 0.5, "iterations": 2, "fold_iterations": 2}
    folds = {"a": ["case-01"], "b": ["case-02"]}
    path = folder / f"train-{changes.get('context', 3)}.yaml"
    return write_config(path, **few, folds=folds, **changes)


def trained(data: Path, folder: Path, *arguments: str) -> Path:
    """The folder of a run that the command line trained."""
    run = folder / f"run-{len(list(folder.iterdir()))}"
    config = configured(folder)
    command = ["train", "--data", str(data), "--config", str(config), "--out", str(run)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [*command, "--workers", "0", "--threads", "1", *arguments])
        main()
    return run


def test_a_run_tells_whom_it_saw_and_a_start_passes_that_on(data, tmp_path):
    first = trained(data, tmp_path, "--fold", "a")
    assert "case-01" not in patients_seen(first)
    assert "case-02" in patients_seen(first)
    second = trained(data, tmp_path, "--fold", "a", "--from", str(first))
    assert "case-01" not in patients_seen(second)


@pytest.mark.parametrize("way", ["--from", "--teacher"])
def test_weights_that_saw_a_patient_to_be_left_out_are_refused(data, tmp_path, way):
    first = trained(data, tmp_path, "--fold", "a")
    with pytest.raises(SystemExit, match=r"was trained on case-02"):
        trained(data, tmp_path, "--fold", "b", way, str(first))


def test_a_wider_context_begins_as_the_narrow_network(tmp_path):
    narrow = Run(read_config(configured(tmp_path)), tmp_path / "n", torch.device("cpu"), 2)
    narrow.folder.mkdir()
    narrow.save()
    wide = Run(read_config(configured(tmp_path, context=5)), tmp_path / "w", torch.device("cpu"), 2)
    wide.start_from(narrow.folder)
    hu = torch.from_numpy(np.random.default_rng(0).uniform(-1000, 100, (1, 5, 64, 64))).float()
    with torch.no_grad():
        assert torch.allclose(
            wide.average.module.eval()(hu), narrow.average.module.eval()(hu[:, 1:4]), atol=1e-5
        )


def slices(count: int, seed: int) -> list[torch.Tensor]:
    random = np.random.default_rng(seed)
    return [
        torch.from_numpy(random.uniform(-1000, 100, (2, 3, 64, 64))).float() for _ in range(count)
    ]


def test_an_exported_model_thaws_to_the_network_it_was(tmp_path):
    """Also in training, where normalisation is by the batch: there within what batches differ."""
    config = read_config(configured(tmp_path))
    first = Run(config, tmp_path / "first", torch.device("cpu"), 2)
    for batch in slices(20, seed=1):  # its running statistics leave where they began
        first.plain(batch)
    export(Probability(first.plain), 3, tmp_path / "model.onnx", {})
    second = Run(config, tmp_path / "second", torch.device("cpu"), 2)
    thaw(second.plain, tmp_path / "model.onnx", slices(8, seed=2))
    (hu,) = slices(1, seed=3)
    with torch.no_grad():
        expected = first.plain.eval()(hu)
        assert torch.allclose(second.plain.eval()(hu), expected, atol=1e-3)
        training = second.plain.train()(hu)
    assert (training - expected).abs().mean() < 0.1 * expected.std()


def test_a_model_of_another_architecture_does_not_thaw(tmp_path):
    config = read_config(configured(tmp_path))
    first = Run(config, tmp_path / "first", torch.device("cpu"), 2)
    export(Probability(first.plain), 3, tmp_path / "model.onnx", {})
    wide = read_config(configured(tmp_path, context=5))
    other = Run(wide, tmp_path / "wide", torch.device("cpu"), 2)
    with pytest.raises(SystemExit, match="wider or narrower"):
        thaw(other.plain, tmp_path / "model.onnx", [])


def test_training_goes_on_from_a_bundle_that_saw_nobody_who_is_left_out(data, tmp_path):
    config = configured(tmp_path)
    first = trained(data, tmp_path, "--fold", "a")
    bundle = tmp_path / "bundle"
    export_run(first, bundle, version="9.9.9", config=config)
    second = trained(data, tmp_path, "--fold", "a", "--from", str(bundle))
    assert "case-01" not in patients_seen(second)
    assert patients_seen(bundle) <= patients_seen(second)
    with pytest.raises(SystemExit, match=r"was trained on case-02"):
        trained(data, tmp_path, "--fold", "b", "--from", str(bundle))


class Sure(torch.nn.Module):
    """A teacher that is sure of lesion in the upper half, of lung in the lower."""

    def forward(self, hu):
        logits = torch.zeros(1, 3, *hu.shape[-2:])
        logits[:, 2, :16], logits[:, 1, 16:] = 20.0, 20.0
        return logits


def test_a_teacher_decides_only_what_the_label_leaves_open():
    target = np.full((1, 32, 32), Target.LUNG_OR_LESION, dtype=np.uint8)
    target[0, :, :8], target[0, :, 8:16] = Target.BACKGROUND, Target.LUNG
    case = Case("slices", "slices", "slices", np.zeros((1, 32, 32), np.int16), target)
    expert = Case("case", "case", "lesion", case.hu, target)
    (after, untouched) = taught([case, expert], Sure(), context=3, sure=(0.8, 0.15))
    assert (after.target[0, :16, 16:] == Target.LESION).all()
    assert (after.target[0, 16:, 16:] == Target.LUNG).all()
    assert (after.target[0, :, :16] == target[0, :, :16]).all()
    assert untouched is expert


def test_two_processes_train_one_network(data, tmp_path):
    run = tmp_path / "run"
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone"]
    command += ["-m", "training.train", "--data", str(data), "--out", str(run), "--workers", "0"]
    command += ["--config", str(configured(tmp_path)), "--threads", "1"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    state = torch.load(run / "checkpoint.pt", weights_only=True)
    assert state["iteration"] == 2
    # A run of one process takes it up: the checkpoint knows nothing of how many there were.
    alone = Run(read_config(configured(tmp_path)), run, torch.device("cpu"), 2)
    alone.resume()
    assert "case-02" in alone.seen


BEGIN = """
import os, sys
from pathlib import Path
import torch
from training.cases import read_cases
from training.run import Run, read_config
from training.train import _begin, _device

data, config, bundle, out = map(Path, sys.argv[1:])
torch.set_num_threads(1)
run = Run(read_config(config), out, _device(), 2)
_begin(run, bundle, list(read_cases(data)), set())
torch.save(run.plain.state_dict(), out / f"{os.environ['RANK']}.pt")
"""


def test_two_processes_begin_alike_with_a_bundle_though_they_draw_other_slices(data, tmp_path):
    first, bundle = trained(data, tmp_path, "--fold", "a"), tmp_path / "bundle"
    config = configured(tmp_path)
    export_run(first, bundle, version="9.9.9", config=config)
    script, out = tmp_path / "begin.py", tmp_path / "begun"
    script.write_text(BEGIN)
    out.mkdir()
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone"]
    done = subprocess.run(
        [*command, str(script), *map(str, (data, config, bundle, out))],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    one, other = (torch.load(out / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_is_not_taken_up_with_another_number_of_iterations(data, tmp_path):
    folder = trained(data, tmp_path)
    longer = Run(read_config(configured(tmp_path)), folder, torch.device("cpu"), 4)
    with pytest.raises(SystemExit, match="begun for 2 iterations, 4 are asked for"):
        longer.resume()
