"""Report: turn an assessment into documents and pictures."""

from opacimeter.report.archived import header_json, made_here, object_frame
from opacimeter.report.case_folder import CaseFolder, CorrectedCase
from opacimeter.report.comparison import compare, comparison_checks, mismatch_check
from opacimeter.report.inspection import inspection, rejected_inspection
from opacimeter.report.kept import read_result
from opacimeter.report.key_object import write_rejection_note
from opacimeter.report.nifti import read_nifti
from opacimeter.report.objects import DEFAULT_CHOICES, Choices, document_checks
from opacimeter.report.painting import accept_painting, volume_voxels
from opacimeter.report.preview import PREVIEW_FORM, Preview, write_preview
from opacimeter.report.rendering import render, render_rejection, volume_document
from opacimeter.report.result import (
    checks_json,
    compared,
    list_summary,
    rejection_result,
    result,
)
from opacimeter.report.slices import Plane, SliceRenderer
from opacimeter.report.table import join_tables, read_table, table_row, write_table

__all__ = [
    "DEFAULT_CHOICES",
    "PREVIEW_FORM",
    "CaseFolder",
    "Choices",
    "CorrectedCase",
    "Plane",
    "Preview",
    "SliceRenderer",
    "accept_painting",
    "checks_json",
    "compare",
    "compared",
    "comparison_checks",
    "document_checks",
    "header_json",
    "inspection",
    "join_tables",
    "list_summary",
    "made_here",
    "mismatch_check",
    "object_frame",
    "read_nifti",
    "read_result",
    "read_table",
    "rejected_inspection",
    "rejection_result",
    "render",
    "render_rejection",
    "result",
    "table_row",
    "volume_document",
    "volume_voxels",
    "write_preview",
    "write_rejection_note",
    "write_table",
]
