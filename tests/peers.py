"""Real peers for tests: Orthanc on loopback, and the tools of dicom3tools and dcmtk.

Each skips with its reason where the program is absent.
"""

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
STARTS_WITHIN_S = 60.0


@dataclass(frozen=True)
class Peer:
    """A running Orthanc.

    Attributes:
        url: Address of its REST interface, without a slash at the end; DICOMweb is below
            /dicom-web where the plugin is installed.
        dicom_port: Where it takes associations.
        aet: Its AE title.
        log: Its log.
    """

    url: str
    dicom_port: int
    aet: str
    log: Path

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:
            return answer.read()

    def json(self, path: str) -> Any:
        return json.loads(self.get(path))

    def post(self, path: str, body: bytes) -> Any:
        request = urllib.request.Request(self.url + path, data=body, method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def tool(path: str) -> str:
    """A program by its full path: the venv has others of the same names."""
    if not Path(path).exists():
        pytest.skip(f"{Path(path).name} is not installed")
    return path


@contextmanager
def running_orthanc(folder: Path, settings: Mapping[str, Any] | None = None) -> Iterator[Peer]:
    """An Orthanc of its own in a folder, ended with the block.

    Args:
        folder: For its database, configuration and log.
        settings: Added to its configuration, or in place of what stands there.
    """
    program = shutil.which("Orthanc", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("Orthanc is not installed")
    port, dicom_port = free_port(), free_port()
    configuration = {
        "Name": "opacimeter-test",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": port,
        "DicomPort": dicom_port,
        "DicomAet": "ORTHANC",
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowStore": True,
        "Plugins": [str(PLUGIN)] if PLUGIN.exists() else [],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        **(settings or {}),
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    log = folder / "orthanc.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, str(folder / "orthanc.json")],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
        )
        try:
            peer = Peer(f"http://127.0.0.1:{port}", dicom_port, configuration["DicomAet"], log)
            _wait(peer, process)
            yield peer
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(peer: Peer, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        try:
            peer.get("/system")
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"Orthanc did not start: {peer.log.read_text(errors='replace')[-2000:]}")
