"""One's own NIfTI pairs, and what holds for the folder that any importer writes."""

import numpy as np
import pytest

pytest.importorskip("skimage", reason="importing needs the train extra (scikit-image)")

import nibabel as nib

from tests.training.published import chest, pictured, write
from training.cases import read_cases, read_nifti, read_rows
from training.importers.__main__ import main
from training.importers.item import CannotUse, Imported, Item
from training.importers.writing import write_cases


def pair(folder, name, hu=None, label=None, **how):
    chest_hu, chest_label = chest()
    hu = chest_hu if hu is None else hu
    label = np.array([0, 1, 1, 2], np.uint8)[chest_label] if label is None else label
    write(folder / f"{name}_ct.nii.gz", hu, **how)
    write(folder / f"{name}_label.nii.gz", label, **how)


def refused(tmp_path, capsys, *more: str) -> str:
    assert main(["pairs", str(tmp_path / "set"), "--out", str(tmp_path / "out"), *more]) == 1
    return capsys.readouterr().out


def test_pairs_are_taken_with_a_second_reader_who_read_some_slices(tmp_path):
    pair(tmp_path / "set", "a")
    _, label = chest()
    second = np.array([0, 1, 1, 2], np.uint8)[label]
    second[4:] = 255
    write(tmp_path / "set/a_second.nii.gz", second)
    assert main(["pairs", str(tmp_path / "set"), "--out", str(tmp_path / "out")]) == 0
    (case,) = read_cases(tmp_path / "out", pixel_mm=0.8)
    assert (case.second[4:] == 5).all()
    np.testing.assert_array_equal(case.second[:4], case.target[:4])


def test_the_pattern_tells_which_scans_are_of_one_patient(tmp_path, capsys):
    hu, _ = chest()
    for number, name in enumerate(("anna_1", "anna_2", "bert_1", "odd")):
        pair(tmp_path / "set", name, hu + np.int16(number))
    more = ["--patient", "(.+)_[0-9]"]
    assert main(["pairs", str(tmp_path / "set"), "--out", str(tmp_path / "out"), *more]) == 0
    rows = read_rows(tmp_path / "out")
    assert [row.patient for row in rows] == ["pairs-p001", "pairs-p001", "pairs-p002"]
    assert "The pattern for patients does not fit its name.\n  odd" in capsys.readouterr().out


def test_labels_of_lesions_alone_need_no_convention(tmp_path):
    _, label = chest()
    pair(tmp_path / "set", "a", label=(label == 3).astype(np.uint8))  # 1 is the lesion
    more = ["--classes", "lesion"]
    assert main(["pairs", str(tmp_path / "set"), "--out", str(tmp_path / "out"), *more]) == 0
    assert int((read_nifti(tmp_path / "out/pairs-001/label.nii.gz").array == 2).sum()) == 27


def test_pictures_are_refused_until_their_window_is_told(tmp_path, capsys):
    hu, _ = chest()
    pair(tmp_path / "set", "a", pictured(hu))
    assert "Values of 42 to 255 are pictures, no HU" in refused(tmp_path, capsys)  # 250 * 255/1500
    more = ["--window", "-1250", "250"]
    assert main(["pairs", str(tmp_path / "set"), "--out", str(tmp_path / "out"), *more]) == 0
    assert read_rows(tmp_path / "out")[0].intensity == "windowed"


def test_stored_values_without_their_intercept_are_no_hu(tmp_path, capsys):
    hu, _ = chest()
    pair(tmp_path / "set", "a", hu + np.int16(1024))
    assert "The lowest value is 24; in HU the air" in refused(tmp_path, capsys)


def test_padding_and_metal_are_cut_to_the_range_of_hu(tmp_path):
    hu, _ = chest()
    hu[:, 0, 0], hu[:, 0, 1] = -3024, 9000
    pair(tmp_path / "set", "a", hu)
    assert main(["pairs", str(tmp_path / "set"), "--out", str(tmp_path / "out")]) == 0
    written = read_nifti(tmp_path / "out/pairs-001/ct.nii.gz").array
    assert (written.min(), written.max()) == (-1024, 3071)


def test_unknown_label_values_are_named(tmp_path, capsys):
    _, label = chest()
    pair(tmp_path / "set", "a", label=(label * 2).astype(np.uint8))  # 0, 2, 4, 6
    assert "it has [4, 6]" in refused(tmp_path, capsys)


def test_a_header_without_an_orientation_is_refused(tmp_path, capsys):
    pair(tmp_path / "set", "a")
    for name in ("a_ct", "a_label"):
        path = tmp_path / "set" / f"{name}.nii.gz"
        image = nib.load(path)
        image.header.set_sform(None, 0)
        image.header.set_qform(None, 0)
        nib.save(nib.Nifti1Image(np.asarray(image.dataobj), None, image.header), path)
    assert "Its header tells no orientation" in refused(tmp_path, capsys)


def test_files_that_belong_to_nothing_are_listed(tmp_path, capsys):
    hu, _ = chest()
    pair(tmp_path / "set", "a")
    write(tmp_path / "set/b_ct.nii.gz", hu)
    write(tmp_path / "set/c_label.nii.gz", hu)
    write(tmp_path / "set/d.nii.gz", hu)
    assert main(["pairs", str(tmp_path / "set"), "--out", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    for reason in ("no _label beside it.\n  b", "no _ct beside it.\n  c_label", "_second.\n  d"):
        assert reason in told


def test_images_that_nothing_is_drawn_on_may_be_healthy(tmp_path):
    hu, _ = chest()
    write(tmp_path / "set/b_ct.nii.gz", hu)
    pair(tmp_path / "set", "c", hu + np.int16(1))
    more = ["--unmarked-healthy"]
    assert main(["pairs", str(tmp_path / "set"), "--out", str(tmp_path / "out"), *more]) == 0
    rows = read_rows(tmp_path / "out")
    assert [(row.healthy, row.classes) for row in rows] == [(True, ()), (False, ("lung", "lesion"))]


class Source:
    """Items that count how often they are read, and may fail."""

    def __init__(self, *names: str, patients: dict[str, str] | None = None) -> None:
        self.names, self.patients, self.reads = names, patients or {}, []
        self.failing: dict[str, BaseException] = {}

    def __iter__(self):
        for name in self.names:
            yield Item(name, self.patients.get(name, name), f"{ord(name):02x}" * 16, self._of(name))

    def _of(self, name: str):
        def read() -> Imported:
            self.reads.append(name)
            if name in self.failing:
                raise self.failing[name]
            label = np.zeros((2, 4, 4), np.uint8)
            hu = np.full((2, 4, 4), -1000, np.int16)
            return Imported(hu=hu, label=label, spacing_mm=(1.0, 1.0, 1.0), classes=("lesion",))

        return read


def test_an_interrupted_import_goes_on_where_it_stopped(tmp_path):
    source = Source("a", "b", "c")
    source.failing["b"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        write_cases(source, tmp_path, prefix="own")
    (tmp_path / ".partial-own-002").mkdir()  # as a killed import leaves it
    source.failing.clear()
    report = write_cases(source, tmp_path, prefix="own")
    assert source.reads == ["a", "b", "b", "c"]
    assert (report.known, [row.id for row in report.imported]) == (1, ["own-002", "own-003"])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "cases.json", "own-001", "own-002", "own-003",
    ]  # fmt: skip


def test_what_is_refused_is_tried_again_the_next_time(tmp_path):
    source = Source("a", "b")
    source.failing["b"] = CannotUse("No.")
    report = write_cases(source, tmp_path, prefix="own")
    assert [(each.name, each.reason) for each in report.left_out] == [("b", "No.")]
    source.failing.clear()
    assert [row.id for row in write_cases(source, tmp_path, prefix="own").imported] == ["own-002"]


def test_the_same_content_twice_is_one_case(tmp_path):
    report = write_cases(Source("a", "a"), tmp_path, prefix="own")
    assert len(report.imported) == 1
    assert report.left_out[0].reason == "The same files stand in the source twice."


def test_later_studies_of_a_patient_join_the_earlier_ones(tmp_path):
    patients = {"a": "anna", "z": "anna"}
    write_cases(Source("a", "b", patients=patients), tmp_path, prefix="own")
    write_cases(Source("a", "b", "z", patients=patients), tmp_path, prefix="own")
    assert [row.patient for row in read_rows(tmp_path)] == ["own-p001", "own-p002", "own-p001"]


def test_the_gate_takes_whole_patients(tmp_path):
    # 'a' begins the fingerprint 61616161: 0.38 of the range; 'z' 7a7a7a7a: 0.48
    patients = {"a": "anna", "z": "anna"}
    write_cases(Source("a", "z", patients=patients), tmp_path, prefix="own", gate_share=0.4)
    write_cases(Source("z", "y"), tmp_path / "two", prefix="own", gate_share=0.4)
    assert [row.gate for row in read_rows(tmp_path)] == [True, True]
    assert [row.gate for row in read_rows(tmp_path / "two")] == [False, False]


def test_a_folder_of_other_things_is_not_written_into(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(CannotUse, match="holds other things"):
        write_cases(Source("a"), tmp_path, prefix="own")


def test_marks_of_somebodys_hand_in_cases_json_are_kept(tmp_path):
    write_cases(Source("a"), tmp_path, prefix="own")
    content = (tmp_path / "cases.json").read_text().replace('"gate": false', '"gate": true')
    (tmp_path / "cases.json").write_text(content)
    write_cases(Source("a", "b"), tmp_path, prefix="own")
    assert [row.gate for row in read_rows(tmp_path)] == [True, False]
