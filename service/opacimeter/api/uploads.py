"""Uploads: a multipart body streamed to files on disk.

Not by the framework's form parser: it keeps each part of up to a megabyte in memory and each
larger one open, and a study is thousands of parts of half a megabyte.
"""

from collections.abc import AsyncIterator
from pathlib import Path

from anyio import to_thread
from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect

from opacimeter.api.multipart import PartWriter
from opacimeter.api.problems import Problem

__all__ = ["batches", "bounded", "save_upload"]

_BATCH_BYTES = 1 << 20
_TEXTS, _TEXT_BYTES = 16, 16 * 1024
_NO_FILE = "the upload holds no file: send DICOM files or a zip of them"


async def save_upload(
    request: Request, folder: Path, *, max_bytes: int, max_files: int, no_file: str = _NO_FILE
) -> dict[str, str]:
    """Write every file of a multipart body into a folder, under numbers for names.

    What the sender calls its files is not looked at: it is no path here.

    Args:
        request: Its body has not been read yet.
        folder: Where the files go.
        max_bytes: Largest body.
        max_files: Most files in it.
        no_file: What to say where there is none.

    Returns:
        The form's texts by their names.

    Raises:
        Problem: 415 not multipart, 413 too large or too many, 400 malformed, 422 without files.
    """
    parts = _Parts(_boundary(request), folder, max_files=max_files)
    try:
        async for batch in batches(bounded(request, max_bytes)):
            await to_thread.run_sync(parts.write, batch)
        parts.finish()
    except ClientDisconnect as error:
        raise Problem(400, "the upload was broken off: send it again") from error
    except FormParserError as error:
        raise Problem(400, "the multipart body is malformed") from error
    finally:
        parts.close()
    if not parts.files:
        raise Problem(422, no_file)
    try:
        return {name.decode(): bytes(text).decode() for name, text in parts.texts.items()}
    except UnicodeDecodeError as error:
        raise Problem(400, "the form's texts must be UTF-8") from error


class _Parts(PartWriter):
    """Files into a folder, texts into memory."""

    def __init__(self, boundary: bytes, folder: Path, *, max_files: int) -> None:
        super().__init__(boundary)
        self.files = 0
        self.texts: dict[bytes, bytearray] = {}
        self._name, self._is_file = b"", False
        self._folder, self._max_files = folder, max_files

    def begin(self) -> None:
        self._name, self._is_file = b"", False

    def header(self, name: bytes, value: bytes) -> None:
        if name == b"content-disposition":
            _, options = parse_options_header(value)
            # A browser sends an empty name for a file input that was left empty.
            self._is_file = bool(options.get(b"filename") or options.get(b"filename*"))
            self._name = options.get(b"name", b"")

    def target(self) -> Path | None:
        if not self._is_file:
            self._begin_text()
            return None
        self.files += 1
        if self.files > self._max_files:
            raise Problem(413, f"the upload holds too many files; the limit is {self._max_files}")
        return self._folder / f"{self.files:06d}"

    def content(self, data: memoryview, *, filed: bool) -> None:
        if filed:
            return
        text = self.texts[self._name]
        text += data
        if len(text) > _TEXT_BYTES:
            raise Problem(413, f"a text of the form is longer than {_TEXT_BYTES} bytes")

    def end(self, path: Path | None) -> None:
        """Nobody waits for one of them alone."""

    def _begin_text(self) -> None:
        self.texts[self._name] = bytearray()
        if len(self.texts) > _TEXTS:
            raise Problem(413, f"the form has more than {_TEXTS} texts")


def _boundary(request: Request) -> bytes:
    media_type, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary")
    if media_type != b"multipart/form-data" or not boundary:
        raise Problem(415, "send the files as multipart/form-data")
    return boundary


async def bounded(request: Request, max_bytes: int) -> AsyncIterator[bytes]:
    """The body as it arrives.

    Raises:
        Problem: 413 it is larger than `max_bytes`.
        ClientDisconnect: It ends before it is whole.
    """
    refusal = Problem(413, f"the upload is too large; the limit is {max_bytes} bytes")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > max_bytes:
        raise refusal
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        # Counted as well: a chunked body tells no length, and a length may lie.
        if received > max_bytes:
            raise refusal
        yield chunk


async def batches(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Fewer, larger pieces: each costs a change of threads."""
    held: list[bytes] = []
    size = 0
    async for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= _BATCH_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)
