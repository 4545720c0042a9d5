"""Results kept between runs, so that an interrupted evaluation goes on where it stopped."""

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

import opacimeter

__all__ = ["Kept", "content_hash", "software"]

Row = TypeVar("Row")

_MEASURING = ("opacimeter/assess", "opacimeter/intake", "training/evaluation")
_TELLING = {
    "report.py", "card.py", "tables.py", "chest_tables.py", "calibration_text.py", "plots.py",
    "failures.py",
}  # fmt: skip
"""They put figures into words and pictures; a figure does not depend on them."""
_VOCABULARY = ("opacimeter/volume.py", "opacimeter/findings.py", "opacimeter/zones.py")


def software() -> str:
    """Version of opacimeter and a hash of the sources that a figure depends on."""
    service = Path(opacimeter.__file__).resolve().parents[1]
    checkout = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256()
    for part in (*_MEASURING, *_VOCABULARY):
        root = (checkout if part.startswith("training") else service) / part
        for path in sorted(root.rglob("*.py")) if root.is_dir() else [root]:
            if path.name not in _TELLING:
                digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return f"{opacimeter.__version__}+{digest.hexdigest()[:12]}"


def content_hash(name: str, arrays: Iterable[NDArray[np.generic] | None]) -> str:
    """sha256 over a name and arrays: their shapes, types and values, whatever the machine."""
    digest = hashlib.sha256(name.encode())
    for array in arrays:
        if array is None:
            digest.update(b"none")
            continue
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        digest.update(f"{little.dtype.str}{little.shape}".encode())
        digest.update(little.tobytes())
    return digest.hexdigest()


class Kept:
    """Rows on disk, one file each.

    Args:
        folder: Where they lie; made when needed.
        software: What figures depend on besides weights and study.
    """

    def __init__(self, folder: Path, software: str) -> None:
        self._folder = folder
        self._software = software

    def row(self, kind: type[Row], parts: Iterable[str], make: Callable[[], Row]) -> Row:
        """The row of before, else a new one, which is kept.

        Args:
            kind: A dataclass.
            parts: What tells it from other rows: weights' sha256, study, its content.
            make: Makes it.
        """
        adapter = TypeAdapter(kind)
        key = "\n".join((self._software, kind.__name__, *parts))
        path = self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
        try:
            return adapter.validate_json(path.read_bytes())
        except (OSError, ValidationError):
            pass  # not there, or cut off by an interruption: it is made again
        row = make()
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_bytes(adapter.dump_json(row))
        partial.replace(path)
        return row
