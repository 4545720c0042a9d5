"""A chest given in the patient's millimetres and scanned as the test likes it.

Left lung: x 25…85, right lung: x -85…-25 (LPS), both y -50…50. A lesion of 30 mm in the left lung
around (55, 20, -60) with a core of 14 mm that is dense. Whatever way it is scanned, its centroids
in mm are the same.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian

from opacimeter.assess.measure import measure
from opacimeter.findings import Assessment, Network, Segmentation
from opacimeter.intake import find, load
from opacimeter.record import Record, assessment_id
from opacimeter.volume import Volume

STUDY, SERIES, FRAME_OF_REFERENCE = "2.25.4100", "2.25.4200", "2.25.4300"
SLICES, ROWS, COLUMNS = 14, 44, 52
STEP_MM, PIXEL_MM = 9.0, 5.0
CENTRE_MM = np.array([0.0, 0.0, -58.5])
LESION_MM, LESION_RADIUS_MM, CORE_RADIUS_MM = np.array([55.0, 20.0, -60.0]), 17.0, 9.0

Change = Callable[[Dataset, int], None]


@dataclass(frozen=True)
class Scan:
    """How the chest is scanned.

    Attributes:
        row: Cosines along a row.
        column: Cosines along a column.
        position: PatientPosition.
        lesion: Whether there is one.
    """

    row: tuple[float, float, float] = (1, 0, 0)
    column: tuple[float, float, float] = (0, 1, 0)
    position: str = "HFS"
    lesion: bool = True


def _turned(degrees: float, position: str = "HFS") -> Scan:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return Scan((cos, sin, 0), (-sin, cos, 0), position)


_TILT = np.radians(15)
SCANS = {
    "supine": Scan(),
    "prone": Scan((-1, 0, 0), (0, -1, 0), "HFP"),
    "feet first": Scan((-1, 0, 0), (0, 1, 0), "FFS"),
    "feet first, prone": Scan((1, 0, 0), (0, -1, 0), "FFP"),
    "on the right side": _turned(-90, "HFDR"),
    "flipped front to back": Scan((1, 0, 0), (0, -1, 0)),
    "rotated by 90 degrees": _turned(90),
    "rotated by 12 degrees": _turned(12),
    "tilted": Scan((1, 0, 0), (0, float(np.cos(_TILT)), float(np.sin(_TILT)))),
}


def _positions(scan: Scan) -> np.ndarray:
    """LPS mm of every voxel, float64 (slice, row, column, 3), most cranial slice first."""
    row, column = np.array(scan.row, float), np.array(scan.column, float)
    r, c = np.arange(ROWS) - (ROWS - 1) / 2, np.arange(COLUMNS) - (COLUMNS - 1) / 2
    plane = PIXEL_MM * (r[:, None, None] * column + c[None, :, None] * row)
    steps = np.zeros((SLICES, 3))
    steps[:, 2] = ((SLICES - 1) / 2 - np.arange(SLICES)) * STEP_MM
    return CENTRE_MM + steps[:, None, None, :] + plane


def hu_of(mm: np.ndarray, *, lesion: bool = True) -> np.ndarray:
    """HU at places in the patient."""
    x, y, _ = np.moveaxis(mm, -1, 0)
    hu = np.where((np.abs(x) < 105) & (np.abs(y) < 75), 40, -1000).astype(np.int16)
    hu[_lungs(mm)] = -850
    if lesion:
        away = np.linalg.norm(mm - LESION_MM, axis=-1)
        hu[away < LESION_RADIUS_MM] = -500
        hu[away < CORE_RADIUS_MM] = -20
    return hu


def _lungs(mm: np.ndarray) -> np.ndarray:
    x, y, z = np.moveaxis(mm, -1, 0)
    return (np.abs(x) > 25) & (np.abs(x) < 85) & (np.abs(y) < 50) & (np.abs(z + 58.5) < 45)


def labels_of(volume: Volume) -> np.ndarray:
    """The true labels on the grid of a volume that was read."""
    index = np.stack(np.indices(volume.hu.shape), axis=-1).reshape(-1, 3).astype(float)
    mm = volume.position_mm(index).reshape(*volume.hu.shape, 3)
    labels = np.where(_lungs(mm), np.where(mm[..., 0] > 0, 1, 2), 0).astype(np.uint8)
    lesion = (volume.hu > -700) & (labels > 0)
    labels[lesion] += 2
    return labels


def _common(scan: Scan) -> Dataset:
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.StudyInstanceUID, header.SeriesInstanceUID = STUDY, SERIES
    header.FrameOfReferenceUID, header.PositionReferenceIndicator = FRAME_OF_REFERENCE, ""
    header.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    header.Modality, header.PatientID, header.PatientName = "CT", "P-17", "Test^Chest"
    header.PatientBirthDate, header.PatientSex, header.PatientAge = "19600102", "F", "060Y"
    header.StudyDate, header.StudyTime, header.StudyID = "20260102", "101500", "S1"
    header.AccessionNumber, header.ReferringPhysicianName = "A-9", ""
    header.Manufacturer, header.SeriesNumber, header.PatientPosition = "Maker", 3, scan.position
    header.ConvolutionKernel, header.KVP = "B31f", 120
    header.Rows, header.Columns = ROWS, COLUMNS
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated, header.BitsStored, header.HighBit = 16, 16, 15
    header.PixelRepresentation = 1
    return header


def classic(scan: Scan) -> list[Dataset]:
    """The chest as CT images."""
    mm, images = _positions(scan), []
    for number in range(SLICES):
        header = _common(scan)
        header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = CTImageStorage
        header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = f"2.25.44{number:02d}"
        header.InstanceNumber, header.AcquisitionNumber, header.SliceThickness = number + 1, 1, 9
        header.ImagePositionPatient = [f"{value:.6f}" for value in mm[number, 0, 0]]
        header.ImageOrientationPatient = [f"{value:.9g}" for value in (*scan.row, *scan.column)]
        header.PixelSpacing = [PIXEL_MM, PIXEL_MM]
        header.RescaleSlope, header.RescaleIntercept = 1, 0
        header.PixelData = hu_of(mm[number], lesion=scan.lesion).astype("<i2").tobytes()
        header["PixelData"].VR = "OW"
        images.append(header)
    return images


def enhanced(scan: Scan) -> Dataset:
    """The chest as one Enhanced CT, frames from the most caudal up."""
    mm, header = _positions(scan)[::-1], _common(scan)
    header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = EnhancedCTImageStorage
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = "2.25.4500"
    header.NumberOfFrames, header.InstanceNumber = SLICES, 1
    orientation, measures, shared = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = [*scan.row, *scan.column]
    measures.PixelSpacing, measures.SliceThickness = [PIXEL_MM, PIXEL_MM], 9
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [orientation], [measures]
    header.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for number in range(SLICES):
        position, rescale, content, group = (Dataset() for _ in range(4))
        position.ImagePositionPatient = [f"{value:.6f}" for value in mm[number, 0, 0]]
        rescale.RescaleSlope, rescale.RescaleIntercept, rescale.RescaleType = 1, 0, "HU"
        content.FrameAcquisitionNumber = 1
        group.PlanePositionSequence, group.FrameContentSequence = [position], [content]
        group.PixelValueTransformationSequence = [rescale]
        groups.append(group)
    header.PerFrameFunctionalGroupsSequence = groups
    header.PixelData = hu_of(mm, lesion=scan.lesion).astype("<i2").tobytes()
    header["PixelData"].VR = "OW"
    return header


def write(folder: Path, headers: list[Dataset]) -> Path:
    """The datasets as files of a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, header in enumerate(headers):
        dcmwrite(folder / f"{index:03d}.dcm", header, enforce_file_format=True)
    return folder


def assessed(folder: Path) -> Assessment:
    """What intake reads of the folder, with the true labels, measured."""
    (study,) = find([folder], workspace=folder.parent / "work")
    volume = load(study, threads=1)
    labels = labels_of(volume)
    measured = measure(volume, labels)
    return Assessment(
        volume=volume,
        segmentation=Segmentation(
            labels, np.zeros((1, 1, 1), np.float16), Network("lung-lesion", "1.0.0", "ab" * 32)
        ),
        measurements=measured.measurements,
        lesions=measured.lesions,
        profile=measured.profile,
        histogram=measured.histogram,
        checks=volume.checks,
        detection_limit_percent=0.2,
        interval_90_percent=(1.25, 4.5),
    )


def scanned(folder: Path, scan: Scan, change: Change | None = None) -> Assessment:
    """A scan written as CT images, each altered by its number, and assessed."""
    images = classic(scan)
    for number, image in enumerate(images):
        if change:
            change(image, number)
    return assessed(write(folder / "source", images))


def record_of(version: int = 1) -> Record:
    """The row of a version."""
    created = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
    return replace(Record(assessment_id(STUDY), 1, created, STUDY), version=version)
