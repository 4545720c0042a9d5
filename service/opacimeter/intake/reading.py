"""Reading one file: its header, where its pixels lie, and whether it is whole.

pydicom parses the elements; what it forgives silently (a file that ends within an element, PS3.10
7) is noticed here, because a chest with a silently missing slice is worse than none.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pydicom.config
from pydicom import Dataset
from pydicom.charset import convert_encodings
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.filereader import data_element_generator
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian

from opacimeter.checks import Check
from opacimeter.intake.limits import Limits
from opacimeter.intake.values import value

__all__ = ["Instance", "PixelElement", "be_lenient", "inflate", "looks_like_dicom", "read"]

UNDEFINED_LENGTH = 0xFFFFFFFF
_HEAD_BYTES = 140
_VALUE_REPRESENTATIONS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN "
    b"UR US UT UV".split()
)
_PIXEL_GROUP = 0x7FE0
_PIXEL_DATA = 0x7FE00010

# Read of every header, by intake or by whoever makes documents of it; an unreadable one is removed.
_NAMES = """
    SpecificCharacterSet ImageType SOPClassUID SOPInstanceUID StudyDate SeriesDate
    AcquisitionDate ContentDate StudyTime SeriesTime AcquisitionTime ContentTime AccessionNumber
    Modality Manufacturer InstitutionName ReferringPhysicianName StudyDescription
    SeriesDescription ManufacturerModelName PatientName PatientID PatientBirthDate PatientSex
    PatientAge ContrastBolusAgent BodyPartExamined SliceThickness KVP ProtocolName
    ConvolutionKernel PatientPosition StudyInstanceUID SeriesInstanceUID StudyID SeriesNumber
    AcquisitionNumber InstanceNumber ImagePositionPatient ImageOrientationPatient
    FrameOfReferenceUID SamplesPerPixel PhotometricInterpretation NumberOfFrames Rows Columns
    PixelSpacing BitsAllocated BitsStored HighBit PixelRepresentation PixelPaddingValue
    RescaleIntercept RescaleSlope LossyImageCompression
"""
_READ_BY_ALL = tuple(_NAMES.split())


@dataclass(frozen=True, slots=True)
class PixelElement:
    """Where PixelData (7FE0,0010) lies.

    Attributes:
        offset: First byte of its value in the file, or in the inflated file where it is deflated.
        length: As declared; `UNDEFINED_LENGTH` where the pixels are encapsulated.
        little_endian: Byte order of native pixels.
        deflated: Whether the offset counts inflated bytes.
    """

    offset: int
    length: int
    little_endian: bool
    deflated: bool


@dataclass(frozen=True, slots=True)
class Instance:
    """One DICOM file.

    Attributes:
        path: The file.
        header: Its dataset without pixels; as far as it could be read where `problem` is set.
        syntax: Transfer syntax UID, empty where the file does not tell.
        pixels: Where the pixels are; None where there are none.
        problem: Why the file cannot be trusted; None for a whole header.
    """

    path: Path
    header: Dataset
    syntax: str
    pixels: PixelElement | None
    problem: Check | None = None

    def uid(self, keyword: str) -> str:
        """A UID of the header as text, empty where it is missing."""
        found = value(self.header, keyword)
        return str(found).strip() if isinstance(found, str) else ""


class _Cut(Exception):
    """The file ends within an element. No EOFError: pydicom swallows those and goes on."""


class _Strict:
    """A file that never gives less than was asked for, nor allocates for what it cannot give."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size
        self.tell, self.seek = file.tell, file.seek

    def read(self, count: int) -> bytes:
        left = self._size - self._file.tell()
        if count > left and not (count == 8 and left == 0):  # 8: asking for a next element
            raise _Cut
        return self._file.read(count)


def be_lenient() -> None:
    """Make pydicom accept odd values without a word: what is wrong with a file, intake decides.

    `warnings.catch_warnings` is not thread-safe, and pydicom converts values when they are asked
    for, long after reading; so its warnings are filtered for the process.
    """
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    warnings.filterwarnings("ignore", category=UserWarning, module=r"(pydicom|opacimeter\.intake)")


def looks_like_dicom(head: bytes) -> bool:
    """Whether a file's first bytes begin a DICOM file (PS3.10 7.1) or a bare dataset.

    A preamble and its prefix alone, without an element, are no DICOM.
    """
    if head[128:132] == b"DICM":
        return len(head) > 132
    if len(head) < 8 or head[:2] not in (b"\x02\0", b"\x08\0", b"\0\x02", b"\0\x08"):
        return False
    if head[4:6] in _VALUE_REPRESENTATIONS:
        return True
    group, element, length = struct.unpack("<HHL", head[:8])
    return bool(group == 8 and element <= 0x70 and length <= 1024)


def read(path: Path, *, limits: Limits) -> Instance | None:
    """The header of a file, or None where it is no DICOM.

    Raises:
        OSError: The file cannot be opened.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        if not looks_like_dicom(head):
            return None
        file.seek(132 if head[128:132] == b"DICM" else 0)
        return _parse(path, file, size, limits)


def _parse(path: Path, file: BinaryIO, size: int, limits: Limits) -> Instance:
    meta = FileMetaDataset()
    source = _Strict(file, size)
    elements, cut = _elements(source, implicit=False, little=True, stop=_after_meta)
    meta.update({tag: element for tag, element in elements.items() if tag >> 16 == 2})
    syntax = str(value(meta, "TransferSyntaxUID") or "").strip()
    deflated = syntax == DeflatedExplicitVRLittleEndian
    if deflated and not cut:
        inflated, problem = inflate(file.read(), limit=limits.inflated_bytes)
        if problem:
            return Instance(path, _dataset({}, meta), syntax, None, problem)
        source = _Strict(io.BytesIO(inflated), len(inflated))
    implicit, little = _encoding(source, syntax)
    elements = {}
    if not cut:
        elements, cut = _elements(source, implicit=implicit, little=little, stop=_at_pixels)
    header = _dataset(elements, meta, implicit=implicit, little=little)
    pixels = None
    if not cut:
        pixels = _pixel_element(source, implicit=implicit, little=little, deflated=deflated)
    return Instance(path, header, syntax, pixels, _damaged_header() if cut else None)


def inflate(deflated: bytes, *, limit: int) -> tuple[bytes, Check | None]:
    """The inflated bytes of a deflated dataset (PS3.5 A.5), and what is wrong with them."""
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = machine.decompress(deflated, limit + 1)
    except zlib.error:
        return b"", _damaged_header()
    if len(inflated) > limit:
        message = f"A deflated file inflates to more than {limit} bytes, the most that is read."
        return b"", Check("too-large", message, {"limit_bytes": limit})
    return (inflated, None) if machine.eof else (b"", _damaged_header())


def _encoding(source: _Strict, syntax: str) -> tuple[bool, bool]:
    """Implicit VR and little endian, by the bytes: some files lie in their meta group."""
    at = source.tell()
    try:
        peek = source.read(6)
    except _Cut:
        peek = b""
    source.seek(at)
    implicit = peek[4:6] not in _VALUE_REPRESENTATIONS
    little = syntax != ExplicitVRBigEndian if syntax else peek[:1] != b"\0"
    return implicit, little


def _elements(
    source: _Strict,
    *,
    implicit: bool,
    little: bool,
    stop: Callable[[BaseTag, str | None, int], bool],
) -> tuple[dict[BaseTag, DataElement | RawDataElement], bool]:
    """The elements up to `stop`, and whether reading them broke off."""
    elements: dict[BaseTag, DataElement | RawDataElement] = {}
    generator = data_element_generator(source, implicit, little, stop_when=stop)  # type: ignore[arg-type]
    try:
        for element in generator:
            elements[element.tag] = element
    except Exception:
        # The boundary to foreign bytes: whatever the parser raises, the file cannot be trusted
        # from here on. What came before is kept, to file the damage.
        return elements, True
    return elements, False


def _after_meta(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return bool(tag >> 16 != 2)


def _at_pixels(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return bool(tag >> 16 == _PIXEL_GROUP)


def _dataset(
    elements: dict[BaseTag, DataElement | RawDataElement],
    meta: FileMetaDataset,
    *,
    implicit: bool = False,
    little: bool = True,
) -> Dataset:
    header = Dataset(elements)
    declared = value(header, "SpecificCharacterSet")
    header.set_original_encoding(implicit, little, convert_encodings(declared))
    header.file_meta = meta
    for keyword in _READ_BY_ALL:
        if keyword in header and value(header, keyword) is None and not _is_empty(header, keyword):
            delattr(header, keyword)
    if "SOPInstanceUID" not in header and value(meta, "MediaStorageSOPInstanceUID"):
        header.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    return header


def _is_empty(header: Dataset, keyword: str) -> bool:
    try:
        return bool(header[keyword].is_empty)
    except Exception:  # as in `value`: the conversion itself fails
        return False


def _pixel_element(
    source: _Strict, *, implicit: bool, little: bool, deflated: bool
) -> PixelElement | None:
    try:
        head = source.read(8 if implicit else 12)
    except _Cut:
        return None
    if not head:
        return None
    order = "<" if little else ">"
    group, element = struct.unpack(order + "HH", head[:4])
    if group << 16 | element != _PIXEL_DATA:
        return None
    (length,) = struct.unpack(order + "L", head[4:8] if implicit else head[8:12])
    return PixelElement(source.tell(), length, little, deflated)


def _damaged_header() -> Check:
    message = "A file ends early or is damaged before its pixels; please send the study again."
    return Check("damaged-file", message, {"files": 1})
