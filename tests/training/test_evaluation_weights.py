"""Who may speak about whom, what is kept, and what decides at the gate."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.training import data_folder
from tests.training.judges import Told
from training.cases import read_cases
from training.evaluation.gate import Gate, GateRefused, gate_hash, gate_record
from training.evaluation.lesions import LesionFigures
from training.evaluation.means import bootstrap, group_figures, summary
from training.evaluation.results import Kept, content_hash, software
from training.evaluation.studies import StudyFigures
from training.evaluation.weights import (
    Fold,
    Seen,
    Weights,
    blind_weights,
    saw,
    stored_figures,
)


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    return read_cases(data_folder.make(tmp_path_factory.mktemp("data")))


def weights(name, *seen):
    return Weights(name, name * 8, frozenset(seen), Told(lambda volume: volume.hu))


def row(case="case-01", **changed):
    values = {
        "case": case,
        "intensity": "restored",
        "seen_by": "bundle",
        "lung_dice": 0.98,
        "lesion_dice": 0.8,
        "second_dice": None,
        "readers_dice": None,
        "truth_percent": 10.0,
        "found_percent": 9.0,
        "patient": case,
    }
    return LesionFigures(**(values | changed))


def test_the_bundle_speaks_where_it_never_saw_the_patient():
    assert blind_weights(("case-03",), weights("bundle", "case-01"), []).name == "bundle"


def test_a_fold_speaks_for_the_patients_it_left_out_and_is_loaded_for_them_alone():
    loaded = []

    def load():
        loaded.append("b")
        return weights("fold b", "case-03")

    folds = [
        Fold("a", frozenset({"case-02"}), lambda: pytest.fail("fold a has nothing to say")),
        Fold("b", frozenset({"case-01"}), load),
    ]
    bundle = weights("bundle", "case-01", "case-02")
    assert blind_weights(("case-01-thin", "case-01"), bundle, folds).name == "fold b"
    assert loaded == ["b"]


def test_a_fold_that_saw_the_patient_after_all_is_refused():
    fold = Fold("a", frozenset({"case-01"}), lambda: weights("fold a", "case-01"))
    with pytest.raises(Seen, match=r"and so did fold a"):
        blind_weights(("case-01",), weights("bundle", "case-01"), [fold])
    with pytest.raises(Seen, match=r"no fold left it out"):
        blind_weights(("nodule-001",), weights("bundle", "nodule-001"), [fold])


def test_who_saw_a_case_saw_its_patient(cases):
    assert saw({"opacimeter": {"trained_on": ["case-01"]}}, cases) == {"case-01"}
    by_set = {"opacimeter": {"trained_on": {"own": ["p1"], "public": ["case-02"]}}}
    assert saw(by_set, cases) == {"p1", "case-02"}
    with pytest.raises(SystemExit, match="does not tell"):
        saw({"opacimeter": {}}, cases)


def write_figures(bundle, sha256, rows, **more):
    (bundle / "evaluation").mkdir(parents=True, exist_ok=True)
    (bundle / "evaluation" / "figures.json").write_text(
        json.dumps({"sha256": sha256, "patients": rows} | more)
    )


def test_stored_figures_are_taken_for_the_same_weights_and_from_folds_only(cases, tmp_path):
    old = {"case": "case-02", "intensity": "restored", "seen_by": "fold a", "lung_dice": 0.9}
    old |= {"lesion_dice": 0.5, "second_dice": None, "readers_dice": None}
    old |= {"truth_percent": 4.0, "found_percent": 5.0}
    write_figures(tmp_path, "abc", [old, old | {"case": "case-03", "seen_by": "bundle"}])
    own = replace(weights("bundle"), sha256="abc", form="0.5")
    stored = stored_figures(tmp_path, own, cases)
    assert set(stored) == {"case-02"}
    assert stored["case-02"].seen_by == "fold a (stored)"
    assert stored["case-02"].patient == "case-02"
    assert stored_figures(tmp_path, replace(own, sha256="other"), cases) == {}
    write_figures(tmp_path, "abc", [old | {"seen_by": "fold a (stored)"}], form="0.5")
    assert stored_figures(tmp_path, own, cases)["case-02"].seen_by == "fold a (stored)"
    assert stored_figures(tmp_path, replace(own, form="0.35"), cases) == {}


def test_no_figures_are_stored_where_there_are_none_or_half_of_them(cases, tmp_path):
    own = replace(weights("bundle"), sha256="abc")
    assert stored_figures(tmp_path, own, cases) == {}
    write_figures(tmp_path, "abc", [])
    (tmp_path / "evaluation" / "figures.json").write_text('{"sha256": "abc", "pat')
    assert stored_figures(tmp_path, own, cases) == {}


def test_a_row_is_made_once_and_again_for_other_software(tmp_path):
    made = []

    def make():
        made.append(1)
        return row(lesion_dice=1 / 3)

    kept = Kept(tmp_path, "1.0")
    assert kept.row(LesionFigures, ("weights", "case"), make) == row(lesion_dice=1 / 3)
    assert kept.row(LesionFigures, ("weights", "case"), make) == row(lesion_dice=1 / 3)
    assert len(made) == 1
    kept.row(LesionFigures, ("weights", "other case"), make)
    Kept(tmp_path, "1.1").row(LesionFigures, ("weights", "case"), make)
    assert len(made) == 3


def test_a_row_cut_off_by_an_interruption_is_made_again(tmp_path):
    kept = Kept(tmp_path, "1.0")
    kept.row(LesionFigures, ("weights",), row)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:20])
    assert kept.row(LesionFigures, ("weights",), row) == row()


def test_a_hash_is_of_name_shape_and_values():
    array = np.arange(6, dtype=np.int16)
    same = content_hash("a", (array, None))
    assert same == content_hash("a", (array.astype(">i2").astype(array.dtype), None))
    assert same == content_hash("a", (array.astype(">i2"), None))
    others = [("b", (array, None)), ("a", (array.reshape(2, 3), None)), ("a", (array + 1, None))]
    assert same not in {content_hash(*other) for other in [*others, ("a", (array,))]}


def test_the_software_is_told_by_version_and_sources():
    assert software() == software()
    assert "+" in software()


def test_a_gates_record_is_the_contracts():
    rows = (
        row("case-03", lesion_dice=0.6, truth_percent=1.4, found_percent=1.5),
        row("case-06", lesion_dice=0.7, truth_percent=14.0, found_percent=8.0),
        row("case-99", lesion_dice=0.0, truth_percent=0.01, found_percent=0.41),
    )
    gate = Gate("own", gate_hash(["x", "y"]), rows, (("normal-001", 0.06), ("volume-4", 0.0301)))
    record = gate_record(gate, replace(weights("bundle"), sha256="w" * 64, form="1.5 0.5"))
    assert (record["weights_sha256"], record["form"]) == ("w" * 64, "1.5 0.5")
    assert record["sha256"] == gate_hash(["y", "x"])
    assert record["lesion_dice"] == 0.65  # a trace has no Dice to speak of
    assert record["error_points"] == pytest.approx((0.1 + 6.0 + 0.4) / 3, abs=1e-3)
    assert record["healthy_percent_max"] == 0.06
    assert record["healthy_bound_percent"] == 0.5
    assert record["cases"]["case-03"] == {"dice": 0.6, "truth_percent": 1.4, "found_percent": 1.5}
    assert record["studies"] == {"normal-001": 0.06, "volume-4": 0.03}


def test_a_gate_that_cannot_decide_is_refused():
    with pytest.raises(GateRefused, match="no healthy chest"):
        gate_record(Gate("own", "0", (row(),), ()), weights("bundle"))
    with pytest.raises(GateRefused, match="no case"):
        gate_record(Gate("own", "0", (row(truth_percent=0.0),), (("a", 0.1),)), weights("bundle"))


def test_a_bootstrap_interval_holds_the_mean_and_is_the_same_every_time():
    mean = bootstrap([0.0, 1.0] * 50)
    assert mean.value == 0.5
    # The mean of 100 coins has a deviation of 0.05, so 95 % lie within 0.098 of it.
    assert (mean.low, mean.high) == (pytest.approx(0.4, abs=0.02), pytest.approx(0.6, abs=0.02))
    assert mean == bootstrap([0.0, 1.0] * 50)
    assert bootstrap([]) is None


def test_means_are_over_patients_by_burden_and_kind_of_intensity():
    rows = [
        row("a", truth_percent=2.0, found_percent=3.0, lesion_dice=0.6),
        row("b", truth_percent=30.0, found_percent=20.0, lesion_dice=0.8, intensity="estimated"),
        row("c", truth_percent=0.0, found_percent=4.0, lesion_dice=0.0),
        row("a-thin", patient="a", lesion_dice=0.0),
    ]
    groups = {group.group: group for group in group_figures(rows)}
    assert groups["all"].lesion_dice.value == pytest.approx(0.7)  # c is a trace
    assert groups["all"].error_points.value == pytest.approx((1 + 10 + 4) / 3)
    assert groups["all"].bias_points.value == pytest.approx((1 - 10 + 4) / 3)
    assert groups["restored"].lesion_dice.patients == 1
    assert groups["burden above 25 %"].error_points.value == 10.0
    assert groups["burden below 0.1 %"].lesion_dice is None
    assert "burden 5 to 25 %" not in groups


def test_the_detection_limit_counts_clean_chests_that_the_bundle_itself_measured():
    def study(name, percent, **more):
        return StudyFigures(name, 4000.0, percent, None, 2.0, 1.0, **more)

    studies = [
        study("normal-001", 0.0601, clean=True),
        study("volume-4", 0.03, clean=True),
        study("volume-2", 0.9, clean=True, seen_by="fold a"),
        study("volume-3", 0.2),
    ]
    figures = summary([row()], studies)
    assert figures["healthy_percent_max"] == 0.061  # up: normal-001 itself lies below
    assert figures["healthy_chests"] == 2
    assert figures["error_points_restored"] == 1.0
    assert "healthy_chests" not in summary([row()], [])
