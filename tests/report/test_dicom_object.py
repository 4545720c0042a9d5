"""What our objects take over from the source, and what follows from the record alone."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydicom import Dataset, config, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import CTImageStorage
from pydicom.valuerep import PersonName

from opacimeter.report.dicom_object import (
    SERIES,
    Kind,
    derived_uid,
    new_object,
    patient_and_study,
    references,
    series_description,
    write_object,
)
from tests.report.papers import STUDY, with_header

TYPE_2 = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime"),
    *("ReferringPhysicianName", "StudyID", "AccessionNumber"),
)


def raw(tag: int, representation: str, value: bytes) -> RawDataElement:
    return RawDataElement(Tag(tag), representation, len(value), value, 0, False, True)


def reread(dataset, path) -> Dataset:
    write_object(path, dataset)
    return dcmread(path)


def test_uids_follow_from_assessment_version_kind_and_part(record):
    uids = {
        derived_uid(each, kind, part)
        for each in (record, replace(record, version=2))
        for kind in Kind
        for part in ("series", "instance")
    }
    assert len(uids) == 2 * len(Kind) * 2
    assert all(uid.is_valid and uid.startswith("2.25.") for uid in uids)
    # uuid5(assessment id, "1/report/instance") as a whole number: fixed for ever.
    known = derived_uid(record, "report", "instance")
    assert known == derived_uid(
        replace(record, created=datetime(2030, 1, 1, tzinfo=UTC)), "report", "instance"
    )


def test_each_kind_is_a_series_of_its_own_in_the_same_study(assessment, record):
    volume = with_header(assessment).volume
    made = [new_object(volume, replace(record, version=v), kind) for v in (1, 2) for kind in Kind]
    assert {each.StudyInstanceUID for each in made} == {STUDY}
    assert len({each.SeriesInstanceUID for each in made}) == len(made)
    assert len({each.SeriesNumber for each in made}) == len(made)
    assert made[0].SeriesNumber == 9001
    assert made[len(Kind)].SeriesNumber == 9011
    assert made[len(Kind)].SeriesDescription == "opacimeter lungs, version 2"
    assert all(
        len(series_description(replace(record, version=99999), kind)) <= 64 for kind in SERIES
    )


def test_dates_are_the_records_in_the_offset_of_the_source(assessment, record):
    made = new_object(with_header(assessment).volume, record, Kind.SR)
    assert (made.SeriesDate, made.SeriesTime) == ("20261123", "100000")
    assert (made.ContentDate, made.InstanceCreationTime) == ("20261123", "100000")
    east = with_header(assessment, TimezoneOffsetFromUTC="+0800").volume
    late = replace(record, created=datetime(2026, 11, 23, 20, 0, tzinfo=UTC))
    made = new_object(east, late, Kind.SR)
    # Eight in the evening is four in the morning of the next day there.
    assert (made.ContentDate, made.ContentTime) == ("20261124", "040000")


@pytest.mark.parametrize(
    ("sets", "encoding", "name"),
    [
        ("GB18030", "gb18030", "Wang^XiaoDong=王^小东"),
        ("ISO_IR 192", "utf-8", "Wang^XiaoDong=王^小東"),
        (["", "ISO 2022 IR 87"], None, "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["", "ISO 2022 IR 149"], None, "Hong^Gildong=洪^吉洞=홍^길동"),
        ("ISO_IR 144", "iso_ir_144", "Люкceмбypг"),
    ],
)
def test_the_character_set_is_kept(assessment, record, tmp_path, sets, encoding, name):  # noqa: PLR0917
    named = PersonName(name.encode(encoding), [encoding]) if encoding else name
    source = with_header(assessment, SpecificCharacterSet=sets, PatientName=named)
    made = reread(new_object(source.volume, record, Kind.REPORT), tmp_path / "a.dcm")
    assert made.SpecificCharacterSet == sets
    assert made.PatientName == name


def test_an_undeclared_latin_name_keeps_its_bytes_and_is_declared(assessment, record, tmp_path):
    source = with_header(assessment, PatientName=PersonName(b"M\xfcller^J\xfcrgen", ["iso8859"]))
    made = reread(new_object(source.volume, record, Kind.REPORT), tmp_path / "a.dcm")
    assert made.SpecificCharacterSet == "ISO_IR 100"
    assert made.PatientName.original_string == b"M\xfcller^J\xfcrgen"


@pytest.mark.parametrize("declared", ["ISO_IR 100", "ISO_IR 999"])
def test_a_set_that_cannot_hold_the_name_gives_way_to_utf_8(assessment, record, tmp_path, declared):
    source = with_header(assessment, SpecificCharacterSet=declared, PatientName="Wang=王^小东")
    made = reread(new_object(source.volume, record, Kind.REPORT), tmp_path / "a.dcm")
    assert made.SpecificCharacterSet == "ISO_IR 192"
    assert made.PatientName == "Wang=王^小东"


def test_what_is_missing_or_cannot_be_read_is_empty(monkeypatch):
    monkeypatch.setattr(config.settings, "_reading_validation_mode", config.IGNORE)
    header = Dataset()
    header[0x00100030] = raw(0x00100030, "DA", b"someday ")
    header[0x00080020] = raw(0x00080020, "DA", b"20261331")
    header[0x00101030] = raw(0x00101030, "DS", b"70,5 kg ")
    header[0x00100020] = raw(0x00100020, "LO", b"A" * 70)
    made = patient_and_study(header, "1.2.3")
    assert all(keyword in made for keyword in TYPE_2)
    assert made.PatientBirthDate == ""
    assert made.StudyDate in {"", "20261331"}
    assert "PatientWeight" not in made
    assert made.PatientID == "A" * 70  # too long, but the archive knows the patient by it
    assert "SpecificCharacterSet" not in made


def test_writing_twice_gives_the_same_bytes(assessment, record, tmp_path):
    volume = with_header(assessment).volume
    for name in ("a.dcm", "b.dcm"):
        write_object(tmp_path / name, new_object(volume, record, Kind.REPORT))
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()


def test_the_source_is_left_as_it_was(assessment, record, tmp_path):
    volume = with_header(assessment).volume
    before = volume.series.header.to_json()
    made = new_object(volume, record, Kind.REPORT)
    made.PatientID = "another"
    write_object(tmp_path / "a.dcm", made)
    assert volume.series.header.to_json() == before


def test_every_source_instance_is_referenced_once(assessment):
    volume = with_header(assessment).volume
    items = references(volume)
    assert len(items) == 42
    assert {item.ReferencedSOPClassUID for item in items} == {CTImageStorage}
    assert [item.ReferencedSOPInstanceUID for item in references(volume, [3])] == ["1.2.3.4.4"]
    assert "ReferencedFrameNumber" not in items[0]


def test_the_frames_of_one_instance_are_referenced_together(assessment):
    volume = with_header(assessment).volume
    shared = volume.series.header
    slices = tuple(
        replace(each, header=shared, frame=index) for index, each in enumerate(volume.series.slices)
    )
    volume = replace(volume, series=replace(volume.series, slices=slices))
    (item,) = references(volume, [4, 2])
    assert item.ReferencedFrameNumber == [3, 5]
