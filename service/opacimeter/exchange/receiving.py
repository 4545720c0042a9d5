"""Receiver: writes what an archive hands over by C-STORE into files."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pydicom.uid import (
    JPEG2000,
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    LegacyConvertedEnhancedCTImageStorage,
    RLELossless,
)
from pynetdicom import evt
from pynetdicom.presentation import build_context

from opacimeter.exchange.association import listening
from opacimeter.exchange.peer import DimsePeer

__all__ = ["CT_CLASSES", "CT_SYNTAXES", "Receiver"]

CT_CLASSES: Final[list[UID]] = [
    CTImageStorage, EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage,
]  # fmt: skip
CT_SYNTAXES: Final[list[UID]] = [
    ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, RLELossless,
    JPEGLossless, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, JPEG2000, JPEGLSNearLossless,
    JPEGBaseline8Bit, JPEGExtended12Bit,
]  # fmt: skip
"""What intake decodes, the exact ones first."""

_OUT_OF_RESOURCES: Final = 0xA700


class Receiver:
    """Files what comes, each object once, in the order in which it comes."""

    def __init__(self, folder: Path) -> None:
        """Nothing has come."""
        self._files: dict[str, Path] = {}
        self._folder = folder
        self._lock = threading.Lock()

    @property
    def files(self) -> tuple[Path, ...]:
        """The files so far."""
        return tuple(self._files.values())

    def store(self, event: evt.Event) -> int:
        """Write one object as it was sent, undecoded; returns the status of C-STORE."""
        uid = str(event.request.AffectedSOPInstanceUID)
        with self._lock:
            path = self._files.get(uid) or self._folder / f"{len(self._files):06d}.dcm"
            try:
                path.write_bytes(event.encoded_dataset())
            except OSError:
                return _OUT_OF_RESOURCES
            self._files[uid] = path
        return 0x0000

    @contextmanager
    def listening(self, peer: DimsePeer) -> Iterator[None]:
        """Take what a peer moves here."""
        contexts = [build_context(each, [*CT_SYNTAXES]) for each in CT_CLASSES]
        with listening(peer, contexts, {evt.EVT_C_STORE: self.store}):
            yield
