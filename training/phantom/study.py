"""A scan of the phantom as DICOM files: CT Image Storage, or Enhanced CT Image Storage."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid5

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, CTImageStorage, EnhancedCTImageStorage

from training.phantom.patient import Patient
from training.phantom.scanner import Kernel, Region, Scan, scan
from training.phantom.syntaxes import put_pixels
from training.phantom.truth import Truth

__all__ = ["write_study"]

_NAMESPACE = UUID("1f3a6f0e-52a5-4f43-9d4c-5a1f2d6c8e70")
_INTERCEPT = -1024
_DATE, _TIME = "20260105", "101500"
_IMPLEMENTATION = "2.25.302043790172249692526321623266752743501"
_KERNELS = {Kernel.SOFT: "B31f", Kernel.SHARP: "B70f"}


@dataclass(frozen=True, slots=True)
class _Uids:
    """UIDs of form 2.25 (PS3.5 annex B.2): the same patient and scan always get the same."""

    patient: Patient
    protocol: Scan

    def _make(self, *words: object) -> UID:
        text = "/".join(map(str, words))
        return UID(f"2.25.{uuid5(_NAMESPACE, text).int}")

    @property
    def study(self) -> UID:
        return self._make("study", self.patient)

    @property
    def frame_of_reference(self) -> UID:
        return self._make("frame of reference", self.patient)

    @property
    def series(self) -> UID:
        return self._make("series", self.patient, self.protocol)

    @property
    def dimension(self) -> UID:
        return self._make("dimension", self.patient, self.protocol)

    def instance(self, number: int) -> UID:
        return self._make("instance", self.patient, self.protocol, number)


def write_study(folder: Path, patient: Patient, protocol: Scan) -> Truth:
    """Scan a patient and write the study's files into a folder, which is made.

    One file a slice, 0001.dcm and so on in the order of acquisition (feet first: from below), or
    one multi-frame file where the scan asks for Enhanced CT. Same arguments, same bytes.

    Returns:
        What is true of the scan.
    """
    hu, truth = scan(patient, protocol)
    stored = (hu.astype(np.int32) - _INTERCEPT).astype(np.uint16)
    folder.mkdir(parents=True, exist_ok=True)
    uids = _Uids(patient, protocol)
    order = range(protocol.slices)[:: -1 if protocol.position.startswith("FF") else 1]
    if protocol.enhanced:
        dataset = _enhanced(uids, list(order))
        put_pixels(dataset, stored[list(order)], protocol.syntax)
        _write(dataset, folder / "0001.dcm")
        return truth
    for number, index in enumerate(order, start=1):
        dataset = _single(uids, index, number)
        put_pixels(dataset, stored[index : index + 1], protocol.syntax)
        _write(dataset, folder / f"{number:04d}.dcm")
    return truth


def _write(dataset: Dataset, path: Path) -> None:
    dataset.save_as(path, enforce_file_format=True)


def _common(uids: _Uids, sop_class: UID, number: int) -> Dataset:
    """Modules that a single image and a multi-frame one share."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.ImplementationClassUID = UID(_IMPLEMENTATION)
    dataset.file_meta.ImplementationVersionName = "OPACIMETER"
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = uids.instance(number)
    dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = _DATE, _TIME
    _put_patient(dataset, uids.patient)
    _put_study_and_series(dataset, uids)
    _put_equipment(dataset)
    dataset.InstanceNumber = number
    dataset.ContentDate, dataset.ContentTime = _DATE, _TIME
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "00"
    return dataset


def _put_patient(dataset: Dataset, patient: Patient) -> None:
    dataset.PatientName = patient.name
    dataset.PatientID = patient.id
    dataset.PatientBirthDate = patient.birth_date
    dataset.PatientSex = patient.sex
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "Simulated, no person was scanned"


def _put_study_and_series(dataset: Dataset, uids: _Uids) -> None:
    head = uids.protocol.region is Region.HEAD
    dataset.StudyInstanceUID = uids.study
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = _DATE
    dataset.StudyTime = dataset.SeriesTime = dataset.AcquisitionTime = _TIME
    dataset.ReferringPhysicianName = ""
    dataset.StudyID = "1"
    dataset.AccessionNumber = f"PHANTOM{uids.patient.seed:06d}"
    dataset.StudyDescription = "CT head phantom" if head else "CT chest phantom"
    dataset.Modality = "CT"
    dataset.SeriesInstanceUID = uids.series
    dataset.SeriesNumber = 2
    thickness = _decimal(uids.protocol.thickness_mm)
    region = "Head" if head else "Chest"
    dataset.SeriesDescription = f"{region} {thickness} mm {_KERNELS[uids.protocol.kernel]}"
    dataset.ProtocolName = f"{region} native"
    dataset.BodyPartExamined = region.upper()
    dataset.PatientPosition = str(uids.protocol.position)
    dataset.FrameOfReferenceUID = uids.frame_of_reference
    dataset.PositionReferenceIndicator = ""
    dataset.AcquisitionNumber = 1


def _put_equipment(dataset: Dataset) -> None:
    dataset.Manufacturer = "opacimeter"
    dataset.ManufacturerModelName = "Digital chest phantom"
    dataset.InstitutionName = "None"
    dataset.StationName = "PHANTOM"
    dataset.DeviceSerialNumber = "1"
    dataset.SoftwareVersions = "1"


def _single(uids: _Uids, index: int, number: int) -> Dataset:
    """One slice: CT image and image plane modules (PS3.3 A.3)."""
    protocol = uids.protocol
    dataset = _common(uids, CTImageStorage, number)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    position = _position(protocol, index)
    dataset.ImagePositionPatient = _decimals(position)
    dataset.ImageOrientationPatient = _decimals(protocol.directions.ravel())
    dataset.SliceLocation = _decimal(float(position[2]))
    dataset.PixelSpacing = _decimals(np.array(protocol.spacing_mm[1:]))
    dataset.SliceThickness = _decimal(protocol.thickness_mm)
    dataset.SpacingBetweenSlices = _decimal(_apart_mm(protocol))
    dataset.GantryDetectorTilt = _decimal(protocol.tilt_degrees)
    dataset.KVP = "120"
    dataset.XRayTubeCurrent, dataset.ExposureTime = 200, 500
    dataset.ConvolutionKernel = _KERNELS[protocol.kernel]
    dataset.RescaleIntercept, dataset.RescaleSlope = str(_INTERCEPT), "1"
    dataset.RescaleType = "HU"
    dataset.WindowCenter, dataset.WindowWidth = ["-600", "40"], ["1500", "400"]
    return dataset


def _enhanced(uids: _Uids, order: list[int]) -> Dataset:
    """All slices as frames (PS3.3 A.38, functional groups C.7.6.16)."""
    protocol = uids.protocol
    dataset = _common(uids, EnhancedCTImageStorage, 1)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    dataset.PixelPresentation, dataset.VolumetricProperties = "MONOCHROME", "VOLUME"
    dataset.VolumeBasedCalculationTechnique = "NONE"
    dataset.AcquisitionDateTime = _DATE + _TIME
    dataset.AcquisitionDuration = 6.0
    dataset.ContentQualification = "RESEARCH"
    dataset.PresentationLUTShape = "IDENTITY"
    dataset.AcquisitionContextSequence = Sequence()
    dataset.NumberOfFrames = len(order)
    dataset.DimensionOrganizationSequence = Sequence([Dataset()])
    organization = uids.dimension
    dataset.DimensionOrganizationSequence[0].DimensionOrganizationUID = organization
    dataset.DimensionIndexSequence = Sequence([_dimension(organization)])
    dataset.SharedFunctionalGroupsSequence = Sequence([_shared_groups(protocol)])
    dataset.PerFrameFunctionalGroupsSequence = Sequence(
        [_frame_groups(protocol, index, number) for number, index in enumerate(order, start=1)]
    )
    return dataset


def _dimension(organization: UID) -> Dataset:
    item = Dataset()
    item.DimensionOrganizationUID = organization
    item.DimensionIndexPointer = 0x00209057  # InStackPositionNumber
    item.FunctionalGroupPointer = 0x00209111  # FrameContentSequence
    return item


def _shared_groups(protocol: Scan) -> Dataset:
    groups = Dataset()
    measures, plane, kind = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = _decimals(np.array(protocol.spacing_mm[1:]))
    measures.SliceThickness = _decimal(protocol.thickness_mm)
    measures.SpacingBetweenSlices = _decimal(_apart_mm(protocol))
    plane.ImageOrientationPatient = _decimals(protocol.directions.ravel())
    kind.FrameType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    kind.PixelPresentation, kind.VolumetricProperties = "MONOCHROME", "VOLUME"
    kind.VolumeBasedCalculationTechnique = "NONE"
    groups.PixelMeasuresSequence = Sequence([measures])
    groups.PlaneOrientationSequence = Sequence([plane])
    groups.CTImageFrameTypeSequence = Sequence([kind])
    rescale, window, kernel, beam = Dataset(), Dataset(), Dataset(), Dataset()
    rescale.RescaleIntercept, rescale.RescaleSlope, rescale.RescaleType = str(_INTERCEPT), "1", "HU"
    window.WindowCenter, window.WindowWidth = "-600", "1500"
    kernel.ConvolutionKernel = _KERNELS[protocol.kernel]
    kernel.ReconstructionAlgorithm = "FILTER_BACK_PROJ"
    beam.KVP = "120"
    groups.PixelValueTransformationSequence = Sequence([rescale])
    groups.FrameVOILUTSequence = Sequence([window])
    groups.CTReconstructionSequence = Sequence([kernel])
    groups.CTXRayDetailsSequence = Sequence([beam])
    return groups


def _frame_groups(protocol: Scan, index: int, number: int) -> Dataset:
    groups, content, plane = Dataset(), Dataset(), Dataset()
    content.StackID, content.InStackPositionNumber = "1", number
    content.DimensionIndexValues = number
    content.FrameAcquisitionNumber = 1
    plane.ImagePositionPatient = _decimals(_position(protocol, index))
    groups.FrameContentSequence = Sequence([content])
    groups.PlanePositionSequence = Sequence([plane])
    return groups


def _position(protocol: Scan, index: int) -> NDArray[np.float64]:
    """LPS mm of the centre of a slice's first pixel."""
    origin: NDArray[np.float64] = protocol.affine[:3, 3] + index * protocol.affine[:3, 0]
    return origin


def _apart_mm(protocol: Scan) -> float:
    """Distance of the planes along their normal: less than the table's step where they tilt."""
    return protocol.spacing_mm[0] * float(np.cos(np.deg2rad(protocol.tilt_degrees)))


def _decimals(values: NDArray[np.float64]) -> list[str]:
    return [_decimal(float(value)) for value in values]


def _decimal(value: float) -> str:
    """A decimal string of at most 16 characters (PS3.5 6.2)."""
    return f"{value + 0.0:.10g}"[:16]
