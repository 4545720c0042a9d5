"""The DICOM objects and the FHIR bundle that programs read, and what of them can be chosen."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from opacimeter.checks import Check
from opacimeter.document import Document
from opacimeter.findings import Assessment
from opacimeter.record import Record
from opacimeter.report.dicom_object import Kind
from opacimeter.report.fhir import write_fhir
from opacimeter.report.seg import missing_segmentation, write_seg
from opacimeter.report.sr import write_sr
from opacimeter.volume import Volume

__all__ = ["DEFAULT_CHOICES", "Choices", "document_checks", "object_documents"]


@dataclass(frozen=True, slots=True)
class Choices:
    """What whoever renders may choose.

    Attributes:
        labelmap: Write segmentations as label maps: smaller, but archives and viewers from before
            2024 do not know the class.
        refusals: Write a page for the archive about a study that cannot be measured.
    """

    labelmap: bool = False
    refusals: bool = False


DEFAULT_CHOICES: Final = Choices()


def object_documents(
    assessment: Assessment, record: Record, choices: Choices = DEFAULT_CHOICES
) -> tuple[Document, ...]:
    """Segmentations where the source allows them, the structured report, the FHIR bundle."""
    return (
        *_segmentations(assessment, record, choices),
        Document(
            "measurements.sr.dcm",
            "application/dicom",
            lambda path: write_sr(path, assessment, record, labelmap=choices.labelmap),
        ),
        Document(
            "fhir.json",
            "application/fhir+json",
            lambda path: write_fhir(path, assessment, record),
        ),
    )


def document_checks(volume: Volume) -> tuple[Check, ...]:
    """Why a document of this volume will be missing; empty where none will."""
    check = missing_segmentation(volume)
    return () if check is None else (check,)


def _segmentations(assessment: Assessment, record: Record, choices: Choices) -> Iterator[Document]:
    if missing_segmentation(assessment.volume) is not None:
        return
    for name, kind in (("anatomy", Kind.ANATOMY_SEG), ("lesions", Kind.LESION_SEG)):
        yield Document(
            f"{name}.seg.dcm",
            "application/dicom",
            partial(_write_seg, assessment=assessment, record=record, kind=kind, choices=choices),
        )


def _write_seg(
    path: Path, *, assessment: Assessment, record: Record, kind: Kind, choices: Choices
) -> None:
    write_seg(path, assessment, record, kind, labelmap=choices.labelmap)
