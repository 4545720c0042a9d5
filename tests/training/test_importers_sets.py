"""Public sets in their published layout become case folders."""

import json
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

pytest.importorskip("skimage", reason="importing needs the train extra (scikit-image)")

from tests.training import published
from tests.training.published import chest, pictured, write
from training.cases import Target, read_cases, read_nifti, read_rows
from training.importers.__main__ import main


def run(name: str, source: Path, *more: str) -> Path:
    out = source.parent / "cases"
    assert main([name, str(source), "--out", str(out), *more]) == 0
    return out


def arrays(out: Path, case: str) -> tuple[np.ndarray, np.ndarray]:
    return read_nifti(out / case / "ct.nii.gz").array, read_nifti(out / case / "label.nii.gz").array


def ours(label: np.ndarray) -> np.ndarray:
    """1 lung, 2 lesion of the chest's left, right, lesion."""
    return np.array([0, 1, 1, 2], np.uint8)[label]


@pytest.mark.parametrize("codes", ["LPI", "RAS", "LAS", "PIR", "SLA"])
def test_a_chest_lands_right_however_its_axes_are_stored(tmp_path, codes):
    hu, label = chest()
    published.covid_19_ct_seg(tmp_path / "set", "coronacases_001", hu, label, codes=codes)
    out = run("covid-19-ct-seg", tmp_path / "set")
    got_hu, got_label = arrays(out, "covid-19-ct-seg-001")
    np.testing.assert_array_equal(got_hu, hu)
    np.testing.assert_array_equal(got_label, ours(label))
    (row,) = read_rows(out)
    assert (row.intensity, row.spacing, row.classes, row.note) == (
        "true", "true", ("lung", "lesion"), "",
    )  # fmt: skip


def test_one_mask_of_lungs_and_infection_suffices(tmp_path):
    hu, label = chest()
    write(tmp_path / "set/COVID-19-CT-Seg_20cases/coronacases_001.nii.gz", hu)
    write(tmp_path / "set/Lung_and_Infection_Mask/coronacases_001.nii.gz", label)
    _, got = arrays(run("covid-19-ct-seg", tmp_path / "set"), "covid-19-ct-seg-001")
    assert [int((got == value).sum()) for value in (1, 2)] == [885, 27]  # 912 - 27


@pytest.mark.parametrize("inside", ["", "Lung_Mask/"], ids=["bare", "with its folder"])
def test_zips_are_the_folders_they_are_named_for(tmp_path, inside):
    hu, label = chest()
    published.covid_19_ct_seg(tmp_path / "set", "coronacases_001", hu, label)
    mask = tmp_path / "set" / "Lung_Mask" / "coronacases_001.nii.gz"
    with zipfile.ZipFile(tmp_path / "set" / "Lung_Mask.zip", "w") as archive:
        archive.write(mask, f"{inside}coronacases_001.nii.gz")
        archive.writestr("__MACOSX/._coronacases_001.nii.gz", b"junk")
    folder = run("covid-19-ct-seg", tmp_path / "set")
    mask.unlink()
    unpacked = read_rows(folder)
    run("covid-19-ct-seg", tmp_path / "set")
    assert read_rows(folder) == unpacked  # known by its content, packed or not
    assert len(unpacked) == 1


def test_windowed_pictures_are_told_and_brought_back_to_hu(tmp_path):
    hu, label = chest()
    name = "radiopaedia_10_85902_1"
    published.covid_19_ct_seg(tmp_path / "set", name, pictured(hu), label)
    out = run("covid-19-ct-seg", tmp_path / "set")
    got, _ = arrays(out, "covid-19-ct-seg-001")
    # 68 * 1500 / 255 - 1250 = -850; 127 * 1500 / 255 - 1250 = -502.9
    assert set(got[label == 2]) == {-850}
    assert set(got[label == 3]) == {-503}
    assert read_rows(out)[0].intensity == "windowed"


@pytest.mark.parametrize(
    ("name", "axes", "note"),
    [
        ("radiopaedia_10_85902_1", (1,), "rows"),
        ("radiopaedia_10_85902_1", (1, 2), "rows, columns"),
        ("radiopaedia_7_85703_0", (0, 1), "slices, rows"),
        ("radiopaedia_10_85902_1", (), ""),
    ],
)
def test_what_the_images_show_counts_more_than_a_lying_header(tmp_path, name, axes, note):
    hu, label = chest()
    lying = np.flip(pictured(hu), axes), np.flip(label, axes)
    published.covid_19_ct_seg(tmp_path / "set", name, *lying)
    out = run("covid-19-ct-seg", tmp_path / "set")
    _, got = arrays(out, "covid-19-ct-seg-001")
    np.testing.assert_array_equal(got, ours(label))
    assert read_rows(out)[0].note == (f"turned about against the header: {note}" if note else "")


def test_a_picture_without_vertebrae_is_not_turned_by_guess(tmp_path, capsys):
    hu, label = chest()
    hu[hu == 400] = 40
    published.covid_19_ct_seg(tmp_path / "set", "radiopaedia_10_85902_1", pictured(hu), label)
    assert main(["covid-19-ct-seg", str(tmp_path / "set"), "--out", str(tmp_path / "out")]) == 1
    assert "No vertebrae show" in capsys.readouterr().out


def test_studies_of_one_patient_share_the_patient(tmp_path):
    hu, label = chest()
    names = ("radiopaedia_29_86490_1", "radiopaedia_29_86491_1", "radiopaedia_4_85506_1")
    for number, name in enumerate(names):
        hu[0, 0, 0] = -1000 + 8 * number  # no two are the same
        published.covid_19_ct_seg(tmp_path / "set", name, pictured(hu), label)
    first, second, other = read_rows(run("covid-19-ct-seg", tmp_path / "set"))
    assert first.patient == second.patient != other.patient


def test_a_case_without_masks_is_listed_with_the_reason(tmp_path, capsys):
    hu, label = chest()
    published.covid_19_ct_seg(tmp_path / "set", "coronacases_001", hu, label)
    write(tmp_path / "set/COVID-19-CT-Seg_20cases/coronacases_002.nii.gz", hu)
    run("covid-19-ct-seg", tmp_path / "set")
    told = capsys.readouterr().out
    assert "1 imported, 0 were already there." in told
    assert "1 left out: It has no mask in Lung_Mask nor in Infection_Mask.\n  corona" in told


def test_a_damaged_file_is_listed_and_the_others_are_imported(tmp_path, capsys):
    hu, label = chest()
    for name in ("coronacases_001", "coronacases_002"):
        published.covid_19_ct_seg(tmp_path / "set", name, hu, label)
        hu = hu + np.int16(1)
    path = tmp_path / "set/COVID-19-CT-Seg_20cases/coronacases_001.nii.gz"
    path.write_bytes(path.read_bytes()[:400])
    out = run("covid-19-ct-seg", tmp_path / "set")
    assert "coronacases_001.nii.gz is damaged; download it again." in capsys.readouterr().out
    assert [row.id for row in read_rows(out)] == ["covid-19-ct-seg-001"]


def test_a_lung_mask_that_lies_on_tissue_is_refused(tmp_path, capsys):
    hu, label = chest()
    published.covid_19_ct_seg(tmp_path / "set", "coronacases_001", hu, np.roll(label, 10, axis=1))
    assert main(["covid-19-ct-seg", str(tmp_path / "set"), "--out", str(tmp_path / "out")]) == 1
    assert "does not belong to these images" in capsys.readouterr().out


def mosmed(folder: Path) -> Path:
    hu, label = chest()
    base = folder / "COVID19_1110"
    write(base / "studies/CT-0/study_0001.nii.gz", hu)
    write(base / "studies/CT-1/study_0255.nii.gz", hu)
    write(base / "studies/CT-2/study_0900.nii.gz", hu)
    write(base / "masks/study_0255_mask.nii.gz", (label == 3).astype(np.uint8))
    return folder


def test_mosmed_marks_lesions_and_says_nothing_of_lungs(tmp_path, capsys):
    out = run("mosmed", mosmed(tmp_path / "set"))
    assert "1 left out: It has signs of pneumonia but no mask.\n  study_0900" in (
        capsys.readouterr().out
    )
    healthy, lesion = read_cases(out, pixel_mm=0.8)
    assert (healthy.kind, lesion.kind) == ("other", "lesion")
    assert set(np.unique(healthy.target)) == {Target.NOT_LESION}
    assert set(np.unique(lesion.target)) == {Target.NOT_LESION, Target.LESION}
    assert int((lesion.target == Target.LESION).sum()) == 27
    assert healthy.patient != lesion.patient


def medseg(folder: Path, **how) -> Path:
    hu, label = chest()
    marks = np.where(label == 3, 1, 0).astype(np.uint8)
    marks[2][label[2] == 3] = 2  # consolidation
    marks[5, 11:13, 5:8] = 3  # effusion
    write(folder / "tr_im.nii.gz", hu)
    write(folder / "tr_mask.nii.gz", marks)
    write(folder / "tr_lungmasks_updated.nii.gz", (label > 0).astype(np.uint8))
    write(folder / "val_im.nii.gz", hu)
    write(folder / "rp_im" / "1.nii.gz", hu + np.int16(2))
    write(folder / "rp_msk" / "1.nii.gz", marks, **how)
    write(folder / "rp_lung_msk" / "1.nii.gz", (label > 0).astype(np.uint8), **how)
    return folder


def test_medseg_glass_and_consolidation_are_lesion_and_effusion_is_neither(tmp_path, capsys):
    out = run("medseg", medseg(tmp_path / "set"))
    assert "val_im" in capsys.readouterr().out
    heap, volume = read_rows(out)
    assert (heap.order, heap.spacing, volume.order, volume.spacing) == (
        "heap", "nominal", "volume", "true",
    )  # fmt: skip
    assert heap.intensity == volume.intensity == "restored"
    _, label = arrays(out, volume.id)
    assert int((label == 2).sum()) == 27
    assert (label[5, 11:13, 5:8] == 0).all()
    assert int((label == 1).sum()) == 912 - 27 - 6


def test_slices_of_a_heap_are_no_neighbours_and_are_not_averaged(tmp_path):
    heap, volume = read_cases(run("medseg", medseg(tmp_path / "set")), plane_mm=20.0)
    assert (heap.neighbours, volume.neighbours) == (False, True)
    assert (len(heap.hu), len(volume.hu)) == (8, 2)  # 8 slices of 5 mm in groups of 4


def test_masks_that_agree_with_each_other_follow_their_lungs(tmp_path):
    out = run("medseg", medseg(tmp_path / "set", shift_mm=300.0))
    hu, label = arrays(out, "medseg-002")
    assert set(hu[label == 2]) == {published.LESION_HU + 2}


def test_covid_19_20_pairs_each_ct_with_its_segmentation(tmp_path, capsys):
    hu, label = chest()
    for name in ("0003", "0003_1", "0011"):
        hu = hu + np.int16(1)
        start = f"set/Train/volume-covid19-A-{name}"
        write(tmp_path / f"{start}_ct.nii.gz", hu)
        write(tmp_path / f"{start}_seg.nii.gz", (label == 3).astype(np.uint8))
    write(tmp_path / "set/Validation/volume-covid19-A-0051_ct.nii.gz", hu)
    rows = read_rows(run("covid-19-20", tmp_path / "set"))
    assert [row.patient[-1] for row in rows] == ["1", "1", "2"]
    assert {row.classes for row in rows} == {("lesion",)}
    assert "volume-covid19-A-0051_ct" in capsys.readouterr().out


def test_a_mask_on_another_grid_is_refused(tmp_path, capsys):
    hu, label = chest()
    write(tmp_path / "set/volume-covid19-A-0003_ct.nii.gz", hu)
    lesion = (label == 3).astype(np.uint8)
    write(tmp_path / "set/volume-covid19-A-0003_seg.nii.gz", lesion, shift_mm=5.0)
    assert main(["covid-19-20", str(tmp_path / "set"), "--out", str(tmp_path / "out")]) == 1
    assert "resample the mask onto the image" in capsys.readouterr().out


def test_nothing_of_the_source_is_named_in_the_folder(tmp_path):
    hu, label = chest()
    write(tmp_path / "set/DOE_JANE_1970_ct.nii.gz", hu)
    write(tmp_path / "set/DOE_JANE_1970_label.nii.gz", ours(label))
    out = run("pairs", tmp_path / "set")
    assert "DOE" not in json.dumps([str(path) for path in out.rglob("*")])
    assert "DOE" not in (out / "cases.json").read_text()
    header = nib.load(out / "pairs-001" / "ct.nii.gz").header
    assert b"DOE" not in header.binaryblock


def test_a_source_that_is_not_there_is_said_in_a_sentence(tmp_path, capsys):
    assert main(["mosmed", str(tmp_path / "none"), "--out", str(tmp_path / "out")]) == 1
    assert "There is no such folder or file." in capsys.readouterr().err
