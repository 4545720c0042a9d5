"""Figures of one patient and of one study, by a judge that draws what it is told."""

from types import SimpleNamespace

import numpy as np
import pytest

from opacimeter.assess import Assessor
from opacimeter.assess.bundle import default_folder
from opacimeter.checks import Check
from opacimeter.errors import IntakeRejected
from tests.training import data_folder
from tests.training.judges import Told, drawing, volume_of
from training.cases import Case, Target, read_cases
from training.evaluation.lesions import counts, judge_lesions, one_a_patient
from training.evaluation.material import chests_of
from training.evaluation.studies import Chest, judge_study, slice_auc


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return data_folder.make(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def cases(folder):
    return {case.name: case for case in read_cases(folder)}


def test_figures_compare_with_both_readers(cases):
    case = cases["case-01"]
    labels = drawing(case)
    labels[0] = 0  # one of eight slices is missed
    figures = judge_lesions(case, Told(lambda volume: labels), "fold a")
    # Lungs are equal in all slices: Dice is 2·7/(7 + 8). The first two slices bear no lesion.
    assert figures.lung_dice == pytest.approx(14 / 15)
    assert figures.lesion_dice == 1.0
    assert figures.surface_dice_1px == figures.surface_dice_2px == 1.0
    assert figures.second_dice == figures.readers_dice == 1.0
    assert figures.found_percent == pytest.approx(figures.truth_percent * 8 / 7)
    assert figures.seen_by == "fold a"


def test_the_threshold_baseline_takes_all_dense_lung(cases):
    case = cases["case-01"]
    figures = judge_lesions(case, Told(lambda volume: drawing(case)), "bundle")
    # Lung is -850 ± 20 HU, lesion -450 ± 20: at -750 both are five deviations away.
    assert figures.threshold_dice == pytest.approx(1.0, abs=1e-3)
    assert figures.threshold_percent == pytest.approx(figures.truth_percent, abs=0.01)


def test_reliability_is_reckoned_inside_the_readers_lungs(cases):
    case = cases["case-01"]
    half = np.full(case.hu.shape, 0.5)
    figures = judge_lesions(case, Told(lambda volume: drawing(case), half), "bundle")
    assert sum(figures.reliability.voxels) == np.count_nonzero(case.target)
    assert sum(figures.reliability.truth) == np.count_nonzero(case.target == Target.LESION)


def test_a_case_in_which_no_lung_is_found_has_found_nothing(cases):
    def refuse(volume):
        raise IntakeRejected((Check("not-chest", "No lung was found.", {}),))

    figures = judge_lesions(cases["case-01"], Told(refuse), "bundle")
    assert figures.lesion_dice == figures.lung_dice == figures.found_percent == 0.0
    assert figures.reliability is None


def test_voxels_that_the_reader_left_open_take_part_in_nothing():
    target = np.zeros((2, 8, 8), dtype=np.uint8)
    target[:, :, :4], target[:, :2, :4] = Target.LUNG, Target.LESION
    target[1] = Target.UNKNOWN
    case = Case("c", "c", "lesion", np.full(target.shape, -700, dtype=np.int16), target)
    labels = np.full(target.shape, 3)  # everything is lesion
    labels[0] = drawing(case)[0]
    figures = judge_lesions(case, Told(lambda volume: labels), "bundle")
    assert figures.lesion_dice == 1.0
    assert figures.found_percent == figures.truth_percent == 25.0  # 8 of 32 pixels


def test_where_no_lungs_were_drawn_the_percentage_is_of_those_found():
    target = np.full((1, 8, 8), Target.NOT_LESION, dtype=np.uint8)
    target[0, :2, :4] = Target.LESION  # 8 pixels
    case = Case("c", "c", "lesion", np.full(target.shape, -700, dtype=np.int16), target)
    labels = np.zeros(target.shape, dtype=np.uint8)
    labels[0, :4, :4] = 1  # 16 pixels of lung, no lesion
    figures = judge_lesions(case, Told(lambda volume: labels), "bundle")
    assert figures.lung_dice is None
    assert figures.truth_percent == 50.0
    assert figures.found_percent == 0.0


def test_traces_and_second_reconstructions_enter_no_mean():
    def row(case, patient, percent):
        return SimpleNamespace(case=case, patient=patient, truth_percent=percent)

    rows = [row("a", "a", 2.7), row("a-thin", "a", 2.1), row("b", "b", 0.01)]
    assert [each.case for each in one_a_patient(rows)] == ["a", "b"]
    assert [counts(each) for each in rows] == [True, True, False]


def test_the_auc_is_the_chance_that_a_marked_slice_bears_more():
    # Marked 5 and 1, unmarked 0 and 2: of four pairs 5>0, 5>2, 1>0 hold, 1>2 does not.
    assert slice_auc(np.array([5, 0, 1, 2]), [0, 2]) == pytest.approx(0.75)
    assert slice_auc(np.array([1, 2]), []) is None
    assert slice_auc(np.array([1, 2]), [0, 1]) is None


def chest_labels():
    """Four slices: lesion at the left in 0 and 1, at the right in 2 and 3."""
    labels = np.zeros((4, 4, 8), dtype=np.uint8)
    labels[:, :, :4], labels[:, :, 4:] = 2, 1
    labels[:2, :2, 4:] = 3
    labels[2:, 0, :4] = 4
    return labels


def test_sides_are_compared_and_a_swap_is_caught():
    marks = {"left": [0, 1], "right": [2, 3]}
    chest = Chest("s", volume_of(np.full((4, 4, 8), -800)), infected=[0, 1, 2, 3], sides=marks)
    good = judge_study(chest, Told(lambda volume: chest_labels()), "bundle").sides
    assert (good.auc_left, good.auc_right) == (1.0, 1.0)
    assert (good.one_sided, good.one_sided_right) == (4, 4)
    swapped = np.array([0, 2, 1, 4, 3], dtype=np.uint8)[chest_labels()]
    bad = judge_study(chest, Told(lambda volume: swapped), "bundle").sides
    assert (bad.auc_left, bad.auc_right) == (0.0, 0.0)
    assert (bad.one_sided, bad.one_sided_right) == (4, 0)


def test_a_study_tells_burden_lung_and_nodule():
    nodule = np.zeros((4, 4, 8), dtype=bool)
    nodule[0, :4, 4:] = True  # 16 voxels, of which 8 are marked
    chest = Chest(
        "s", volume_of(np.full((4, 4, 8), -800)), lung=chest_labels() > 0, nodule=nodule, clean=True
    )
    figures = judge_study(chest, Told(lambda volume: chest_labels()), "bundle")
    assert figures.lesion_percent == pytest.approx(100 * 24 / 128)
    assert figures.lung_ml == pytest.approx(128 * 2.0 / 1000)
    assert figures.lung_dice == 1.0
    assert figures.nodule_percent == 50.0
    assert figures.threshold_percent == 0.0
    assert figures.seconds == 1.5
    assert figures.slice_auc is None
    assert figures.sides is None


def test_volumes_are_healthy_and_other_disease_is_not(folder, cases):
    chests = {each.name: each for each in chests_of(folder, list(cases.values()))}
    assert set(chests) == {"volume-1", "volume-4", "nodule-001"}
    assert chests["volume-4"].gate
    whole, infiltrate = chests["volume-4"].read(), chests["volume-1"].read()
    assert (whole.clean, whole.healthy) == (True, True)
    assert (infiltrate.clean, infiltrate.healthy) == (False, True)
    other = chests["nodule-001"].read()
    assert (other.clean, other.healthy, other.lung) == (False, False, None)
    assert np.count_nonzero(other.nodule) == 16  # 1 slice of 4x4 pixels, already 1.5 mm


def test_real_probabilities_lie_on_the_readers_masks(data):
    model = default_folder()
    if not (model / "models" / "model.onnx").exists():
        pytest.skip("the model bundle has no weights")
    case = next(case for case in read_cases(data) if case.name == "case-10")
    bins = judge_lesions(case, Assessor.from_bundle(model, threads=1), "bundle").reliability
    share = np.array(bins.truth) / np.array(bins.voxels)
    # Were the masks a few pixels off, or mirrored, what is sure would be lesion as rarely as the
    # rest: 6 % of this lung is.
    assert share[-1] > 0.4
    assert share[0] < 0.03


def test_lungs_alone_do_not_make_a_chest_of_a_case_folder_healthy(tmp_path):
    hu = np.full((12, 64, 64), -850, dtype=np.int16)
    clean = np.full(hu.shape, Target.LUNG, dtype=np.uint8)
    undecided = np.full(hu.shape, Target.LUNG_OR_LESION, dtype=np.uint8)
    cases = [Case(name, name, "volume", hu, target) for name, target in
             (("healthy", clean), ("lungs-alone", undecided))]  # fmt: skip
    assert [chest.name for chest in chests_of(tmp_path, cases)] == ["healthy"]
