"""Document: something made of an assessment, written when asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Document"]


@dataclass(frozen=True, slots=True)
class Document:
    """A named file-to-be.

    Nobody but `report` needs to know what is in it, and nothing is held as bytes until `write`.

    Attributes:
        name: File name, also its name under `/artifacts/`.
        media_type: IANA media type.
        write: Writes the document to the path it is given; the same bytes each time.
    """

    name: str
    media_type: str
    write: Callable[[Path], None]
