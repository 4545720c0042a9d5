"""Report: turn an assessment into documents and pictures."""

from opacimeter.report.inspection import inspection, rejected_inspection
from opacimeter.report.rendering import render, render_rejection, volume_document
from opacimeter.report.result import rejection_result, result
from opacimeter.report.slices import Plane, SliceRenderer
from opacimeter.report.table import read_table, table_row, write_table

__all__ = [
    "Plane",
    "SliceRenderer",
    "inspection",
    "read_table",
    "rejected_inspection",
    "rejection_result",
    "render",
    "render_rejection",
    "result",
    "table_row",
    "volume_document",
    "write_table",
]
