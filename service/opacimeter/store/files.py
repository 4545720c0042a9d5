"""The folders: received instances by study, documents by version.

    <root>/studies/<assessment>/<instance>           received files
    <root>/documents/<assessment>/<version>/<name>   what was made of them
    <root>/corrections/<assessment>/<version>/labels.nii.gz   what a person painted for a version
    <root>/incoming/                                 uploads on their way in
    <root>/uploads/<upload>/                         those that may go on later, kept for a day
    <root>/staging/                                  documents being written
    <root>/trash/                                    what is being removed
    <root>/cache/<assessment>/                       may be deleted at any time

All of it lies on one file system, so that a rename either happened or did not.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import mkdtemp
from uuid import UUID

from opacimeter.document import Document
from opacimeter.durable import sync, sync_all
from opacimeter.store.entries import Artifact

__all__ = ["Files", "uid_hash"]

_ROOMS = ("studies", "documents", "corrections", "incoming", "uploads", "staging", "trash", "cache")
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

    def painting(self, assessment: UUID, version: int) -> Path:
        """What a person painted for a version."""
        return self.root / "corrections" / str(assessment) / str(version) / "labels.nii.gz"

    def cache(self, assessment: UUID, version: int) -> Path:
        """A folder for what can be made again."""
        folder = self.root / "cache" / str(assessment) / str(version)
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)  # the time of its last use
        return folder

    def trim_cache(self, most_bytes: int) -> None:
        """Remove what was not used for longest, until the cache is within its bound.

        What is open stays readable until it is closed, as files of this system do.
        """
        folders = sorted(self.root.glob("cache/*/*"), key=_last_used, reverse=True)
        kept = 0
        for number, folder in enumerate(folders):
            kept += _size(folder)
            if kept > most_bytes and number > 0:  # the one in use always fits
                self.discard(folder)

    def upload(self) -> Path:
        """A new folder for one upload; the caller removes it."""
        return Path(mkdtemp(dir=self.root / "incoming"))

    def landing(self) -> Path:
        """A new folder for what a worker fetches; the caller removes it."""
        return Path(mkdtemp(dir=self.root / "staging"))

    def resumable(self, upload: UUID) -> Path:
        """The folder of an upload that may go on later; it may not be there."""
        return self.root / "uploads" / str(upload)

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
        self.sweep_uploads(time.time())

    def sweep_uploads(self, now: float) -> None:
        """Remove the uploads that nobody has gone on with for a day; `now` is a POSIX time."""
        for left in (self.root / "uploads").iterdir():
            if left.stat().st_mtime < now - _LONGEST_WRITING_S:
                self.discard(left)

    def take(self, source: Path, assessment: UUID, name: str) -> None:
        """Move a received file into the study's folder, durably."""
        target = self.instance(assessment, name)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        sync(source)
        source.replace(target)

    def take_all(self, sources: Sequence[tuple[Path, str]], assessment: UUID) -> None:
        """Move received files, each with its name, into the study's folder, durably.

        When this returns, they outlive a loss of power: their names too.
        """
        folder = self.root / "studies" / str(assessment)
        if not folder.exists():
            folder.mkdir(mode=0o700, exist_ok=True)
            sync(folder.parent)
        sync_all(source for source, _ in sources)
        for source, name in sources:
            source.replace(folder / name)
        sync(folder)

    def take_painting(self, source: Path, assessment: UUID, version: int) -> None:
        """Move a painting to its place, durably.

        What a request that died before its row was written has left there is replaced.
        """
        target = self.painting(assessment, version)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync(source)
        source.replace(target)
        for folder in (target.parent, target.parent.parent, target.parent.parent.parent):
            sync(folder)

    def stage(self, documents: Iterable[Document]) -> tuple[Path, tuple[Artifact, ...]]:
        """Write documents into a folder of their own; all of them, or an error and none."""
        folder = Path(mkdtemp(dir=self.root / "staging"))
        try:
            artifacts = tuple(_write(document, folder) for document in documents)
            sync(folder)
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
        sync(target.parent)

    def discard(self, folder: Path) -> None:
        """Remove a folder: out of sight at once, its files after that."""
        if folder.exists():
            grave = Path(mkdtemp(dir=self.root / "trash"))
            folder.rename(grave / "folder")
            shutil.rmtree(grave, ignore_errors=True)

    def forget(self, assessment: UUID) -> None:
        """Remove everything of an assessment."""
        for room in ("studies", "documents", "corrections", "cache"):
            self.discard(self.root / room / str(assessment))


def _last_used(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _write(document: Document, folder: Path) -> Artifact:
    path = folder / Path(document.name).name
    document.write(path)
    sync(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    size = path.stat().st_size
    return Artifact(path.name, document.media_type, size, digest, path)
