import numpy as np
import pytest

from tests.training import data_folder
from training.cases import ALLOWED, GATE, Target, read_cases


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    folder = data_folder.make(tmp_path_factory.mktemp("data"))
    return {case.name: case for case in read_cases(folder)}


def test_every_set_is_read(cases):
    assert set(cases) == {
        "case-01", "case-02", "case-03", "lung-slices", "volume-1", "volume-4", "nodule-001",
    }  # fmt: skip


def test_the_gate_is_known_by_name(cases):
    assert {name for name, case in cases.items() if case.gate} == {"case-03", "volume-4"}
    assert "case-06" in GATE


def test_masks_lie_on_their_images(cases):
    case = cases["case-01"]
    assert case.hu.shape == case.target.shape == (8, 64, 64)
    assert case.hu[case.target == Target.LESION].mean() == pytest.approx(-450, abs=5)
    assert case.hu[case.target == Target.LUNG].mean() == pytest.approx(-850, abs=5)


def test_slices_that_the_second_reader_did_not_read_are_unknown(cases):
    second = cases["case-01"].second
    assert (second[:4] == Target.UNKNOWN).all()
    assert not (second[4:] == Target.UNKNOWN).any()


def test_unmarked_lung_is_sure_only_where_it_is_clearly_aerated(cases):
    case = cases["lung-slices"]
    dense = case.hu[:, 24:28, 12:16]  # well inside the opacity nobody marked
    assert dense.mean() > -600
    assert (case.target[-1, 24:28, 12:16] == Target.LUNG_OR_LESION).all()
    assert (case.target[:, 45, 50] == Target.LUNG).all()


def test_true_spacing_is_brought_to_the_networks_pixels(cases):
    case = cases["volume-1"]
    assert case.hu.shape == (12, 64, 64)  # 32 pixels of 3 mm are 64 of 1.5 mm
    assert case.spacing_mm == (5.0, 1.5, 1.5)


def test_the_infiltrate_in_the_left_apex_is_not_taught_as_healthy(cases):
    target = cases["volume-1"].target
    assert (target[:4, 20:40, 40:55] == Target.LUNG_OR_LESION).all()  # left, cranial third
    assert (target[5:, 20:40, 40:55] == Target.LUNG).all()
    assert (target[:, 20:40, 8:20] == Target.LUNG).all()


def test_other_disease_is_no_lesion_and_a_nodule_is_left_open(cases):
    target = cases["nodule-001"].target
    assert set(np.unique(target)) == {Target.NOT_LESION, Target.UNKNOWN}
    assert target[3, 32, 22] == Target.UNKNOWN


def test_every_target_allows_at_least_one_class():
    assert ALLOWED.shape == (len(Target), 3)
    assert ALLOWED.any(1).all()


def test_a_case_becomes_a_volume_head_first(cases):
    volume = cases["case-01"].volume()
    assert volume.spacing_mm == pytest.approx((6.0, 1.7, 1.7), rel=1e-6)
    assert volume.affine[2, 0] < 0
