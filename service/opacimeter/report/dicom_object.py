"""What every DICOM object made here shares: whose it is, its series, its equipment, its UIDs.

Patient and study come from the source's header with its character set (PS3.3 C.7.1.1, C.7.2.1,
C.7.2.2), so that an archive files the object under the same study. Everything else follows from
the record, so that writing an object twice gives the same bytes and sending it twice changes
nothing.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final
from uuid import UUID, uuid5

from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    Comprehensive3DSRStorage,
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    KeyObjectSelectionDocumentStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    SegmentationStorage,
)

from opacimeter.record import Record
from opacimeter.report.source import patient_and_study, source_header
from opacimeter.version import __version__
from opacimeter.volume import Volume

__all__ = [
    "DEVICE_SERIAL_NUMBER",
    "MANUFACTURER",
    "MODEL_NAME",
    "SERIES",
    "Kind",
    "SeriesOf",
    "dated",
    "derived_uid",
    "fill",
    "new_object",
    "object_of",
    "patient_and_study",
    "references",
    "series_description",
    "series_number",
    "source_header",
    "write_object",
]

MANUFACTURER: Final = "opacimeter"
MODEL_NAME: Final = "opacimeter"
DEVICE_SERIAL_NUMBER: Final = "1"
"""Type 1 in the Enhanced General Equipment module; a program has none of its own."""

# Names this writer in the meta group (PS3.10 7.1); fixed for ever.
_IMPLEMENTATION = UID(f"2.25.{UUID('5b0f8f7e-0a3c-4d57-9a35-1a6e6f0c2d91').int}")
_SERIES_A_VERSION: Final = 10


class Kind(StrEnum):
    """The objects there can be of one version, each a series of its own."""

    ANATOMY_SEG = "anatomy-seg"
    LESION_SEG = "lesion-seg"
    SR = "sr"
    PICTURES = "pictures"
    REPORT = "report"
    KEY_OBJECT = "key-object"
    REFUSAL = "refusal"


@dataclass(frozen=True, slots=True)
class SeriesOf:
    """How a kind stands in the archive.

    Attributes:
        sop_class: SOP Class UID.
        modality: Modality (0008,0060).
        number: Series number of version 1, see `series_number`.
        description: Series description of version 1, see `series_description`.
    """

    sop_class: UID
    modality: str
    number: int
    description: str


SERIES: Mapping[Kind, SeriesOf] = MappingProxyType(
    {
        Kind.ANATOMY_SEG: SeriesOf(SegmentationStorage, "SEG", 9001, "opacimeter lungs"),
        Kind.LESION_SEG: SeriesOf(SegmentationStorage, "SEG", 9002, "opacimeter opacities"),
        Kind.SR: SeriesOf(Comprehensive3DSRStorage, "SR", 9003, "opacimeter measurements"),
        Kind.PICTURES: SeriesOf(
            MultiFrameTrueColorSecondaryCaptureImageStorage,
            "OT",
            9004,
            "opacimeter pictures, research use only",
        ),
        Kind.REPORT: SeriesOf(
            EncapsulatedPDFStorage, "DOC", 9005, "opacimeter report, research use only"
        ),
        Kind.KEY_OBJECT: SeriesOf(
            KeyObjectSelectionDocumentStorage, "KO", 9006, "opacimeter result rejected"
        ),
        Kind.REFUSAL: SeriesOf(
            EncapsulatedPDFStorage, "DOC", 9007, "opacimeter: not measured, research use only"
        ),
    }
)


def derived_uid(record: Record, kind: str, part: str = "") -> UID:
    """A UID under 2.25 (PS3.5 B.2) that follows from assessment, version, kind and part.

    Args:
        record: What the object is filed under.
        kind: One of `Kind`.
        part: What of it: "series", "instance", or another that the kind needs.
    """
    return UID(f"2.25.{uuid5(record.id, f'{record.version}/{kind}/{part}').int}")


def series_number(record: Record, kind: Kind) -> int:
    """9001 and on, ten a version, so that versions beside each other differ."""
    return SERIES[kind].number + _SERIES_A_VERSION * (record.version - 1)


def series_description(record: Record, kind: Kind) -> str:
    """What the series is, with the version where it is not the first; at most 64 characters."""
    about = SERIES[kind].description
    return about if record.version == 1 else f"{about}, version {record.version}"


def new_object(volume: Volume, record: Record, kind: Kind) -> Dataset:
    """An object of a kind in the volume's study, see `object_of`."""
    return object_of(volume.series.header, record, kind)


def object_of(header: Dataset, record: Record, kind: Kind) -> Dataset:
    """An object of a kind in the study of a header, complete but for its content.

    It has the patient, patient's study and general study modules of the source, a general series,
    the equipment, and the SOP common module; no frame of reference and no pixels.
    """
    dataset = patient_and_study(header, record.study_uid)
    dataset.SOPClassUID = SERIES[kind].sop_class
    dataset.SOPInstanceUID = derived_uid(record, kind, "instance")
    dataset.Modality = SERIES[kind].modality
    dataset.SeriesInstanceUID = derived_uid(record, kind, "series")
    dataset.SeriesNumber = series_number(record, kind)
    dataset.SeriesDescription = series_description(record, kind)
    dataset.InstanceNumber = 1
    dataset.Manufacturer = MANUFACTURER
    dataset.ManufacturerModelName = MODEL_NAME
    dataset.DeviceSerialNumber = DEVICE_SERIAL_NUMBER
    dataset.SoftwareVersions = __version__
    dated(dataset, record)
    return dataset


def fill(dataset: Dataset, made: Dataset) -> None:
    """Add to an object the content that a library made; what the object has stands.

    The library's own note of when it was at work stays out: it is another one each time.
    """
    for element in made:
        if element.tag not in dataset and element.keyword != "ContributingEquipmentSequence":
            dataset.add(element)


def dated(dataset: Dataset, record: Record) -> None:
    """Set the dates and times of series, instance and content from the record.

    In the source's own offset from UTC where it tells one (PS3.3 C.12.1.1.8), else in UTC.
    """
    created = record.created.astimezone(_offset(dataset))
    date, time = created.strftime("%Y%m%d"), created.strftime("%H%M%S")
    for name in ("Series", "Content", "InstanceCreation"):
        setattr(dataset, f"{name}Date", date)
        setattr(dataset, f"{name}Time", time)


def references(volume: Volume, indices: Iterable[int] | None = None) -> Sequence:
    """References to the source's instances, each once: items of PS3.3 table 10-3.

    Args:
        volume: What was measured.
        indices: Slices of the volume; all where None. An instance whose header does not tell its
            UIDs is left out.
    """
    slices = volume.series.slices
    frames: dict[tuple[str, str], list[int]] = {}
    for index in range(len(slices)) if indices is None else indices:
        header = slices[index].header
        uids = (header.get("SOPClassUID"), header.get("SOPInstanceUID"))
        if uids[0] and uids[1]:
            frames.setdefault((str(uids[0]), str(uids[1])), []).append(slices[index].frame + 1)
    items = []
    for (sop_class, instance), numbers in frames.items():
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, instance
        if len(numbers) > 1 or numbers[0] > 1:
            item.ReferencedFrameNumber = sorted(numbers)
        items.append(item)
    return Sequence(items)


def write_object(path: Path, dataset: Dataset) -> None:
    """Write a DICOM file, the same bytes each time.

    The transfer syntax is that of the dataset's meta group, Explicit VR Little Endian where it has
    none; the other names of the meta group (PS3.10 7.1) are ours.
    """
    dataset = deepcopy(dataset) if "PixelData" not in dataset else dataset
    known = getattr(dataset, "file_meta", None) or FileMetaDataset()
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = known.get("TransferSyntaxUID") or ExplicitVRLittleEndian
    meta.ImplementationClassUID = _IMPLEMENTATION
    meta.ImplementationVersionName = "OPACIMETER"
    dataset.file_meta = meta
    dcmwrite(path, dataset, enforce_file_format=True)


def _offset(dataset: Dataset) -> timezone:
    text = str(dataset.get("TimezoneOffsetFromUTC") or "")
    try:
        offset = datetime.strptime(text, "%z").utcoffset()
    except ValueError:
        offset = None
    return timezone(offset or timedelta(0))
