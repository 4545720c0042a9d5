"""Encoding of pixels in the transfer syntaxes that archives use (PS3.5 section 10 and annex A)."""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders.base import RLELosslessEncoder
from pydicom.uid import UID

__all__ = ["Syntax", "put_pixels"]

Frame: TypeAlias = NDArray[np.uint16]


class Syntax(StrEnum):
    """Transfer syntax UIDs (PS3.6 table A-1); all of them keep every bit."""

    IMPLICIT = "1.2.840.10008.1.2"
    EXPLICIT = "1.2.840.10008.1.2.1"
    DEFLATED = "1.2.840.10008.1.2.1.99"
    BIG_ENDIAN = "1.2.840.10008.1.2.2"
    JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
    JPEG_LS = "1.2.840.10008.1.2.4.80"
    JPEG_2000 = "1.2.840.10008.1.2.4.90"
    HTJ2K = "1.2.840.10008.1.2.4.201"
    RLE = "1.2.840.10008.1.2.5"


def _rle(frame: Frame) -> bytes:
    rows, columns = frame.shape
    encoded: bytes = RLELosslessEncoder.encode(
        frame.astype("<u2").tobytes(), encoding_plugin="pydicom", rows=rows, columns=columns,
        samples_per_pixel=1, bits_allocated=16, bits_stored=16, pixel_representation=0,
        number_of_frames=1, photometric_interpretation="MONOCHROME2",
    )  # fmt: skip
    return encoded


_ENCODERS: dict[Syntax, Callable[[Frame], bytes]] = {
    Syntax.JPEG_LOSSLESS: lambda frame: bytes(
        imagecodecs.jpeg8_encode(frame, lossless=True, predictor=1)
    ),
    Syntax.JPEG_LS: lambda frame: bytes(imagecodecs.jpegls_encode(frame)),
    Syntax.JPEG_2000: lambda frame: bytes(
        imagecodecs.jpeg2k_encode(frame, level=0, reversible=True, codecformat="j2k")
    ),
    Syntax.HTJ2K: lambda frame: bytes(imagecodecs.htj2k_encode(frame)),
    Syntax.RLE: _rle,
}


def put_pixels(dataset: Dataset, stored: Frame, syntax: Syntax) -> None:
    """Set PixelData and the attributes that describe it (image pixel module, PS3.3 C.7.6.3).

    Args:
        dataset: Receives the elements; its file meta information gets the transfer syntax.
        stored: Unsigned values (frame, row, column).
        syntax: How to encode them.
    """
    dataset.Rows, dataset.Columns = stored.shape[1:]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 0
    if (encode := _ENCODERS.get(syntax)) is not None:
        data = encapsulate([encode(np.ascontiguousarray(frame)) for frame in stored])
    else:
        order = ">u2" if syntax is Syntax.BIG_ENDIAN else "<u2"
        data = stored.astype(order).tobytes()
    vr = "OB" if encode is not None else "OW"
    dataset.add_new("PixelData", vr, data + b"\0" * (len(data) % 2))
    dataset["PixelData"].is_undefined_length = encode is not None
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
