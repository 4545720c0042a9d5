"""Real peers for tests: Orthanc on loopback, and the tools of dicom3tools and dcmtk.

Each skips with its reason where the program is absent.
"""

import io
import json
import shutil
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread

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

    def series(self, study_uid: str) -> list[dict[str, Any]]:
        """The series of a study, by its StudyInstanceUID; none where it has no such study."""
        found = self.post("/tools/lookup", study_uid.encode())
        studies = [each["ID"] for each in found if each["Type"] == "Study"]
        return [each for study in studies for each in self.json(f"/studies/{study}/series")]

    def modalities(self, study_uid: str) -> list[str]:
        """Modality of each series of a study, in alphabetical order."""
        return sorted(each["MainDicomTags"]["Modality"] for each in self.series(study_uid))

    def instances(self, study_uid: str, modality: str) -> list[str]:
        """Orthanc's own names of the objects of one modality in a study."""
        return [
            name
            for each in self.series(study_uid)
            if each["MainDicomTags"]["Modality"] == modality
            for name in each["Instances"]
        ]

    def object(self, name: str) -> Dataset:
        """An object by Orthanc's own name of it."""
        return dcmread(io.BytesIO(self.get(f"/instances/{name}/file")))


@dataclass(frozen=True)
class Certificates:
    """A private authority and one certificate of it, for 127.0.0.1, in PEM.

    Attributes:
        authority: Its certificate.
        certificate: The certificate.
        key: Its private key.
    """

    authority: Path
    certificate: Path
    key: Path

    def server(self) -> ssl.SSLContext:
        """The line of a server that answers only those whom the same authority knows."""
        made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.authority)
        made.load_cert_chain(self.certificate, self.key)
        made.verify_mode = ssl.CERT_REQUIRED
        return made


_REQUEST = """\
[req]
distinguished_name = name
prompt = no
[name]
commonName = {name}
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[own]
basicConstraints = critical, CA:FALSE
subjectAltName = IP:127.0.0.1
"""


def certificates(folder: Path, name: str = "test") -> Certificates:
    """Make an authority that nobody knows, and a certificate of it, by openssl."""
    made = Certificates(*(folder / f"{name}-{part}.pem" for part in ("ca", "own", "key")))
    _certify(made.authority, folder / f"{name}-ca-key.pem", "authority")
    signed = ["-CA", str(made.authority), "-CAkey", str(folder / f"{name}-ca-key.pem")]
    _certify(made.certificate, made.key, "own", *signed)
    return made


def _certify(certificate: Path, key: Path, kind: str, *signed: str) -> None:
    request = certificate.with_suffix(".cnf")
    request.write_text(_REQUEST.format(name=certificate.stem))
    subprocess.run(
        [
            *(tool("/usr/bin/openssl"), "req", "-x509", "-config", str(request), "-nodes"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "2"),
            *("-extensions", kind, "-keyout", str(key), "-out", str(certificate), *signed),
        ],
        check=True,
        capture_output=True,
    )


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

    Started again in the same folder, it has what it had.

    Args:
        folder: For its database, configuration and log.
        settings: Added to its configuration, or in place of what stands there.
    """
    program = shutil.which("Orthanc", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("Orthanc is not installed")
    configuration: dict[str, Any] = {
        "Name": "opacimeter-test",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": free_port(),
        "DicomPort": free_port(),
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
    with log.open("ab") as output:
        process = subprocess.Popen(
            [program, str(folder / "orthanc.json")],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
        )
        try:
            peer = Peer(
                f"http://127.0.0.1:{configuration['HttpPort']}",
                configuration["DicomPort"],
                configuration["DicomAet"],
                log,
            )
            _wait(peer, process)
            yield peer
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def servers(**urls: str) -> dict[str, Any]:
    """Configuration of DICOMweb, with peers of these names at these roots."""
    peers = {name: {"Url": url} for name, url in urls.items()}
    return {"DicomWeb": {"Enable": True, "Root": "/dicom-web/", "Servers": peers}}


def storescu(port: int, called: str, folder: Path, calling: str = "STORESCU") -> None:
    """Send a folder of images as they are, JPEG-LS or plain, by dcmtk's storescu."""
    subprocess.run(
        [
            *(tool("/usr/bin/storescu"), "-xt", "-aet", calling, "-aec", called),
            *("127.0.0.1", str(port), "+sd", str(folder)),
        ],
        check=True,
        capture_output=True,
        text=True,
    )


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
