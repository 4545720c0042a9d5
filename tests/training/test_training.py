"""Train, resume, export: the real code on a tiny data folder."""

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
# torch and monai warn of each other's ways; those are not ours to mend.
pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore")]

from opacimeter.assess import Assessor  # noqa: E402
from tests.training import data_folder  # noqa: E402
from tests.training.small import write_config  # noqa: E402
from training.cases import Case, Target, read_cases  # noqa: E402
from training.export import Probability, export, export_run  # noqa: E402
from training.network import SegmentationLoss, SubpixelUNet  # noqa: E402
from training.run import Run, read_config  # noqa: E402
from training.sample import Samples  # noqa: E402
from training.train import CONFIG, split, train  # noqa: E402


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return data_folder.make(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """The shipped configuration, with a small network on small pictures."""
    path = tmp_path_factory.mktemp("config") / "train.yaml"
    changes = {"average": 0.5, "learning_rate": 0.002}
    return write_config(path, checkpoint_every=2, validate_every=100, **changes)


def run_of(config, folder, iterations):
    folder.mkdir(exist_ok=True)
    return Run(read_config(config), folder, torch.device("cpu"), iterations)


def test_the_model_that_ships_never_sees_the_gate(data):
    kept, held_out = split(read_cases(data), None)
    assert {case.name for case in kept}.isdisjoint({"case-03", "volume-4"})
    assert held_out == []


def test_a_fold_leaves_out_its_patients(data):
    kept, held_out = split(read_cases(data), ["case-02"])
    assert "case-02" not in {case.name for case in kept}
    assert [case.name for case in held_out] == ["case-02"]


def test_a_fold_of_unknown_patients_is_refused(data):
    with pytest.raises(SystemExit, match="case-99"):
        split(read_cases(data), ["case-99"])


def test_every_patient_of_the_shipped_folds_is_left_out_once():
    folds = read_config(CONFIG).get_parsed_content("folds")
    patients = [patient for fold in folds.values() for patient in fold]
    assert len(patients) == len(set(patients))
    assert len([patient for patient in patients if patient.startswith("case-")]) == 11


def test_an_interrupted_run_goes_on_to_its_end(data, config, tmp_path):
    cases = [case for case in read_cases(data) if not case.gate]
    interrupted = run_of(config, tmp_path / "run", 4)
    for _ in range(2):
        interrupted.step(_batch(cases[0]))
    interrupted.save()
    again = run_of(config, tmp_path / "run", 4)
    again.resume()
    assert again.iteration == 2
    train(run_of(config, tmp_path / "run", 4), cases, [], 0)
    done = run_of(config, tmp_path / "run", 4)
    done.resume()
    assert done.iteration == 4
    assert list((tmp_path / "run" / "logs").iterdir())


def test_training_learns_the_lesion_of_its_own_case(data, config, tmp_path):
    cases = [case for case in read_cases(data) if case.name == "case-01"]
    run = run_of(config, tmp_path / "run", 60)
    batch = _batch(cases[0])
    losses = [run.step(batch) for _ in range(60)]
    assert losses[-1] < 0.8 * losses[0]


def _batch(case: Case):
    hu = torch.from_numpy(np.stack([case.hu[i - 1 : i + 2] for i in (4, 5)]).astype(np.float32))
    target = torch.from_numpy(case.target[[4, 5]][:, None].astype(np.float32))
    return {"image": hu, "target": target}


def test_one_seed_gives_one_stream_of_samples(data, config):
    get = read_config(config).get_parsed_content
    cases = read_cases(data)

    def first(seed):
        samples = Samples(cases, get("shares"), get("augment"), seed)
        return [sample["image"] for sample in islice(iter(samples), 4)]

    assert all(torch.equal(a, b) for a, b in zip(first(1), first(1), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first(1), first(2), strict=True))


def test_the_loss_asks_only_what_the_target_knows():
    loss = SegmentationLoss()
    lung_sure, lesion_sure = (torch.zeros(1, 3, 4, 4) for _ in range(2))
    lung_sure[:, 1], lesion_sure[:, 2] = 20.0, 20.0
    either = torch.full((1, 1, 4, 4), float(Target.LUNG_OR_LESION))
    assert float(loss(lung_sure, either)) == pytest.approx(float(loss(lesion_sure, either)))
    lung = torch.full((1, 1, 4, 4), float(Target.LUNG))
    assert float(loss(lesion_sure, lung)) > float(loss(lung_sure, lung)) + 1
    unknown = torch.full((1, 1, 4, 4), float(Target.UNKNOWN))
    assert float(loss(lesion_sure, unknown)) == pytest.approx(float(loss(lung_sure, unknown)))


@pytest.mark.parametrize("mirror", [False, True])
def test_the_exported_graph_takes_any_batch_and_any_sides_of_32(tmp_path, mirror):
    onnxruntime = pytest.importorskip("onnxruntime")
    model = Probability(SubpixelUNet(features=(8, 8, 8, 8, 8, 8)), mirror=mirror).eval()
    export(model, 3, tmp_path / "model.onnx", {"name": "test"})
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    assert session.get_modelmeta().custom_metadata_map["name"] == "test"
    for shape in ((1, 3, 64, 64), (5, 3, 32, 96), (2, 3, 160, 32)):
        hu = np.random.default_rng(0).uniform(-1024, 400, shape).astype(np.float32)
        (found,) = session.run(["probability"], {"hu": hu})
        assert found.shape == (shape[0], 3, *shape[2:])
        assert found.sum(1) == pytest.approx(1.0, abs=1e-5)
        with torch.no_grad():
            expected = model(torch.from_numpy(hu)).numpy()
        assert np.abs(found - expected).max() < 1e-4


def test_with_its_mirror_image_a_network_finds_the_same_on_either_side():
    network = SubpixelUNet(features=(8, 8, 8, 8, 8, 8))
    hu = torch.from_numpy(np.random.default_rng(0).uniform(-1024, 400, (2, 3, 64, 96))).float()
    with torch.no_grad():
        alone, mirrored = Probability(network).eval(), Probability(network, mirror=True).eval()
        assert torch.allclose(mirrored(hu.flip(-1)), mirrored(hu).flip(-1), atol=1e-6)
        assert not torch.allclose(alone(hu.flip(-1)), alone(hu).flip(-1), atol=1e-3)
        mean = (alone(hu) + alone(hu.flip(-1)).flip(-1)) / 2
        assert torch.allclose(mirrored(hu), mean, atol=1e-6)


def test_a_run_becomes_a_bundle_that_the_service_reads(data, config, tmp_path, monkeypatch):
    monkeypatch.setenv("OPACIMETER_DATA", str(data))
    cases = [case for case in read_cases(data) if not case.gate]
    train(run_of(config, tmp_path / "run", 2), cases, [], 0)
    bundle = export_run(tmp_path / "run", tmp_path / "bundle", version="0.0.1", config=config)
    assessor = Assessor.from_bundle(bundle, threads=1)
    assert assessor.network.version == "0.0.1"
    assert assessor.bundle.detection_limit is None
    metadata = json.loads((bundle / "configs" / "metadata.json").read_text())
    assert "case-03" not in metadata["opacimeter"]["trained_on"]
