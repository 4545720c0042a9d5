import json

import nibabel as nib
import numpy as np
import pytest

from tests.training import data_folder
from training.cases import ALLOWED, GATE, CaseFolderError, Target, read_cases


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


ROW = {"id": "one", "patient": "anna", "spacing": "true"}


def case_folder(folder, label, hu=None, spacing_mm=(1.0, 1.5, 1.5), **row):
    hu = np.full(label.shape, -800, np.int16) if hu is None else hu
    data_folder.write(folder / "one" / "ct.nii.gz", hu.astype(np.int16), spacing_mm)
    data_folder.write(folder / "one" / "label.nii.gz", label.astype(np.uint8), spacing_mm)
    (folder / "cases.json").write_text(json.dumps([ROW | row]))
    return folder


def columns(*values):
    """A label of one row: a slice for each tuple, a pixel for each of its values."""
    return np.array(values)[:, None, :]


def test_thin_slices_are_averaged_up_to_the_networks_planes(tmp_path):
    hu = np.array([0, -30, -60, -100, -200, -300, -7])[:, None, None] * np.ones((1, 4, 4))
    (case,) = read_cases(case_folder(tmp_path, np.zeros(hu.shape), hu), plane_mm=3.0)
    assert case.hu[:, 0, 0].tolist() == [-30, -200, -7]  # 3, 3 and 1 slices of 1 mm
    assert case.spacing_mm == (3.0, 1.5, 1.5)


def test_slices_as_thick_as_the_planes_stay_alone(tmp_path):
    folder = case_folder(tmp_path, np.zeros((5, 4, 4)), spacing_mm=(2.0, 1.5, 1.5))
    assert read_cases(folder, plane_mm=3.0)[0].hu.shape == (5, 4, 4)


def test_the_class_of_most_slices_holds_in_their_mean(tmp_path):
    label = columns((1, 1, 0), (1, 2, 0), (2, 2, 0))
    (case,) = read_cases(case_folder(tmp_path, label), plane_mm=3.0)
    assert case.target[0, 0].tolist() == [Target.LUNG, Target.LESION, Target.BACKGROUND]


def test_equal_votes_leave_both_classes_open(tmp_path):
    # lung or lesion; outside or lung; outside or lesion, a set without a name
    label = columns((1, 0, 0, 2), (2, 1, 2, 2))
    (case,) = read_cases(case_folder(tmp_path, label), plane_mm=2.0)
    assert case.target[0, 0].tolist() == [
        Target.LUNG_OR_LESION, Target.NOT_LESION, Target.UNKNOWN, Target.LESION,
    ]  # fmt: skip


def test_true_pixels_are_brought_to_the_networks(tmp_path):
    label = np.zeros((2, 8, 8))
    label[:, :4] = 1
    folder = case_folder(tmp_path, label, spacing_mm=(5.0, 0.75, 0.75))
    (case,) = read_cases(folder, pixel_mm=1.5)
    assert case.target[0].tolist() == [[1] * 4, [1] * 4, [0] * 4, [0] * 4]
    assert case.spacing_mm == (5.0, 1.5, 1.5)


def test_nominal_pixels_and_slices_are_taken_as_they_are(tmp_path):
    folder = case_folder(tmp_path, np.zeros((4, 8, 8)), spacing="nominal", spacing_mm=(1, 0.7, 0.7))
    (case,) = read_cases(folder)
    assert case.hu.shape == (4, 8, 8)


@pytest.mark.parametrize(
    ("row", "label", "target", "kind"),
    [
        ({}, [0, 1, 2, 255], [0, 1, 2, 5], "lesion"),
        ({"classes": ["lesion"]}, [0, 0, 2, 255], [4, 4, 2, 5], "lesion"),
        ({"classes": ["lung"]}, [0, 1, 1, 255], [0, 3, 3, 5], "volume"),
        ({"classes": ["lung"], "healthy": True}, [0, 1, 1, 255], [0, 1, 1, 5], "volume"),
        ({"classes": [], "healthy": True}, [0, 0, 0, 255], [4, 4, 4, 5], "other"),
    ],
)
def test_a_label_teaches_what_its_row_says_it_tells(tmp_path, row, label, target, kind):
    (case,) = read_cases(case_folder(tmp_path, columns(label), **row))
    assert case.target[0, 0].tolist() == target
    assert case.kind == kind


def test_the_gate_of_a_case_folder_is_its_own(tmp_path):
    folder = case_folder(tmp_path, np.zeros((1, 2, 2)), gate=True)
    assert read_cases(folder)[0].gate
    # a name of our gate in somebody's folder is not our gate
    case_folder(tmp_path, np.zeros((1, 2, 2)))
    (folder / "one").rename(folder / "case-03")
    (folder / "cases.json").write_text(json.dumps([ROW | {"id": "case-03"}]))
    assert not read_cases(folder)[0].gate


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"spacing": "unknown"}, "spacing must be one of true, nominal"),
        ({"id": "../one"}, "must be letters"),
        ({"patient": 7}, "must be letters"),
        ({"classes": ["nodule"]}, "classes may be lung and lesion"),
        ({"classes": []}, "tells nothing"),
        ({"gate": "yes"}, "gate must be true or false"),
        ({"classes": "lung"}, "classes must be a list"),
        ({"healthy": True}, r"label values \[2\] are not allowed .* of a healthy case"),
        ({"classes": ["lung"]}, r"label values \[2\] are not allowed"),
    ],
)
def test_a_row_that_cannot_be_meant_is_refused(tmp_path, row, message):
    with pytest.raises(CaseFolderError, match=message):
        read_cases(case_folder(tmp_path, columns((0, 1, 2)), **row))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "must be a list"),
        ("[", "is no JSON"),
        ("[7]", "Row 1 of cases.json is no object"),
        ('[{"id": "one"}]', "Row 1 of cases.json lacks patient, spacing"),
        (json.dumps([ROW, ROW]), "more than one row: one"),
        (json.dumps([ROW, ROW | {"id": "two", "gate": True}]), "outside of the gate: anna"),
        (json.dumps([ROW | {"id": "two"}]), "two: a file is missing"),
    ],
)
def test_a_list_of_cases_that_cannot_be_meant_is_refused(tmp_path, content, message):
    folder = case_folder(tmp_path, np.zeros((1, 2, 2)))
    (folder / "cases.json").write_text(content)
    with pytest.raises(CaseFolderError, match=message):
        read_cases(folder)


def test_a_folder_of_neither_kind_is_refused(tmp_path):
    with pytest.raises(CaseFolderError, match=r"python -m training\.importers"):
        read_cases(tmp_path)


def test_tilted_axes_are_refused_beyond_what_rounding_forgives(tmp_path):
    folder = case_folder(tmp_path, np.zeros((4, 4, 4)))
    # rows and slices turned by 30 degrees about the patient's x
    turn = np.array([[1, 0, 0], [0, 0.866, -0.5], [0, 0.5, 0.866]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([-1.5, -1.5, -1.0])
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 4), np.int16), affine), folder / "one" / "ct.nii.gz")
    with pytest.raises(CaseFolderError, match="one: The axes lie more than 25 degrees off"):
        read_cases(folder)


def test_the_real_cases_read_as_a_case_folder_give_the_same_voxels(data, tmp_path):
    (tmp_path / "case-03").symlink_to(data / "lesion_cases" / "case-03")
    row = {"id": "case-03", "patient": "case-03", "spacing": "nominal", "intensity": "restored"}
    (tmp_path / "cases.json").write_text(json.dumps([row]))
    (case,) = read_cases(tmp_path)
    stored = np.asarray(nib.load(data / "lesion_cases" / "case-03" / "ct.nii.gz").dataobj).T
    np.testing.assert_array_equal(case.hu, stored)
    assert round(100 * (case.target == 2).sum() / (case.target > 0).sum(), 2) == 1.45  # data README
