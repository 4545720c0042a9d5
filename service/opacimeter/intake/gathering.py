"""Gathering files from folders, archives and discs.

An archive is foreign input: its names are never used, its links never followed, its sizes never
believed. What may be DICOM is written under names of our own into the workspace.
"""

import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from opacimeter.checks import Check
from opacimeter.errors import IntakeRejected
from opacimeter.intake.limits import Limits
from opacimeter.intake.reading import looks_like_dicom

__all__ = ["Gathered", "gather"]

_BLOCK = 1 << 20
_ZIP = b"PK\x03\x04"
_HEAD_BYTES = 140
_BROKEN_ARCHIVE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,  # a compression method zipfile does not know
    RuntimeError,  # encrypted
    UnicodeDecodeError,
    ValueError,
)


@dataclass(slots=True)
class Gathered:
    """Files found, in a stable order.

    Attributes:
        files: Candidates: not looked into, but for those of archives.
        broken: For each archive or member of one that cannot be unpacked, the folder that its
            files went to.
    """

    files: list[Path] = field(default_factory=list)
    broken: list[Path] = field(default_factory=list)


def gather(paths: Sequence[Path], *, workspace: Path, limits: Limits) -> Gathered:
    """All files under `paths`, archives unpacked into `workspace`.

    A DICOMDIR stands for the disc it lies on: the folder around it (PS3.10 8.6).

    Raises:
        IntakeRejected: too-large.
        OSError: A path does not exist or cannot be read.
    """
    walker = _Walker(workspace, limits)
    for path in paths:
        is_directory_file = path.name.upper() == "DICOMDIR" and path.is_file()
        walker.take(path.parent if is_directory_file else path)
    return walker.gathered


class _Walker:
    def __init__(self, workspace: Path, limits: Limits) -> None:
        self.gathered = Gathered()
        self._seen: set[Path] = set()
        self._workspace, self._limits = workspace, limits
        self._bytes = 0
        self._members = 0

    def take(self, path: Path, *, depth: int = 0) -> None:
        for file in _files(path):
            real = file.resolve()
            if real in self._seen:
                continue
            self._seen.add(real)
            if _is_archive(file):
                self._unpack(file, depth + 1)
            else:
                self.gathered.files.append(file)
                self._count_files()

    def _count_files(self) -> None:
        if max(len(self.gathered.files), self._members) > self._limits.files:
            raise _too_large(f"more than {self._limits.files} files", limit=self._limits.files)

    def _unpack(self, archive: Path, depth: int) -> None:
        if depth > self._limits.archive_depth:
            limit = self._limits.archive_depth
            raise _too_large(f"archives nested more than {limit} deep", limit=limit)
        self._workspace.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="zip-", dir=self._workspace))
        try:
            with zipfile.ZipFile(archive) as opened:
                for number, member in enumerate(opened.infolist()):
                    self._extract(opened, member, folder / f"{number:06d}")
        except _BROKEN_ARCHIVE:
            self.gathered.broken.append(folder)
        self.take(folder, depth=depth)

    def _extract(self, opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
        self._members += 1
        self._count_files()
        if member.is_dir() or stat.S_ISLNK(member.external_attr >> 16):
            return
        try:
            with opened.open(member) as source:
                self._copy(source, target)
        except _BROKEN_ARCHIVE:
            # One bad member: the others may still be read; the damage is told.
            self.gathered.broken.append(target.parent)
            target.unlink(missing_ok=True)

    def _copy(self, source: IO[bytes], target: Path) -> None:
        block = source.read(_BLOCK)
        if not (looks_like_dicom(block[:_HEAD_BYTES]) or block.startswith(_ZIP)):
            return
        with target.open("xb") as out:
            while block:
                self._bytes += len(block)
                if self._bytes > self._limits.unpacked_bytes:
                    limit = self._limits.unpacked_bytes
                    raise _too_large(f"more than {limit} bytes unpacked", limit=limit)
                out.write(block)
                block = source.read(_BLOCK)


def _files(path: Path) -> Iterator[Path]:
    """Regular files below a path, by name; links to folders are not followed (they may circle)."""
    if not path.is_dir():
        path.stat()  # a path that does not exist is the caller's mistake, not an empty study
        yield path
        return
    for child in sorted(path.iterdir()):
        if child.is_dir():
            if not child.is_symlink():
                yield from _files(child)
        elif child.is_file():
            yield child


def _is_archive(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(4) == _ZIP and not _has_dicom_prefix(opened)


def _has_dicom_prefix(opened: IO[bytes]) -> bool:
    # A preamble may begin with any bytes, those of another format too (PS3.10 7.1).
    opened.seek(128)
    return opened.read(4) == b"DICM"


def _too_large(fact: str, *, limit: int) -> IntakeRejected:
    message = f"The delivery is too large: {fact}. Please send one study at a time."
    return IntakeRejected((Check("too-large", message, {"limit": limit}),))
