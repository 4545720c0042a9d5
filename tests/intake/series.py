"""Small CT series written with pydicom, to be broken on purpose.

A body of 32x32 pixels of 10 mm, 12 slices of 10 mm (110 mm): soft tissue of 40 HU, two lungs of
-870 HU in it, air of -1000 HU around. Every image carries its number in one pixel, so that no two
are the same.
"""

from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian, generate_uid

from opacimeter.checks import Check
from opacimeter.errors import IntakeRejected
from opacimeter.intake import find, load
from opacimeter.volume import Volume

STUDY, SERIES = "2.25.1000", "2.25.2000"
SIDE, STEP_MM, SLICES = 32, 10.0, 12
TOP_Z_MM = -50.0

Change = Callable[[Dataset, int], None]


def body(mark: int = 0) -> np.ndarray:
    """HU of one slice, int16 (row, column); `mark` is added to the pixel (16, 16)."""
    hu = np.full((SIDE, SIDE), -1000, np.int16)
    hu[6:26, 4:28] = 40
    hu[9:23, 6:14] = -870
    hu[9:23, 18:26] = -870
    hu[16, 16] = 40 + mark
    return hu


def image(number: int, hu: np.ndarray | None = None) -> Dataset:
    """Slice `number` (0 is the most cranial) as a classic CT image, 12 of 16 bits."""
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = CTImageStorage
    header.SOPInstanceUID = generate_uid(entropy_srcs=["slice", str(number)])
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.StudyInstanceUID, header.SeriesInstanceUID = STUDY, SERIES
    header.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    header.Modality, header.PatientID, header.PatientName = "CT", "TEST", "Test^One"
    header.SeriesNumber, header.InstanceNumber, header.AcquisitionNumber = 1, number + 1, 1
    header.ConvolutionKernel, header.SliceThickness = "B31f", 10
    header.PatientPosition, header.PatientAge = "HFS", "060Y"
    header.ImagePositionPatient = [-155, -155, TOP_Z_MM - STEP_MM * number]
    header.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    header.PixelSpacing = [10, 10]
    set_pixels(header, body(number) if hu is None else hu)
    return header


def set_pixels(header: Dataset, hu: np.ndarray, intercept: int = -1024) -> None:
    """Store HU as unsigned 12 bits."""
    header.Rows, header.Columns = hu.shape
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated, header.BitsStored, header.HighBit = 16, 12, 11
    header.PixelRepresentation = 0
    header.RescaleSlope, header.RescaleIntercept = 1, intercept
    header.PixelData = (hu - intercept).astype("<u2").tobytes()
    header["PixelData"].VR = "OW"


def write(folder: Path, headers: Iterable[Dataset], prefix: str = "") -> Path:
    """The datasets as files of a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, header in enumerate(headers):
        dcmwrite(folder / f"{prefix}{index:03d}.dcm", header, enforce_file_format=True)
    return folder


def as_bytes(header: Dataset) -> bytes:
    """The dataset as the bytes of a file."""
    buffer = BytesIO()
    dcmwrite(buffer, header, enforce_file_format=True)
    return buffer.getvalue()


def series(change: Change | None = None, *, count: int = SLICES) -> list[Dataset]:
    """A whole series; `change` may alter each image by its number."""
    headers = [image(number) for number in range(count)]
    for number, header in enumerate(headers):
        if change:
            change(header, number)
    return headers


def renamed(headers: Iterable[Dataset], series_uid: str, number: int) -> list[Dataset]:
    """The images under another SeriesInstanceUID, with UIDs of their own."""
    headers = list(headers)
    for index, header in enumerate(headers):
        header.SeriesInstanceUID, header.SeriesNumber = series_uid, number
        header.SOPInstanceUID = generate_uid(entropy_srcs=[series_uid, str(index)])
        header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    return headers


def loaded(folder: Path) -> Volume:
    (study,) = find([folder], workspace=folder.parent / "work")
    return load(study)


def rejected(folder: Path) -> dict[str, Check]:
    with pytest.raises(IntakeRejected) as error:
        loaded(folder)
    return {check.code: check for check in error.value.checks}


def setting(**values: object) -> Change:
    def change(header: Dataset, number: int) -> None:
        for keyword, value in values.items():
            setattr(header, keyword, value)

    return change


def removing(*keywords: str) -> Change:
    def change(header: Dataset, number: int) -> None:
        for keyword in keywords:
            del header[keyword]

    return change


def enhanced(frames: int = SLICES) -> Dataset:
    """The series as one Enhanced CT, frames from the most caudal up; HU with slope 0.5."""
    header = image(0)
    header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = EnhancedCTImageStorage
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        del header[keyword]
    for keyword in ("RescaleSlope", "RescaleIntercept", "AcquisitionNumber", "SliceThickness"):
        del header[keyword]
    header.NumberOfFrames, header.BitsStored, header.HighBit = frames, 16, 15
    orientation, measures, shared = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures.PixelSpacing, measures.SliceThickness = [10, 10], 10
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [orientation], [measures]
    header.SharedFunctionalGroupsSequence = [shared]
    numbers = list(range(frames))[::-1]
    header.PerFrameFunctionalGroupsSequence = [_group(number) for number in numbers]
    stored = np.stack([(body(number) + 1024) * 2 for number in numbers])
    header.PixelData = stored.astype("<u2").tobytes()
    return header


def _group(number: int) -> Dataset:
    position, transformation, content, group = (Dataset() for _ in range(4))
    position.ImagePositionPatient = [-155, -155, TOP_Z_MM - STEP_MM * number]
    transformation.RescaleSlope, transformation.RescaleIntercept = 0.5, -1024
    transformation.RescaleType = "HU"
    content.FrameAcquisitionNumber = 1
    group.PlanePositionSequence, group.FrameContentSequence = [position], [content]
    group.PixelValueTransformationSequence = [transformation]
    return group
