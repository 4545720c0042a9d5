"""Splitting: one series may hold several scans of one place, or one image several times.

Identical images are removed whatever they are called; scans are told apart by temporal position,
acquisition number and time, never by InstanceNumber; what no tag tells apart is refused, for a
volume mixed of two scans looks right and is wrong.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from opacimeter.checks import Check
from opacimeter.errors import IntakeRejected
from opacimeter.intake.frames import Frame
from opacimeter.intake.hounsfield import hu_of
from opacimeter.intake.limits import Limits
from opacimeter.intake.stacking import SAME_PLACE_MM, normal_of

__all__ = ["Part", "split", "without_copies"]

_SAME_COSINE = 1e-3
_LEAST_SCAN = 10  # slices, as for a series: fewer are a rotation, not a scan


@dataclass(frozen=True, slots=True)
class Part:
    """Frames of one scan of a series, and how it was told apart; empty where it is the only one."""

    frames: tuple[Frame, ...]
    told_by: str = ""


def without_copies(frames: Sequence[Frame], *, limits: Limits) -> tuple[tuple[Frame, ...], int]:
    """The frames without second copies, and how many were left out.

    Two objects of one SOPInstanceUID are copies if pixels and place agree, whatever their coding;
    so are two objects of one place and the same pixels under different UIDs.

    Raises:
        IntakeRejected: uid-conflict; or what decoding the suspects finds.
    """
    kept: list[Frame] = []
    by_uid: dict[tuple[str, int], Frame] = {}
    for frame in frames:
        uid = frame.instance.uid("SOPInstanceUID")
        twin = by_uid.setdefault((uid, frame.index), frame) if uid else frame
        if twin is frame:
            kept.append(frame)
        elif not _same_image(twin, frame, limits):
            message = "One SOPInstanceUID stands for two different images; it must be unique."
            raise IntakeRejected((Check("uid-conflict", message),))
    distinct = [frame for place in _places(kept) for frame in _distinct(place, limits)]
    return tuple(distinct), len(frames) - len(distinct)


def _distinct(place: Sequence[Frame], limits: Limits) -> list[Frame]:
    found: list[Frame] = []
    for frame in place:
        if not any(_same_image(other, frame, limits) for other in found):
            found.append(frame)
    return found


def _same_image(one: Frame, other: Frame, limits: Limits) -> bool:
    if one.shape != other.shape or not (_same_place(one, other) and _same_plane(one, other)):
        return False
    if one.rescale is None or other.rescale is None:
        return one.rescale == other.rescale  # refused as not-hounsfield; nothing to compare
    return np.array_equal(hu_of(one, limits=limits), hu_of(other, limits=limits))


def _same_place(one: Frame, other: Frame) -> bool:
    if one.position_mm is None or other.position_mm is None:
        return one.position_mm == other.position_mm
    return bool(np.allclose(one.position_mm, other.position_mm, atol=SAME_PLACE_MM))


def _same_plane(one: Frame, other: Frame) -> bool:
    if one.orientation is None or other.orientation is None:
        return one.orientation == other.orientation
    return bool(np.allclose(one.orientation, other.orientation, atol=_SAME_COSINE))


def _places(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Frames by place: same plane within `SAME_PLACE_MM` along its normal."""
    places: list[list[Frame]] = []
    last = float("-inf")
    for height, frame in sorted(_heights(frames), key=lambda pair: pair[0]):
        if height - last > SAME_PLACE_MM or not _same_plane(places[-1][0], frame):
            places.append([])
        places[-1].append(frame)
        last = height
    located = {id(frame) for place in places for frame in place}
    return [*places, *([frame] for frame in frames if id(frame) not in located)]


def _heights(frames: Sequence[Frame]) -> list[tuple[float, Frame]]:
    found = []
    for frame in frames:
        normal = normal_of(frame)
        if normal is not None and frame.position_mm is not None:
            upward = normal if normal[2] >= 0 else -normal
            found.append((float(upward @ np.array(frame.position_mm)), frame))
    return found


_TOLD_BY: tuple[tuple[str, Callable[[Frame], Hashable]], ...] = (
    ("temporal position", lambda frame: frame.temporal),
    ("acquisition number", lambda frame: frame.acquisition),
    ("temporal position and acquisition", lambda frame: (frame.temporal, frame.acquisition)),
    ("acquisition time", lambda frame: frame.time),
)


def split(frames: Sequence[Frame]) -> tuple[Part, ...]:
    """The scans of a series; one part where no place is taken twice.

    Raises:
        IntakeRejected: duplicate-position.
    """
    places = _places(frames)
    repeated = [place for place in places if len(place) > 1]
    if not repeated:
        return _interleaved(frames)
    for name, key in _TOLD_BY:
        if all(_tells_apart(place, key) for place in repeated):
            groups = _by_value(places, key) or _by_turn(places, key)
            if groups:
                return tuple(Part(tuple(group), name) for group in groups)
    message = (
        f"In {len(repeated)} places lie two or more different images which neither acquisition "
        "nor temporal position tells apart."
    )
    raise IntakeRejected((Check("duplicate-position", message, {"places": len(repeated)}),))


def _tells_apart(place: Sequence[Frame], key: Callable[[Frame], Hashable]) -> bool:
    values = {key(frame) for frame in place}
    return len(values) == len(place) and "" not in values


def _interleaved(frames: Sequence[Frame]) -> tuple[Part, ...]:
    """Scans of one region whose slices lie between each other's.

    Two acquisitions that are stacks of their own and share more than half of their length are two
    scans, even if together they make a regular grid. Scanners that count on with every rotation
    give acquisitions that lie one after the other, or of a few slices.
    """
    groups: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[frame.acquisition].append(frame)
    spans = [_span(group) for group in groups.values()]
    if len(groups) < 2 or "" in groups or min(map(len, groups.values())) < _LEAST_SCAN:
        return (Part(tuple(frames)),)
    shared = min(high for _, high in spans) - max(low for low, _ in spans)
    if shared <= 0.5 * min(high - low for low, high in spans):
        return (Part(tuple(frames)),)
    told = [groups[value] for value in sorted(groups, key=_natural)]
    return tuple(Part(tuple(group), "acquisition number") for group in told)


def _span(frames: Sequence[Frame]) -> tuple[float, float]:
    heights = [height for height, _ in _heights(frames)]
    return min(heights, default=0.0), max(heights, default=0.0)


def _by_value(
    places: Sequence[Sequence[Frame]], key: Callable[[Frame], Hashable]
) -> list[list[Frame]]:
    """One group a value of the key, where there are as many values as scans in one place."""
    groups: dict[Hashable, list[Frame]] = defaultdict(list)
    for place in places:
        for frame in place:
            groups[key(frame)].append(frame)
    if len(groups) != max(len(place) for place in places):
        return []
    return [groups[value] for value in sorted(groups, key=_natural)]


def _by_turn(
    places: Sequence[Sequence[Frame]], key: Callable[[Frame], Hashable]
) -> list[list[Frame]]:
    """The n-th image of every place, where the key counts on from slice to slice.

    Only where every place was scanned equally often: otherwise whose turn is missing is a guess.
    """
    if len({len(place) for place in places}) != 1:
        return []
    turns = [sorted(place, key=lambda frame: _natural(key(frame))) for place in places]
    return [list(turn) for turn in zip(*turns, strict=True)]


def _natural(value: Hashable) -> tuple[tuple[float, str], ...]:
    """Numbers by size, then texts by letters."""
    items = value if isinstance(value, tuple) else (value,)
    return tuple(
        (float(text), "") if text.replace(".", "", 1).isdecimal() else (float("inf"), text)
        for text in map(str, items)
    )
