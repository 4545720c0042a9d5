"""Hounsfield units: from stored bits to the volume, slice by slice, and whether they are HU at all.

HU = floor(stored * slope + intercept + 0.5) (PS3.3 C.11.1.1.2), with its own rescale for every
frame. One table lookup a pixel does rescale, rounding, sign, saturation and padding at once, into
one preallocated int16 array: no second copy of the volume exists at any time.
"""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from opacimeter.checks import Check
from opacimeter.errors import IntakeRejected
from opacimeter.intake.decoding import StoredPixels
from opacimeter.intake.frames import Frame, Rescale
from opacimeter.intake.limits import Limits
from opacimeter.intake.reading import Instance
from opacimeter.intake.values import number

__all__ = ["PADDING_HU", "fill", "hu_of"]

PADDING_HU = -1024
_LOWEST_HU = -1100  # below it nothing is measured: padding (design of the check padding-ignored)
_AIR_HU = (-1100, -850)
_SOFT_TISSUE_HU = (-250, 250)
_LEAST_AIR = 0.001
_LEAST_SOFT_TISSUE = 0.01
_HIGHEST_TISSUE_HU = 3100  # 12 stored bits reach 3071; dense metal beyond is no padding value
_MARK = -32768  # stands for padding between the table and the count


@dataclass(frozen=True, slots=True)
class _Coding:
    bits: int
    signed: bool
    rescale: Rescale
    padding: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class _Tally:
    """Voxels of one slice: how many were padding, air, soft tissue."""

    padding: int = 0
    air: int = 0
    soft_tissue: int = 0


def hu_of(frame: Frame, *, limits: Limits) -> NDArray[np.int16]:
    """HU of one frame, int16 (row, column), padding at -1024.

    Raises:
        IntakeRejected: not-hounsfield, damaged-file, unsupported-syntax.
    """
    hu = np.empty(frame.shape, np.int16)
    _convert(frame, StoredPixels(frame.instance, limits=limits), hu)
    return hu


def fill(
    frames: Sequence[Frame], *, limits: Limits, threads: int
) -> tuple[NDArray[np.int16], tuple[Check, ...]]:
    """HU of all frames, int16 (slice, row, column), and the check padding-ignored where due.

    Raises:
        IntakeRejected: too-large before anything is allocated; damaged-file, unsupported-syntax;
            not-hounsfield, see `_check_air`.
    """
    shape = (len(frames), *frames[0].shape)
    if len(frames) > limits.slices or int(np.prod(shape, dtype=np.int64)) > limits.voxels:
        message = f"The series has {len(frames)} images; the limit is {limits.voxels} voxels."
        raise IntakeRejected((Check("too-large", message, {"images": len(frames)}),))
    hu = np.empty(shape, np.int16)
    shared = _shared_sources(frames, limits)

    def convert(index: int) -> _Tally | IntakeRejected:
        frame = frames[index]
        try:
            source = shared.get(id(frame.instance)) or StoredPixels(frame.instance, limits=limits)
            return _convert(frame, source, hu[index])
        except IntakeRejected as rejected:
            return rejected  # all damage is to be told, not the first alone

    with ThreadPoolExecutor(max_workers=max(threads, 1)) as pool:
        results = list(pool.map(convert, range(len(frames))))
    _raise_all([each for each in results if isinstance(each, IntakeRejected)])
    tallies = [each for each in results if isinstance(each, _Tally)]
    _check_air(tallies, hu.size)
    return hu, _padding_check(sum(tally.padding for tally in tallies))


def _shared_sources(frames: Sequence[Frame], limits: Limits) -> dict[int, StoredPixels]:
    """One source for all frames of a file that holds many, so that it is parsed once."""
    many: dict[int, Instance] = {id(f.instance): f.instance for f in frames if f.index > 0}
    return {key: StoredPixels(instance, limits=limits) for key, instance in many.items()}


def _raise_all(rejections: Sequence[IntakeRejected]) -> None:
    """Raise one rejection with one check a code, which tells how many slices it concerns."""
    checks = [check for rejected in rejections for check in rejected.checks]
    if not checks:
        return
    counts = Counter(check.code for check in checks)
    first = {check.code: check for check in reversed(checks)}
    raise IntakeRejected(
        tuple(
            replace(check, detail={**check.detail, "files": counts[code]})
            for code, check in first.items()
        )
    )


def _convert(frame: Frame, source: StoredPixels, out: NDArray[np.int16]) -> _Tally:
    if frame.rescale is None:
        message = "The images carry no rescale to Hounsfield units (slope and intercept)."
        raise IntakeRejected((Check("not-hounsfield", message),))
    stored = source.frame(frame.index)
    coding = _Coding(source.bits, source.signed, frame.rescale, _declared_padding(frame, source))
    if source.bits <= 16:
        np.take(_table(coding), stored, out=out, mode="clip")
    else:
        out[:] = _hu_of_values(_values(stored, coding), coding)
    marked = out == _MARK
    if coding.padding and _looks_like_tissue(coding):
        marked |= _reaches_corner(out, coding)
    out[marked] = PADDING_HU
    return _tally(out, int(np.count_nonzero(marked)))


def _tally(out: NDArray[np.int16], padding: int) -> _Tally:
    air = np.count_nonzero((out >= _AIR_HU[0]) & (out < _AIR_HU[1]))
    soft = np.count_nonzero((out > _SOFT_TISSUE_HU[0]) & (out < _SOFT_TISSUE_HU[1]))
    return _Tally(padding, int(air) - padding, int(soft))


@lru_cache(maxsize=64)
def _table(coding: _Coding) -> NDArray[np.int16]:
    table = _hu_of_values(_values(np.arange(1 << coding.bits, dtype=np.uint32), coding), coding)
    table.flags.writeable = False
    return table


def _values(stored: NDArray[Any], coding: _Coding) -> NDArray[np.int64]:
    values = stored.astype(np.int64)
    if coding.signed:
        values -= (values >> (coding.bits - 1)) << coding.bits
    return values


def _hu_of_values(values: NDArray[np.int64], coding: _Coding) -> NDArray[np.int16]:
    exact = np.floor(values * coding.rescale.slope + coding.rescale.intercept + 0.5)
    hu: NDArray[np.int16] = np.clip(exact, -32767, 32767).astype(np.int16)
    hu[hu < _LOWEST_HU] = _MARK
    if coding.padding:
        low, high = coding.padding
        hu[(values >= low) & (values <= high) & (hu > _HIGHEST_TISSUE_HU)] = _MARK
    return hu


def _declared_padding(frame: Frame, source: StoredPixels) -> tuple[int, int] | None:
    """PixelPaddingValue, or the range up to its limit, as stored values (PS3.3 C.7.5.1.1.2)."""
    header = frame.instance.header
    first = number(header, "PixelPaddingValue")
    if first is None:
        return None
    last = number(header, "PixelPaddingRangeLimit")
    ends = sorted(_as_stored(int(end), source) for end in (first, first if last is None else last))
    return ends[0], ends[-1]


def _as_stored(end: int, source: StoredPixels) -> int:
    # Written as unsigned beside signed pixels, -2000 reads 63536: VR and sign often disagree.
    return end - 65536 if source.signed and end > 32767 else end


def _looks_like_tissue(coding: _Coding) -> bool:
    """Whether the declared padding reads like something a body has, so that its place decides."""
    low, high = coding.padding or (0, 0)
    ends = [end * coding.rescale.slope + coding.rescale.intercept for end in (low, high)]
    return max(ends) > -1000 and min(ends) <= _HIGHEST_TISSUE_HU


def _reaches_corner(out: NDArray[np.int16], coding: _Coding) -> NDArray[np.bool_]:
    """Pixels of the declared value that hang together with a corner of the image.

    Padding surrounds the circle of reconstruction; the same value inside the body is real.
    """
    low, high = sorted(
        float(np.floor(end * coding.rescale.slope + coding.rescale.intercept + 0.5))
        for end in coding.padding or (0, 0)
    )
    labels, _ = ndimage.label((out >= max(low, -999)) & (out <= high))
    corners = {int(labels[row, column]) for row in (0, -1) for column in (0, -1)} - {0}
    return np.isin(labels, list(corners))


def _padding_check(voxels: int) -> tuple[Check, ...]:
    if not voxels:
        return ()
    message = f"{voxels} voxels of padding outside the scanner's field were read as -1024 HU."
    return (Check("padding-ignored", message, {"voxels": voxels, "hu": PADDING_HU}),)


def _check_air(tallies: Sequence[_Tally], voxels: int) -> None:
    """Refuse values that cannot be HU.

    Two facts hold of every chest CT, also of one that fills the whole field with no air outside:
    the trachea, bronchi and aerated lung put far more than one voxel in a thousand between -1100
    and -850 HU, and the chest wall, heart and liver far more than one in a hundred between -250
    and 250. A wrong intercept moves one of them away: too high, and no air is left; too low, and
    air falls below -1100 (padding) while tissue takes the place of air.
    """
    inside = voxels - sum(tally.padding for tally in tallies)
    air = sum(tally.air for tally in tallies) / max(inside, 1)
    soft = sum(tally.soft_tissue for tally in tallies) / max(inside, 1)
    if air >= _LEAST_AIR and soft >= _LEAST_SOFT_TISSUE:
        return
    missing = "air near -1000" if air < _LEAST_AIR else "soft tissue near 0"
    message = (
        f"The values cannot be Hounsfield units: there is no {missing} HU "
        f"({100 * air:.2f} % air, {100 * soft:.1f} % soft tissue; at least 0.1 and 1 %)."
    )
    shares = {"air_percent": round(100 * air, 3), "soft_tissue_percent": round(100 * soft, 3)}
    raise IntakeRejected((Check("not-hounsfield", message, shares),))
