"""Volumes whose measures can be worked out by hand."""

from pathlib import Path

import numpy as np
from pydicom import Dataset

from opacimeter.volume import Series, Slice, Volume


def header(**values: object) -> Dataset:
    """A header as a scanner writes one, without pixels."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3.4.5"
    dataset.PatientID = "P1"
    dataset.IssuerOfPatientID = "H1"
    dataset.PatientName = "Wang^XiaoDong"
    dataset.PatientBirthDate = "19700131"
    dataset.PatientSex = "M"
    dataset.StudyDate = "20260102"
    dataset.StudyTime = "140533.25"
    dataset.StudyDescription = "CT chest"
    dataset.AccessionNumber = "A1"
    dataset.SeriesNumber = 3
    dataset.SeriesDescription = "lung 1.0"
    dataset.SliceThickness = 1.0
    dataset.ConvolutionKernel = ["Br40d", "3"]
    dataset.KVP = 120
    dataset.Manufacturer = "Maker"
    dataset.ManufacturerModelName = "Model"
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def volume_of(hu: np.ndarray, spacing_mm=(1.0, 1.0, 1.0), affine=None) -> Volume:
    """An axial volume: slices downward, rows to the back, columns to the left, origin 0."""
    slice_mm, row_mm, column_mm = spacing_mm
    if affine is None:
        affine = np.array(
            [[0, 0, column_mm, 0], [0, row_mm, 0, 0], [-slice_mm, 0, 0, 0], [0, 0, 0, 1.0]]
        )
    shared = header()
    slices = tuple(Slice(shared, Path("x"), index) for index in range(len(hu)))
    series = Series("1.2.3", "1.2.3.4", slices, chosen_because="It is the only series.")
    return Volume(hu.astype(np.int16), affine, series)


def two_lungs() -> tuple[np.ndarray, np.ndarray]:
    """HU and labels of two box lungs of 30×40×20 voxels, a lesion of 6×10×10 in the right one.

    Columns 10…29 are the right lung, 50…69 the left one, rows 10…49, slices 6…35.
    """
    hu = np.full((42, 60, 80), 40, dtype=np.int16)
    labels = np.zeros(hu.shape, dtype=np.uint8)
    for columns, label in ((slice(10, 30), 2), (slice(50, 70), 1)):
        hu[6:36, 10:50, columns] = -800
        labels[6:36, 10:50, columns] = label
    hu[8:14, 20:30, 15:25] = -400
    labels[8:14, 20:30, 15:25] = 4
    return hu, labels
