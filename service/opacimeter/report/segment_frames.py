"""The frames of a segmentation: where each lies, of which image it was made, and its bits.

highdicom builds and pydicom writes a frame's functional groups item by item, which for two lungs
of 300 slices takes longer than segmenting them. Most of an item is the same for all frames of one
slice, so that part is encoded once a slice and the bytes are joined.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sr.coding import Code
from pydicom.tag import Tag
from pydicom.valuerep import format_number_as_ds

from opacimeter.report import codes
from opacimeter.report.dicom_object import references
from opacimeter.report.segments import Mask
from opacimeter.volume import Slice, Volume

__all__ = ["Frame", "code_item", "functional_groups", "orientation", "packed", "position", "told"]

_MACRO_OF: Final = {
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "PixelSpacing": "PixelMeasuresSequence",
    "SliceThickness": "PixelMeasuresSequence",
}


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame to be: a slice of the volume, and its segment; none where it shows all segments."""

    index: int
    segment: int | None


def told(place: Slice, keyword: str) -> Any:  # noqa: ANN401 - pydicom's values have no type
    """What a header says of a slice, for Enhanced CT of its frame (PS3.3 C.7.6.16); else None."""
    header = place.header
    try:
        if keyword in header:
            return header.get(keyword)
        own = header.PerFrameFunctionalGroupsSequence[place.frame]
        shared = header.SharedFunctionalGroupsSequence[0]
        macro = _MACRO_OF[keyword]
        return (own if macro in own else shared)[macro].value[0].get(keyword)
    except Exception:
        # The boundary to foreign bytes: pydicom converts when asked and raises whatever the
        # conversion raises. The affine, which intake made, says the same.
        return None


def position(volume: Volume, index: int) -> list[Any]:
    """ImagePositionPatient of a slice: the header's own digits, or those of the affine."""
    found = told(volume.series.slices[index], "ImagePositionPatient")
    if found is not None and len(found) == 3:
        return list(found)
    middle = volume.affine[:3, 3] + index * volume.affine[:3, 0]
    return [format_number_as_ds(float(value)) for value in middle]


def orientation(volume: Volume) -> list[Any]:
    """ImageOrientationPatient of the volume: along a row, then along a column."""
    found = told(volume.series.slices[0], "ImageOrientationPatient")
    if found is not None and len(found) == 6:
        return list(found)
    steps = [volume.affine[:3, axis] for axis in (2, 1)]
    cosines = np.concatenate([step / np.linalg.norm(step) for step in steps])
    return [format_number_as_ds(float(value)) for value in cosines]


def functional_groups(volume: Volume, frames: Sequence[Frame]) -> RawDataElement:
    """The Per-frame Functional Groups Sequence (PS3.3 A.51.5) of frames, in Explicit VR."""
    order = {index: n for n, index in enumerate(sorted({frame.index for frame in frames}), 1)}
    of_slice = {index: (_derivation(volume, index), _position(volume, index)) for index in order}
    of_segment = {segment: _identification(segment) for segment in {f.segment for f in frames}}
    items = bytearray()
    for frame in frames:
        derivation, place = of_slice[frame.index]
        content = _content(frame.segment, order[frame.index])
        items += _item(derivation + content + place + of_segment[frame.segment])  # by tag
    return RawDataElement(
        tag=Tag("PerFrameFunctionalGroupsSequence"),
        VR="SQ",
        length=len(items),
        value=bytes(items),
        value_tell=0,
        is_implicit_VR=False,
        is_little_endian=True,
    )


def packed(masks: Iterable[Mask]) -> bytes:
    """Frames at one bit a pixel, the first in the lowest bit, frames not padded (PS3.5 8.1.1)."""
    return b"".join(
        np.packbits(np.stack(eight), axis=None, bitorder="little").tobytes()
        for eight in _by_eight(masks)
    )


def code_item(code: Code) -> Dataset:
    """A code as an item of a code sequence (PS3.3 table 8.8-1)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = code.value, code.scheme_designator
    item.CodeMeaning = code.meaning
    return item


def _by_eight(masks: Iterable[Mask]) -> Iterator[list[Mask]]:
    """Eight frames at a time: they fill whole bytes, whatever their size."""
    eight: list[Mask] = []
    for mask in masks:
        eight.append(mask)
        if len(eight) == 8:
            yield eight
            eight = []
    if eight:
        yield eight


def _derivation(volume: Volume, index: int) -> bytes:
    """Which image the frame was made of; its pixels lie where the image's do."""
    place, source = volume.series.slices[index], Dataset()
    sources = references(volume, [index])
    if not sources:  # of type 2: a source without UIDs cannot be named
        return _encoded(_without_source())
    source.ReferencedSOPClassUID = sources[0].ReferencedSOPClassUID
    source.ReferencedSOPInstanceUID = sources[0].ReferencedSOPInstanceUID
    if "PerFrameFunctionalGroupsSequence" in place.header or place.frame:
        source.ReferencedFrameNumber = place.frame + 1
    source.SpatialLocationsPreserved = "YES"
    image = _sequence("SourceImageSequence", _encoded(source) + _purpose())
    return _sequence("DerivationImageSequence", image + _method())


def _without_source() -> Dataset:
    groups = Dataset()
    groups.DerivationImageSequence = []
    return groups


@cache
def _purpose() -> bytes:
    code = _encoded(code_item(codes.SEGMENTED_IMAGE))
    return _sequence("PurposeOfReferenceCodeSequence", code)


@cache
def _method() -> bytes:
    return _sequence("DerivationCodeSequence", _encoded(code_item(codes.SEGMENTATION)))


def _content(segment: int | None, order: int) -> bytes:
    content = Dataset()
    content.DimensionIndexValues = [order] if segment is None else [segment, order]
    return _sequence("FrameContentSequence", _encoded(content))


def _position(volume: Volume, index: int) -> bytes:
    place = Dataset()
    place.ImagePositionPatient = position(volume, index)
    return _sequence("PlanePositionSequence", _encoded(place))


def _identification(segment: int | None) -> bytes:
    if segment is None:
        return b""
    identification = Dataset()
    identification.ReferencedSegmentNumber = segment
    return _sequence("SegmentIdentificationSequence", _encoded(identification))


def _sequence(keyword: str, item: bytes) -> bytes:
    """A sequence of one item, both of defined length (PS3.5 7.5.1)."""
    tag = Tag(keyword)
    head = tag.group.to_bytes(2, "little") + tag.element.to_bytes(2, "little") + b"SQ\0\0"
    return head + (len(item) + 8).to_bytes(4, "little") + _item(item)


def _item(value: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + len(value).to_bytes(4, "little") + value


def _encoded(dataset: Dataset) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, dataset)
    return buffer.getvalue()
