"""What documents there are of an assessment."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opacimeter.document import Document
from opacimeter.errors import IntakeRejected
from opacimeter.findings import Assessment
from opacimeter.record import Record
from opacimeter.report.dicom_object import write_object
from opacimeter.report.encapsulated_pdf import encapsulated_refusal
from opacimeter.report.nifti import write_nifti
from opacimeter.report.objects import DEFAULT_CHOICES, Choices, object_documents
from opacimeter.report.overlay import write_overlay
from opacimeter.report.page import refusal_pdf
from opacimeter.report.papers import ARCHIVED, Papers
from opacimeter.report.result import rejection_result, result
from opacimeter.report.table import table_row, write_table
from opacimeter.volume import Volume
from opacimeter.zones import lung_zones

__all__ = ["render", "render_rejection", "volume_document"]


def render(
    assessment: Assessment, record: Record, choices: Choices = DEFAULT_CHOICES
) -> tuple[Document, ...]:
    """The documents of an assessment; the same assessment and record give the same bytes."""
    volume, labels = assessment.volume, assessment.segmentation.labels
    content = result(assessment, record)
    return (
        _json_document(content),
        Document(
            "measurements.csv",
            "text/csv",
            lambda path: write_table(path, [table_row(assessment, record)]),
        ),
        Document("overlay.png", "image/png", lambda path: write_overlay(path, assessment, record)),
        Document(
            "labels.nii.gz",
            "application/gzip",
            lambda path: write_nifti(path, labels, volume.affine, about=_about(record)),
        ),
        Document(
            "anatomy.nii.gz",
            "application/gzip",
            lambda path: write_nifti(
                path, lung_zones(volume, labels), volume.affine, about=_about(record)
            ),
        ),
        volume_document(volume),
        *Papers(assessment, record, content).documents(),
        *object_documents(assessment, record, choices),
    )


def _about(record: Record) -> str:
    """Which labels these are: files leave the folder that tells."""
    correction = record.correction
    made = f", corrected from {correction.of}" if correction else ""
    return f"opacimeter {record.id} v{record.version}{made}"


def render_rejection(
    rejection: IntakeRejected, record: Record, choices: Choices = DEFAULT_CHOICES
) -> tuple[Document, ...]:
    """The documents of a study that cannot be measured: the result, without numbers.

    Where it is chosen, and a header tells whose study it is, also a page for the archive.
    """
    content, header = rejection_result(rejection, record), rejection.header
    result_document = _json_document(content)
    if header is None or not choices.refusals:
        return (result_document,)

    def write(path: Path) -> None:
        page = refusal_pdf(content, ARCHIVED)
        write_object(path, encapsulated_refusal(header, record, page))

    return (result_document, Document("refusal.dcm", "application/dicom", write))


def volume_document(volume: Volume) -> Document:
    """The volume in HU as NIfTI."""
    return Document(
        "volume.nii.gz",
        "application/gzip",
        lambda path: write_nifti(path, volume.hu, volume.affine),
    )


def _json_document(content: Mapping[str, Any]) -> Document:
    def write(path: Path) -> None:
        text = json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False)
        path.write_text(text + "\n", encoding="utf-8")

    return Document("result.json", "application/json", write)
