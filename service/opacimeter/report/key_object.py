"""The note that a result was rejected: a Key Object Selection Document (PS3.3 A.35.4).

As IHE has it for what shall no longer be read (Imaging Object Change Management): the title says
why, the document names every instance, and the archive decides what it does with them.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument
from highdicom.sr import CodedConcept, ObserverContext, PersonObserverIdentifyingAttributes
from pydicom import Dataset, dcmread

from opacimeter.errors import Conflict
from opacimeter.record import Record
from opacimeter.report import codes
from opacimeter.report.dicom_object import (
    DEVICE_SERIAL_NUMBER,
    MANUFACTURER,
    MODEL_NAME,
    SERIES,
    Kind,
    dated,
    derived_uid,
    fill,
    series_description,
    series_number,
    write_object,
)
from opacimeter.report.source import declare_character_set, patient_and_study
from opacimeter.report.sr import person_name
from opacimeter.version import __version__

__all__ = ["write_rejection_note"]

_LONGEST_REASON = 1024


def write_rejection_note(
    path: Path, instances: Sequence[Path], record: Record, *, author: str, reason: str
) -> None:
    """Write the note that a version's objects are rejected for quality reasons.

    Args:
        path: The file to write.
        instances: The DICOM files of this version; patient and study are taken from the first.
        record: The version; `created` is the time of the rejection.
        author: Who rejected it, as they gave their name.
        reason: Why, in their words.

    Raises:
        Conflict: The version has no DICOM objects, or they are of more than one study.
    """
    objects = [dcmread(file, stop_before_pixels=True, defer_size=1024) for file in instances]
    if len({each.StudyInstanceUID for each in objects}) != 1:
        raise Conflict(
            f"A rejection note names objects of one study; there are {len(objects)} objects."
        )
    dataset = _headed(objects[0], record, [str(each.SOPInstanceUID) for each in objects])
    document = KeyObjectSelectionDocument(
        evidence=[_identity(each) for each in objects],
        content=_selection(objects, author=author, reason=reason),
        series_instance_uid=dataset.SeriesInstanceUID,
        series_number=dataset.SeriesNumber,
        sop_instance_uid=dataset.SOPInstanceUID,
        instance_number=1,
        manufacturer=MANUFACTURER,
    )
    fill(dataset, document)
    declare_character_set(dataset)
    write_object(path, dataset)


def _headed(source: Dataset, record: Record, named: Iterable[str]) -> Dataset:
    """Patient, study, series and equipment of the note."""
    dataset, kind = patient_and_study(source, source.StudyInstanceUID), Kind.KEY_OBJECT
    dataset.SOPClassUID = SERIES[kind].sop_class
    # Rejected anew, with another reason, is another note; so is one about more of the objects.
    about = " ".join([record.created.isoformat(), *sorted(named)])
    dataset.SOPInstanceUID = derived_uid(record, kind, f"instance {about}")
    dataset.SeriesInstanceUID = derived_uid(record, kind, f"series {about}")
    dataset.Modality, dataset.SeriesNumber = SERIES[kind].modality, series_number(record, kind)
    dataset.SeriesDescription = series_description(record, kind)
    dataset.InstanceNumber = 1
    dataset.Manufacturer, dataset.ManufacturerModelName = MANUFACTURER, MODEL_NAME
    dataset.DeviceSerialNumber, dataset.SoftwareVersions = DEVICE_SERIAL_NUMBER, __version__
    dated(dataset, record)
    return dataset


def _identity(source: Dataset) -> Dataset:
    """What highdicom needs of an instance; names stay out, since it knows fewer than there are."""
    identity = Dataset()
    for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        setattr(identity, keyword, source.get(keyword))
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID"):
        setattr(identity, keyword, "")
    identity.AccessionNumber = identity.StudyDate = identity.StudyTime = ""
    for keyword in ("Rows", "Columns"):  # by these highdicom tells an image
        if keyword in source:
            setattr(identity, keyword, source.get(keyword))
    return identity


def _selection(objects: Sequence[Dataset], *, author: str, reason: str) -> KeyObjectSelection:
    person = PersonObserverIdentifyingAttributes(name=person_name(author))
    return KeyObjectSelection(
        document_title=codes.REJECTED_FOR_QUALITY,
        referenced_objects=[_identity(each) for each in objects],
        observer_person_context=ObserverContext(CodedConcept.from_code(codes.PERSON), person),
        description=reason[:_LONGEST_REASON],
    )
