"""Measurements as CSV: one row a study, units in the names of the columns."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from opacimeter.errors import Conflict
from opacimeter.findings import Assessment, Quantity, Region
from opacimeter.record import Record
from opacimeter.report import header as headers
from opacimeter.report.result import ct_ss, near_boundary

__all__ = ["join_tables", "read_table", "table_row", "write_table"]

_ABOUT = [
    *("study_uid", "series_uid", "patient_id", "study_date", "assessment_id", "version"),
    "corrected_of",
    *("model", "model_sha256", "checks", "ct_ss", "ct_ss_near_boundary"),
    *("interval_90_low_percent", "interval_90_high_percent"),
]
_VALUES = {
    (region, quantity): f"{region.value.replace('-', '_')}_{quantity.value}"
    for region in Region
    for quantity in Quantity
}
_COLUMNS = [*_ABOUT, *_VALUES.values()]


def write_table(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Write rows of `table_row` under a header, UTF-8 with a byte-order mark for Excel.

    The file is replaced at once, so that whoever is interrupted loses no row.
    """
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=_COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    partial.replace(path)


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows that `write_table` wrote.

    Raises:
        Conflict: The file is another table.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if list(reader.fieldnames or ()) != _COLUMNS:
            raise Conflict(
                f"The table does not have the {len(_COLUMNS)} columns that this version writes; "
                "name a new file."
            )
        return list(reader)


def join_tables(paths: Iterable[Path]) -> Iterator[str]:
    """Tables as one, line by line, with the byte-order mark and this version's columns.

    A table that another version of the software wrote is read by its own header: columns it lacks
    are empty, columns unknown here are left out. One that is gone meanwhile is passed over.
    """
    line = io.StringIO(newline="")
    writer = csv.DictWriter(line, fieldnames=_COLUMNS, restval="", extrasaction="ignore")
    writer.writeheader()
    yield "\ufeff" + line.getvalue()
    for path in paths:
        line.seek(0)
        line.truncate()
        writer.writerows(_rows(path))
        yield line.getvalue()


def table_row(assessment: Assessment, record: Record) -> dict[str, str]:
    """One study's row. A quantity that could not be had is an empty cell, never a 0."""
    header, network = assessment.volume.series.header, assessment.segmentation.network
    percent = assessment.value(Quantity.LESION_PERCENT)
    about = {
        "study_uid": record.study_uid,
        "series_uid": assessment.volume.series.uid,
        "patient_id": headers.patient(header)["id"] or "",
        "study_date": headers.study(header, record.study_uid)["date"] or "",
        "assessment_id": str(record.id),
        "version": str(record.version),
        "corrected_of": str(record.correction.of) if record.correction else "",
        "model": f"{network.name} {network.version}",
        "model_sha256": network.sha256,
        "checks": " ".join(check.code for check in assessment.checks),
        **_graded(percent, assessment.interval_90_percent),
    }
    values = {(row.region, row.quantity): row.value for row in assessment.measurements}
    return about | {column: _cell(values.get(key)) for key, column in _VALUES.items()}


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    except FileNotFoundError:
        return []


def _graded(percent: float | None, interval: tuple[float, float] | None) -> dict[str, str]:
    low, high = interval or (None, None)
    near = "" if percent is None or not interval else str(near_boundary(percent, interval)).lower()
    return {
        "ct_ss": "" if percent is None else str(ct_ss(percent)),
        "ct_ss_near_boundary": near,
        "interval_90_low_percent": _cell(low),
        "interval_90_high_percent": _cell(high),
    }


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}".rstrip("0").rstrip(".")
