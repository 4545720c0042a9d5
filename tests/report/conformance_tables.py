"""The tables of docs/pacs.md and docs/conformance.md: read from there, and made of the code.

A table under `<!-- made: name -->` is wholly the code's, and is written anew by

    python -m tests.report.conformance_tables

One under `<!-- held: name -->` has words of its own; test_conformance.py holds its keys against the
code.
"""

import re
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydicom.charset import python_encoding
from pydicom.uid import UID
from pynetdicom import ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts

from opacimeter.api.dicomweb import made, qido
from opacimeter.exchange.receiving import CT_CLASSES, CT_SYNTAXES
from opacimeter.report import codes
from opacimeter.report.dicom_object import SERIES
from opacimeter.report.seg import LABELMAP_SEGMENTATION
from opacimeter.settings import Listener, Pacs, Sender
from tests.report.conformance_attributes import attribute_rows, kept_rows, module_rows
from tests.report.conformance_objects import Written, written_objects
from tests.report.conformance_peers import Proposal, proposals

Row = tuple[str, ...]
DOCS = Path(__file__).resolve().parents[2] / "docs"
DOCUMENTS = (DOCS / "pacs.md", DOCS / "conformance.md")
_MARK = re.compile(r"<!-- (made|held): ([a-z-]+) -->\n(\|.*\n\|[ :|-]*\|\n)((?:\|.*\n)*)")
_LABELMAP_NAME = "Label Map Segmentation Storage"


def tables(kind: str) -> dict[str, list[Row]]:
    """The tables of all documents that are `made` or `held`, by name, without their heads."""
    found = {}
    for document in DOCUMENTS:
        for mark in _MARK.finditer(document.read_text(encoding="utf-8")):
            if mark[1] == kind:
                assert mark[2] not in found, f"two tables are called {mark[2]}"
                found[mark[2]] = [_cells(line) for line in mark[4].splitlines()]
    return found


def _cells(line: str) -> Row:
    return tuple(cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1])


def write(made: dict[str, list[Row]]) -> None:
    """Put rows into the documents."""

    def filled(mark: re.Match[str]) -> str:
        rows = made.get(mark[2]) if mark[1] == "made" else None
        if rows is None:
            return mark[0]
        return f"<!-- made: {mark[2]} -->\n{mark[3]}{''.join(map(_line, rows))}"

    for document in DOCUMENTS:
        document.write_text(_MARK.sub(filled, document.read_text("utf-8")), encoding="utf-8")


def _line(row: Row) -> str:
    cells = (cell.replace("|", r"\|") for cell in row)
    return re.sub(r"\|  (?=\|)", "| ", f"| {' | '.join(cells)} |\n")


def made_tables(folder: Path) -> dict[str, list[Row]]:
    """What the code says, by the name of the table."""
    objects = written_objects(folder)
    files = [folder / "full" / each.name for each in objects if not each.labelmap]
    proposed = proposals(folder, files)
    return {
        "storage": list(_storage()),
        "aside": [
            (name_of(uid), f"`{uid}`") for uid in _listed() if uid not in {*CT_CLASSES, *_created()}
        ],
        "syntaxes": list(_syntaxes(objects)),
        "kinds": list(_kinds(objects)),
        "association": list(_association(proposed)),
        "proposed": list(_proposed(proposed)),
        "segmentations": list(_segmentations(objects)),
        "kept": list(kept_rows()),
        "modules": list(module_rows(objects)),
        "attributes": list(attribute_rows(objects)),
        "codes": [_code(each) for each in codes.STANDARD],
        "private-codes": [_code(each) for each in codes.PRIVATE],
        "character-sets": [(f"`{name}`",) for name in python_encoding if name],
        "qido-keys": list(_qido_keys()),
        "pacs": list(_settings(Pacs)),
        "listener": list(_settings(Listener)),
        "senders": list(_settings(Sender)),
    }  # fmt: skip


def name_of(uid: str) -> str:
    """A SOP class or transfer syntax in words; what pydicom has no name for, by number alone."""
    name = _LABELMAP_NAME if uid == LABELMAP_SEGMENTATION else UID(uid).name
    return "" if name == uid else name


def _listed() -> list[str]:
    return sorted(
        {str(each.abstract_syntax) for each in AllStoragePresentationContexts}, key=_parts
    )


def _parts(uid: str) -> list[int]:
    return [int(part) for part in uid.split(".")]


def _created() -> set[str]:
    return {*(str(series.sop_class) for series in SERIES.values()), str(LABELMAP_SEGMENTATION)}


def _storage() -> Iterable[Row]:
    for uid in _listed():
        if uid in CT_CLASSES:
            yield name_of(uid), f"`{uid}`", "CT", "", "Y", "retrieve", "store", "", "Y"
        elif uid in _created():
            web = "store", "store, find, retrieve"
            yield name_of(uid), f"`{uid}`", "written", "Y", "Y", *web, "S", ""


def _syntaxes(objects: Sequence[Written]) -> Iterable[Row]:
    written = {str(each.dataset.file_meta.TransferSyntaxUID) for each in objects}
    for uid in map(str, ALL_TRANSFER_SYNTAXES):
        ct = str(CT_SYNTAXES.index(UID(uid)) + 1) if uid in CT_SYNTAXES else ""
        yield name_of(uid), f"`{uid}`", ct, "Y" if uid in written else "", "Y"


def _kinds(objects: Sequence[Written]) -> Iterable[Row]:
    seen = set()
    for each in sorted(objects, key=lambda each: SERIES[each.kind].number):
        data, series = each.dataset, SERIES[each.kind]
        syntax = data.file_meta.TransferSyntaxUID
        row = (
            f"`{each.kind}`", f"`{each.name}`", name_of(data.SOPClassUID), series.modality,
            str(series.number), series.description, f"{syntax.name}, `{syntax}`",
        )  # fmt: skip
        if row not in seen:
            seen.add(row)
            yield row


def _segmentations(objects: Sequence[Written]) -> Iterable[Row]:
    for each in objects:
        if "SegmentSequence" in each.dataset:
            data = each.dataset
            yield (
                f"`{each.name}`", name_of(data.SOPClassUID), data.SegmentationType,
                data.SegmentsOverlap, str(data.BitsAllocated),
            )  # fmt: skip


def _association(proposed: dict[str, Proposal]) -> Iterable[Row]:
    one = proposed["echo"]
    yield "Application Context Name", "`1.2.840.10008.3.1.1.1`"
    yield "Implementation Class UID", f"`{one.class_uid}`"
    yield "Implementation Version Name", f"`{one.version}`"
    yield "Maximum PDU Length received", f"{one.pdu} bytes"
    told = {each.asynchronous for each in proposed.values()}
    yield "Asynchronous Operations Window", "negotiated" if True in told else "not negotiated"


def _proposed(proposed: dict[str, Proposal]) -> Iterable[Row]:
    for act, proposal in proposed.items():
        classes: dict[str, dict[str, None]] = {}
        for sop_class, syntaxes in proposal.contexts:
            classes.setdefault(sop_class, {}).update(dict.fromkeys(syntaxes))
        for sop_class, found in classes.items():
            role = "SCP" if sop_class in proposal.scp else "SCU"
            told = (
                "CT" if set(found) == set(map(str, CT_SYNTAXES)) else ", ".join(map(name_of, found))
            )
            yield act, name_of(sop_class), f"`{sop_class}`", told, role


def _code(code: Any) -> Row:
    return f"`{code.value}`", code.scheme_designator, code.meaning


def _qido_keys() -> Iterable[Row]:
    levels = {"study": made.STUDY, "series": made.SERIES, "instance": made.INSTANCE}
    for level, keys in levels.items():
        for keyword, tag in keys.items():
            yield keyword, f"({tag[:4]},{tag[4:]})", level, _matching(tag)
    tag = qido._MODALITIES_IN_STUDY
    yield "ModalitiesInStudy", f"({tag[:4]},{tag[4:]})", "study", _matching(tag)


def _matching(tag: str) -> str:
    if tag in qido._UIDS:
        return "UID, list of UIDs"
    if tag in qido._DATES:
        return "value, wildcard, range"
    return "value in any case, wildcard" if tag in qido._NAMES else "value, wildcard"


def _settings(model: type[BaseModel]) -> Iterable[Row]:
    for name, field in model.model_fields.items():
        yield f"`{name}`", _default(field), field.description or ""


def _default(field: FieldInfo) -> str:
    value = field.default
    if field.is_required():
        return "required"
    if value is None:
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, re.Pattern):
        return f"`{value.pattern}`"
    if isinstance(value, tuple):
        return ", ".join(f"`{each}`" for each in value)
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as there:
        write(made_tables(Path(there)))
    sys.exit()
