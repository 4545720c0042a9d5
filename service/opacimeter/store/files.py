"""The folders: received instances by study, documents by version.

    <root>/studies/<assessment>/<instance>           received files
    <root>/documents/<assessment>/<version>/<name>   what was made of them
    <root>/incoming/                                 uploads on their way in
    <root>/staging/                                  documents being written
    <root>/trash/                                    what is being removed
    <root>/cache/<assessment>/                       may be deleted at any time

All of it lies on one file system, so that a rename either happened or did not.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import mkdtemp
from uuid import UUID

from opacimeter.document import Document
from opacimeter.store.entries import Artifact

__all__ = ["Files", "uid_hash"]

_ROOMS = ("studies", "documents", "incoming", "staging", "trash", "cache")
_LONGEST_WRITING_S = 86_400.0


def uid_hash(instance_uid: str) -> str:
    """A file name of a SOPInstanceUID: what a sender writes there never becomes a path."""
    return hashlib.sha256(instance_uid.encode()).hexdigest()[:32]


class Files:
    """The store's folder."""

    def __init__(self, root: Path) -> None:
        """Make the folders; readable by their owner alone, for they hold patients' images."""
        self.root = root.absolute()
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for room in _ROOMS:
            (self.root / room).mkdir(mode=0o700, exist_ok=True)

    def instance(self, assessment: UUID, name: str) -> Path:
        """A received file."""
        return self.root / "studies" / str(assessment) / name

    def document(self, assessment: UUID, version: int, name: str) -> Path:
        """A kept document."""
        return self.root / "documents" / str(assessment) / str(version) / name

    def cache(self, assessment: UUID, version: int) -> Path:
        """A folder for what can be made again."""
        folder = self.root / "cache" / str(assessment) / str(version)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def upload(self) -> Path:
        """A new folder for one upload; the caller removes it."""
        return Path(mkdtemp(dir=self.root / "incoming"))

    def free_bytes(self) -> int:
        """Free space of the file system."""
        return shutil.disk_usage(self.root).free

    def sweep(self) -> None:
        """Remove what interrupted processes left; only while nothing is uploaded.

        A worker of another process may be writing documents, so only old ones are removed.
        """
        abandoned = time.time() - _LONGEST_WRITING_S
        for room in ("incoming", "trash", "staging"):
            for left in (self.root / room).iterdir():
                if room != "staging" or left.stat().st_mtime < abandoned:
                    shutil.rmtree(left, ignore_errors=True)

    def take(self, source: Path, assessment: UUID, name: str) -> None:
        """Move a received file into the study's folder, durably."""
        target = self.instance(assessment, name)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        _sync(source)
        source.replace(target)

    def stage(self, documents: Iterable[Document]) -> tuple[Path, tuple[Artifact, ...]]:
        """Write documents into a folder of their own; all of them, or an error and none."""
        folder = Path(mkdtemp(dir=self.root / "staging"))
        try:
            artifacts = tuple(_write(document, folder) for document in documents)
            _sync(folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return folder, artifacts

    def publish(self, staged: Path, assessment: UUID, version: int) -> None:
        """Move staged documents to their place in one step.

        What an attempt that died between this and its row has left there is replaced.
        """
        target = self.root / "documents" / str(assessment) / str(version)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        if target.exists():
            self.discard(target)
        staged.rename(target)
        _sync(target.parent)

    def discard(self, folder: Path) -> None:
        """Remove a folder: out of sight at once, its files after that."""
        if folder.exists():
            grave = Path(mkdtemp(dir=self.root / "trash"))
            folder.rename(grave / "folder")
            shutil.rmtree(grave, ignore_errors=True)

    def forget(self, assessment: UUID) -> None:
        """Remove everything of an assessment."""
        for room in ("studies", "documents", "cache"):
            self.discard(self.root / room / str(assessment))


def _write(document: Document, folder: Path) -> Artifact:
    path = folder / Path(document.name).name
    document.write(path)
    _sync(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    size = path.stat().st_size
    return Artifact(path.name, document.media_type, size, digest, path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
