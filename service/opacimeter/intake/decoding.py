"""Decoding: the stored bits of one frame.

imagecodecs decodes, since it frees the interpreter while it works, so that slices decode in
parallel. Of its codecs those are used that refuse damaged streams, for a lenient one makes an image
of anything: jpegsof3 rather than libjpeg for lossless JPEG, OpenJPEG rather than OpenJPH for
HTJ2K. Lossy JPEG has no strict one; there the stream's own structure is checked.
"""

import os
import struct
import threading
from collections.abc import Callable
from typing import Any, Literal

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.encaps import generate_frames

from opacimeter.checks import Check
from opacimeter.errors import IntakeRejected
from opacimeter.intake.limits import Limits
from opacimeter.intake.reading import UNDEFINED_LENGTH, Instance, PixelElement, inflate
from opacimeter.intake.values import value, whole

__all__ = ["StoredPixels"]

_NATIVE = frozenset(
    {
        "",  # a bare dataset does not tell, and its length told that it is native
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
        uid.DeflatedExplicitVRLittleEndian,
    }
)
_DECODERS: dict[str, Callable[[bytes], Any]] = {
    uid.JPEGBaseline8Bit: imagecodecs.jpeg8_decode,
    uid.JPEGExtended12Bit: imagecodecs.jpeg8_decode,
    uid.JPEGLossless: imagecodecs.jpegsof3_decode,
    uid.JPEGLosslessSV1: imagecodecs.jpegsof3_decode,
    uid.JPEGLSLossless: imagecodecs.jpegls_decode,
    uid.JPEGLSNearLossless: imagecodecs.jpegls_decode,
    uid.JPEG2000Lossless: imagecodecs.jpeg2k_decode,
    uid.JPEG2000: imagecodecs.jpeg2k_decode,
    uid.HTJ2KLossless: imagecodecs.jpeg2k_decode,
    uid.HTJ2KLosslessRPCL: imagecodecs.jpeg2k_decode,
    uid.HTJ2K: imagecodecs.jpeg2k_decode,
}
_ITEM, _END = 0xFFFEE000, 0xFFFEE0DD


class StoredPixels:
    """The pixels of one file, frame by frame, as unsigned bits.

    Attributes:
        bits: Width of a stored value; bits above it (overlays once lived there) are cleared.
        signed: Whether the bits are two's complement, whatever a codestream says (PS3.5 8.2).

    Raises:
        IntakeRejected: unsupported-syntax, damaged-file or too-large.
    """

    def __init__(self, instance: Instance, *, limits: Limits) -> None:
        header = instance.header
        self._instance, self._limits = instance, limits
        self._pixels = _element_of(instance)
        self._shape = (whole(header, "Rows") or 0, whole(header, "Columns") or 0)
        self._frames = whole(header, "NumberOfFrames") or 1
        allocated = whole(header, "BitsAllocated")
        if allocated not in (8, 16, 32):
            raise _unsupported(f"{allocated} bits allocated to a pixel")
        self._dtype = np.dtype(f"u{allocated // 8}")
        stored = whole(header, "BitsStored") or allocated
        self.bits = stored if 1 <= stored <= allocated else allocated
        high = whole(header, "HighBit")
        fits = high is not None and self.bits <= high + 1 <= allocated
        self._shift = high + 1 - self.bits if high is not None and fits else 0
        self.signed = whole(header, "PixelRepresentation") == 1
        self._lock = threading.Lock()
        self._parsed: list[bytes] | None = None

    def frame(self, index: int) -> NDArray[Any]:
        """Unsigned (row, column) of frame `index`, `bits` wide.

        Raises:
            IntakeRejected: damaged-file.
        """
        if self._pixels.length == UNDEFINED_LENGTH:
            decoded, shift = self._decode(self._codestream(index)), 0
        else:
            decoded, shift = self._native(index), self._shift
        mask = decoded.dtype.type((1 << self.bits) - 1)
        stored: NDArray[Any] = (decoded >> shift if shift else decoded) & mask
        return stored

    def _native(self, index: int) -> NDArray[Any]:
        size = self._shape[0] * self._shape[1] * self._dtype.itemsize
        if self._pixels.length < size * self._frames:
            raise _damaged("holds fewer pixels than it claims")
        raw = self._bytes(self._pixels.offset + index * size, size)
        if len(raw) < size:
            raise _damaged("ends within its pixels")
        order: Literal["<", ">"] = "<" if self._pixels.little_endian else ">"
        stored = np.frombuffer(raw, self._dtype.newbyteorder(order)).reshape(self._shape)
        return stored.astype(self._dtype, copy=False)

    def _bytes(self, offset: int, size: int) -> bytes:
        if not self._pixels.deflated:
            with self._instance.path.open("rb") as file:
                # Checked here, since trailing bytes may be cut where all pixels are there.
                if os.fstat(file.fileno()).st_size < self._pixels.offset + self._pixels.length:
                    raise _damaged("ends within its pixels")
                return os.pread(file.fileno(), size, offset)
        return self._inflated()[offset : offset + size]

    def _inflated(self) -> bytes:
        with self._lock:
            if self._parsed is None:
                raw = self._instance.path.read_bytes()
                start = _dataset_offset(raw)
                inflated, problem = inflate(raw[start:], limit=self._limits.inflated_bytes)
                if problem:
                    raise IntakeRejected((problem,))
                self._parsed = [inflated]
            return self._parsed[0]

    def _codestream(self, index: int) -> bytes:
        with self._lock:
            if self._parsed is None:
                raw = self._instance.path.read_bytes()[self._pixels.offset :]
                self._parsed = _codestreams(raw, self._frames, self._instance)
            return self._parsed[index]

    def _decode(self, codestream: bytes) -> NDArray[Any]:
        if self._instance.syntax == uid.RLELossless:
            return self._run_length(codestream)
        _check_codestream(codestream, self._shape)
        try:
            decoded = np.asarray(_DECODERS[self._instance.syntax](codestream))
        except (RuntimeError, ValueError, MemoryError) as error:
            raise _damaged("has pixels that cannot be decoded") from error
        if decoded.shape != self._shape or decoded.dtype.kind not in "iu":
            raise _damaged("has pixels of another shape than it claims")
        return decoded.view(f"u{decoded.dtype.itemsize}")

    def _run_length(self, codestream: bytes) -> NDArray[Any]:
        try:
            raw = imagecodecs.dicomrle_decode(codestream, self._dtype)
        except (RuntimeError, ValueError) as error:
            raise _damaged("has pixels that cannot be decoded") from error
        flat = np.frombuffer(raw, self._dtype)
        if flat.size != self._shape[0] * self._shape[1]:
            raise _damaged("ends within its pixels")
        return flat.reshape(self._shape)


def _element_of(instance: Instance) -> PixelElement:
    encapsulated = instance.pixels is not None and instance.pixels.length == UNDEFINED_LENGTH
    known = instance.syntax in _DECODERS or instance.syntax == uid.RLELossless
    if not (instance.syntax in _NATIVE or known):
        raise _unsupported(f"transfer syntax {instance.syntax}")
    if instance.pixels is None:
        raise _damaged("holds no pixels")
    if encapsulated != known:
        raise _damaged("has pixels that are not in the transfer syntax it names")
    return instance.pixels


def _dataset_offset(raw: bytes) -> int:
    """Where the dataset begins, after the meta group; a deflated file always has its group length.

    PS3.10 7.1: (0002,0000) is the first element, 12 bytes, and counts what follows it.
    """
    start = 132 if raw[128:132] == b"DICM" else 0
    tag, length = struct.unpack("<L4xL", raw[start : start + 12])
    if tag != 0x00000002:
        raise _damaged("does not say where its dataset begins")
    return start + 12 + int(length)


def _codestreams(raw: bytes, count: int, instance: Instance) -> list[bytes]:
    """One codestream a frame out of encapsulated pixels (PS3.5 A.4)."""
    raw = raw[: _length_of_items(raw)]
    if count == 1:
        return [b"".join(_fragments(raw))]
    table, lengths = (
        value(instance.header, "ExtendedOffsetTable"),
        value(instance.header, "ExtendedOffsetTableLengths"),
    )
    extended = (table, lengths) if table and lengths else None
    try:
        frames = list(generate_frames(raw, number_of_frames=count, extended_offsets=extended))
    except (ValueError, EOFError, struct.error) as error:
        raise _damaged("has pixels that cannot be told apart by frame") from error
    if len(frames) != count:
        raise _damaged(f"claims {count} frames but holds {len(frames)}")
    return frames


def _fragments(raw: bytes) -> list[bytes]:
    fragments, at = [], 0
    while at + 8 <= len(raw):
        (length,) = struct.unpack_from("<L", raw, at + 4)
        fragments.append(raw[at + 8 : at + 8 + length])
        at += 8 + length
    return fragments[1:]  # the first item is the offset table


def _length_of_items(raw: bytes) -> int:
    """Bytes of all items without the delimiter; the delimiter has to be there."""
    at = 0
    while at + 8 <= len(raw):
        group, element, length = struct.unpack_from("<HHL", raw, at)
        tag = group << 16 | element
        if tag == _END:
            return at
        if tag != _ITEM:
            break
        at += 8 + length
    raise _damaged("ends within its pixels")


def _check_codestream(codestream: bytes, shape: tuple[int, int]) -> None:
    """Refuse what is no whole stream of one grey image of this size, before any decoder runs.

    A stream may claim 65535x65535 pixels in a small file, or stop in the middle and be filled up;
    all of JPEG's family end with the marker FF D9, padded to even length.
    """
    if not codestream.rstrip(b"\0").endswith(b"\xff\xd9"):
        raise _damaged("ends within its pixels")
    if _claims(codestream) != (*shape, 1):
        raise _damaged("has pixels of another size than it claims")


def _claims(codestream: bytes) -> tuple[int, int, int] | None:
    """Rows, columns and components by the stream's own header; None where it has none."""
    size = codestream.find(b"\xff\x4f\xff\x51", 0, 512)  # SOC SIZ, possibly in a JP2 box
    if size >= 0:
        fields = struct.unpack_from(">LLLLLLLLH", codestream.ljust(size + 64), size + 8)
        return fields[1] - fields[3], fields[0] - fields[2], fields[8]
    at = 2
    while codestream[:2] == b"\xff\xd8" and at + 10 <= len(codestream):
        marker, length = struct.unpack_from(">HH", codestream, at)
        if marker == 0xFFF7 or (0xFFC0 <= marker <= 0xFFCF and marker not in _NO_FRAME_MARKERS):
            rows, columns, components = struct.unpack_from(">HHB", codestream, at + 5)
            return rows, columns, components
        if marker < 0xFF00 or marker == 0xFFDA:
            break
        at += 1 if marker == 0xFFFF else 2 + length
    return None


_NO_FRAME_MARKERS = (0xFFC4, 0xFFC8, 0xFFCC)


def _damaged(fact: str) -> IntakeRejected:
    message = f"A file {fact}: it is damaged. Please send the study again."
    return IntakeRejected((Check("damaged-file", message, {"files": 1}),))


def _unsupported(fact: str) -> IntakeRejected:
    message = f"The pixels cannot be decoded: {fact}. Please send them uncompressed."
    return IntakeRejected((Check("unsupported-syntax", message, {"fact": fact}),))
