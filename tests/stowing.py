"""Objects for store requests: small CT images and others, and the bodies that carry them."""

from collections.abc import Sequence

from pydicom import Dataset
from pydicom.uid import ComprehensiveSRStorage, generate_uid

from opacimeter.report import made_here
from tests.intake import series

JSON = "application/dicom+json"
BOUNDARY = b"4b7c3f0e"
HEADERS = {
    "Content-Type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY.decode()}',
    "Accept": JSON,
}


def images(count: int = 3, study: str = series.STUDY) -> list[Dataset]:
    """The first slices of a series; each study has instances of its own."""
    headers = [series.image(number) for number in range(count)]
    for number, header in enumerate(headers):
        header.StudyInstanceUID = study
        header.SeriesInstanceUID = f"{study}.1"
        header.SOPInstanceUID = f"{study}.1.{number + 1}"
        header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    return headers


def report(study: str = series.STUDY) -> Dataset:
    """An object that is no CT image: the scanner's dose report."""
    header = images(1, study)[0]
    del header.PixelData
    header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = ComprehensiveSRStorage
    header.SOPInstanceUID = generate_uid(entropy_srcs=[study, "dose report"])
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.Modality, header.SeriesInstanceUID = "SR", f"{study}.99"
    return header


def our_own(study: str = series.STUDY) -> Dataset:
    """A result of this software, as an archive sends it back."""
    header = report(study)
    header.Manufacturer = header.ManufacturerModelName = "opacimeter"
    header.SOPInstanceUID = generate_uid(prefix="2.25.", entropy_srcs=[study, "result"])
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    assert made_here(header)
    return header


def body(objects: Sequence[Dataset | bytes], media_type: str = "application/dicom") -> bytes:
    """A multipart/related body of them."""
    parts = [each if isinstance(each, bytes) else series.as_bytes(each) for each in objects]
    head = b"--" + BOUNDARY + f"\r\nContent-Type: {media_type}\r\n\r\n".encode()
    return b"".join(head + part + b"\r\n" for part in parts) + b"--" + BOUNDARY + b"--\r\n"


def listed(answer: dict, tag: str) -> list[str]:
    """SOPInstanceUIDs of a sequence of the answer."""
    return [item["00081155"]["Value"][0] for item in answer.get(tag, {}).get("Value", [])]
