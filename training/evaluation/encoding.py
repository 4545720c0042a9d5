"""The same study written anew as DICOM and taken in again: other syntaxes, other order.

Lossless syntaxes and the order of files must not change a voxel; a lossy one changes them a little.
"""

import copy
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000

from opacimeter.intake import find, load
from opacimeter.volume import Volume
from training.phantom.syntaxes import Syntax, put_pixels

__all__ = ["Encoding", "encoded"]

INTERCEPT = -1024
LOSSY_DB = 75
"""Peak signal-to-noise ratio asked of lossy JPEG 2000, of 16 bits: about 8:1 on a chest, which
guidelines still allow for reading."""


class Encoding(StrEnum):
    """How the study is written; the value is its name in the report."""

    REVERSED = "flipped in z: files and numbers in reverse"
    JPEG_LS = "JPEG-LS lossless"
    JPEG_2000 = "JPEG 2000 lossless"
    LOSSY = "JPEG 2000 lossy, about 8:1"


_SYNTAX: Mapping[Encoding, Syntax] = {
    Encoding.REVERSED: Syntax.EXPLICIT,
    Encoding.JPEG_LS: Syntax.JPEG_LS,
    Encoding.JPEG_2000: Syntax.JPEG_2000,
    Encoding.LOSSY: Syntax.EXPLICIT,
}


def encoded(volume: Volume, encoding: Encoding, folder: Path) -> Volume:
    """The volume after its series was written and read again.

    Args:
        volume: From intake; one file a slice.
        encoding: How to write.
        folder: An empty folder for the files.

    Raises:
        ValueError: The series is multi-frame.
        IntakeRejected: Intake does not take what was written.
    """
    slices, count = volume.series.slices, len(volume.hu)
    if len({each.file for each in slices}) != count:
        raise ValueError("only a series of one file a slice can be written anew")
    for index, each in enumerate(slices):
        number = count - index if encoding is Encoding.REVERSED else index + 1
        dataset = _dataset(each.header, volume.hu[index], encoding)
        dataset.InstanceNumber = number
        dataset.save_as(folder / f"{number:04d}.dcm", enforce_file_format=True)
    (study,) = find([folder], workspace=folder)
    return load(study)


def _dataset(header: Dataset, hu: NDArray[np.int16], encoding: Encoding) -> Dataset:
    """One slice; stored values are HU + 1024, so padding stays the lowest of them."""
    dataset = copy.deepcopy(header)
    for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit"):
        if keyword in dataset:
            delattr(dataset, keyword)
    dataset.RescaleIntercept, dataset.RescaleSlope = str(INTERCEPT), "1"
    stored = np.clip(hu.astype(np.int32) - INTERCEPT, 0, 65535).astype(np.uint16)
    put_pixels(dataset, stored[None], _SYNTAX[encoding])
    if encoding is Encoding.LOSSY:
        _put_lossy(dataset, stored)
    return dataset


def _put_lossy(dataset: Dataset, stored: NDArray[np.uint16]) -> None:
    """Lossy JPEG 2000, said so as PS3.3 C.7.6.1.1.5 asks."""
    data = bytes(
        imagecodecs.jpeg2k_encode(
            stored, level=LOSSY_DB, reversible=False, codecformat="j2k", bitspersample=16
        )
    )
    dataset.add_new("PixelData", "OB", encapsulate([data]))
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEG2000
    dataset.LossyImageCompression = "01"
    dataset.LossyImageCompressionRatio = f"{stored.nbytes / len(data):.1f}"
    dataset.LossyImageCompressionMethod = "ISO_15444_1"
