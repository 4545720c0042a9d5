"""How fast objects are taken in over HTTP, and that memory does not grow with their number."""

import gc
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx2 as httpx
import numpy as np
import psutil
from pydicom.uid import generate_uid

from tests.intake.series import as_bytes, image
from tests.serving import Service
from tests.stowing import BOUNDARY, HEADERS

COUNT = 2000
SIDE = 512
_MB = 1e6


@dataclass(frozen=True, slots=True)
class Taken:
    """One request.

    Attributes:
        count: Objects in it.
        size_mb: Bytes of the body, 10^6.
        seconds: From the first byte to the answer, when all of it is on the disk itself.
        grown_mb: By how much the service's resident memory grew beyond what it had before.
    """

    count: int
    size_mb: float
    seconds: float
    grown_mb: float

    @property
    def mb_per_s(self) -> float:
        """Speed."""
        return self.size_mb / self.seconds


def send(service: Service, count: int, *, study: str) -> Taken:
    """Send one study of 512x512 images in one request, chunked and without a length."""
    watched = psutil.Process(service.process.pid)
    before, peak = watched.memory_info().rss, 0
    sent = 0

    def content() -> Iterator[bytes]:
        nonlocal sent, peak
        for part in _parts(count, study):
            sent += len(part)
            peak = max(peak, watched.memory_info().rss)
            yield part

    began = time.perf_counter()
    answer = service.http.post("/dicom-web/studies", content=content(), headers=HEADERS)
    seconds = time.perf_counter() - began
    listed = answer.raise_for_status().json()["00081199"]["Value"]
    if len(listed) != count:
        raise RuntimeError(f"{len(listed)} of {count} objects were stored")
    return Taken(count, sent / _MB, seconds, max(0, peak - before) / _MB)


def _parts(count: int, study: str) -> Iterator[bytes]:
    """Images that differ in UID and noise, cut out of one: making them must cost nothing."""
    noise = np.random.default_rng(1).integers(0, 4096, (SIDE, SIDE), np.int16)
    header = image(0, noise - 1024)
    header.StudyInstanceUID = study
    uid = generate_uid(entropy_srcs=["pattern"])
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = uid
    pattern = as_bytes(header)
    head = b"--" + BOUNDARY + b"\r\nContent-Type: application/dicom\r\n\r\n"
    for number in range(count):
        ending = f"{number:06d}".encode()
        own = pattern.replace(uid.encode(), uid.encode()[: -len(ending)] + ending)
        yield head + own + b"\r\n"
    yield b"--" + BOUNDARY + b"--\r\n"


def measure_stow(count: int = COUNT) -> Taken:
    """Start a service without workers, warm it, and send it `count` objects."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {"OPACIMETER_WORKERS": "0", "OPACIMETER_QUIET_PERIOD_S": "3600"}
        service = Service(Path(folder), **environment)
        service.ready = partial(_answers, service)
        service.start()
        try:
            send(service, 100, study="2.25.1")
            gc.collect()
            return send(service, count, study="2.25.2")
        finally:
            service.stop()


def _answers(service: Service) -> bool:
    try:
        return bool(service.http.get("/health/live").status_code == httpx.codes.OK)
    except httpx.TransportError:
        return False


def line(taken: Taken) -> str:
    """The figures as a sentence."""
    return (
        f"STOW-RS: {taken.count} objects, {taken.size_mb:.0f} MB in {taken.seconds:.1f} s "
        f"({taken.mb_per_s:.0f} MB/s, on the disk; aim: at least 30 MB/s); "
        f"memory grew by {taken.grown_mb:.0f} MB"
    )


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    print(line(measure_stow(count)), f"({os.cpu_count()} cores)")  # noqa: T201
