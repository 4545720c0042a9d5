"""What opacimeter asks an archive for: keys of C-FIND, and requests over HTTP, as it sends them."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2 as httpx
from pydicom import Dataset

from opacimeter.errors import ArchiveError
from opacimeter.exchange import DicomwebPeer, DimsePeer, Instance, Question
from opacimeter.exchange.dicomweb import DicomwebArchive
from opacimeter.exchange.dimse import DimseArchive
from tests.report.chests import SCANS, classic, write

STUDY, SERIES = "1.2", "1.2.3"
_EVERYTHING = Question(STUDY, "P", ("20200101", "20200102"), ("0000", "2359"), "CT")
_INSTANCE = Instance("1.2.1", "1.2.3.4", STUDY, SERIES, "")


class _Noting(DimseArchive):
    """Has nothing, and notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__(DimsePeer("archive", "127.0.0.1", 104, "ARCHIVE"))
        self.noted: list[Dataset] = []

    def _find(self, asked: Dataset) -> list[Dataset]:
        self.noted.append(asked)
        return []


def find_keys(folder: Path) -> dict[str, set[str]]:
    """Keywords of the identifiers of C-FIND by their level."""
    archive = _Noting()
    archive.studies(_EVERYTHING)
    archive.confirm([_INSTANCE])
    with suppress(ArchiveError):
        archive.fetch(STUDY, folder)
    return {
        asked.QueryRetrieveLevel: {each.keyword for each in asked} - {"QueryRetrieveLevel"}
        for asked in archive.noted
    }


@dataclass
class Asked:
    """What is asked of one resource.

    Attributes:
        accept: Header of that name.
        content_type: Header of that name.
        keys: Parameters.
        fields: Values of `includefield`.
    """

    accept: str
    content_type: str
    keys: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)


class _Web(DicomwebArchive):
    """Has one CT series, gives nothing, and notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__(DicomwebPeer("archive", "http://archive/dicom-web"))
        self.noted: list[httpx.Request] = []

    @contextmanager
    def _client(self, hop: str) -> Iterator[httpx.Client]:
        transport = httpx.MockTransport(self._answer)
        with httpx.Client(transport=transport, base_url="http://archive/dicom-web/") as client:
            yield client

    def _answer(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.noted.append(request)
        if not request.url.path.endswith("/series"):
            return httpx.Response(200 if request.method == "GET" else 503, json=[])
        row = {"0020000E": {"vr": "UI", "Value": [SERIES]}, "00080060": {"Value": ["CT"]}}
        return httpx.Response(200, json=[row])


def web_requests(folder: Path) -> dict[str, dict[str, Asked]]:
    """By transaction and resource."""
    archive = _Web()
    archive.echo()
    archive.studies(_EVERYTHING)
    archive.confirm([_INSTANCE])
    (file,) = write(folder, classic(SCANS["supine"])[:1]).iterdir()
    for ask in (lambda: archive.fetch(STUDY, folder), lambda: archive.send([file])):
        with suppress(ArchiveError):
            ask()
    found: dict[str, dict[str, Asked]] = {"search": {}, "retrieve": {}, "store": {}}
    for request in archive.noted:
        resource = _resource(request.url.path)
        searched = "search" if request.method == "GET" else "store"
        transaction = "retrieve" if resource.endswith("{series}") else searched
        headers = request.headers
        asked = found[transaction].setdefault(
            resource, Asked(headers["Accept"], headers.get("Content-Type", ""))
        )
        asked.keys |= {key for key, _ in request.url.params.multi_items() if key != "includefield"}
        asked.fields |= set(request.url.params.get_list("includefield"))
    return found


def _resource(path: str) -> str:
    below = path.removeprefix("/dicom-web")
    return below.replace(f"/series/{SERIES}", "/series/{series}").replace(
        f"/studies/{STUDY}", "/studies/{study}"
    )
