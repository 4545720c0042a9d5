"""Encapsulated PDF: the one-page report as an object of the study (PS3.3 A.45.1)."""

from pydicom import Dataset
from pydicom.sequence import Sequence

from opacimeter.record import Record
from opacimeter.report.dicom_object import Kind, new_object, references
from opacimeter.volume import Volume

__all__ = ["encapsulated_pdf"]


def encapsulated_pdf(volume: Volume, record: Record, page: bytes) -> Dataset:
    """The report as a dataset ready to be written.

    Args:
        volume: What was measured.
        record: What the object is filed under.
        page: The PDF.
    """
    dataset = new_object(volume, record, Kind.REPORT)
    dataset.ConversionType = "WSD"
    dataset.AcquisitionDateTime = ""
    dataset.BurnedInAnnotation = "YES"
    dataset.RecognizableVisualFeatures = "NO"
    dataset.SourceInstanceSequence = references(volume)
    dataset.DocumentTitle = "Chest CT: lung and opacity volumes. Research use only."
    dataset.ConceptNameCodeSequence = Sequence([])
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocumentLength = len(page)
    dataset.EncapsulatedDocument = page + b"\0" * (len(page) % 2)
    return dataset
