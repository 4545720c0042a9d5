"""What names the objects in DICOM files, and what failure codes mean."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from opacimeter.errors import ArchiveRefused
from opacimeter.exchange.archive import Failure, Instance

__all__ = ["DUPLICATE", "failure", "identified"]

_IDENTITY: Final = ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"]
DUPLICATE: Final = 0x0111
"""Duplicate SOP Instance (PS3.7 C.5.6): the archive has it already. Our UIDs are derived from what
the object is, so it is this object."""

_MEANING: Final = {
    0x0105: "no such attribute",
    0x0106: "invalid attribute value",
    0x0110: "processing failure",
    0x0112: "no such object instance",
    0x0117: "invalid object instance",
    0x0118: "no such SOP class",
    0x0119: "class and instance conflict",
    0x0122: "SOP class not supported",
    0x0124: "not authorized",
    0x0131: "duplicate transaction UID",
    0x0213: "resource limitation",
    0xA700: "out of resources",
    0xA801: "move destination unknown",
    0xA900: "data set does not match SOP class",
    0xC000: "cannot understand",
}
# The archive's own trouble of the moment (PS3.4 B.2.3, PS3.18 table I.2-2, PS3.3 C.14.1.1).
_PASSING: Final = {0x0110, 0x0213}


def identified(files: Iterable[Path]) -> dict[Path, Instance]:
    """The object in each file.

    Raises:
        ArchiveRefused: A file holds none.
    """
    return {file: _identity(file) for file in files}


def failure(code: int | None) -> Failure:
    """What a failure status or reason means, and whether it can pass."""
    if code is None:
        return Failure("the answer gives no reason", lasting=False)
    group = code & 0xFF00
    known = _MEANING.get(code) or _MEANING.get(group if group < 0xC000 else code & 0xF000)
    reason = f"{known or 'failure'} (0x{code:04X})"
    return Failure(reason, lasting=not (code in _PASSING or group == 0xA700))


def _identity(file: Path) -> Instance:
    try:
        header = dcmread(file, stop_before_pixels=True, specific_tags=list(_IDENTITY))
        sop_class, uid, study, series = (str(header[keyword].value) for keyword in _IDENTITY)
        syntax = str(header.file_meta.TransferSyntaxUID)
    except (InvalidDicomError, KeyError, AttributeError) as error:
        raise ArchiveRefused("a file to be sent holds no DICOM object", hop="store") from error
    return Instance(sop_class, uid, study, series, syntax)
