"""The segmentation objects, read back by others over the source they were made of."""

import subprocess
from dataclasses import replace

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEGLSLossless, SegmentationStorage

from opacimeter.findings import Assessment
from opacimeter.record import Correction
from opacimeter.report import DEFAULT_CHOICES, Choices, render
from opacimeter.report.dicom_object import Kind
from opacimeter.report.objects import document_checks
from opacimeter.report.seg import write_seg
from opacimeter.report.segments import SEGMENTS, planes_of
from tests.peers import tool
from tests.report import chests
from tests.report.chests import SCANS, Scan, record_of, scanned

KINDS = (Kind.ANATOMY_SEG, Kind.LESION_SEG)


def masks(assessment: Assessment, kind: Kind, number: int) -> np.ndarray:
    planes = planes_of(assessment, kind)
    return np.stack([planes(index, number) for index in range(len(assessment.volume.hu))])


def back(path, assessment: Assessment, number: int) -> np.ndarray:
    """The mask of a segment, each frame put where its own position says: pydicom alone."""
    seg = pydicom.dcmread(path)
    frames = np.atleast_3d(seg.pixel_array).reshape(-1, seg.Rows, seg.Columns)
    volume = assessment.volume
    found = np.zeros(volume.hu.shape, bool)
    where = volume.affine[:3, 3] + np.arange(len(volume.hu))[:, None] * volume.affine[:3, 0]
    for pixels, group in zip(frames, seg.PerFrameFunctionalGroupsSequence, strict=True):
        place = [float(value) for value in group.PlanePositionSequence[0].ImagePositionPatient]
        away = np.linalg.norm(where - place, axis=1)
        assert away.min() < 1e-3
        if seg.SegmentationType == "LABELMAP":
            found[away.argmin()] = pixels == number
        elif group.SegmentIdentificationSequence[0].ReferencedSegmentNumber == number:
            found[away.argmin()] = pixels
    return found


def centroid_mm(path, number: int) -> np.ndarray:
    """Mean place of a segment's voxels, from what the object itself says of its geometry."""
    seg = pydicom.dcmread(path)
    shared = seg.SharedFunctionalGroupsSequence[0]
    cosines = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    row_mm, column_mm = (float(mm) for mm in shared.PixelMeasuresSequence[0].PixelSpacing)
    points = []
    for pixels, group in zip(seg.pixel_array, seg.PerFrameFunctionalGroupsSequence, strict=True):
        if group.SegmentIdentificationSequence[0].ReferencedSegmentNumber != number:
            continue
        origin = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        rows, columns = np.nonzero(pixels)
        points.append(
            origin
            + np.outer(columns, cosines[:3]) * column_mm
            + np.outer(rows, cosines[3:]) * row_mm
        )
    return np.concatenate(points).mean(axis=0)


@pytest.fixture(params=SCANS, scope="module")
def chest(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("chest")
    assessment = scanned(folder, SCANS[request.param])
    for kind in KINDS:
        write_seg(folder / f"{kind}.dcm", assessment, record_of(), kind)
    return assessment, folder


@pytest.fixture(scope="module")
def supine(tmp_path_factory):
    return scanned(tmp_path_factory.mktemp("supine"), SCANS["supine"])


def test_pydicom_reads_back_the_same_maps_by_the_frames_positions(chest):
    assessment, folder = chest
    for kind in KINDS:
        for number in (1, 2):
            expected = masks(assessment, kind, number)
            assert expected.any()
            assert np.array_equal(back(folder / f"{kind}.dcm", assessment, number), expected)


def test_highdicom_reads_back_the_same_maps_by_geometry(chest):
    assessment, folder = chest
    if any(check.code == "gantry-tilt" for check in assessment.checks):
        pytest.skip("a tilted stack is no volume to highdicom; by positions it is read above")
    volume = highdicom.Volume(
        assessment.volume.hu,
        assessment.volume.affine,
        coordinate_system="PATIENT",
        frame_of_reference_uid=chests.FRAME_OF_REFERENCE,
    )
    for kind in KINDS:
        seg = highdicom.seg.segread(folder / f"{kind}.dcm")
        for number in (1, 2):
            one = seg.get_volume(segment_numbers=[number], combine_segments=True, relabel=True)
            found = one.match_geometry(volume, tol=1e-3)
            assert np.array_equal(found.array.astype(bool), masks(assessment, kind, number))


def test_centroids_are_where_the_patient_has_them_and_left_is_left(chest):
    _, folder = chest
    # Worked out from the chest's own mm: each lung is a box around x ±55, y 0, z -58.5.
    left, right = (centroid_mm(folder / f"{Kind.ANATOMY_SEG}.dcm", n) for n in (1, 2))
    lesion = centroid_mm(folder / f"{Kind.LESION_SEG}.dcm", 1)
    assert np.abs(left - (55, 0, -58.5)) == pytest.approx(0, abs=chests.PIXEL_MM)
    assert np.abs(right - (-55, 0, -58.5)) == pytest.approx(0, abs=chests.PIXEL_MM)
    assert np.abs(lesion - chests.LESION_MM) == pytest.approx(0, abs=chests.PIXEL_MM)
    assert left[0] > 0 > right[0]


def test_every_source_slice_is_referred_to(chest):
    _, folder = chest
    for kind in KINDS:
        seg = pydicom.dcmread(folder / f"{kind}.dcm")
        uids = {item.ReferencedSOPInstanceUID for item in seg.SourceImageSequence}
        assert uids == {f"2.25.44{number:02d}" for number in range(chests.SLICES)}
        assert seg.FrameOfReferenceUID == chests.FRAME_OF_REFERENCE


def test_our_frames_are_those_that_highdicom_makes(supine, tmp_path):
    write_seg(tmp_path / "ours.dcm", supine, record_of(), Kind.ANATOMY_SEG)
    ours = highdicom.seg.segread(tmp_path / "ours.dcm")
    labels = sum(n * masks(supine, Kind.ANATOMY_SEG, n).astype(np.uint8) for n in (1, 2))
    theirs = highdicom.seg.Segmentation(
        [each.header for each in supine.volume.series.slices],
        labels,
        "BINARY",
        ours.SegmentSequence,
        series_instance_uid="2.25.1",
        series_number=1,
        sop_instance_uid="2.25.2",
        instance_number=1,
        manufacturer="x",
        manufacturer_model_name="x",
        software_versions="1",
        device_serial_number="1",
    )

    def by_place(seg):
        return {
            (
                int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber),
                tuple(float(x) for x in group.PlanePositionSequence[0].ImagePositionPatient),
            ): (pixels.tobytes(), group.DerivationImageSequence[0].to_json())
            for pixels, group in zip(
                seg.pixel_array, seg.PerFrameFunctionalGroupsSequence, strict=True
            )
        }

    assert by_place(ours) == by_place(theirs)


def test_sizes_that_fill_no_bytes_are_packed_without_padding(supine, tmp_path):
    # 44 × 51 = 2244 pixels are 280.5 bytes: every other frame begins in the middle of one.
    volume, cut = supine.volume, np.s_[:, :, :51]
    for one in volume.series.slices:
        one.header.Columns = 51
    narrow = replace(
        supine,
        volume=replace(volume, hu=volume.hu[cut].copy()),
        segmentation=replace(supine.segmentation, labels=supine.segmentation.labels[cut].copy()),
    )
    write_seg(tmp_path / "s.dcm", narrow, record_of(), Kind.ANATOMY_SEG)
    for number in (1, 2):
        expected = masks(narrow, Kind.ANATOMY_SEG, number)
        assert np.array_equal(back(tmp_path / "s.dcm", narrow, number), expected)
    for one in volume.series.slices:
        one.header.Columns = chests.COLUMNS


def test_a_label_map_tells_the_same_maps_exclusively(supine, tmp_path):
    for kind in KINDS:
        path = tmp_path / f"{kind}.dcm"
        write_seg(path, supine, record_of(), kind, labelmap=True)
        seg = pydicom.dcmread(path)
        assert seg.SOPClassUID == "1.2.840.10008.5.1.4.1.1.66.7"
        assert seg.file_meta.TransferSyntaxUID == JPEGLSLossless
        first, second = (masks(supine, kind, number) for number in (1, 2))
        assert np.array_equal(back(path, supine, 2), second)
        assert np.array_equal(back(path, supine, 1), first & ~second)


def test_a_label_map_is_another_instance(supine, tmp_path):
    for labelmap in (False, True):
        write_seg(tmp_path / f"{labelmap}.dcm", supine, record_of(), KINDS[0], labelmap=labelmap)
    one, other = (pydicom.dcmread(tmp_path / f"{each}.dcm") for each in (False, True))
    assert one.SOPInstanceUID != other.SOPInstanceUID


@pytest.mark.parametrize("labelmap", [False, True])
def test_a_chest_without_lesion_has_a_small_valid_object(tmp_path, labelmap):
    assessment = scanned(tmp_path, Scan(lesion=False))
    path = tmp_path / "l.dcm"
    write_seg(path, assessment, record_of(), Kind.LESION_SEG, labelmap=labelmap)
    seg = pydicom.dcmread(path)
    assert seg.NumberOfFrames == 1
    assert not seg.pixel_array.any()
    assert [item.SegmentLabel for item in seg.SegmentSequence][-1] == "High opacity"
    assert path.stat().st_size < 10_000
    assert len(seg.SourceImageSequence) == chests.SLICES


@pytest.mark.parametrize("name", ["supine", "tilted"])
def test_enhanced_ct_is_referred_to_by_its_frames(tmp_path, name):
    source = chests.write(tmp_path / "source", [chests.enhanced(SCANS[name])])
    assessment = chests.assessed(source)
    for kind in KINDS:
        write_seg(tmp_path / "s.dcm", assessment, record_of(), kind)
        seg = pydicom.dcmread(tmp_path / "s.dcm")
        assert len(seg.SourceImageSequence) == 1
        for number in (1, 2):
            expected = masks(assessment, kind, number)
            assert np.array_equal(back(tmp_path / "s.dcm", assessment, number), expected)
        source_groups = chests.enhanced(SCANS[name]).PerFrameFunctionalGroupsSequence
        for group in seg.PerFrameFunctionalGroupsSequence:
            image = group.DerivationImageSequence[0].SourceImageSequence[0]
            of_source = source_groups[image.ReferencedFrameNumber - 1]
            assert (
                of_source.PlanePositionSequence[0].ImagePositionPatient
                == group.PlanePositionSequence[0].ImagePositionPatient
            )


def test_without_a_frame_of_reference_only_the_segmentations_are_left_out(tmp_path):
    def without(header, number):
        del header.FrameOfReferenceUID

    assessment = scanned(tmp_path, SCANS["supine"], without)
    (check,) = document_checks(assessment.volume)
    assert check.code == "no-frame-of-reference"
    assert check.severity == "warning"
    names = [document.name for document in render(assessment, record_of())]
    assert not [name for name in names if "seg" in name]
    assert {"measurements.sr.dcm", "fhir.json", "result.json"} <= set(names)


def test_with_one_there_is_nothing_to_warn_of(supine):
    assert document_checks(supine.volume) == ()
    names = [document.name for document in render(supine, record_of())]
    assert {"anatomy.seg.dcm", "lesions.seg.dcm"} <= set(names)


def test_headers_without_thickness_and_with_turned_digits_are_no_hindrance(tmp_path):
    def odd(header, number):
        del header.SliceThickness, header.StudyID, header.AccessionNumber
        header.SpacingBetweenSlices = 3  # a lie
        if number == 5:
            header.ImageOrientationPatient = [1, 0, 0, 0, 0.999999, 0.001]

    assessment = scanned(tmp_path, SCANS["supine"], odd)
    write_seg(tmp_path / "s.dcm", assessment, record_of(), Kind.LESION_SEG)
    seg = pydicom.dcmread(tmp_path / "s.dcm")
    measures = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert measures.SpacingBetweenSlices == chests.STEP_MM
    expected = masks(assessment, Kind.LESION_SEG, 1)
    assert np.array_equal(back(tmp_path / "s.dcm", assessment, 1), expected)


@pytest.mark.parametrize("choices", [DEFAULT_CHOICES, Choices(labelmap=True)])
def test_writing_twice_gives_the_same_bytes(supine, tmp_path, choices):
    for document in render(supine, record_of(), choices):
        if not document.name.endswith((".seg.dcm", ".sr.dcm", "fhir.json")):
            continue
        for name in ("one", "two"):
            document.write(tmp_path / name)
        assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_segments_carry_codes_side_tracking_and_the_weights(supine, tmp_path):
    write_seg(tmp_path / "s.dcm", supine, record_of(), Kind.ANATOMY_SEG)
    left, right = pydicom.dcmread(tmp_path / "s.dcm").SegmentSequence
    kind = left.SegmentedPropertyTypeCodeSequence[0]
    assert (kind.CodeValue, kind.CodingSchemeDesignator) == ("39607008", "SCT")
    modifiers = [
        each.SegmentedPropertyTypeCodeSequence[0]
        .SegmentedPropertyTypeModifierCodeSequence[0]
        .CodeMeaning
        for each in (left, right)
    ]
    assert modifiers == ["Left", "Right"]
    assert left.TrackingUID != right.TrackingUID
    algorithm = left.SegmentationAlgorithmIdentificationSequence[0]
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("lung-lesion", "1.0.0")
    assert "ab" * 32 in algorithm.AlgorithmParameters
    assert left.SegmentAlgorithmType == "AUTOMATIC"


def test_corrected_labels_are_not_automatic(supine, tmp_path):
    record = replace(record_of(2), correction=Correction(1, "A", "B"))
    write_seg(tmp_path / "s.dcm", supine, record, Kind.LESION_SEG)
    seg = pydicom.dcmread(tmp_path / "s.dcm")
    assert {each.SegmentAlgorithmType for each in seg.SegmentSequence} == {"SEMIAUTOMATIC"}


def test_class_and_patient_are_those_of_the_study(supine, tmp_path):
    write_seg(tmp_path / "s.dcm", supine, record_of(), Kind.LESION_SEG)
    seg = pydicom.dcmread(tmp_path / "s.dcm")
    assert seg.SOPClassUID == SegmentationStorage
    assert (seg.PatientID, seg.StudyInstanceUID) == ("P-17", chests.STUDY)
    assert len(SEGMENTS[Kind.LESION_SEG]) == len(seg.SegmentSequence) == 2


@pytest.mark.peer
def test_dciodvfy_finds_no_error(chest):
    _, folder = chest
    for kind in KINDS:
        done = subprocess.run(
            [tool("/usr/bin/dciodvfy"), "-new", str(folder / f"{kind}.dcm")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Segmentation" in done.stderr
        assert "Error" not in done.stderr


@pytest.mark.peer
def test_dcmtk_reads_the_same_bits(chest, tmp_path):
    assessment, folder = chest
    subprocess.run(
        [tool("/usr/bin/dcmdump"), "+W", str(tmp_path), str(folder / f"{Kind.ANATOMY_SEG}.dcm")],
        capture_output=True,
        check=True,
    )
    (raw,) = tmp_path.glob("*.raw")
    bits = np.unpackbits(np.frombuffer(raw.read_bytes(), np.uint8), bitorder="little")
    seg = pydicom.dcmread(folder / f"{Kind.ANATOMY_SEG}.dcm")
    shape = (seg.NumberOfFrames, seg.Rows, seg.Columns)
    shown = [
        mask
        for number in (1, 2)
        for mask in masks(assessment, Kind.ANATOMY_SEG, number)
        if mask.any()
    ]
    assert np.array_equal(bits[: np.prod(shape)].reshape(shape), np.stack(shown))
