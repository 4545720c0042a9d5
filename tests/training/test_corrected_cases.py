"""From corrections in the service to cases that training reads."""

import json

import numpy as np
import pytest

from opacimeter.cli import run
from opacimeter.record import Correction
from opacimeter.report.nifti import read_nifti
from opacimeter.store import Review, ReviewState, Store
from tests.boxes import two_lungs, volume_of
from tests.fakes import Clock, incoming
from tests.paintings import SPACING, complete_painted
from training.cases import Target, read_cases, read_rows


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("OPACIMETER_DATA_DIR", str(tmp_path / "data"))
    opened = Store(tmp_path / "data", clock=Clock())
    yield opened
    opened.close()


def corrected(store, tmp_path, study="1.2.3", *, content=b"painted"):
    """A study with a complete correction; its assessment and the correction's number."""
    receipt = store.arrivals.receive(incoming(tmp_path / "in", study))
    if receipt.job:
        complete_painted(store, receipt.job)
    painting = store.files.upload() / "painting.nii.gz"
    painting.write_bytes(content)
    of = store.corrections.receive(
        receipt.id, Correction(1, "Dr. Doe", "effusion"), painting, series_uid="1.2.3.4"
    )
    complete_painted(store, of.job)
    return receipt.id, of.version


def export(folder, *options):
    with pytest.raises(SystemExit) as left:
        run(["export-cases", str(folder), *options])
    return left.value.code


def test_training_reads_what_was_exported(store, tmp_path):
    corrected(store, tmp_path)
    assert export(tmp_path / "cases") == 0
    (row,) = read_rows(tmp_path / "cases")
    assert (row.classes, row.spacing, row.intensity) == (("lung", "lesion"), "true", "true")
    assert (row.healthy, row.gate) == (False, False)
    # Pixels of 2 mm are brought to 1.5 mm; slices of 3 mm stay.
    (case,) = read_cases(tmp_path / "cases")
    assert case.spacing_mm == pytest.approx((3.0, 1.5, 1.5), rel=0.02)
    assert case.kind == "lesion"
    # 600 voxels of 0.012 ml are 7.2 ml of lesion, 48 000 are 576 ml of lung with it; on other
    # pixels the lesion's borders of 20 mm may lie half a pixel off, 0.75 mm.
    voxel_ml = np.prod(case.spacing_mm) / 1000
    assert (case.target == Target.LESION).sum() * voxel_ml == pytest.approx(7.2, rel=0.08)
    lung = np.isin(case.target, (Target.LUNG, Target.LESION))
    assert lung.sum() * voxel_ml == pytest.approx(576.0, rel=0.05)
    assert case.hu[case.target == Target.LESION].mean() == pytest.approx(-400, abs=40)


def test_images_and_labels_are_those_of_the_corrected_version(store, tmp_path):
    corrected(store, tmp_path)
    export(tmp_path / "cases")
    (folder,) = (tmp_path / "cases").glob("corrected-*")
    hu, labels = two_lungs()
    found, affine = read_nifti(folder / "ct.nii.gz")
    assert np.array_equal(found, hu)
    assert np.allclose(affine, volume_of(hu, SPACING).affine)
    label, _ = read_nifti(folder / "label.nii.gz")
    assert np.array_equal(label == 2, labels == 4)
    assert np.array_equal(label == 1, (labels == 1) | (labels == 2))


def test_nothing_in_the_folder_names_a_patient_or_a_study(store, tmp_path):
    receipt, _ = corrected(store, tmp_path)
    export(tmp_path / "cases")
    texts = [path.read_text() for path in (tmp_path / "cases").glob("*.*") if path.is_file()]
    names = [str(path.relative_to(tmp_path)) for path in (tmp_path / "cases").rglob("*")]
    for word in ("P1", "Doe", "Jane", "1.2.3", str(receipt), "2026", "effusion"):
        assert not any(word in text for text in [*texts, *names]), word
    assert "consent" in (tmp_path / "cases" / "README.txt").read_text()


def test_one_patient_is_one_patient_in_every_export_of_a_service_and_in_no_other(store, tmp_path):
    corrected(store, tmp_path, "1.2.3")
    export(tmp_path / "first")
    corrected(store, tmp_path, "1.2.4")
    export(tmp_path / "second")
    (first,) = read_rows(tmp_path / "first")
    again = read_rows(tmp_path / "second")
    assert {row.patient for row in again} == {first.patient}
    assert len({row.id for row in again}) == 2
    (store.files.root / "pseudonyms.key").unlink()  # another service has another key
    export(tmp_path / "third")
    assert first.patient not in {row.patient for row in read_rows(tmp_path / "third")}
    assert (store.files.root / "pseudonyms.key").stat().st_mode & 0o077 == 0


def test_an_export_goes_on_and_keeps_what_was_changed_by_hand(store, tmp_path, capfd):
    corrected(store, tmp_path)
    export(tmp_path / "cases")
    path = tmp_path / "cases" / "cases.json"
    (row,) = json.loads(path.read_text())
    path.write_text(json.dumps([row | {"gate": True}]))
    corrected(store, tmp_path, "1.2.4")  # of the same patient
    capfd.readouterr()
    export(tmp_path / "cases", "--json")
    assert json.loads(capfd.readouterr().out) == {"exported": 1, "known": 1, "removed": 0}
    assert [each.gate for each in read_rows(tmp_path / "cases")] == [True, True]


def test_reviews_decide_what_is_exported(store, tmp_path):
    for study, state in (("1.1", "accepted"), ("1.2", "rejected"), ("1.3", None)):
        key, version = corrected(store, tmp_path, study)
        if state:
            store.reviews.add(key, version, Review(ReviewState(state), "Dr. Doe", "seen"))
    export(tmp_path / "all")
    assert len(read_rows(tmp_path / "all")) == 2
    export(tmp_path / "accepted", "--accepted")
    assert len(read_rows(tmp_path / "accepted")) == 1


def test_a_folder_of_something_else_is_left_alone(store, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    assert export(other) == 4
    assert [path.name for path in other.iterdir()] == ["thesis.txt"]


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")  # of torch and monai; not ours to mend
def test_training_takes_what_was_exported(store, tmp_path):
    torch = pytest.importorskip("torch", reason="the train extra is not installed")
    from tests.training.small import write_config
    from training.run import Run, read_config
    from training.train import train

    corrected(store, tmp_path)
    export(tmp_path / "cases")
    config = read_config(write_config(tmp_path / "train.yaml", validate_every=100))
    (tmp_path / "run").mkdir()
    run_of = Run(config, tmp_path / "run", torch.device("cpu"), 1)
    train(run_of, list(read_cases(tmp_path / "cases")), [], 0)
    assert list((tmp_path / "run").glob("checkpoint*"))
