"""Stand-ins: what the rooms of the service see of each other, without images or a network."""

import json
import multiprocessing
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from opacimeter.checks import Check
from opacimeter.document import Document
from opacimeter.errors import IntakeRejected
from opacimeter.record import Record
from opacimeter.store import Incoming, IncomingFile, Store

MODEL = {"name": "lung-lesion", "version": "1.0.0", "sha256": "a" * 64}


PROCESSES = multiprocessing.get_context("forkserver")
"""Real processes that start at once: forked from one that holds the imports and nothing else."""
PROCESSES.set_forkserver_preload(["pytest", "opacimeter.jobs", "opacimeter.app"])


class Clock:
    """A clock that moves a second each time it is read, so that order never depends on speed."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        with self._lock:
            self.now += timedelta(seconds=1)
            return self.now


def incoming(
    folder: Path, study_uid: str = "1.2.3", *, images: dict[str, bytes] | None = None
) -> Incoming:
    """A study that has arrived: SOPInstanceUID and bytes of each image."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, (uid, content) in enumerate((images or {"1.2.3.1": b"one"}).items()):
        path = folder / f"{len(list(folder.iterdir())):04d}-{number}"
        path.write_bytes(content)
        files.append(IncomingFile(path, uid or None))
    patient = {"id": "P1", "name": "Doe^Jane"}
    return Incoming(study_uid, files, patient=patient, study={"date": "2026-11-23"})


def text_document(name: str, text: str, media_type: str = "text/plain") -> Document:
    """A document of some text."""
    return Document(name, media_type, lambda path: path.write_text(text) and None)


def result_documents(record: Record) -> tuple[Document, ...]:
    """What a report would make of a study with 100 ml of opacity in 1000 ml of lung: 10 %."""
    result = {
        "schema": "opacimeter-result-1",
        "id": str(record.id),
        "version": record.version,
        "status": "complete",
        "created": record.created.isoformat(),
        "patient": {"id": "P1", "name": "Doe^Jane"},
        "study": {"uid": record.study_uid},
        "series": {"uid": "1.2.3.4", "others": [{"uid": "1.2.3.5", "why_not": "thicker"}]},
        "checks": [],
        "summary": {"lesion_ml": 100.0, "lesion_percent": 10.0},
        "regions": {"lungs": {"volume_ml": 1000.0, "lesion_ml": 100.0, "lesion_percent": 10.0}},
        "seconds": {"read": 0.1, "segment": 0.2},
    }
    return (
        text_document("result.json", json.dumps(result), "application/json"),
        text_document("volume.nii.gz", "volume", "application/gzip"),
        text_document("labels.nii.gz", "labels", "application/gzip"),
        text_document("overlay.png", "picture", "image/png"),
    )


def complete(store: Store, job: str) -> None:
    """Do a job as a worker would, and find 100 ml."""
    run = store.runs.begin(job, attempts=3, model=MODEL)
    assert run is not None
    run.progress("segment", 0.5)
    run.keep(result_documents(run.record), checks=(), summary={"lesion_ml": 100.0})


def fake_find(folder: Path, workspace: Path) -> tuple[Incoming, ...]:
    """Finds studies in text files of lines "study instance content"; others are no DICOM."""
    found: dict[str, list[IncomingFile]] = {}
    for file in sorted(folder.iterdir()):
        words = file.read_bytes()[:200].split()
        if len(words) >= 3 and words[0] == b"DICM":
            uid, instance = words[1].decode(), words[2].decode()
            found.setdefault(uid, []).append(IncomingFile(file, instance))
    if not found:
        raise IntakeRejected((Check("not-dicom", "None of the files is a DICOM file."),))
    return tuple(Incoming(uid, files, patient={"id": f"P-{uid}"}) for uid, files in found.items())


@dataclass
class FakeSlices:
    """Pictures that say what was asked for."""

    volume: Path
    labels: Path
    cache: Path
    shape: tuple[int, int, int] = (10, 20, 30)
    spacing_mm: tuple[float, float, float] = (2.0, 1.0, 1.0)
    affine: np.ndarray = field(default_factory=lambda: np.diag([2.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]])

    def zones(self) -> dict[str, tuple[int, int, int]]:
        return {"right-upper": (1, 2, 3)}

    def hu(self, index: tuple[int, int, int]) -> int:
        return -sum(index)

    def webp(
        self, plane: str, index: int, *, window: tuple[float, float], style: str, opacity: float
    ) -> bytes:
        return f"{plane} {index} {window[0]:g}/{window[1]:g} {style} {opacity:g}".encode()


@dataclass
class FakeQueue:
    """A queue that only remembers."""

    jobs: list[str] = field(default_factory=list)

    def submit(self, job: str) -> None:
        self.jobs.append(job)


def wait_until(true: Callable[[], bool], *, seconds: float = 20.0) -> None:
    """Wait for something another process does."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if true():
            return
        pause.wait(0.05)
    raise AssertionError(f"not within {seconds} s")


def names(folder: Path) -> Iterator[str]:
    """Files below a folder."""
    return (str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path.is_file())
