"""Measurements as CSV: one row a study, units in the names of the columns."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from opacimeter.findings import Assessment, Quantity, Region
from opacimeter.record import Record
from opacimeter.report import header as headers
from opacimeter.report.result import ct_ss

__all__ = ["table_row", "write_table"]


def write_table(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Write rows of `table_row` under a header, UTF-8 with a byte-order mark for Excel."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def table_row(assessment: Assessment, record: Record) -> dict[str, str]:
    """One study's row. A quantity that could not be had is an empty cell, never a 0."""
    header, network = assessment.volume.series.header, assessment.segmentation.network
    percent = assessment.value(Quantity.LESION_PERCENT)
    row = {
        "study_uid": record.study_uid,
        "series_uid": assessment.volume.series.uid,
        "patient_id": headers.patient(header)["id"] or "",
        "study_date": headers.study(header, record.study_uid)["date"] or "",
        "assessment_id": str(record.id),
        "version": str(record.version),
        "model": f"{network.name} {network.version}",
        "checks": " ".join(check.code for check in assessment.checks),
        "ct_ss": "" if percent is None else str(ct_ss(percent)),
    }
    values = {(row.region, row.quantity): row.value for row in assessment.measurements}
    for region in Region:
        for quantity in Quantity:
            value = values.get((region, quantity))
            name = f"{region.value.replace('-', '_')}_{quantity.value}"
            row[name] = "" if value is None else f"{value:.3f}".rstrip("0").rstrip(".")
    return row
