"""A whole evaluation by fakes, its report, and the command on real weights too small to be good."""

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("tqdm", reason="the train extra is not installed")
pytest.importorskip("matplotlib", reason="the train extra is not installed")
pytestmark = pytest.mark.train

from opacimeter.assess import read_bundle  # noqa: E402
from tests.conftest import ROOT  # noqa: E402
from tests.training import data_folder  # noqa: E402
from tests.training.judges import Told  # noqa: E402
from training.cases import read_cases  # noqa: E402
from training.evaluation.card import BEGIN, END  # noqa: E402
from training.evaluation.chest_tables import weak_sides  # noqa: E402
from training.evaluation.figures import (  # noqa: E402
    SCHEMA,
    Figures,
    Previous,
    Provenance,
    Refusal,
    from_json,
)
from training.evaluation.gate import GateRefused, gate_record  # noqa: E402
from training.evaluation.judging import Court, calibration  # noqa: E402
from training.evaluation.material import chests_of  # noqa: E402
from training.evaluation.means import group_figures, summary  # noqa: E402
from training.evaluation.overlap import pooled  # noqa: E402
from training.evaluation.recording import record, record_gates  # noqa: E402
from training.evaluation.report import report  # noqa: E402
from training.evaluation.results import Kept  # noqa: E402
from training.evaluation.robustness import VariationFigures  # noqa: E402
from training.evaluation.studies import Sides, StudyFigures  # noqa: E402
from training.evaluation.weights import Fold, Weights  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return data_folder.make(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def cases(folder):
    return read_cases(folder)


def threshold(volume):
    """Box lungs by their HU: dense spots in them are lesion, sides by column."""
    lung = volume.hu < -300
    labels = np.where(lung, np.where(volume.hu > -700, 3, 1), 0)
    labels[:, :, : labels.shape[2] // 2] += (labels[:, :, : labels.shape[2] // 2] > 0).astype(int)
    return labels


def weights(name, *seen):
    return Weights(name, f"{name}-hash", frozenset(seen), Told(threshold))


def court(tmp_path, seen=("case-01", "nodule-001", "volume-1"), folds=()):
    return Court(weights("bundle", *seen), folds, {}, Kept(tmp_path / "studies", "1"))


def test_each_case_is_judged_by_weights_that_never_saw_it(cases, tmp_path):
    fold = weights("fold a", "case-02", "case-03")
    judging = court(
        tmp_path, ("case-01", "case-02"), [Fold("a", frozenset({"case-01"}), lambda: fold)]
    )
    rows, refused = judging.lesions(cases)
    assert {row.case: row.seen_by for row in rows} == {"case-01": "fold a", "case-03": "bundle"}
    assert [each.study for each in refused] == ["case-02"]
    assert all(row.lesion_dice > 0.99 for row in rows)


def test_stored_figures_stand_in_for_a_fold_that_is_gone(cases, tmp_path):
    rows, _ = court(tmp_path, ()).lesions(cases)
    stored = {row.case: replace(row, seen_by="fold a (stored)") for row in rows}
    judging = replace(court(tmp_path, ("case-01",)), stored=stored)
    rows, refused = judging.lesions(cases)
    assert {row.case: row.seen_by for row in rows}["case-01"] == "fold a (stored)"
    assert refused == []


def test_the_same_weights_with_another_threshold_are_judged_anew(cases, tmp_path):
    bundle = read_bundle(ROOT / "models" / "lung-lesion")
    forms = {replace(bundle, lesion_threshold=value).form for value in (0.35, 0.5)}
    assert len(forms) == 2
    for form in forms:
        judging = court(tmp_path)
        judging = replace(judging, bundle=replace(judging.bundle, form=form))
        judging.lesions(cases)
        assert judging.bundle.judge.calls > 0


def test_what_was_judged_before_is_not_judged_again(folder, cases, tmp_path):
    first, again = court(tmp_path), court(tmp_path)
    pending = list(chests_of(folder, cases))
    before = first.lesions(cases), first.studies(pending, robustness=True)
    after = again.lesions(cases), again.studies(pending, robustness=True)
    assert before == after
    assert first.bundle.judge.calls == 3  # case-02, case-03, volume-4
    assert again.bundle.judge.calls == 0


def test_studies_that_all_weights_saw_have_no_figure(folder, cases, tmp_path):
    rows, varied, refused = court(tmp_path).studies(list(chests_of(folder, cases)), robustness=True)
    assert [row.study for row in rows] == ["volume-4"]
    assert varied == []
    assert {each.study for each in refused} == {"nodule-001", "volume-1"}


def test_a_fold_speaks_on_the_chests_that_it_left_out(folder, cases, tmp_path):
    fold = weights("fold a", "case-01")
    left_out = Fold("a", frozenset({"nodule-001", "volume-1"}), lambda: fold)
    studies, _, refused = court(tmp_path, folds=[left_out]).studies(
        list(chests_of(folder, cases)), robustness=False
    )
    assert refused == []
    assert {row.study: row.seen_by for row in studies} == {
        "nodule-001": "fold a", "volume-1": "fold a", "volume-4": "bundle",
    }  # fmt: skip
    nodule = next(row for row in studies if row.study == "nodule-001")
    means = summary([], studies)
    assert means["healthy_chests"] == 1  # a fold's chest bounds nothing of what ships
    figures = Figures(SCHEMA, "0", Provenance("", "", "", ""), means, studies=tuple(studies))
    assert (
        "nodule-001 bears a nodule and no pneumonia; fold a marks "
        f"{nodule.lesion_percent:.2f} % of its lung, and {nodule.nodule_percent:.0f} % of the "
        "nodule's voxels."
    ) in report(figures)


def test_a_weak_side_is_said_in_words():
    row = StudyFigures("cap", 5998.0, 7.3, 0.99, 2.0, 1.0, sides=Sides(0.98, 0.72, 86, 56))
    assert list(weak_sides(row)) == [("right", 0.72)]
    assert list(weak_sides(replace(row, sides=Sides(0.9, 0.9, 86, 86)))) == []
    figures = Figures(SCHEMA, "0", Provenance("", "", "", ""), studies=(row,))
    assert "cap: in the right lung marked slices are told apart with an AUC of 0.72" in report(
        figures
    )


def test_a_gate_is_refused_to_weights_that_saw_a_case_of_it(folder, cases, tmp_path):
    mine = [case for case in cases if case.name == "case-01"]
    with pytest.raises(GateRefused, match="case-01"):
        court(tmp_path).gate("own", mine, [])


def test_two_models_on_one_gate_get_one_hash_and_other_data_another(folder, cases, tmp_path):
    pending = [study for study in chests_of(folder, cases) if study.gate]
    gated = [case for case in cases if case.name == "case-03"]
    first = court(tmp_path, ("case-01",)).gate("own", gated, pending)
    other = court(tmp_path / "x", ("case-02",)).gate("own", gated, pending)
    assert first.sha256 == other.sha256
    assert first.healthy[0][0] == "volume-4"
    redrawn = [replace(gated[0], target=np.roll(gated[0].target, 1, axis=2))]
    assert court(tmp_path, ("case-01",)).gate("own", redrawn, pending).sha256 != first.sha256


@pytest.fixture(scope="module")
def figures(folder, cases, tmp_path_factory):
    """All parts, on three patients told apart into six so that there is an interval."""
    judging = court(tmp_path_factory.mktemp("out"), ("case-01",))
    rows, refused = judging.lesions(cases)
    rows = [
        replace(row, case=f"{row.case}{end}", patient=f"{row.case}{end}", found_percent=found)
        for row in rows
        for end, found in (("", row.found_percent), ("x", 3.0), ("y", 40.0))
    ]
    pending = list(chests_of(folder, cases))
    studies, _, _ = judging.studies(pending, robustness=False)
    gate = judging.gate(
        "own", [case for case in cases if case.gate and case.kind == "lesion"],
        [study for study in pending if study.gate],
    )  # fmt: skip
    return Figures(
        schema=SCHEMA,
        sha256="bundle-hash",
        provenance=Provenance("lung-lesion 1.1.0", "0.1.0+abc", "def", "a machine"),
        summary=summary(rows, studies),
        patients=tuple(rows),
        areas=pooled([row.areas for row in rows]),
        groups=group_figures(rows),
        studies=tuple(studies),
        robustness=(VariationFigures("volume-4", "5 mm slices", "bundle", 1.0, 1.25, False),),
        calibration=calibration(rows, studies),
        gates={"own": gate_record(gate, judging.bundle)},
        previous=Previous("lung-lesion 1.0.0", tuple(rows[:1]), tuple(studies[:1])),
        refused=(*refused, Refusal("nodule-001", "the bundle saw it")),
    )


def bundle_folder(tmp_path):
    gates = {
        "theirs": {"sha256": "1", "weights_sha256": "bundle-hash"},
        "other thresholds": {"sha256": "1", "weights_sha256": "bundle-hash", "form": "0.35"},
        "stale": {"sha256": "1", "weights_sha256": "weights of before"},
        "unsaid": {"sha256": "1"},
    }
    own = {"sha256": "bundle-hash", "interval": None, "gates": gates}
    for room in ("configs", "docs"):
        (tmp_path / room).mkdir()
    (tmp_path / "docs" / "README.md").write_text(f"Card\n{BEGIN}\nstale figures\n{END}\n")
    (tmp_path / "configs" / "metadata.json").write_text(json.dumps({"opacimeter": own}))
    return tmp_path


def test_an_evaluation_becomes_the_bundles_own(figures, tmp_path):
    bundle = bundle_folder(tmp_path)
    text = record(bundle, figures)
    own = json.loads((bundle / "configs" / "metadata.json").read_text())["opacimeter"]
    assert own["figures"] == figures.summary
    # Six with outlines; volume-4 and nodule-001 bear no opacity, volume-1 may.
    assert (own["interval"]["patients"], own["interval"]["controls"]) == (8, 2)
    assert set(own["interval"]) == {
        "level", "method", "patients", "controls", "offset_points", "exponent", "below", "above",
        "covered", "mean_width_points",
    }  # fmt: skip
    assert own["detection_limit"]["chests"] == 1
    # volume-4 is 5 mm apart, volume-1 and nodule-001 as well or nearer: those that were judged.
    assert own["evaluated"]["slice_mm"][1] == 5.0
    assert set(own["gates"]) == {"own", "theirs"}
    assert (bundle / "evaluation" / "report.md").read_text() == text
    card = (bundle / "docs" / "README.md").read_text()
    assert "stale figures" not in card
    assert "| volume-4 (healthy) | bundle |" in card
    assert from_json((bundle / "evaluation" / "figures.json").read_text()) == figures


def test_the_same_figures_are_written_with_the_same_bytes(figures, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        record(bundle_folder(tmp_path / name), figures)
    files = sorted(path.name for path in (tmp_path / "a" / "evaluation").iterdir())
    assert files == [
        "difference.png", "figures.json", "found-true.png", "reliability.png", "report.md",
    ]  # fmt: skip
    for name in files:
        a, b = (tmp_path / folder / "evaluation" / name for folder in ("a", "b"))
        assert a.read_bytes() == b.read_bytes()
        assert a.stat().st_size < 60_000


def test_figures_of_other_weights_are_not_written_into_a_bundle(figures, tmp_path):
    bundle = bundle_folder(tmp_path)
    with pytest.raises(SystemExit, match="other weights"):
        record(bundle, replace(figures, sha256="another"))
    with pytest.raises(SystemExit, match="other weights"):
        record_gates(bundle, replace(figures, sha256="another"))
    assert not (bundle / "evaluation").exists()


def test_a_gate_alone_leaves_the_rest_of_the_bundle_as_it_was(figures, tmp_path):
    bundle = bundle_folder(tmp_path)
    record_gates(bundle, figures)
    own = json.loads((bundle / "configs" / "metadata.json").read_text())["opacimeter"]
    assert own["interval"] is None
    assert set(own["gates"]) == {"own", "theirs"}


def test_the_report_tells_every_part(figures, tmp_path):
    text = record(bundle_folder(tmp_path), figures)
    for part in (
        "## Means over patients", "## Patients with expert masks", "## Whole studies",
        "## The same study delivered otherwise", "## Calibration", "## Gates", "## No figure",
    ):  # fmt: skip
        assert part in text
    assert "| volume-4 | 5 mm slices | 1.25 | +0.25 |" in text
    assert "| nodule-001 | the bundle saw it |" in text
    assert "Beside lung-lesion 1.0.0" in text
    assert "next to no evidence" in text  # how many of the left-out patients are covered
    assert "case-02" in text.split("Above 25 % involvement")[0]
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in rows)


def test_a_part_alone_has_no_words_about_the_others(figures):

    text = report(replace(figures, patients=(), groups=(), areas=(), calibration=None, gates={}))
    assert "## Whole studies" in text
    assert "## Calibration" not in text
    assert "## Patients" not in text
