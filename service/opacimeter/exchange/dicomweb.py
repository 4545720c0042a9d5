"""A DICOMweb archive: QIDO-RS, WADO-RS and STOW-RS (PS3.18) over HTTP."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import httpx2 as httpx

from opacimeter.errors import ArchiveRefused, ArchiveUnreachable
from opacimeter.exchange.archive import Confirmed, Fetched, FoundStudy, Instance, Question, Sent
from opacimeter.exchange.client import connected
from opacimeter.exchange.dicom_json import parsed, text, texts
from opacimeter.exchange.instances import identified
from opacimeter.exchange.multipart import Body, Parts, boundary_of
from opacimeter.exchange.peer import DicomwebPeer
from opacimeter.exchange.stow import told, told_nothing

__all__ = ["DicomwebArchive"]

_JSON: Final = {"Accept": "application/dicom+json"}
# As they are stored: transcoding in the archive costs time, and may lose what was exact.
_DICOM: Final = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
_PAGE: Final = 100
# The same request may be answered later (RFC 9110 15.5, 15.6; 425 RFC 8470; 429 RFC 6585).
_PASSING: Final = {408, 425, 429, 500, 502, 503, 504, 507}
# Answers of a peer that cannot, or may not, be asked what it holds.
_NO_QUERIES: Final = {400, 401, 403, 404, 405, 406, 501}
_FIELDS: Final = (
    "StudyDate", "StudyTime", "StudyDescription", "PatientID", "IssuerOfPatientID",
    "PatientBirthDate", "PatientSex", "BodyPartExamined", "ModalitiesInStudy",
)  # fmt: skip


class DicomwebArchive:
    """An archive behind a DICOMweb address; see `Archive`."""

    def __init__(self, peer: DicomwebPeer) -> None:
        """Nothing is connected before the first question."""
        self._peer = peer
        self.name = peer.name

    def echo(self) -> str:
        """What answered to a query for one study."""
        with self._client("echo") as client:
            answer = client.get("studies", params={"limit": "1"}, headers=_JSON)
        _require(answer, "echo")
        return f"answers DICOMweb queries (HTTP {answer.status_code})"

    def studies(self, wanted: Question) -> tuple[FoundStudy, ...]:
        """Studies that it has, by QIDO-RS, page by page."""
        asked = {
            "StudyInstanceUID": wanted.study_uid,
            "PatientID": wanted.patient_id,
            "StudyDate": "-".join(wanted.dates) if wanted.dates else None,
            "StudyTime": "-".join(wanted.times) if wanted.times else None,
            "ModalitiesInStudy": wanted.modality,
        }
        query = {name: value for name, value in asked.items() if value}
        fields = [("includefield", name) for name in _FIELDS]
        with self._client("query") as client:
            rows = self._pages(client, "studies", [*query.items(), *fields])
        return tuple(_study(row) for row in rows)

    def fetch(self, study_uid: str, folder: Path) -> Fetched:
        """The CT images of a study, series by series, by WADO-RS."""
        address = f"studies/{study_uid}/series"
        asked = [("Modality", "CT"), ("includefield", "NumberOfSeriesRelatedInstances")]
        files: list[Path] = []
        counts: list[str] = []
        with self._client("fetch") as client:
            for row in self._pages(client, address, asked):
                # Some archives do not know the filter; ours would be fetched too then.
                if text(row, "Modality") in {"", "CT"}:
                    uid = text(row, "SeriesInstanceUID")
                    counts.append(text(row, "NumberOfSeriesRelatedInstances"))
                    files += self._fetch_series(client, f"{address}/{uid}", folder, len(files))
        if not counts:
            raise ArchiveRefused("the archive has no CT series of this study", hop="query")
        told_all = all(count.isdigit() for count in counts)
        return Fetched(tuple(files), sum(map(int, counts)) if told_all else None)

    def send(self, files: Sequence[Path]) -> Sent:
        """Store files by STOW-RS; what is stored is what the answer's body lists."""
        uids = frozenset(each.uid for each in identified(files).values())
        body = Body(files)
        headers = {
            **_JSON,
            "Content-Type": body.media_type,
            "Content-Length": str(body.size_bytes),
        }
        with self._client("store") as client:
            answer = client.post("studies", content=iter(body), headers=headers)
        sent = told(answer.content, uids)
        if sent is None or not (answer.is_success or answer.status_code == 409):
            _require(answer, "store")
        return sent if sent is not None else Sent(frozenset(), told_nothing(uids))

    def confirm(self, instances: Sequence[Instance]) -> Confirmed | None:
        """Ask by QIDO-RS for each instance; None where the archive answers no such query."""
        held = set()
        with self._client("confirm") as client:
            for each in instances:
                answer = client.get(
                    f"studies/{each.study_uid}/instances",
                    params={"SOPInstanceUID": each.uid},
                    headers=_JSON,
                )
                if answer.status_code in _NO_QUERIES:
                    return None
                _require(answer, "confirm")
                if any(text(row, "SOPInstanceUID") == each.uid for row in _rows(answer)):
                    held.add(each.uid)
        missing = {each.uid for each in instances} - held
        return Confirmed(frozenset(held), dict.fromkeys(missing, "a query does not find it"))

    def _client(self, hop: str) -> AbstractContextManager[httpx.Client]:
        peer = self._peer
        return connected(
            peer.url, hop, tls=peer.tls, timeout_s=peer.timeout_s, credentials=peer.credentials
        )

    def _fetch_series(
        self, client: httpx.Client, address: str, folder: Path, number: int
    ) -> list[Path]:
        targets = (folder / f"{index:06d}.dcm" for index in range(number, 1_000_000))
        with client.stream("GET", address, headers=_DICOM) as answer:
            _require(answer, "fetch")
            boundary = boundary_of(answer.headers.get("Content-Type", ""))
            if boundary is None:
                raise ArchiveRefused("the answer is no multipart/related", hop="fetch")
            with Parts(boundary, targets) as parts:
                if not parts.feed(answer.iter_bytes()):
                    raise ArchiveUnreachable("the answer was cut off", hop="fetch")
                return parts.files

    def _pages(
        self, client: httpx.Client, address: str, query: Sequence[tuple[str, str]]
    ) -> list[Mapping[str, Any]]:
        """All rows of a query; an archive that knows no pages gives the same ones again."""
        seen: dict[str, Mapping[str, Any]] = {}
        while True:
            page = [("limit", str(_PAGE)), ("offset", str(len(seen)))]
            answer = client.get(address, params=[*query, *page], headers=_JSON)
            _require(answer, "query")
            rows = {
                text(row, "SeriesInstanceUID") or text(row, "StudyInstanceUID"): row
                for row in _rows(answer)
            }
            new = {uid: row for uid, row in rows.items() if uid and uid not in seen}
            seen |= new
            if not new or len(rows) < _PAGE:
                return list(seen.values())


def _require(answer: httpx.Response, hop: str) -> None:
    """Raise where the answer is none of success."""
    if answer.is_success:
        return
    kind = ArchiveUnreachable if answer.status_code in _PASSING else ArchiveRefused
    raise kind(f"the archive answered HTTP {answer.status_code}", hop=hop)


def _rows(answer: httpx.Response) -> list[Mapping[str, Any]]:
    if answer.status_code == 204 or not answer.content:
        return []
    rows = parsed(answer.content)
    if rows is None:
        raise ArchiveRefused("the answer is no DICOM JSON", hop="query")
    return rows


def _study(row: Mapping[str, Any]) -> FoundStudy:
    return FoundStudy(
        uid=text(row, "StudyInstanceUID"),
        date=text(row, "StudyDate"),
        time=text(row, "StudyTime"),
        description=text(row, "StudyDescription"),
        patient_id=text(row, "PatientID"),
        issuer=text(row, "IssuerOfPatientID"),
        birth_date=text(row, "PatientBirthDate"),
        sex=text(row, "PatientSex"),
        body_parts=texts(row, "BodyPartExamined"),
        modalities=texts(row, "ModalitiesInStudy"),
    )
