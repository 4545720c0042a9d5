"""When a candidate is as good as the model in service."""

from dataclasses import replace
from pathlib import Path

import pytest

from opacimeter.assess import Bundle
from opacimeter.assess.bundle import Gate
from opacimeter.assess.promotion import judge, next_version
from opacimeter.errors import Conflict, ModelError, ModelRefused
from opacimeter.findings import Network

IN_SERVICE = Gate("d" * 64, 0.66, 3.4, 0.06, 0.5)


def bundle(sha256, **gates):
    """With figures that were measured with its own weights."""
    gates = {name: replace(gate, weights_sha256=sha256) for name, gate in gates.items()}
    return unchanged(sha256, **gates)


def unchanged(sha256, **gates):
    network = Network("by-hand", "1.0.0", sha256)
    return Bundle(network, Path("none"), 1.5, 3.0, 3, 5.0, 0.5, 0.5, None, {}, gates=gates)


def judged(candidate, in_service=IN_SERVICE):
    return judge(bundle("new", opacimeter=candidate), bundle("old", opacimeter=in_service), GATE)


GATE = "opacimeter"


@pytest.mark.parametrize(
    "candidate",
    [
        Gate("d" * 64, 0.65, 3.4, 0.06, 0.5),  # Dice 0.01 lower
        Gate("d" * 64, 0.66, 3.6, 0.06, 0.5),  # error 0.2 points higher
        Gate("d" * 64, 0.66, 3.4, 0.5, 0.5),  # healthy chests at their bound
        Gate("d" * 64, 0.9, 0.1, 0.0, 0.5),
    ],
)
def test_what_lies_within_the_bounds_passes(candidate):
    assert all(figure.good for figure in judged(candidate))


@pytest.mark.parametrize(
    ("candidate", "figure", "words"),
    [
        (Gate("d" * 64, 0.649, 3.4, 0.06, 0.5), "lesion_dice", "0.649, at least 0.650 (0.660 in"),
        (Gate("d" * 64, 0.9, 3.61, 0.0, 0.5), "error_points", "3.610 points, at most 3.600"),
        (Gate("d" * 64, 0.9, 0.1, 0.51, 0.5), "healthy_percent_max", "0.510 %, at most 0.500"),
        # A bound of its own does not loosen the one there is.
        (Gate("d" * 64, 0.9, 0.1, 0.51, 9.0), "healthy_percent_max", "at most 0.500"),
        (Gate("d" * 64, 0.9, 0.1, None, 0.5), "healthy_percent_max", "not measured"),
    ],
)
def test_one_figure_beyond_its_bound_refuses_with_all_figures(candidate, figure, words):
    with pytest.raises(ModelRefused) as refused:
        judged(candidate)
    assert words in str(refused.value)
    assert "training.evaluate --bundle" in str(refused.value)
    figures = {row["figure"]: row["good"] for row in refused.value.detail["figures"]}
    assert len(figures) == 3
    assert [name for name, good in figures.items() if not good] == [figure]


def test_a_gate_without_healthy_chests_says_nothing_of_them():
    gate = Gate("d" * 64, 0.66, 3.4, None, 0.5)
    assert [row.figure for row in judged(gate, gate)] == ["lesion_dice", "error_points"]


def test_figures_on_other_data_are_not_compared():
    with pytest.raises(ModelRefused, match=r"not the same, eeee.* and dddd") as refused:
        judged(Gate("e" * 64, 0.9, 0.1, 0.0, 0.5))
    assert "training.evaluate --bundle" in str(refused.value)


@pytest.mark.parametrize(
    ("weights", "words"),
    [("a" * 64, r"measured with the weights aaaaaaaaaaaa…"), (None, "before weights were named")],
)
def test_figures_that_other_weights_left_behind_are_refused_however_good(weights, words):
    stale = {"opacimeter": Gate("d" * 64, 0.9, 0.1, 0.0, 0.5, weights)}
    own = {"opacimeter": replace(IN_SERVICE, weights_sha256="old")}
    with pytest.raises(ModelRefused, match=rf"candidate .* stale: .*{words}") as refused:
        judge(unchanged("new", **stale), unchanged("old", **own), GATE)
    assert refused.value.detail["weights_sha256"] == {"measured": weights, "own": "new"}
    # Nor does a candidate win against figures that are not those of the model in service.
    with pytest.raises(ModelRefused, match=r"model in service .* stale"):
        judge(bundle("new", opacimeter=IN_SERVICE), unchanged("old", **stale), GATE)


def test_figures_of_the_same_weights_with_other_thresholds_are_refused():
    own = bundle("new", opacimeter=IN_SERVICE)
    measured = replace(own.gates[GATE], form=own.form)
    as_measured = replace(own, gates={GATE: measured})
    in_service = bundle("old", opacimeter=IN_SERVICE)
    assert judge(as_measured, in_service, GATE)
    changed = replace(as_measured, lesion_threshold=0.35)
    with pytest.raises(ModelRefused, match=r"candidate .* stale: .* other") as refused:
        judge(changed, in_service, GATE)
    assert refused.value.detail["form"] == {"measured": own.form, "own": changed.form}


def test_a_gate_that_one_of_them_lacks_is_named():
    gates = {"opacimeter": IN_SERVICE, "ours": IN_SERVICE}
    with pytest.raises(ModelRefused, match="gate ours: no figures on it stand in the model in"):
        judge(bundle("new", **gates), bundle("old", opacimeter=IN_SERVICE), "ours")
    with pytest.raises(ModelRefused, match="in the candidate and the model in service"):
        judge(bundle("new", **gates), bundle("old", **gates), "theirs")


def test_a_gate_of_ones_own_is_compared_by_its_name():
    mine = {"ours": Gate("e" * 64, 0.5, 3.0, 0.1, 0.5)}
    assert judge(bundle("new", **mine), bundle("old", **mine), "ours")[0].bound == 0.49


def test_the_same_weights_are_no_candidate():
    with pytest.raises(ModelRefused, match="in service already"):
        judge(bundle("old", opacimeter=IN_SERVICE), bundle("old", opacimeter=IN_SERVICE), GATE)


@pytest.mark.parametrize(
    ("asked", "known", "version"),
    [
        (None, ["1.0.0"], "1.1.0"),
        (None, ["1.9.3", "1.10.0"], "1.11.0"),  # by number, not by letter
        ("1.0.1", ["1.0.0"], "1.0.1"),
        ("2.0.0", ["1.9.9"], "2.0.0"),
    ],
)
def test_versions_go_up(asked, known, version):
    assert next_version(asked, known) == version


def test_a_version_that_does_not_go_up_is_refused():
    with pytest.raises(Conflict, match=r"1\.2\.0 is not above 1\.10\.0"):
        next_version("1.2.0", ["1.10.0"])
    with pytest.raises(ModelError, match=r"1\.2"):
        next_version("1.2", ["1.0.0"])


@pytest.mark.parametrize("dice", [float("nan"), -0.1, 1.1])
def test_a_figure_that_cannot_be_one_is_no_gate(dice):
    with pytest.raises(ValueError, match="Dice"):
        Gate("d" * 64, dice, 1.0, 0.0, 0.5)
