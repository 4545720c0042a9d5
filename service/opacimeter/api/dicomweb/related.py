"""A multipart/related body (RFC 2387) streamed to files, one part after the other."""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fastapi import Request
from python_multipart.multipart import MultipartParser, parse_options_header

from opacimeter.api.dicomweb.address import DICOM
from opacimeter.api.problems import Problem

__all__ = ["Part", "Related", "boundary_of"]

_HEADER_BYTES = 8192


@dataclass(frozen=True, slots=True)
class Part:
    """A whole part: where it lies, its media type, and its length in bytes."""

    path: Path
    media_type: str
    size: int


class Related:
    """Writes the parts of a body into a folder, as pieces of the body are given to it."""

    def __init__(self, boundary: bytes, folder: Path, *, max_parts: int) -> None:
        """Begin with the first part."""
        self._folder, self._max_parts = folder, max_parts
        self._count, self._size = 0, 0
        self._field, self._value, self._media_type = b"", b"", ""
        self._file: BinaryIO | None = None
        self._whole: list[Part] = []
        self._complete = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._open,
                "on_part_data": self._data,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
        )

    @property
    def held_bytes(self) -> int:
        """Bytes of the whole parts that nobody has taken yet."""
        return sum(part.size for part in self._whole)

    @property
    def held(self) -> int:
        """How many whole parts nobody has taken yet."""
        return len(self._whole)

    def write(self, data: bytes) -> None:
        """Take the next piece of the body.

        Raises:
            FormParserError: It is no multipart body.
            Problem: 413 too many parts, 400 headers that do not end.
        """
        self._parser.write(data)

    def take(self) -> list[Part]:
        """The parts that became whole since the last time."""
        taken, self._whole = self._whole, []
        return taken

    def finish(self) -> None:
        """The body is over; one without its last boundary was cut off."""
        if not self._complete:
            raise Problem(400, "the multipart body ends early: send it again")

    def close(self) -> None:
        """Let go of a part that will not become whole."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> None:
        self._count += 1
        if self._count > self._max_parts:
            raise Problem(413, f"the body holds too many parts; the limit is {self._max_parts}")
        # The type that the whole body names holds where a part names none (RFC 2387 3.1).
        self._field, self._value, self._media_type, self._size = b"", b"", DICOM, 0

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]
        self._bound()

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._bound()

    def _bound(self) -> None:
        if len(self._field) + len(self._value) > _HEADER_BYTES:
            raise Problem(400, f"a header of a part is longer than {_HEADER_BYTES} bytes")

    def _header_end(self) -> None:
        if self._field.lower() == b"content-type":
            media_type, _ = parse_options_header(self._value)
            self._media_type = media_type.decode("latin-1").lower()
        self._field, self._value = b"", b""

    def _open(self) -> None:
        self._file = (self._folder / f"{self._count:06d}").open("wb")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(memoryview(data)[start:end])
            self._size += end - start

    def _end_part(self) -> None:
        if self._file is not None:
            path = Path(self._file.name)
            self.close()
            self._whole.append(Part(path, self._media_type, self._size))

    def _end(self) -> None:
        self._complete = True


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
