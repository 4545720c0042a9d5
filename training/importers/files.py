"""Files: a published set as it was downloaded, unpacked or not."""

import gzip
import hashlib
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from training.cases import Image, OrientationError, read_nifti
from training.importers.item import CannotUse

__all__ = ["Files", "stem"]

_SUFFIXES = (".nii.gz", ".nii")
_HEAD = 1 << 20
_DAMAGE = (
    ImageFileError, HeaderDataError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError,
)  # fmt: skip


def stem(name: str) -> str:
    """The last part of a name without .nii or .nii.gz."""
    last = PurePosixPath(name).name
    return next((last.removesuffix(end) for end in _SUFFIXES if last.endswith(end)), last)


@dataclass(frozen=True, slots=True)
class _File:
    open: Callable[[], IO[bytes]]
    size: int


class Files:
    """The NIfTI files of a source, zips beside them looked into, by their names in the set.

    A zip stands for a folder of its own name: publishers pack with that folder or without.

    Args:
        source: A folder or a zip.
        workspace: Where members of zips are unpacked, one at a time.

    Raises:
        CannotUse: There is no such folder, or a zip cannot be read.
    """

    def __init__(self, source: Path, workspace: Path) -> None:
        if not source.exists():
            raise CannotUse("There is no such folder or file.")
        self._workspace = workspace
        self._files: dict[str, _File] = {}
        for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
            name = path.relative_to(source if source.is_dir() else source.parent).as_posix()
            if path.suffix == ".zip":
                self._look_into(path, PurePosixPath(name).with_suffix(""))
            elif name.endswith(_SUFFIXES) and path.is_file() and not path.name.startswith("."):
                self._files[name] = _File(_opener(path), path.stat().st_size)

    def _look_into(self, path: Path, folder: PurePosixPath) -> None:
        try:
            with zipfile.ZipFile(path) as archive:
                members = archive.infolist()
        except zipfile.BadZipFile as error:
            raise CannotUse(f"{path.name} is damaged; download it again.") from error
        for member in members:
            inside = PurePosixPath(member.filename)
            hidden = any(part.startswith((".", "__MACOSX")) for part in inside.parts)
            if member.is_dir() or hidden or not member.filename.endswith(_SUFFIXES):
                continue
            own = inside.parts[0] == folder.name
            name = (folder.parent if own else folder) / inside
            self._files[name.as_posix()] = _File(_unpacker(path, member.filename), member.file_size)

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def inside(self, folder: str) -> dict[str, str]:
        """The files that lie directly in a folder of this name, by their stems."""
        return {
            stem(name): name for name in self._files if PurePosixPath(name).parent.name == folder
        }

    def fingerprint(self, *names: str) -> str:
        """Of the files' sizes and beginnings: equal content has it equal, wherever it lies."""
        digest = hashlib.sha256()
        for name in names:
            file = self._files[name]
            digest.update(str(file.size).encode())
            with file.open() as opened:
                digest.update(opened.read(_HEAD))
        return digest.hexdigest()[:32]

    def read(self, name: str, *, turn: NDArray[np.float64] | None = None) -> Image:
        """The volume of a file.

        Raises:
            CannotUse: It is damaged, or no volume of axial slices.
        """
        try:
            with self._unpacked(name) as path:
                return read_nifti(path, turn=turn)
        except OrientationError as error:
            raise CannotUse(str(error)) from error
        except _DAMAGE as error:
            raise CannotUse(f"{PurePosixPath(name).name} is damaged; download it again.") from error

    @contextmanager
    def _unpacked(self, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(dir=self._workspace) as folder:
            path = Path(folder) / PurePosixPath(name).name
            with self._files[name].open() as source, path.open("wb") as target:
                shutil.copyfileobj(source, target)
            yield path


def _opener(path: Path) -> Callable[[], IO[bytes]]:
    return lambda: path.open("rb")


def _unpacker(archive: Path, member: str) -> Callable[[], IO[bytes]]:
    def unpack() -> IO[bytes]:
        with zipfile.ZipFile(archive) as opened:
            return opened.open(member)  # keeps the archive's file open until it is closed itself

    return unpack
