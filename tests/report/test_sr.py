"""The structured report: read by others, it tells what result.json tells."""

import json
import subprocess
import urllib.request
from dataclasses import replace

import highdicom
import pydicom
import pytest

from opacimeter.errors import Conflict
from opacimeter.record import Correction
from opacimeter.report import codes, result, write_rejection_note
from opacimeter.report.dicom_object import Kind, derived_uid
from opacimeter.report.seg import seg_instance, write_seg
from opacimeter.report.sr import write_sr
from tests.peers import running_orthanc, tool
from tests.report import chests
from tests.report.chests import SCANS, Scan, record_of, scanned


@pytest.fixture(scope="module")
def supine(tmp_path_factory):
    return scanned(tmp_path_factory.mktemp("supine"), SCANS["supine"])


@pytest.fixture(scope="module")
def report(supine, tmp_path_factory):
    path = tmp_path_factory.mktemp("sr") / "r.dcm"
    write_sr(path, supine, record_of())
    return path


def groups(path):
    """Every measurement group, by its site, side and finding."""
    content = highdicom.sr.srread(path).content
    found = {}
    for group in (
        *content.get_volumetric_roi_measurement_groups(),
        *content.get_image_measurement_groups(),
    ):
        (site,) = group.finding_sites
        key = (site.value.value, site.laterality.value, group.finding_type.value)
        assert key not in found
        found[key] = group
    return found


def values(path):
    """Every number of the report, by region and quantity."""
    found, by_place = {}, groups(path)
    for region, site in codes.SITES.items():
        for quantity, measured in codes.MEASURED.items():
            group = by_place.get(
                (site.location.value, site.laterality.value, measured.finding.value)
            )
            for one in group.get_measurements() if group is not None else ():
                derivation = one.derivation.value if one.derivation else None
                wanted = measured.derivation.value if measured.derivation else None
                if (one.name.value, derivation) == (measured.name.value, wanted):
                    assert (region.value, quantity.value) not in found
                    assert one.unit.value == measured.unit.value
                    found[region.value, quantity.value] = one.value
    return found


def overall(path):
    """What stands beside the lesions of both lungs."""
    group = groups(path)[codes.LUNG.value, codes.BILATERAL.value, codes.LESION.value]
    numbers = {one.name.value: one.value for one in group.get_measurements()}
    return numbers, {
        one.name.value: one.value.meaning
        for one in group.get_qualitative_evaluations()
        if one.name.scheme_designator == codes.PRIVATE_SCHEME  # the reader counts categories too
    }


def test_a_tid_1500_reader_finds_the_numbers_of_the_json_and_no_others(supine, report):
    expected = {
        (region, quantity): value
        for region, row in result(supine, record_of())["regions"].items()
        for quantity, value in row.items()
    }
    assert len(expected) > 80
    assert values(report) == expected


def test_the_summary_stands_with_the_lesions_of_both_lungs(supine, report):
    summary = result(supine, record_of())["summary"]
    numbers, answers = overall(report)
    assert [numbers["interval-90-low"], numbers["interval-90-high"]] == [1.25, 4.5]
    assert numbers["detection-limit"] == summary["detection_limit_percent"] == 0.2
    assert numbers["ct-ss"] == summary["ct_ss"]["grade"] == 1
    assert numbers["zone-score"] == summary["zone_score"]["value"]
    assert answers == {"below-limit": "No", "ct-ss-near-end": "No"}


def test_what_the_model_cannot_say_is_absent(supine, tmp_path):
    silent = replace(supine, detection_limit_percent=None, interval_90_percent=None)
    write_sr(tmp_path / "r.dcm", silent, record_of())
    numbers, answers = overall(tmp_path / "r.dcm")
    assert {"interval-90-low", "detection-limit", "zone-score"}.isdisjoint(numbers)
    assert answers == {}


def test_regions_that_are_segments_refer_to_them(supine, report):
    found = {}
    for group in highdicom.sr.srread(report).content.get_volumetric_roi_measurement_groups():
        (site,) = group.finding_sites
        key = (group.finding_type.meaning, site.laterality.meaning)
        (image,) = (item for item in group[0].ContentSequence if item.ValueType == "IMAGE")
        item = image.ReferencedSOPSequence[0]
        found[key] = (item.ReferencedSOPInstanceUID, item.ReferencedSegmentNumber)
    anatomy, lesions = (
        seg_instance(record_of(), kind, labelmap=False).instance_uid
        for kind in (Kind.ANATOMY_SEG, Kind.LESION_SEG)
    )
    assert found == {
        ("Lung", "Left"): (anatomy, 1),
        ("Lung", "Right"): (anatomy, 2),
        ("Lesion", "Bilateral"): (lesions, 1),
        ("High opacity", "Bilateral"): (lesions, 2),
    }


def test_segment_and_group_share_their_tracking_uid(supine, report, tmp_path):
    write_seg(tmp_path / "s.dcm", supine, record_of(), Kind.LESION_SEG)
    segments = pydicom.dcmread(tmp_path / "s.dcm").SegmentSequence
    group = groups(report)[codes.LUNG.value, codes.BILATERAL.value, codes.LESION.value]
    assert group.tracking_uid == segments[0].TrackingUID


def test_of_a_label_map_only_whole_findings_are_referred_to(supine, tmp_path):
    write_sr(tmp_path / "r.dcm", supine, record_of(), labelmap=True)
    content = highdicom.sr.srread(tmp_path / "r.dcm").content
    findings = [
        group.finding_type.meaning for group in content.get_volumetric_roi_measurement_groups()
    ]
    assert findings == ["High opacity", "Lung", "Lung"]
    assert values(tmp_path / "r.dcm")["lungs", "lesion_ml"] > 0


def test_every_group_names_the_algorithm_and_its_weights(report):
    for group in groups(report).values():
        texts = {
            item.ConceptNameCodeSequence[0].CodeMeaning: item.TextValue
            for item in group[0].ContentSequence
            if item.ValueType == "TEXT"
        }
        assert texts["Algorithm Name"] == "lung-lesion"
        assert texts["Algorithm Version"] == "1.0.0"
        assert texts["Algorithm Parameters"] == "sha256=" + "ab" * 32


def test_it_rests_on_every_image_and_both_segmentations(report):
    sr = pydicom.dcmread(report)
    (study,) = sr.CurrentRequestedProcedureEvidenceSequence
    count = {
        series.SeriesInstanceUID: len(series.ReferencedSOPSequence)
        for series in study.ReferencedSeriesSequence
    }
    assert count.pop(chests.SERIES) == chests.SLICES
    assert sorted(count.values()) == [1, 1]
    assert sr.PreliminaryFlag == "PRELIMINARY"
    assert sr.VerificationFlag == "UNVERIFIED"
    assert sr.CodingSchemeIdentificationSequence[0].CodingSchemeDesignator == "99OPACIMETER"


def test_a_later_version_follows_its_predecessor(supine, report, tmp_path):
    assert "PredecessorDocumentsSequence" not in pydicom.dcmread(report)
    record = replace(record_of(2), predecessor=1)
    write_sr(tmp_path / "2.dcm", supine, record)
    (study,) = pydicom.dcmread(tmp_path / "2.dcm").PredecessorDocumentsSequence
    (earlier,) = study.ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert earlier.ReferencedSOPInstanceUID == pydicom.dcmread(report).SOPInstanceUID
    assert earlier.ReferencedSOPInstanceUID == derived_uid(record_of(1), Kind.SR, "instance")


def test_a_version_before_that_has_no_report_is_no_predecessor(supine, report, tmp_path):
    """Late images after a rejection, say: version 1 was never measured."""
    write_sr(tmp_path / "2.dcm", supine, record_of(2))
    assert "PredecessorDocumentsSequence" not in pydicom.dcmread(tmp_path / "2.dcm")
    write_sr(tmp_path / "3.dcm", supine, replace(record_of(3), predecessor=1))
    (study,) = pydicom.dcmread(tmp_path / "3.dcm").PredecessorDocumentsSequence
    (earlier,) = study.ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert earlier.ReferencedSOPInstanceUID == pydicom.dcmread(report).SOPInstanceUID


def test_a_correction_names_its_person_and_reason(supine, tmp_path):
    record = replace(record_of(2), correction=Correction(1, "王医生", "左肺下叶漏标"))
    write_sr(tmp_path / "r.dcm", supine, record)
    sr = pydicom.dcmread(tmp_path / "r.dcm")
    people = [item.PersonName for item in sr.ContentSequence if item.ValueType == "PNAME"]
    assert [str(name) for name in people] == ["王医生^"]
    comments = [item.TextValue for item in sr.ContentSequence if item.ValueType == "TEXT"]
    assert "Version 2: version 1 corrected by 王医生. 左肺下叶漏标" in comments
    assert sr.SpecificCharacterSet == "ISO_IR 192"


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        ("GB18030", "Wang^XiaoDong=王^小东"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("ISO_IR 192", "Müller^Zoë=山田^太郎"),
    ],
)
def test_the_patients_name_keeps_its_characters_in_every_object(tmp_path, declared, name):
    def named(header, number):
        header.SpecificCharacterSet, header.PatientName = declared, name

    assessment = scanned(tmp_path, SCANS["supine"], named)
    write_sr(tmp_path / "r.dcm", assessment, record_of())
    write_seg(tmp_path / "s.dcm", assessment, record_of(), Kind.LESION_SEG)
    source = pydicom.dcmread(tmp_path / "source" / "000.dcm")
    for file in ("r.dcm", "s.dcm"):
        made = pydicom.dcmread(tmp_path / file)
        assert str(made.PatientName) == name
        assert made.PatientName.original_string == source.PatientName.original_string
        assert made.SpecificCharacterSet == source.SpecificCharacterSet


@pytest.mark.parametrize("position", ["supine", "tilted"])
def test_without_lesion_or_frame_of_reference_it_is_still_made(tmp_path, position):
    def without(header, number):
        del header.FrameOfReferenceUID

    assessment = scanned(tmp_path, replace(SCANS[position], lesion=False), without)
    write_sr(tmp_path / "r.dcm", assessment, record_of())
    content = highdicom.sr.srread(tmp_path / "r.dcm").content
    assert content.get_volumetric_roi_measurement_groups() == []
    found = values(tmp_path / "r.dcm")
    assert found["lungs", "lesion_ml"] == 0
    assert ("lungs", "lesion_mean_hu") not in found


def test_enhanced_ct_is_one_piece_of_evidence(tmp_path):
    source = chests.write(tmp_path / "source", [chests.enhanced(Scan())])
    write_sr(tmp_path / "r.dcm", chests.assessed(source), record_of())
    (study,) = pydicom.dcmread(tmp_path / "r.dcm").CurrentRequestedProcedureEvidenceSequence
    assert study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == (
        "2.25.4500"
    )


def test_a_rejection_note_names_every_object_and_the_reason(supine, report, tmp_path):
    write_seg(tmp_path / "s.dcm", supine, record_of(), Kind.LESION_SEG)
    files = [report, tmp_path / "s.dcm"]
    for name in ("k", "again"):
        write_rejection_note(
            tmp_path / name, files, record_of(), author="Chen^Li", reason="Effusion was taken."
        )
    assert (tmp_path / "k").read_bytes() == (tmp_path / "again").read_bytes()
    note = pydicom.dcmread(tmp_path / "k")
    assert note.ConceptNameCodeSequence[0].CodeValue == "113001"
    assert note.Modality == "KO"
    named = {
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for item in note.ContentSequence
        if item.ValueType in {"IMAGE", "COMPOSITE"}
    }
    assert named == {str(pydicom.dcmread(file).SOPInstanceUID) for file in files}
    assert "Effusion was taken." in {
        item.TextValue for item in note.ContentSequence if item.ValueType == "TEXT"
    }


def test_nothing_made_is_nothing_to_reject(tmp_path):
    with pytest.raises(Conflict, match="0 objects"):
        write_rejection_note(tmp_path / "k", [], record_of(), author="A", reason="B")


@pytest.mark.peer
def test_dciodvfy_finds_no_error_in_report_and_note(report, tmp_path):
    write_rejection_note(tmp_path / "k", [report], record_of(), author="Chen^Li", reason="R")
    for file, kind in ((report, "Comprehensive3DSR"), (tmp_path / "k", "KeyObjectSelection")):
        done = subprocess.run(
            [tool("/usr/bin/dciodvfy"), "-new", str(file)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert kind in done.stderr
        assert "Error" not in done.stderr


@pytest.mark.peer
def test_dcmtk_prints_the_report(report):
    done = subprocess.run(
        [tool("/usr/bin/dsrdump"), str(report)], capture_output=True, text=True, check=True
    )
    assert "Imaging Measurement Report" in done.stdout
    assert done.stdout.count('"Measurement Group"') == 27
    assert done.stderr == ""


@pytest.mark.peer
def test_orthanc_takes_segmentation_and_report_by_both_ways(supine, report, tmp_path):
    files = [report]
    for kind in (Kind.ANATOMY_SEG, Kind.LESION_SEG):
        files.append(tmp_path / f"{kind}.dcm")
        write_seg(files[-1], supine, record_of(), kind)
    with running_orthanc(tmp_path) as peer:
        address = [peer.aet, "127.0.0.1", str(peer.dicom_port)]
        subprocess.run(
            [tool("/usr/bin/storescu"), "-R", "-aec", *address[:1], *address[1:], *map(str, files)],
            check=True,
            capture_output=True,
        )
        assert sorted(each["MainDicomTags"]["Modality"] for each in stored(peer)) == [
            *("SEG", "SEG", "SR"),
        ]
    folder = tmp_path / "stow"
    folder.mkdir()
    with running_orthanc(folder) as peer:
        answer = stow(peer, files)
        assert len(answer["00081199"]["Value"]) == 3
        assert len(stored(peer)) == 3


def stored(peer):
    return [peer.json(f"/series/{each}") for each in peer.json("/series")]


def stow(peer, files):
    boundary = "part"
    body = b"".join(
        b"--part\r\nContent-Type: application/dicom\r\n\r\n" + file.read_bytes() + b"\r\n"
        for file in files
    )
    request = urllib.request.Request(
        f"{peer.url}/dicom-web/studies",
        data=body + b"--part--\r\n",
        headers={
            "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
            "Accept": "application/dicom+json",
        },
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.loads(reply.read())
