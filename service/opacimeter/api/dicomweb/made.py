"""The objects that were made, with what a query asks of their headers."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from opacimeter.api.services import Services
from opacimeter.errors import NotFound
from opacimeter.store import Artifact, MadeStudy

__all__ = ["INSTANCE", "SERIES", "STUDY", "Header", "Made", "made_of", "text_of"]

Header = Mapping[str, Any]

# Attributes by keyword and tag that each level answers with: PS3.18 tables 10.6.3-3 to 10.6.3-5.
STUDY = {
    "StudyDate": "00080020", "StudyTime": "00080030", "AccessionNumber": "00080050",
    "ReferringPhysicianName": "00080090", "StudyDescription": "00081030",
    "PatientName": "00100010", "PatientID": "00100020", "PatientBirthDate": "00100030",
    "PatientSex": "00100040", "StudyInstanceUID": "0020000D", "StudyID": "00200010",
    "SpecificCharacterSet": "00080005", "TimezoneOffsetFromUTC": "00080201",
}  # fmt: skip
SERIES = {
    "Modality": "00080060", "SeriesDate": "00080021", "SeriesTime": "00080031",
    "SeriesDescription": "0008103E", "SeriesInstanceUID": "0020000E", "SeriesNumber": "00200011",
}  # fmt: skip
INSTANCE = {
    "SOPClassUID": "00080016", "SOPInstanceUID": "00080018", "InstanceNumber": "00200013",
    "Rows": "00280010", "Columns": "00280011", "BitsAllocated": "00280100",
    "NumberOfFrames": "00280008", "AvailableTransferSyntaxUID": "00083002",
}  # fmt: skip
_KEPT = {*STUDY.values(), *SERIES.values(), *INSTANCE.values()}


@dataclass(frozen=True, slots=True)
class Made:
    """One object that was made.

    Attributes:
        header: What a query asks of its header, in the DICOM JSON model.
        path: The file.
        size: Its length in bytes.
    """

    header: Header
    path: Path
    size: int

    def uid(self, keyword: str) -> str:
        """StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID or the transfer syntax."""
        tags = {**STUDY, **SERIES, **INSTANCE}
        return text_of(self.header, tags[keyword])


def made_of(services: Services, studies: Iterator[MadeStudy]) -> Iterator[Sequence[Made]]:
    """The objects of each study, read as they are asked for; one removed meanwhile is left out."""
    for study in studies:
        objects = [
            found
            for version, artifact in study.objects
            if (found := _made(services, study.id, version, artifact)) is not None
        ]
        if objects:
            yield objects


def text_of(header: Header, tag: str) -> str:
    """An attribute's values as one text, several joined by a backslash; empty where absent."""
    values = header.get(tag, {}).get("Value") or []
    return "\\".join(_text(value) for value in values if value is not None)


def _text(value: object) -> str:
    # A name has up to three writings (PS3.5 6.2.1), any of which may be looked for.
    return "=".join(str(each) for each in value.values()) if isinstance(value, dict) else str(value)


def _made(services: Services, assessment: UUID, version: int, artifact: Artifact) -> Made | None:
    try:
        header = _header(services, assessment, version, artifact)
    except (NotFound, FileNotFoundError):
        return None
    return Made(header, artifact.path, artifact.size_bytes)


def _header(services: Services, assessment: UUID, version: int, artifact: Artifact) -> Header:
    """Kept beside the rendered slices: a segmentation's header takes a while to read."""
    if not artifact.path.exists():
        raise NotFound("the assessment was removed meanwhile")
    kept = services.store.files.cache(assessment, version) / f"header-{artifact.sha256[:32]}.json"
    if kept.exists():
        known: Header = json.loads(kept.read_bytes())
        return known
    whole = services.dicom.header(artifact.path)
    header = {tag: value for tag, value in whole.items() if tag in _KEPT}
    writing = kept.with_suffix(".part")
    writing.write_text(json.dumps(header), encoding="utf-8")
    writing.replace(kept)
    return header
