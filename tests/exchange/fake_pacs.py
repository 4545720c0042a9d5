"""A DICOMweb peer that does what it is told, over real HTTP; and small objects to send."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.uid import SecondaryCaptureImageStorage

from opacimeter.report.dicom_object import write_object

STUDY = "1.2.3"


@dataclass(frozen=True)
class Answer:
    """Status, body and headers; `cut` ends the connection before the body's end."""

    status: int = 200
    body: bytes = b""
    media_type: str = "application/dicom+json"
    cut: bool = False


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class FakePacs:
    """The peer.

    Attributes:
        answer: Given each request, says what comes back.
        asked: What was asked.
    """

    answer: Callable[[Asked], Answer]
    asked: list[Asked] = field(default_factory=list)
    url: str = ""


@contextmanager
def fake_pacs(answer: Callable[[Asked], Answer]) -> Iterator[FakePacs]:
    pacs = FakePacs(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = Asked(self.command, self.path, dict(self.headers), body)
            pacs.asked.append(asked)
            told = pacs.answer(asked)
            self.send_response(told.status)
            self.send_header("Content-Type", told.media_type)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body[: len(told.body) // 2] if told.cut else told.body)
            self.close_connection = told.cut

        do_GET = do_POST = _answer  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_words):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    pacs.url = f"http://127.0.0.1:{server.server_port}/dicom-web"
    try:
        yield pacs
    finally:
        server.shutdown()
        server.server_close()


def stored(*uids: str, failed: dict[str, int] | None = None) -> bytes:
    """The body of an answer to STOW-RS."""

    def items(named):
        return [
            {"00081155": {"vr": "UI", "Value": [uid]}}
            | ({"00081197": {"vr": "US", "Value": [code]}} if code else {})
            for uid, code in named
        ]

    told = {"00081199": {"vr": "SQ", "Value": items((uid, None) for uid in uids)}}
    if failed:
        told["00081198"] = {"vr": "SQ", "Value": items(failed.items())}
    return json.dumps(told).encode()


def objects(folder: Path, count: int = 2) -> list[Path]:
    """Small objects of one study, each in a series of its own: UIDs 1.2.3.1.1, 1.2.3.2.1, …"""
    folder.mkdir(exist_ok=True)
    made = []
    for number in range(1, count + 1):
        dataset = Dataset()
        dataset.SOPClassUID = SecondaryCaptureImageStorage
        dataset.SOPInstanceUID = f"{STUDY}.{number}.1"
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = STUDY, f"{STUDY}.{number}"
        dataset.PatientID, dataset.PatientName, dataset.Modality = "P1", "Doe^Jane", "OT"
        made.append(folder / f"{number}.dcm")
        write_object(made[-1], dataset)
    return made


def uid_of(path: Path) -> str:
    return str(dcmread(path).SOPInstanceUID)
