"""Encapsulated PDF: a page of ours as an object of the study (PS3.3 A.45.1)."""

import hashlib

from pydicom import Dataset
from pydicom.sequence import Sequence

from opacimeter.record import Record
from opacimeter.report.dicom_object import Kind, derived_uid, new_object, object_of, references
from opacimeter.volume import Volume

__all__ = ["encapsulated_pdf", "encapsulated_refusal"]


def encapsulated_pdf(volume: Volume, record: Record, page: bytes) -> Dataset:
    """The report as a dataset ready to be written.

    Args:
        volume: What was measured.
        record: What the object is filed under.
        page: The PDF.
    """
    dataset = new_object(volume, record, Kind.REPORT)
    dataset.SourceInstanceSequence = references(volume)
    _enclose(dataset, page, "Chest CT: lung and opacity volumes. Research use only.")
    return dataset


def encapsulated_refusal(header: Dataset, record: Record, page: bytes) -> Dataset:
    """The page about a study that was not measured as a dataset ready to be written.

    It is derived from no image, so it names none (PS3.3 C.24.2).

    Args:
        header: Of any object of the study.
        record: What the object is filed under.
        page: The PDF.
    """
    dataset = object_of(header, record, Kind.REFUSAL)
    # Retried, and refused for another reason, is another page under the same version.
    content = hashlib.sha256(page).hexdigest()
    dataset.SOPInstanceUID = derived_uid(record, Kind.REFUSAL, f"instance {content}")
    _enclose(dataset, page, "Chest CT: not measured. Research use only.")
    return dataset


def _enclose(dataset: Dataset, page: bytes, title: str) -> None:
    dataset.ConversionType = "WSD"
    dataset.AcquisitionDateTime = ""
    dataset.BurnedInAnnotation = "YES"
    dataset.RecognizableVisualFeatures = "NO"
    dataset.DocumentTitle = title
    dataset.ConceptNameCodeSequence = Sequence([])
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocumentLength = len(page)
    dataset.EncapsulatedDocument = page + b"\0" * (len(page) % 2)
