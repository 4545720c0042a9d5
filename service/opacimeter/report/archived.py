"""What DICOMweb tells of an object that was made: its header as JSON, its frames."""

from pathlib import Path
from typing import Any, Final

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.dataelem import DataElement
from pydicom.encaps import get_frame
from pydicom.uid import JPEGBaseline8Bit

from opacimeter.errors import NotFound
from opacimeter.report.dicom_object import MANUFACTURER, MODEL_NAME

__all__ = ["header_json", "made_here", "object_frame"]

_BULK: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_BULK_BYTES: Final = 1024
_AVAILABLE_TRANSFER_SYNTAX: Final = "00083002"
_CHARACTER_SET: Final = "00080005"


def made_here(header: Dataset) -> bool:
    """Whether this software wrote the object, here or elsewhere."""
    names = (header.get("Manufacturer"), header.get("ManufacturerModelName"))
    derived = str(header.get("SOPInstanceUID") or "").startswith("2.25.")
    return derived and names == (MANUFACTURER, MODEL_NAME)


def header_json(path: Path) -> dict[str, Any]:
    """An object's header in the DICOM JSON model (PS3.18 F.2), pixels and other bulk left out.

    Its transfer syntax stands under Available Transfer Syntax UID (0008,3002).
    """
    dataset = dcmread(path, stop_before_pixels=True)
    dataset.walk(_without_bulk)
    told: dict[str, Any] = dataset.to_json_dict(suppress_invalid_tags=True)
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    told[_AVAILABLE_TRANSFER_SYNTAX] = {"vr": "UI", "Value": [syntax]}
    if _CHARACTER_SET in told:  # JSON is in UTF-8, whatever the object is in
        told[_CHARACTER_SET] = {"vr": "CS", "Value": ["ISO_IR 192"]}
    return told


def object_frame(path: Path, number: int) -> tuple[bytes, str]:
    """One frame as it is stored, and its media type.

    Args:
        path: The object.
        number: 1 and on.

    Raises:
        NotFound: It has no such frame.
    """
    dataset = dcmread(path)
    count = int(dataset.get("NumberOfFrames") or 1)
    if "PixelData" not in dataset or not 1 <= number <= count:
        raise NotFound("the instance has no such frame")
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_compressed:
        frame = get_frame(dataset.PixelData, number - 1, number_of_frames=count)
        return frame, "image/jpeg" if syntax == JPEGBaseline8Bit else "application/octet-stream"
    return _native(dataset, number - 1), "application/octet-stream"


def _native(dataset: Dataset, index: int) -> bytes:
    bits = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel * dataset.BitsAllocated
    if bits % 8 == 0:
        return bytes(dataset.PixelData[index * bits // 8 : (index + 1) * bits // 8])
    # Frames of single bits follow each other without a gap (PS3.5 8.1.1).
    packed = np.frombuffer(dataset.PixelData, np.uint8)
    wanted = np.unpackbits(packed, bitorder="little")[index * bits : (index + 1) * bits]
    return np.packbits(wanted, bitorder="little").tobytes()


def _without_bulk(dataset: Dataset, element: DataElement) -> None:
    if element.VR in _BULK and len(element.value or b"") > _BULK_BYTES:
        del dataset[element.tag]
