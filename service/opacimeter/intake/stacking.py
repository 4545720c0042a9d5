"""Stacking: from frames to a regular grid, by positions and orientations alone.

Order, spacing and tilt come from ImagePositionPatient and ImageOrientationPatient (PS3.3
C.7.6.2.1.1). InstanceNumber, SliceLocation, SpacingBetweenSlices and the tilt's own tag are wrong
too often to be asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opacimeter.checks import Check
from opacimeter.errors import IntakeRejected
from opacimeter.intake.frames import Frame

__all__ = ["SAME_PLACE_MM", "Stack", "is_axial", "normal_of", "stack", "step_checks"]

SAME_PLACE_MM = 0.05
_LEAST_SLICES, _LEAST_EXTENT_MM, _LARGEST_STEP_MM = 10, 100.0, 10.0
_STEP_SHARE, _STEP_MM = 0.05, 0.1
_ROUNDING_MM = 0.01
_SAME_COSINE = 2e-3
_SAME_PIXEL_SHARE = 1e-3
_OFF_LINE_MM = 0.5

Vectors = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Frames in order, most cranial first, and the grid they lie on.

    Attributes:
        frames: In the order of the volume's slices.
        affine: float64 4x4, index (slice, row, column, 1) to LPS mm; the slice step is the mean.
        step_mm: Distance of neighbouring planes along their normal, the median.
        extent_mm: From the first to the last position.
        tilt_degrees: Angle between the stacking direction and the planes' normal.
        rejections: What forbids to measure on it.
    """

    frames: tuple[Frame, ...]
    affine: Vectors
    step_mm: float
    extent_mm: float
    tilt_degrees: float
    rejections: tuple[Check, ...]


def normal_of(frame: Frame) -> Vectors | None:
    """Unit normal of a frame's plane, None where its cosines are missing or are none."""
    if frame.orientation is None:
        return None
    row, column = np.array(frame.orientation[:3]), np.array(frame.orientation[3:])
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if not np.allclose(lengths, 1.0, atol=0.01) or abs(row @ column) > 0.01:
        return None
    normal: Vectors = np.cross(row, column)
    return normal / np.linalg.norm(normal)


def is_axial(frame: Frame) -> bool | None:
    """Whether the plane lies across the body: its normal nearer to z than to x or y.

    None where the header does not say. The cosines decide, never a label.
    """
    normal = normal_of(frame)
    return None if normal is None else bool(abs(normal[2]) > np.sqrt(0.5))


def stack(frames: Sequence[Frame]) -> Stack:
    """The frames as one stack.

    Args:
        frames: At least one, no two in one place told apart by anything: see `splitting`.

    Raises:
        IntakeRejected: missing-geometry, mixed-orientation or mixed-grid: there is no one stack.
    """
    _check_geometry(frames)
    _check_grid(frames)
    normal = _upward_normal(frames[0])
    positions = np.array([frame.position_mm for frame in frames])
    order = np.argsort(-(positions @ normal), kind="stable")
    positions = positions[order]
    step = (positions[-1] - positions[0]) / max(len(frames) - 1, 1)
    heights = positions @ normal
    steps = -np.diff(heights)
    extent = float(np.linalg.norm(positions[-1] - positions[0]))
    tilt = _tilt_degrees(step, normal)
    return Stack(
        frames=tuple(frames[index] for index in order),
        affine=_affine(frames[order[0]], positions[0], step),
        step_mm=float(np.median(steps)) if len(steps) else 0.0,
        extent_mm=extent,
        tilt_degrees=tilt,
        rejections=(
            *_size_checks(len(frames), extent),
            *step_checks(steps, positions[:, 2]),
            *_line_checks(positions, step, tilt),
        ),
    )


def _upward_normal(frame: Frame) -> Vectors:
    normal = normal_of(frame)
    assert normal is not None  # noqa: S101 - _check_geometry
    return normal if normal[2] > 0 else -normal


def _check_geometry(frames: Sequence[Frame]) -> None:
    facts = {
        "position": sum(frame.position_mm is None for frame in frames),
        "orientation": sum(normal_of(frame) is None for frame in frames),
        "pixel spacing": sum(frame.pixel_mm is None for frame in frames),
    }
    missing = {fact: count for fact, count in facts.items() if count}
    if missing:
        told = ", ".join(f"{count} without {fact}" for fact, count in missing.items())
        message = f"Of {len(frames)} images {told}; every image needs all three to be measured."
        raise IntakeRejected((Check("missing-geometry", message, missing),))


def _check_grid(frames: Sequence[Frame]) -> None:
    cosines = np.array([frame.orientation for frame in frames])
    turned = np.abs(cosines - np.median(cosines, axis=0)).max(axis=1) > _SAME_COSINE
    if turned.any():
        count = len(_distinct(cosines))
        message = f"The series holds images in {count} orientations; it must be one."
        raise IntakeRejected((Check("mixed-orientation", message, {"orientations": count}),))
    shapes = {frame.shape for frame in frames}
    pixel_mm = np.array([frame.pixel_mm for frame in frames])
    middle = np.median(pixel_mm, axis=0)
    if len(shapes) > 1 or (np.abs(pixel_mm - middle) > _SAME_PIXEL_SHARE * middle).any():
        message = "Rows, columns or pixel spacing differ within the series; they must be the same."
        detail = {"shapes": sorted(shapes), "pixel_mm": np.unique(pixel_mm, axis=0).tolist()[:10]}
        raise IntakeRejected((Check("mixed-grid", message, detail),))


def _distinct(cosines: Vectors) -> list[Vectors]:
    kinds: list[Vectors] = []
    for each in cosines:
        if all(np.abs(each - kind).max() > _SAME_COSINE for kind in kinds):
            kinds.append(each)
    return kinds


def _affine(frame: Frame, origin: Vectors, step: Vectors) -> Vectors:
    assert frame.orientation is not None  # noqa: S101 - _check_geometry
    assert frame.pixel_mm is not None  # noqa: S101 - _check_geometry
    affine = np.eye(4)
    affine[:3, 0] = step
    # PixelSpacing is the distance of rows, then of columns; the row index runs along the column
    # cosines (PS3.3 10.7.1.3).
    affine[:3, 1] = np.array(frame.orientation[3:]) * frame.pixel_mm[0]
    affine[:3, 2] = np.array(frame.orientation[:3]) * frame.pixel_mm[1]
    affine[:3, 3] = origin
    return affine


def _tilt_degrees(step: Vectors, normal: Vectors) -> float:
    length = float(np.linalg.norm(step))
    if length == 0:
        return 0.0
    # By the sine: the cosine of a small angle has lost its digits.
    sine = float(np.linalg.norm(np.cross(step, normal))) / length
    return float(np.degrees(np.arcsin(min(sine, 1.0))))


def _size_checks(count: int, extent_mm: float) -> tuple[Check, ...]:
    if count >= _LEAST_SLICES and extent_mm >= _LEAST_EXTENT_MM - _ROUNDING_MM:
        return ()
    message = (
        f"The series has {count} images over {extent_mm:.0f} mm; "
        f"at least {_LEAST_SLICES} over {_LEAST_EXTENT_MM:.0f} mm are needed."
    )
    detail = {"slices": count, "extent_mm": round(extent_mm, 3)}
    return (Check("too-few-slices", message, detail),)


def step_checks(steps_mm: Vectors, z_mm: Vectors) -> tuple[Check, ...]:
    """What is wrong with the distances of neighbouring planes.

    A step within 5 % of a whole multiple of the median step is a gap, since slices are missing
    there; any other step off by more than 5 % and 0.1 mm is irregular.

    Args:
        steps_mm: (n - 1,), along the normal, positive.
        z_mm: (n,), z of the positions, for the message.
    """
    if not len(steps_mm):
        return ()
    # The lower median: of a pattern of single and double steps the single one is the step.
    step = float(np.sort(steps_mm)[(len(steps_mm) - 1) // 2])
    checks = []
    if step > _LARGEST_STEP_MM + _ROUNDING_MM:
        message = f"The images lie {step:.1f} mm apart; at most {_LARGEST_STEP_MM:.0f} mm."
        checks.append(Check("too-thick", message, {"step_mm": round(step, 3)}))
    off = np.abs(steps_mm - step) > max(_STEP_SHARE * step, _STEP_MM)
    multiples = np.round(steps_mm / max(step, 1e-6))
    whole = (multiples >= 2) & (
        np.abs(steps_mm - multiples * step) <= _STEP_SHARE * multiples * step
    )
    gaps = np.flatnonzero(off & whole)
    if len(gaps):
        checks.append(_gap_check(multiples[gaps], [(z_mm[i], z_mm[i + 1]) for i in gaps]))
    if (off & ~whole).any():
        checks.append(_irregular_check(steps_mm, step, int((off & ~whole).sum())))
    return tuple(checks)


def _gap_check(multiples: Vectors, places: list[tuple[float, float]]) -> Check:
    missing = int((multiples - 1).sum())
    between = [[round(float(low), 3), round(float(high), 3)] for low, high in places]
    told = "; ".join(f"{low:g} and {high:g} mm" for low, high in between[:5])
    images = "1 image is" if missing == 1 else f"{missing} images are"
    message = f"{images} missing, between z = {told}. Please send the whole series."
    detail = {"missing": missing, "places": len(places), "between_z_mm": between}
    return Check("slice-gap", message, detail)


def _irregular_check(steps_mm: Vectors, step: float, count: int) -> Check:
    low, high = float(steps_mm.min()), float(steps_mm.max())
    message = (
        f"The distance of the images varies from {low:.2f} to {high:.2f} mm; "
        "at most 5 % or 0.1 mm off the usual step is allowed."
    )
    detail = {"step_mm": round(step, 3), "from_mm": round(low, 3), "to_mm": round(high, 3)}
    return Check("irregular-spacing", message, detail | {"steps": count})


def _line_checks(positions: Vectors, step: Vectors, tilt_degrees: float) -> tuple[Check, ...]:
    """The images must lie one behind the other, or their pixels do not make one grid."""
    if len(positions) < 2:
        return ()
    direction = step / max(float(np.linalg.norm(step)), 1e-9)
    relative = positions - positions[0]
    beside = relative - np.outer(relative @ direction, direction)
    off_mm = float(np.linalg.norm(beside, axis=1).max())
    if off_mm > _OFF_LINE_MM:
        message = f"Images are shifted sideways by up to {off_mm:.1f} mm; at most 0.5 mm."
        return (Check("mixed-grid", message, {"shift_mm": round(off_mm, 3)}),)
    if tilt_degrees > 45.0 or step[2] >= 0:
        message = f"The images are stacked at {tilt_degrees:.0f} degrees to their normal, over 45."
        return (Check("missing-geometry", message, {"degrees": round(tilt_degrees, 1)}),)
    return ()
