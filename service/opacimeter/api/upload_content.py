"""The content of a resumable upload: one stream of bytes, laid down as files of known sizes.

    <folder>/sizes.json      bytes of each file, as announced
    <folder>/files/000001    the files, in order; the last one there may be unfinished
    <folder>/answer.json     what became of it, once it was completed

Nothing else is kept: how much there is, the files themselves tell, so that a service that was
killed goes on from what reached the disk.
"""

import json
import os
import shutil
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Self

from opacimeter.api.problems import Problem
from opacimeter.errors import Conflict, NotFound

__all__ = ["Content", "Writer"]


@dataclass(frozen=True, slots=True)
class Content:
    """The folder of one upload and the sizes of its files in bytes."""

    folder: Path
    sizes: tuple[int, ...]

    @classmethod
    def begin(cls, folder: Path, sizes: tuple[int, ...]) -> Self:
        """Lay out a new upload."""
        files = folder / "files"
        files.mkdir(mode=0o700, parents=True)
        content = cls(folder, sizes)
        for index, size in enumerate(sizes):
            if size == 0:  # nothing will ever be written to it
                content.path(index).touch()
        _write(folder / "sizes.json", list(sizes))
        return content

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open what `begin` laid out.

        Raises:
            NotFound: There is no such upload, or no longer.
        """
        try:
            sizes = json.loads((folder / "sizes.json").read_bytes())
        except FileNotFoundError as error:
            raise NotFound("there is no such upload; they are kept for a day") from error
        return cls(folder, tuple(sizes))

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(self.sizes)

    def path(self, index: int) -> Path:
        """The file at an index from 0, under its number from 1."""
        return self.folder / "files" / f"{index + 1:06d}"

    def received(self) -> int:
        """Bytes that are here without a gap, from the first one on."""
        received = 0
        for index, size in enumerate(self.sizes):
            here = min(_size(self.path(index)), size)
            received += here
            if here < size:
                break
        return received

    def keep_alive(self) -> None:
        """Begin the day anew that an upload is kept."""
        os.utime(self.folder)

    def answer(self) -> dict[str, Any] | None:
        """What became of it, if it was completed."""
        try:
            answer: dict[str, Any] = json.loads((self.folder / "answer.json").read_bytes())
        except FileNotFoundError:
            return None
        return answer

    def end(self, answer: dict[str, Any]) -> None:
        """Keep the answer, for one who lost it on the way; let the files go."""
        _write(self.folder / "answer.json", answer)
        for child in self.folder.iterdir():
            if child.is_dir():
                shutil.rmtree(child, ignore_errors=True)


class Writer:
    """Writes one request's bytes to where they belong."""

    def __init__(self, content: Content, offset: int) -> None:
        """Begin at an offset into the stream; bytes that are here already are passed over.

        Raises:
            Conflict: The offset lies beyond what is here.
        """
        received = content.received()
        if offset > received:
            raise Conflict(f"{received} bytes are here: go on from there, not from {offset}")
        self._content = content
        self._skip = received - offset
        self._position = received
        self._ends = tuple(accumulate(content.sizes))

    def write(self, data: bytes) -> None:
        """Write the next bytes.

        Raises:
            Problem: 413 there are more than were announced.
        """
        left = memoryview(data)[self._skip :]
        self._skip = max(0, self._skip - len(data))
        while left:
            # Ends that equal the position are of files that are whole, or empty.
            index = bisect_right(self._ends, self._position)
            if index == len(self._ends):
                raise Problem(413, f"{self._content.total} bytes were announced, more were sent")
            piece = left[: self._ends[index] - self._position]
            self._put(index, piece)
            left = left[len(piece) :]

    def _put(self, index: int, piece: memoryview) -> None:
        place = self._position - (self._ends[index] - self._content.sizes[index])
        # What a loss of power left behind a gap is begun anew.
        with self._content.path(index).open("r+b" if place else "wb") as file:
            file.seek(place)
            file.write(piece)
        self._position += len(piece)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _write(path: Path, content: object) -> None:
    """Whole or not at all."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(content))
    draft.replace(path)
