"""docs/pacs.md says what the code does: its tables are those of the code."""

from pathlib import Path

from opacimeter.report import codes
from opacimeter.report.dicom_object import SERIES
from opacimeter.report.segments import SEGMENTS

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "pacs.md").read_text(encoding="utf-8")
ROWS = [
    tuple(cell.strip().strip("`") for cell in line.strip("|").split("|"))
    for line in TEXT.splitlines()
    if line.startswith("|")
]


def test_every_code_is_in_the_table_with_its_meaning():
    told = {row for row in ROWS if len(row) == 3 and row[1] in codes_schemes()}
    assert told == {
        (code.value, code.scheme_designator, code.meaning)
        for code in (*codes.STANDARD, *codes.PRIVATE)
    }


def codes_schemes() -> set[str]:
    return {code.scheme_designator for code in (*codes.STANDARD, *codes.PRIVATE)}


def test_every_quantity_is_in_the_table():
    expected = {
        (
            quantity.value,
            measured.finding.meaning,
            measured.name.meaning
            + (f", {measured.derivation.meaning}" if measured.derivation else ""),
            measured.unit.value,
        )
        for quantity, measured in codes.MEASURED.items()
    }
    assert expected <= set(ROWS)


def test_every_kind_of_object_is_in_the_table():
    expected = {
        (
            kind.value,
            series.sop_class.name,
            str(series.sop_class),
            series.modality,
            str(series.number),
        )
        for kind, series in SERIES.items()
    }
    assert expected <= set(ROWS)


def test_every_segment_is_in_the_table():
    expected = {
        (kind.value, str(number), segment.label, segment.finding.meaning)
        for kind, segments in SEGMENTS.items()
        for number, segment in enumerate(segments, 1)
    }
    assert expected <= set(ROWS)


def test_the_private_scheme_is_named():
    assert codes.PRIVATE_SCHEME_UID in TEXT
