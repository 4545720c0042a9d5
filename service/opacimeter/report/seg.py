"""DICOM Segmentation objects (PS3.3 A.51): the lungs in one instance, the lesions in another.

highdicom makes the object of one empty frame; `segment_frames` makes those that show something.
Rows and columns are the source's, so that a voxel of the mask is a voxel of the image.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from highdicom.frame import encode_frame
from highdicom.seg import Segmentation, SegmentDescription
from pydicom import Dataset
from pydicom.charset import convert_encodings, default_encoding
from pydicom.dataelem import DataElement
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import correct_ambiguous_vr
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID, CTImageStorage, JPEGLSLossless, SegmentationStorage
from pydicom.valuerep import format_number_as_ds

from opacimeter.checks import Check
from opacimeter.findings import Assessment
from opacimeter.record import Record
from opacimeter.report import codes
from opacimeter.report import header as headers
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
from opacimeter.report.segment_frames import (
    Frame,
    code_item,
    functional_groups,
    orientation,
    packed,
    position,
    told,
)
from opacimeter.report.segments import SEGMENTS, Mask, Planes, Segment, planes_of, tracking
from opacimeter.version import __version__
from opacimeter.volume import Volume

__all__ = ["Instance", "frame_of_reference", "missing_segmentation", "seg_instance", "write_seg"]

LABELMAP_SEGMENTATION: Final = UID("1.2.840.10008.5.1.4.1.1.66.7")
"""Label Map Segmentation Storage (PS3.4 B.5), not yet in pydicom's dictionary."""
_CONTENT_LABEL: Final = {Kind.ANATOMY_SEG: "LUNGS", Kind.LESION_SEG: "OPACITIES"}


@dataclass(frozen=True, slots=True)
class Instance:
    """The identity of a segmentation object, for those who refer to it."""

    sop_class: str
    instance_uid: str
    series_uid: str


def frame_of_reference(volume: Volume) -> str | None:
    """FrameOfReferenceUID of the source; None where it has none that is a UID."""
    uid = headers.text(volume.series.header, "FrameOfReferenceUID")
    return uid if uid and set(uid) <= set("0123456789.") else None


def missing_segmentation(volume: Volume) -> Check | None:
    """Why there can be no segmentation object of this volume; None where there can."""
    if frame_of_reference(volume) is not None:
        return None
    message = (
        "The images carry no Frame of Reference UID, which a DICOM segmentation needs; it is left "
        "out, and all other results are there."
    )
    return Check("no-frame-of-reference", message)


def seg_instance(record: Record, kind: Kind, *, labelmap: bool) -> Instance:
    """The identity of the object that `write_seg` writes."""
    # Other bytes are another instance: an archive must not take one for the other.
    part = "labelmap-" if labelmap else ""
    return Instance(
        LABELMAP_SEGMENTATION if labelmap else SegmentationStorage,
        derived_uid(record, kind, f"{part}instance"),
        derived_uid(record, kind, f"{part}series"),
    )


def write_seg(
    path: Path, assessment: Assessment, record: Record, kind: Kind, *, labelmap: bool = False
) -> None:
    """Write one of the two segmentation objects.

    Args:
        path: The file to write.
        assessment: What was segmented; its source has a `frame_of_reference`.
        record: What the object is filed under.
        kind: `Kind.ANATOMY_SEG` or `Kind.LESION_SEG`.
        labelmap: Write exclusive labels, one frame a slice, compressed (JPEG-LS lossless), instead
            of a bit for each segment.
    """
    volume, planes = assessment.volume, planes_of(assessment, kind)
    dataset = new_object(volume, record, kind)
    instance = seg_instance(record, kind, labelmap=labelmap)
    dataset.SOPClassUID = instance.sop_class
    dataset.SOPInstanceUID = instance.instance_uid
    dataset.SeriesInstanceUID = instance.series_uid
    fill(dataset, _template(assessment, record, kind, labelmap=labelmap))
    _refer(dataset, volume, record, kind)
    correct_ambiguous_vr(dataset, is_little_endian=True)
    frames = _fill_labelmap if labelmap else _fill_binary
    frames(dataset, volume, planes)
    _keep_bytes(dataset)
    write_object(path, dataset)


def _template(
    assessment: Assessment, record: Record, kind: Kind, *, labelmap: bool
) -> Segmentation:
    """The object as highdicom makes it of the first slice, with one empty frame a segment."""
    volume = assessment.volume
    return Segmentation(
        source_images=[_source(volume)],
        pixel_array=np.zeros((1, *volume.hu.shape[1:]), np.uint8),
        segmentation_type="LABELMAP" if labelmap else "BINARY",
        segment_descriptions=[
            _description(number, segment, assessment, record, exclusive=labelmap)
            for number, segment in enumerate(SEGMENTS[kind], 1)
        ],
        series_instance_uid=derived_uid(record, kind, "series"),
        series_number=series_number(record, kind),
        sop_instance_uid=derived_uid(record, kind, "instance"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MODEL_NAME,
        software_versions=__version__,
        device_serial_number=DEVICE_SERIAL_NUMBER,
        content_label=_CONTENT_LABEL[kind],
        content_description=f"{SERIES[kind].description}, research use only",
        omit_empty_frames=False,
    )


def _source(volume: Volume) -> Dataset:
    """What highdicom needs of a source image, told by the volume: real headers lack some of it."""
    source = Dataset()
    source.SOPClassUID, source.Modality = CTImageStorage, "CT"
    source.SOPInstanceUID = volume.series.uid  # `_refer` names the true ones
    source.StudyInstanceUID, source.SeriesInstanceUID = volume.series.study_uid, volume.series.uid
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID"):
        setattr(source, keyword, "")
    source.AccessionNumber = source.StudyDate = source.StudyTime = ""
    source.Rows, source.Columns = volume.hu.shape[1:]
    source.FrameOfReferenceUID = frame_of_reference(volume)
    source.PositionReferenceIndicator = headers.text(
        volume.series.header, "PositionReferenceIndicator"
    )
    source.ImagePositionPatient = position(volume, 0)
    source.ImageOrientationPatient = orientation(volume)
    step_mm, *pixel_mm = (format_number_as_ds(value) for value in volume.spacing_mm)
    source.PixelSpacing = told(volume.series.slices[0], "PixelSpacing") or pixel_mm
    source.SliceThickness = headers.number(volume.series.header, "SliceThickness") or step_mm
    # Of neighbouring planes along their normal; the header's own is wrong too often.
    source.SpacingBetweenSlices = step_mm
    source.LossyImageCompression = _lossy(volume)
    return source


def _lossy(volume: Volume) -> str:
    """01 where the source says that it was compressed with loss (PS3.3 C.7.6.1.1.5)."""
    said = headers.text(volume.series.header, "LossyImageCompression")
    checked = any(check.code == "lossy-compressed" for check in volume.checks)
    return "01" if said == "01" or checked else "00"


def _description(
    number: int, segment: Segment, assessment: Assessment, record: Record, *, exclusive: bool
) -> SegmentDescription:
    network = assessment.segmentation.network
    identifier, uid = tracking(record, segment.finding, segment.region)
    site = codes.SITES[segment.region]
    label = (segment.exclusive_label if exclusive else "") or segment.label
    description = SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=segment.category,
        segmented_property_type=segment.finding,
        algorithm_type="AUTOMATIC" if record.correction is None else "SEMIAUTOMATIC",
        algorithm_identification=AlgorithmIdentificationSequence(
            name=network.name,
            family=codes.ARTIFICIAL_INTELLIGENCE,
            version=network.version,
            parameters={"sha256": network.sha256},
        ),
        tracking_id=identifier,
        tracking_uid=uid,
        anatomic_regions=[site.location],
        display_color=CIELabColor(*segment.lab),
    )
    description.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [
        code_item(site.laterality)
    ]
    if segment.finding == codes.LUNG:
        (kind,) = description.SegmentedPropertyTypeCodeSequence
        kind.SegmentedPropertyTypeModifierCodeSequence = [code_item(site.laterality)]
    return description


def _refer(dataset: Dataset, volume: Volume, record: Record, kind: Kind) -> None:
    """Name every source slice, and what else highdicom left to chance or to one slice."""
    sources = references(volume)
    series = Dataset()
    series.ReferencedInstanceSequence, series.SeriesInstanceUID = sources, volume.series.uid
    dataset.SourceImageSequence, dataset.ReferencedSeriesSequence = sources, Items([series])
    dimension = derived_uid(record, kind, "dimensions")
    for item in (*dataset.DimensionOrganizationSequence, *dataset.DimensionIndexSequence):
        item.DimensionOrganizationUID = dimension
    dataset.CodingSchemeIdentificationSequence = Items([codes.coding_scheme()])
    if kind is Kind.LESION_SEG and dataset.SegmentationType == "BINARY":
        dataset.SegmentsOverlap = "YES"  # high opacity is part of the lesion


def _fill_binary(dataset: Dataset, volume: Volume, planes: Planes) -> None:
    """One bit a pixel, a frame for each segment and slice in which it shows."""
    frames: list[Frame] = []

    def shown() -> Iterator[Mask]:
        for number in (1, 2):
            for index in range(len(volume.hu)):
                mask = planes(index, number)
                if mask.any():
                    frames.append(Frame(index, number))
                    yield mask

    pixels = packed(shown())
    if not frames:
        frames.append(Frame(len(volume.hu) // 2, 1))
        pixels = packed([planes(frames[0].index, 1)])
    _fill(dataset, volume, frames, pixels + b"\0" * (len(pixels) % 2))


def _fill_labelmap(dataset: Dataset, volume: Volume, planes: Planes) -> None:
    """One byte a pixel, compressed, a frame for each slice in which a segment shows."""
    every = range(len(volume.hu))
    shown = [n for n in every if planes(n, 1).any() or planes(n, 2).any()]
    indices = shown or [len(volume.hu) // 2]
    encoded = [_encoded(planes(index, 1), planes(index, 2)) for index in indices]
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
    _fill(dataset, volume, [Frame(index, None) for index in indices], encapsulate(encoded))
    dataset["PixelData"].is_undefined_length = True


def _encoded(first: Mask, second: Mask) -> bytes:
    """One slice's labels, the second segment over the first, as JPEG-LS."""
    return encode_frame(
        np.where(second, np.uint8(2), first.astype(np.uint8)),
        transfer_syntax_uid=JPEGLSLossless,
        bits_allocated=8,
        bits_stored=8,
        photometric_interpretation="MONOCHROME2",
    )


def _fill(dataset: Dataset, volume: Volume, frames: Sequence[Frame], pixels: bytes) -> None:
    dataset.NumberOfFrames = len(frames)
    dataset.add(DataElement("PixelData", "OB", pixels))
    groups = functional_groups(volume, frames)
    dataset[groups.tag] = groups


def _keep_bytes(dataset: Dataset) -> None:
    """Declare the dataset to be in the encoding it is written in.

    Else pydicom would take the functional groups apart again; every other element has its one
    value representation already.
    """
    declared = dataset.get("SpecificCharacterSet")
    encodings = convert_encodings(declared) if declared else default_encoding
    dataset.set_original_encoding(
        is_implicit_vr=False, is_little_endian=True, character_encoding=encodings
    )
