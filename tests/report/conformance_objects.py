"""Every DICOM object that opacimeter writes, of a header that tells all and of one that tells none.

The conformance statement says of each attribute whether it is always there, and where its value is
from; both are read off these objects.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pydicom
from pydicom import Dataset
from pydicom.datadict import dictionary_VR

from opacimeter.checks import SEVERITY_OF_CODE, Check, Severity
from opacimeter.errors import IntakeRejected
from opacimeter.record import Correction
from opacimeter.report import Choices, render, render_rejection, source, write_rejection_note
from opacimeter.report.dicom_object import SERIES, Kind
from tests.report.chests import SCANS, record_of, scanned

KEPT = (*source._EMPTY_IF_ABSENT, *source._IF_PRESENT)
_REFUSED = next(code for code, grave in SEVERITY_OF_CODE.items() if grave is Severity.REJECT)
_OF_VR = {"DA": "20200101", "TM": "1200", "CS": "YES", "DS": "1.5", "AS": "060Y"}


@dataclass(frozen=True)
class Written:
    """One object.

    Attributes:
        name: Its file.
        kind: What it is.
        labelmap: Whether segmentations were asked for as label maps.
        dataset: As it was read back.
    """

    name: str
    kind: Kind
    labelmap: bool
    dataset: Dataset


def written_objects(folder: Path) -> tuple[Written, ...]:
    """Version 1 of the full header, and a corrected version 2 of the bare one with label maps."""
    return (
        *_written(folder / "full", _tell_all, "supine", version=1, labelmap=False),
        *_written(folder / "bare", _tell_none, "tilted", version=2, labelmap=True),
    )


def _written(folder, change, scan, *, version, labelmap):
    folder.mkdir()
    assessment, record = scanned(folder, SCANS[scan], change), record_of(version)
    if version > 1:
        record = replace(
            record, correction=Correction(1, "Reader", "Missed."), predecessor=1,
            created=record.created + timedelta(days=1, hours=1),
        )  # fmt: skip
    choices = Choices(labelmap=labelmap, refusals=True)
    rejection = IntakeRejected((Check(_REFUSED, "No."),), assessment.volume.series.header)
    documents = render(assessment, record, choices) + render_rejection(rejection, record, choices)
    made = [each for each in documents if each.name.endswith(".dcm")]
    for each in made:
        each.write(folder / each.name)
    results = [folder / each.name for each in made if each.name != "refusal.dcm"]
    note = folder / "rejection.ko.dcm"
    write_rejection_note(note, results, record, author="Reader", reason=f"Effusion, {version}.")
    return [
        _read(path, version, labelmap=labelmap) for path in (*results, folder / "refusal.dcm", note)
    ]


def _read(path: Path, version: int, *, labelmap: bool) -> Written:
    dataset = pydicom.dcmread(path)
    number = dataset.SeriesNumber - 10 * (version - 1)
    (kind,) = (kind for kind, series in SERIES.items() if series.number == number)
    return Written(path.name, kind, labelmap, dataset)


def _tell_all(header: Dataset, _number: int) -> None:
    header.SpecificCharacterSet = "ISO_IR 192"
    for keyword in KEPT:
        vr = dictionary_VR(keyword)
        setattr(header, keyword, [_item()] if vr == "SQ" else _OF_VR.get(vr, "陈"))
    header.TimezoneOffsetFromUTC, header.PositionReferenceIndicator = "+0800", "XY"


def _tell_none(header: Dataset, _number: int) -> None:
    for keyword in (*KEPT, "PositionReferenceIndicator"):
        if keyword in header:
            delattr(header, keyword)


def _item() -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "1", "99TEST", "Chest"
    return item
