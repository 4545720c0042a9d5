"""The parts of a multipart body (RFC 2046 5.1) into files, as pieces of the body arrive."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import BinaryIO

from python_multipart.multipart import MultipartParser

from opacimeter.api.problems import Problem

__all__ = ["PartWriter"]

_HEADER_BYTES = 8192


class PartWriter(ABC):
    """Receives the parser's callbacks; one file is open at a time.

    Those who derive from it say what a part's headers mean and where its content goes.
    """

    def __init__(self, boundary: bytes) -> None:
        """Nothing is written yet."""
        self._file: BinaryIO | None = None
        self._field, self._value = b"", b""
        self._complete = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begun,
                "on_header_field": self._field_piece,
                "on_header_value": self._value_piece,
                "on_header_end": self._header_ended,
                "on_headers_finished": self._headers_ended,
                "on_part_data": self._content_piece,
                "on_part_end": self._part_ended,
                "on_end": self._body_ended,
            },
        )

    @abstractmethod
    def begin(self) -> None:
        """A part begins."""

    @abstractmethod
    def header(self, name: bytes, value: bytes) -> None:
        """A header of the part; the name in lower case."""

    @abstractmethod
    def target(self) -> Path | None:
        """The headers are over: the file that the content goes to, None for no file."""

    @abstractmethod
    def content(self, data: memoryview, *, filed: bool) -> None:
        """A piece of the content; told whether it went into the file."""

    @abstractmethod
    def end(self, path: Path | None) -> None:
        """The part is whole, and its file, where it has one, is closed."""

    def write(self, data: bytes) -> None:
        """Take the next piece of the body.

        Raises:
            FormParserError: It is no multipart body.
            Problem: 400 headers that do not end; what the part itself is refused for.
        """
        self._parser.write(data)

    def finish(self) -> None:
        """The body is over.

        Raises:
            Problem: 400 it is without its last boundary: it was cut off.
        """
        if not self._complete:
            raise Problem(400, "the multipart body ends early: send it again")

    def close(self) -> None:
        """Let go of a file that will not become whole."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _part_begun(self) -> None:
        self._field, self._value = b"", b""
        self.begin()

    def _field_piece(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]
        self._bound()

    def _value_piece(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._bound()

    def _bound(self) -> None:
        if len(self._field) + len(self._value) > _HEADER_BYTES:
            raise Problem(400, f"a header of a part is longer than {_HEADER_BYTES} bytes")

    def _header_ended(self) -> None:
        self.header(self._field.lower(), self._value)
        self._field, self._value = b"", b""

    def _headers_ended(self) -> None:
        path = self.target()
        if path is not None:
            self._file = path.open("wb")

    def _content_piece(self, data: bytes, start: int, end: int) -> None:
        piece = memoryview(data)[start:end]
        if self._file is not None:
            self._file.write(piece)
        self.content(piece, filed=self._file is not None)

    def _part_ended(self) -> None:
        path = Path(self._file.name) if self._file is not None else None
        self.close()
        self.end(path)

    def _body_ended(self) -> None:
        self._complete = True
