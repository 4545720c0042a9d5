"""A multipart/related body (RFC 2387) streamed to files, one part after the other."""

from dataclasses import dataclass
from pathlib import Path

from fastapi import Request
from python_multipart.multipart import parse_options_header

from opacimeter.api.dicomweb.address import DICOM
from opacimeter.api.multipart import PartWriter
from opacimeter.api.problems import Problem

__all__ = ["Part", "Related", "boundary_of"]


@dataclass(frozen=True, slots=True)
class Part:
    """A whole part: where it lies, its media type, and its length in bytes."""

    path: Path
    media_type: str
    size: int


class Related(PartWriter):
    """Writes the parts of a body into a folder, as pieces of the body are given to it."""

    def __init__(self, boundary: bytes, folder: Path, *, max_parts: int) -> None:
        """Begin with the first part."""
        super().__init__(boundary)
        self._folder, self._max_parts = folder, max_parts
        self._count, self._size, self._media_type = 0, 0, ""
        self._whole: list[Part] = []

    @property
    def held_bytes(self) -> int:
        """Bytes of the whole parts that nobody has taken yet."""
        return sum(part.size for part in self._whole)

    @property
    def held(self) -> int:
        """How many whole parts nobody has taken yet."""
        return len(self._whole)

    def take(self) -> list[Part]:
        """The parts that became whole since the last time."""
        taken, self._whole = self._whole, []
        return taken

    def begin(self) -> None:
        """Count it.

        Raises:
            Problem: 413 too many parts.
        """
        self._count += 1
        if self._count > self._max_parts:
            raise Problem(413, f"the body holds too many parts; the limit is {self._max_parts}")
        # The type that the whole body names holds where a part names none (RFC 2387 3.1).
        self._media_type, self._size = DICOM, 0

    def header(self, name: bytes, value: bytes) -> None:
        """The media type alone matters."""
        if name == b"content-type":
            media_type, _ = parse_options_header(value)
            self._media_type = media_type.decode("latin-1").lower()

    def target(self) -> Path:
        """Every part is a file, under its number."""
        return self._folder / f"{self._count:06d}"

    def content(self, data: memoryview, *, filed: bool) -> None:
        """Count the bytes."""
        self._size += len(data) * filed

    def end(self, path: Path | None) -> None:
        """It may be taken."""
        if path is not None:
            self._whole.append(Part(path, self._media_type, self._size))


def boundary_of(request: Request) -> bytes:
    """The boundary of a body of DICOM objects.

    Raises:
        Problem: 415 it is of another kind, 400 it names no boundary.
    """
    media_type, options = parse_options_header(request.headers.get("content-type"))
    kind = options.get(b"type", DICOM.encode()).lower()
    if media_type != b"multipart/related" or kind != DICOM.encode():
        raise Problem(415, 'send DICOM objects as multipart/related; type="application/dicom"')
    boundary = options.get(b"boundary")
    if not boundary or len(boundary) > 200:
        raise Problem(400, "the header Content-Type names no boundary")
    return boundary
