"""The sample study as studies of other patients: every third slice of it is a whole chest."""

from pydicom import Dataset, dcmread

from tests.conftest import ROOT

SLICES = sorted((ROOT / "dicom_samples" / "phantom-001").glob("*.dcm"))[::3]
"""36 slices, 7.5 mm apart."""


def phantom(uid: str, count: int | None = None, **header: str) -> list[Dataset]:
    """The chest, or its first slices, as a study of its own with this in its headers."""
    images = [dcmread(file) for file in SLICES[:count]]
    for number, image in enumerate(images, 1):
        image.StudyInstanceUID, image.SeriesInstanceUID = uid, f"{uid}.1"
        image.SOPInstanceUID = f"{uid}.1.{number}"
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        for keyword, value in header.items():
            setattr(image, keyword, value)
    return images
