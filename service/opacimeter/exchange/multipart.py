"""multipart/related both ways (RFC 2387, PS3.18 8.6), a piece at a time."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self
from uuid import uuid4

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

__all__ = ["Body", "Parts", "boundary_of"]

_PIECE_BYTES: Final = 1 << 18


class Body:
    """Files as one body of parts of application/dicom.

    Attributes:
        media_type: For the Content-Type of the request.
        size_bytes: For its Content-Length.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        """Nothing is read yet."""
        boundary = uuid4().hex
        self.media_type = f'multipart/related; type="application/dicom"; boundary={boundary}'
        self._files = files
        self._head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        self._end = f"--{boundary}--\r\n".encode()
        framing = len(files) * (len(self._head) + len(b"\r\n")) + len(self._end)
        self.size_bytes = framing + sum(file.stat().st_size for file in files)

    def __iter__(self) -> Iterator[bytes]:
        """The body in pieces: a study never lies in memory whole."""
        for path in self._files:
            yield self._head
            with path.open("rb") as file:
                while piece := file.read(_PIECE_BYTES):
                    yield piece
            yield b"\r\n"
        yield self._end


class Parts:
    """Writes each part of a body into a file of its own; a context manager.

    Attributes:
        files: The files of the parts that came whole.
    """

    def __init__(self, boundary: str, targets: Iterator[Path]) -> None:
        """Nothing is written yet; each part goes to the next of `targets`."""
        self.files: list[Path] = []
        self._targets = targets
        self._file: IO[bytes] | None = None
        self._path = Path()
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_part_data": self._data,
                "on_part_end": self._finish,
                "on_end": self._end,
            },
        )

    def __enter__(self) -> Self:
        """Ready."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """A part that was cut off leaves no file."""
        if self._file is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)

    def feed(self, pieces: Iterable[bytes]) -> bool:
        """Take the body in; returns whether it came to its end in good form."""
        try:
            for piece in pieces:
                self._parser.write(piece)
        except MultipartParseError:
            return False
        return self._ended

    def _begin(self) -> None:
        self._path = next(self._targets)
        self._file = self._path.open("wb")

    def _data(self, piece: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(piece[start:end])

    def _finish(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            self.files.append(self._path)

    def _end(self) -> None:
        self._ended = True


def boundary_of(content_type: str) -> str | None:
    """The boundary that a Content-Type of multipart/related names; None for another type."""
    if not content_type.lower().startswith("multipart/related"):
        return None
    found = re.search(r'boundary="?([^";,]+)"?', content_type, re.IGNORECASE)
    return found.group(1).strip() if found else None
