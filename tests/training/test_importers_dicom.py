"""CT studies with segmentations and structure sets become cases.

The CT is the small series of the intake's tests: 12 slices of 10 mm, the first at z = -50 mm; 32 x
32 pixels of 10 mm, the first at (-155, -155) mm; lungs in rows 9 to 22, the right in columns 6 to
13, the left in 18 to 25.
"""

from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.pixels.utils import pack_bits
from pydicom.uid import (
    ExplicitVRLittleEndian,
    RTStructureSetStorage,
    SegmentationStorage,
    generate_uid,
)

pytest.importorskip("skimage", reason="importing needs the train extra (scikit-image)")

from tests.intake import series
from training.cases import read_cases, read_nifti, read_rows
from training.importers.__main__ import main

LEFT_SPOT = np.s_[3:6, 10:12, 20:23]  # 3 slices of 2 x 3 pixels: 18 voxels in the left lung
LUNGS = np.s_[:, 9:23, 6:14], np.s_[:, 9:23, 18:26]  # 12 * 14 * 8 voxels each


def masks() -> tuple[np.ndarray, np.ndarray]:
    """Lungs and a lesion in the left one, bool (slice, row, column) in the order of the CT."""
    lung, lesion = np.zeros((2, series.SLICES, series.SIDE, series.SIDE), bool)
    for part in LUNGS:
        lung[part] = True
    lesion[LEFT_SPOT] = True
    return lung, lesion


def ct(folder: Path, change=None) -> Path:
    """The CT with the lesion at -500 HU."""
    headers = series.series(change)
    for number in range(3, 6):
        hu = series.body(number)
        hu[LEFT_SPOT[1:]] = -500
        series.set_pixels(headers[number], hu)
    return series.write(folder / "ct", headers)


def blank(sop_class: str, modality: str) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = series.STUDY, generate_uid()
    dataset.Modality, dataset.PatientID, dataset.PatientName = modality, "TEST", "Test^One"
    return dataset


def item(**values: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def seg(regions: dict[str, np.ndarray], *, shift_mm: float = 0.0, step_mm: float = 10.0) -> Dataset:
    """A binary SEG without empty frames, its frames in no order, each with its own position."""
    dataset = blank(SegmentationStorage, "SEG")
    dataset.SegmentationType, dataset.Rows, dataset.Columns = "BINARY", series.SIDE, series.SIDE
    dataset.BitsAllocated = dataset.BitsStored = dataset.SamplesPerPixel = 1
    dataset.HighBit = dataset.PixelRepresentation = 0
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.ReferencedSeriesSequence = [item(SeriesInstanceUID=series.SERIES)]
    dataset.SegmentSequence = [
        item(SegmentNumber=number, SegmentLabel=name) for number, name in enumerate(regions, 1)
    ]
    shared = item(
        PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
        PixelMeasuresSequence=[item(PixelSpacing=[step_mm, step_mm])],
    )
    dataset.SharedFunctionalGroupsSequence = [shared]
    frames = [
        (number, index, mask[index])
        for number, mask in enumerate(regions.values(), 1)
        for index in np.flatnonzero(mask.any((1, 2)))
    ]
    np.random.default_rng(1).shuffle(frames := np.array(frames, dtype=object))
    dataset.PerFrameFunctionalGroupsSequence = [
        item(
            PlanePositionSequence=[
                item(ImagePositionPatient=[-155, -155, -50 - 10.0 * index + shift_mm])
            ],
            SegmentIdentificationSequence=[item(ReferencedSegmentNumber=number)],
        )
        for number, index, _ in frames
    ]
    dataset.NumberOfFrames = len(frames)
    pixels = np.stack([mask for *_, mask in frames]).astype(np.uint8)
    dataset.PixelData = pack_bits(pixels)
    dataset["PixelData"].VR = "OB"
    return dataset


def save(folder: Path, dataset: Dataset, name: str = "seg") -> None:
    dcmwrite(folder / f"{name}.dcm", dataset, enforce_file_format=True)


def imported(source: Path, *more: str) -> tuple[np.ndarray, np.ndarray]:
    out = source.parent / "out"
    assert main(["dicom", str(source), "--out", str(out), *more]) == 0
    case = out / read_rows(out)[0].id
    return read_nifti(case / "ct.nii.gz").array, read_nifti(case / "label.nii.gz").array


def refused(source: Path, capsys, *more: str) -> str:
    assert main(["dicom", str(source), "--out", str(source.parent / "out"), *more]) == 1
    return capsys.readouterr().out


def test_frames_of_a_segmentation_lie_where_they_say(tmp_path):
    source = ct(tmp_path / "study")
    lung, lesion = masks()
    save(source, seg({"Lungs": lung, "Infection": lesion}))
    hu, label = imported(source)
    assert int((label == 1).sum()) == 2 * 12 * 14 * 8 - 18
    assert set(hu[label == 2]) == {-500}
    assert int((label == 2).sum()) == 18
    assert np.flatnonzero((label == 2).any((1, 2))).tolist() == [3, 4, 5]


def test_a_prone_patient_lands_in_our_orientation(tmp_path):
    def prone(header, number):
        header.ImageOrientationPatient = [-1, 0, 0, 0, -1, 0]
        header.ImagePositionPatient = [155, 155, -50 - 10 * number]
        header.PatientPosition = "HFP"

    source = ct(tmp_path / "study", prone)
    lesion = np.zeros((series.SLICES, series.SIDE, series.SIDE), bool)
    lesion[LEFT_SPOT] = True
    # The SEG keeps to +x and +y, so that it is the CT's pixels turned by half a turn.
    save(source, seg({"lesion": lesion[:, ::-1, ::-1]}))
    hu, label = imported(source)
    assert set(hu[label == 2]) == {-500}
    assert int((label == 2).sum()) == 18
    # columns 20 to 22 of 32, counted from the patient's left, are 9 to 11 from the right
    assert np.flatnonzero((label == 2).any((0, 1))).tolist() == [9, 10, 11]


def test_a_segmentation_between_the_slices_is_refused(tmp_path, capsys):
    source = ct(tmp_path / "study")
    save(source, seg({"lesion": masks()[1]}, shift_mm=5.0))
    assert "lies 0.50 of a voxel off the CT's grid" in refused(source, capsys)


def test_a_segmentation_of_other_pixels_is_refused(tmp_path, capsys):
    source = ct(tmp_path / "study")
    save(source, seg({"lesion": masks()[1]}, step_mm=5.0))
    assert "pixels of another size" in refused(source, capsys)


def test_a_segmentation_beyond_the_ct_is_refused(tmp_path, capsys):
    source = ct(tmp_path / "study")
    save(source, seg({"lesion": masks()[1]}, shift_mm=100.0))
    assert "marks voxels outside of the CT" in refused(source, capsys)


def test_the_researcher_says_what_a_segment_is(tmp_path, capsys):
    source = ct(tmp_path / "study")
    lung, lesion = masks()
    save(source, seg({"Tissue 1": lesion, "Lung": lung}))
    assert main(["dicom", str(source), "--out", str(tmp_path / "first")]) == 0
    assert "not used: Tissue 1" in capsys.readouterr().out
    assert read_rows(tmp_path / "first")[0].classes == ("lung",)
    _, label = imported(source, "--segment", "tissue 1=lesion", "--segment", "LUNG=none")
    assert set(np.unique(label)) == {0, 2}


def test_segments_without_meaning_are_named_with_the_way_out(tmp_path, capsys):
    source = ct(tmp_path / "study")
    save(source, seg({"Tissue 1": masks()[1]}))
    assert 'Tissue 1; say which is with --segment "NAME=lesion"' in refused(source, capsys)


def test_a_segments_code_tells_what_its_label_does_not(tmp_path):
    source = ct(tmp_path / "study")
    dataset = seg({"S1": masks()[1]})
    code = item(CodeValue="112120", CodingSchemeDesignator="DCM", CodeMeaning="Ground glass")
    dataset.SegmentSequence[0].SegmentedPropertyTypeCodeSequence = [code]
    save(source, dataset)
    _, label = imported(source)
    assert int((label == 2).sum()) == 18


def test_fractional_pixels_count_from_one_half(tmp_path):
    source = ct(tmp_path / "study")
    dataset = seg({"lesion": masks()[1]})
    values = dataset.pixel_array * np.array([255, 128, 127], np.uint8)[:, None, None]
    dataset.SegmentationType, dataset.MaximumFractionalValue = "FRACTIONAL", 255
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelData = values.astype(np.uint8).tobytes()
    save(source, dataset)
    _, label = imported(source)
    assert int((label == 2).sum()) == 12  # 127 of 255 is less than a half


def test_lungs_and_lesions_may_come_in_objects_of_their_own(tmp_path):
    source = ct(tmp_path / "study")
    lung, lesion = masks()
    save(source, seg({"lung": lung}), "one")
    save(source, seg({"lesion": lesion}), "two")
    _, label = imported(source)
    assert int((label == 2).sum()) == 18


def test_two_readers_of_one_study_are_not_mixed(tmp_path, capsys):
    source = ct(tmp_path / "study")
    save(source, seg({"lesion": masks()[1]}), "one")
    save(source, seg({"lesion": masks()[1]}), "two")
    assert "Two objects mark lesion in the same place" in refused(source, capsys)


def test_slices_that_were_skipped_when_lungs_were_drawn_are_not_read(tmp_path):
    source = ct(tmp_path / "study")
    lung, _ = masks()
    lung[[0, 7]] = False  # 0 lies above all drawn ones: it may be clean
    save(source, seg({"lung": lung}))
    _, label = imported(source)
    assert (label[7] == 255).all()
    assert (label[0] == 0).all()


def square(low: float, high: float, number: int) -> Dataset:
    """A closed contour from pixel coordinate `low` to `high` in rows and columns of a slice."""
    (a, b), z = (-155 + 10 * np.array([low, high])).tolist(), -50.0 - 10 * number
    points = [(a, a), (b, a), (b, b), (a, b)]
    data = [value for x, y in points for value in (x, y, z)]
    return item(ContourGeometricType="CLOSED_PLANAR", NumberOfContourPoints=4, ContourData=data)


def structures(regions: dict[str, list[Dataset]]) -> Dataset:
    dataset = blank(RTStructureSetStorage, "RTSTRUCT")
    reference = item(
        RTReferencedStudySequence=[
            item(RTReferencedSeriesSequence=[item(SeriesInstanceUID=series.SERIES)])
        ]
    )
    dataset.ReferencedFrameOfReferenceSequence = [reference]
    dataset.StructureSetROISequence = [
        item(ROINumber=number, ROIName=name) for number, name in enumerate(regions, 1)
    ]
    dataset.ROIContourSequence = [
        item(ReferencedROINumber=number, ContourSequence=contours)
        for number, contours in enumerate(regions.values(), 1)
    ]
    return dataset


def test_a_contour_within_a_contour_is_a_hole(tmp_path):
    source = ct(tmp_path / "study")
    contours = [square(8.5, 14.5, 4), square(10.5, 12.5, 4), square(8.5, 14.5, 5)]
    save(source, structures({"GGO left": contours}), "rs")
    _, label = imported(source)
    # pixel centres 9 to 14: 36; less 11 and 12: 4
    assert [int((label[number] == 2).sum()) for number in (3, 4, 5, 6)] == [0, 32, 36, 0]
    assert (label[4, 11:13, 11:13] == 0).all()
    assert (label[4, 9:15, 9] == 2).all()


def test_a_contour_between_slices_is_refused(tmp_path, capsys):
    source = ct(tmp_path / "study")
    save(source, structures({"lesion": [square(8.5, 14.5, 4.4)]}), "rs")
    assert "lies 0.40 of a slice off" in refused(source, capsys)


def test_open_contours_enclose_nothing(tmp_path, capsys):
    source = ct(tmp_path / "study")
    contour = square(8.5, 14.5, 4)
    contour.ContourGeometricType = "OPEN_PLANAR"
    save(source, structures({"lesion": [contour]}), "rs")
    assert "contour of type OPEN_PLANAR" in refused(source, capsys)


def test_regions_of_the_radiotherapist_are_left_alone(tmp_path, capsys):
    source = ct(tmp_path / "study")
    regions = {"Heart": [square(2, 4, 4)], "Lungs": [square(8.5, 14.5, 4)], "GTV": []}
    save(source, structures(regions), "rs")
    imported(source)
    assert read_rows(tmp_path / "study" / "out")[0].classes == ("lung",)
    assert "not used: Heart, GTV" in capsys.readouterr().out


def test_a_study_that_intake_rejects_is_left_out_with_its_reason(tmp_path, capsys):
    source = ct(tmp_path / "study")
    (source / "005.dcm").unlink()
    save(source, seg({"lesion": masks()[1]}))
    assert "missing" in refused(source, capsys)


def test_a_study_without_marks_and_marks_without_a_study_are_listed(tmp_path, capsys):
    source = ct(tmp_path / "study")
    stray = seg({"lesion": masks()[1]})
    stray.StudyInstanceUID, stray.ReferencedSeriesSequence[0].SeriesInstanceUID = "2.25.7", "2.25.8"
    save(source, stray)
    told = refused(source, capsys)
    assert "No SEG and no RTSTRUCT belongs to it.\n  study 2.25.1000" in told
    assert "The CT that it was drawn on is not in the source.\n  SEG of study 2.25.7" in told


@pytest.mark.parametrize("keyword", ["SegmentSequence", "PixelData", "SegmentationType"])
def test_a_segmentation_that_breaks_the_standard_is_left_out(tmp_path, capsys, keyword):
    source = ct(tmp_path / "study")
    dataset = seg({"lesion": masks()[1]})
    del dataset[keyword]
    save(source, dataset)
    assert "The SEG breaks the standard" in refused(source, capsys)


def test_a_frame_that_does_not_say_where_it_lies_is_not_placed_by_its_number(tmp_path, capsys):
    source = ct(tmp_path / "study")
    dataset = seg({"lesion": masks()[1]})
    for group in dataset.PerFrameFunctionalGroupsSequence:
        del group.PlanePositionSequence
    save(source, dataset)
    assert "no PlanePositionSequence, so nobody knows" in refused(source, capsys)


def test_a_label_map_names_the_segment_in_every_pixel(tmp_path):
    source = ct(tmp_path / "study")
    lung, lesion = masks()
    values = lung.astype(np.uint8) * 2
    values[lesion] = 7
    dataset = seg({"whole": np.ones_like(lung)})  # a frame a slice, in no order
    dataset.SegmentationType, dataset.PixelPaddingValue = "LABELMAP", 0
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.SegmentSequence = [
        item(SegmentNumber=2, SegmentLabel="Lung"), item(SegmentNumber=7, SegmentLabel="GGO"),
    ]  # fmt: skip
    groups = dataset.PerFrameFunctionalGroupsSequence
    order = [
        round((-50 - float(group.PlanePositionSequence[0].ImagePositionPatient[2])) / 10)
        for group in groups
    ]
    for group in groups:
        del group.SegmentIdentificationSequence
    dataset.PixelData = values[order].tobytes()
    save(source, dataset)
    hu, label = imported(source)
    assert set(hu[label == 2]) == {-500}
    assert int((label == 1).sum()) == 2 * 12 * 14 * 8 - 18


def test_a_study_that_nothing_is_drawn_on_may_be_healthy(tmp_path):
    source = ct(tmp_path / "study")
    imported(source, "--unmarked-healthy")
    (case,) = read_cases(tmp_path / "study" / "out")
    assert case.kind == "other"
    assert set(np.unique(case.target)) == {4}  # nothing in it is lesion


def test_another_frame_of_reference_is_refused(tmp_path, capsys):
    source = ct(tmp_path / "study", series.setting(FrameOfReferenceUID="2.25.1"))
    dataset = seg({"lesion": masks()[1]})
    dataset.FrameOfReferenceUID = "2.25.2"
    save(source, dataset)
    assert "another frame of reference" in refused(source, capsys)


def second_study(header, number):
    header.StudyInstanceUID, header.SeriesInstanceUID = "2.25.1001", "2.25.2001"


def test_two_studies_of_a_patient_are_two_cases_of_one_patient(tmp_path):
    source = tmp_path / "study"
    save(ct(source / "a"), seg({"lesion": masks()[1]}))
    dataset = seg({"lesion": masks()[1]})
    dataset.StudyInstanceUID = "2.25.1001"
    dataset.ReferencedSeriesSequence[0].SeriesInstanceUID = "2.25.2001"
    save(ct(source / "b", second_study), dataset)
    imported(source)
    rows = read_rows(tmp_path / "out")
    assert [row.patient for row in rows] == ["dicom-p001", "dicom-p001"]
    text = (tmp_path / "out" / "cases.json").read_text()
    assert "TEST" not in text
    assert "2.25.1000" not in text


def test_a_second_import_reads_nothing_again(tmp_path, capsys):
    source = ct(tmp_path / "study")
    save(source, seg({"lesion": masks()[1]}))
    imported(source)
    imported(source)
    assert "0 imported, 1 were already there." in capsys.readouterr().out


def test_what_another_library_writes_is_read_the_same(tmp_path):
    highdicom = pytest.importorskip("highdicom", reason="the dev extra brings highdicom")
    from pydicom import dcmread
    from pydicom.sr.codedict import codes

    def complete(header, number):
        header.FrameOfReferenceUID = "2.25.1"
        for keyword in ("StudyID", "AccessionNumber", "StudyDate", "StudyTime"):
            setattr(header, keyword, "")
        header.PatientBirthDate = header.PatientSex = ""

    source = ct(tmp_path / "study", complete)
    lung, lesion = masks()
    described = [
        highdicom.seg.SegmentDescription(
            number, name, codes.SCT.AnatomicalStructure, kind, "MANUAL"
        )
        for number, name, kind in (
            (1, "one", codes.SCT.Lung),
            (2, "two", codes.DCM.GroundGlassOpacity),
        )
    ]
    written = highdicom.seg.Segmentation(
        source_images=[dcmread(path) for path in sorted(source.glob("*.dcm"))][::-1],
        pixel_array=np.stack([lung & ~lesion, lesion], axis=-1)[::-1].astype(np.uint8),
        segmentation_type="BINARY",
        segment_descriptions=described,
        series_instance_uid=generate_uid(),
        series_number=9,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="x",
        manufacturer_model_name="x",
        software_versions="1",
        device_serial_number="1",
    )
    written.save_as(source / "seg.dcm")
    hu, label = imported(source)
    assert set(hu[label == 2]) == {-500}
    assert int((label == 2).sum()) == 18
    assert int((label == 1).sum()) == 2 * 12 * 14 * 8 - 18


def test_an_imported_study_is_a_case_to_train_on(tmp_path):
    source = ct(tmp_path / "study")
    lung, lesion = masks()
    save(source, seg({"lung": lung, "lesion": lesion}))
    imported(source)
    (case,) = read_cases(tmp_path / "study" / "out", pixel_mm=10.0)
    assert (case.kind, case.intensity, case.spacing_mm) == ("lesion", "true", (10.0, 10.0, 10.0))
    assert int((case.target == 2).sum()) == 18
