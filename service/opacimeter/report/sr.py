"""The measurements as a DICOM Structured Report: Comprehensive 3D SR, TID 1500 (PS3.16 annex A).

As the IHE AI Results profile asks: coded names and units, tracking identifiers, the algorithm's
identification and references to the segments. It loops over the rows that result.json is made of,
with the same rounding, so that the two cannot disagree.

A region whose voxels are one segment is a volumetric ROI group (TID 1411); both lungs together and
the zones are no segment and stand in plain groups (TID 1501), whose site says what they are.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from highdicom.sr import (
    CodedConcept,
    Comprehensive3DSR,
    ContainerContentItem,
    ContentSequence,
    DeviceObserverIdentifyingAttributes,
    ImageContentItem,
    MeasurementReport,
    ObservationContext,
    ObserverContext,
    PersonObserverIdentifyingAttributes,
    RelationshipTypeValues,
    TextContentItem,
)
from pydicom import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.sr.coding import Code

from opacimeter.findings import Assessment
from opacimeter.record import Record
from opacimeter.report import codes
from opacimeter.report.dicom_object import (
    DEVICE_SERIAL_NUMBER,
    MANUFACTURER,
    MODEL_NAME,
    SERIES,
    Kind,
    derived_uid,
    fill,
    new_object,
    references,
    series_number,
    write_object,
)
from opacimeter.report.measurement_groups import measurement_groups
from opacimeter.report.result import NOTICE
from opacimeter.report.seg import frame_of_reference, seg_instance
from opacimeter.report.segments import SEGMENTS
from opacimeter.report.source import declare_character_set
from opacimeter.volume import Volume

__all__ = ["predecessors", "write_sr"]


def write_sr(path: Path, assessment: Assessment, record: Record, *, labelmap: bool = False) -> None:
    """Write the structured report.

    Args:
        path: The file to write.
        assessment: What was measured.
        record: What the report is filed under.
        labelmap: Whether the segmentation objects are label maps, see `seg.write_seg`.
    """
    dataset = new_object(assessment.volume, record, Kind.SR)
    evidence = _evidence(assessment.volume, record, labelmap=labelmap)
    document = Comprehensive3DSR(
        evidence=evidence,
        content=_content(assessment, record, labelmap=labelmap)[0],
        series_instance_uid=dataset.SeriesInstanceUID,
        series_number=series_number(record, Kind.SR),
        sop_instance_uid=dataset.SOPInstanceUID,
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=True,
        is_final=False,
        previous_versions=predecessors(assessment.volume, record) or None,
    )
    fill(dataset, document)
    dataset.CodingSchemeIdentificationSequence = Items([codes.coding_scheme()])
    declare_character_set(dataset)
    write_object(path, dataset)


def predecessors(volume: Volume, record: Record) -> list[Dataset]:
    """The latest report before this one, which follows it and does not retract it."""
    if record.predecessor is None:
        return []
    earlier = replace(record, version=record.predecessor)
    return [
        _identity(
            volume,
            SERIES[Kind.SR].sop_class,
            derived_uid(earlier, Kind.SR, "instance"),
            derived_uid(earlier, Kind.SR, "series"),
        )
    ]


def _evidence(volume: Volume, record: Record, *, labelmap: bool) -> list[Dataset]:
    """What the report rests on: every source image, and the segmentations where there are any."""
    evidence = [
        _identity(
            volume,
            item.ReferencedSOPClassUID,
            item.ReferencedSOPInstanceUID,
            volume.series.uid,
        )
        for item in references(volume)
    ]
    if frame_of_reference(volume) is not None:
        for kind in SEGMENTS:
            seg = seg_instance(record, kind, labelmap=labelmap)
            evidence.append(_identity(volume, seg.sop_class, seg.instance_uid, seg.series_uid))
    return evidence


def _identity(volume: Volume, sop_class: str, instance: str, series: str) -> Dataset:
    """What highdicom needs of an instance that is referred to."""
    identity = Dataset()
    identity.SOPClassUID, identity.SOPInstanceUID = sop_class, instance
    identity.StudyInstanceUID, identity.SeriesInstanceUID = volume.series.study_uid, series
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID"):
        setattr(identity, keyword, "")
    identity.AccessionNumber = identity.StudyDate = identity.StudyTime = ""
    return identity


def _content(assessment: Assessment, record: Record, *, labelmap: bool) -> MeasurementReport:
    report = MeasurementReport(
        observation_context=_observers(record),
        procedure_reported=codes.CHEST_CT,
        imaging_measurements=list(measurement_groups(assessment, record, labelmap=labelmap)),
        title=codes.MEASUREMENT_REPORT,
    )
    items = report[0].ContentSequence
    items.insert(len(items) - 1, _image_library(assessment.volume))
    for comment in _comments(record):
        items.append(comment)
    return report


def _observers(record: Record) -> ObservationContext:
    """The program, and the person who corrected its labels where one did."""
    device = DeviceObserverIdentifyingAttributes(
        uid=derived_uid(replace(record, version=0), Kind.SR, "device"),
        name=MODEL_NAME,
        manufacturer_name=MANUFACTURER,
        model_name=MODEL_NAME,
        serial_number=DEVICE_SERIAL_NUMBER,
    )
    person = None
    if record.correction is not None:
        identity = PersonObserverIdentifyingAttributes(name=person_name(record.correction.author))
        person = ObserverContext(CodedConcept.from_code(codes.PERSON), identity)
    return ObservationContext(
        observer_person_context=person,
        observer_device_context=ObserverContext(CodedConcept.from_code(codes.DEVICE), device),
    )


def person_name(author: str) -> str:
    """What a person gave as their name, as a family name unless it has components (PS3.5 6.2)."""
    plain = author.replace("\\", " ").replace("=", " ").strip()[:64]
    return plain if "^" in plain else f"{plain[:63]}^"


def _comments(record: Record) -> Iterator[TextContentItem]:
    sentences = [NOTICE]
    if record.correction is not None:
        correction = record.correction
        sentences.append(
            f"Version {record.version}: version {correction.of} corrected by {correction.author}. "
            f"{correction.reason}"
        )
    for sentence in sentences:
        yield TextContentItem(
            codes.COMMENT, sentence, relationship_type=RelationshipTypeValues.CONTAINS
        )


def _image_library(volume: Volume) -> ContainerContentItem:
    """Every source image in one group (TID 1600).

    Without descriptors for each: they stand in the images, and 300 times twelve of them take
    seconds to write.
    """
    library = _container(codes.IMAGE_LIBRARY)
    group = _container(codes.IMAGE_LIBRARY_GROUP)
    for item in references(volume):
        group.ContentSequence.append(
            ImageContentItem(
                name=codes.SEGMENTED_IMAGE,
                referenced_sop_class_uid=item.ReferencedSOPClassUID,
                referenced_sop_instance_uid=item.ReferencedSOPInstanceUID,
                relationship_type=RelationshipTypeValues.CONTAINS,
            )
        )
    library.ContentSequence.append(group)
    return library


def _container(name: Code) -> ContainerContentItem:
    container = ContainerContentItem(name, relationship_type=RelationshipTypeValues.CONTAINS)
    container.ContentSequence = ContentSequence()
    return container
