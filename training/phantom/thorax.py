"""The chest's large surfaces: skin, cage, diaphragm, mediastinum, and the lungs between them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from training.phantom.fields import (
    FAR_MM,
    Field,
    Points,
    Shape,
    Slab,
    column,
    ellipsoid,
    grown,
    smooth_max,
    smooth_min,
    tilted_ellipsoid,
    tube,
)

__all__ = ["LEFT", "RIGHT", "Surfaces", "body", "heart_axes", "hila", "lung_at", "spine_y",
           "surfaces", "vessels_of_the_mediastinum", "windpipe"]  # fmt: skip

LEFT, RIGHT = 1, -1  # the sign of x
_RECESS_Z_MM = -134.0  # the lungs end here, in the narrow recess beside the diaphragm
_SEAM_MM = 8.0  # over which the parts of the mediastinum blend
Profile: TypeAlias = Callable[[Field], Field]


def _profile(z_mm: tuple[float, ...], values_mm: tuple[float, ...]) -> Profile:
    curve = PchipInterpolator(z_mm, values_mm)

    def at(z: Field) -> Field:
        return np.asarray(curve(np.clip(z, z_mm[0], z_mm[-1])), np.float32)

    return at


_CAGE_Z = (-420.0, -240.0, -180.0, -120.0, -60.0, 0.0, 50.0, 90.0, 120.0, 150.0)
_CAGE_HALF_WIDTH = _profile(_CAGE_Z, (128, 124, 131, 138, 139, 134, 122, 101, 80, 66))
_CAGE_HALF_DEPTH = _profile(_CAGE_Z, (84, 84, 90, 95, 96, 91, 80, 66, 54, 46))
_CAGE_CENTRE_Y = _profile(_CAGE_Z, (-4, -4, -2, 0, 1, 3, 10, 16, 17, 12))
_BODY_Z = (-420.0, -240.0, -120.0, 0.0, 60.0, 95.0, 125.0, 150.0, 180.0)
_BODY_HALF_WIDTH = _profile(_BODY_Z, (160, 156, 164, 167, 172, 178, 150, 105, 72))
_BODY_HALF_DEPTH = _profile(_BODY_Z, (112, 114, 119, 118, 107, 96, 84, 70, 62))
_BODY_CENTRE_Y = _profile(_BODY_Z, (5, 4, 3, 4, 10, 16, 18, 16, 8))
_COLUMN_CENTRE_Y = _profile((-100.0, 0.0, 60.0, 120.0, 160.0), (28, 20, 10, 8, 4))
_COLUMN_HALF_WIDTH = _profile((-100.0, -20.0, 40.0, 80.0, 120.0, 160.0), (24, 27, 25, 25, 30, 36))

spine_y: Profile = _profile(
    (-420.0, -240.0, -120.0, -40.0, 30.0, 90.0, 130.0, 180.0), (44, 48, 58, 63, 62, 54, 44, 30)
)


def _superellipse(p: Points, half: tuple[Field, Field], centre_y: Field, power: float) -> Field:
    a, b = half
    u = np.asarray((np.abs(p.x) / a).astype(np.float64) ** power, np.float32)
    v = np.asarray((np.abs(p.y - centre_y) / b).astype(np.float64) ** power, np.float32)
    slope = np.float32(power) * (u / a + v / b) + np.float32(1e-3)
    far: Field = (u + v - 1) / slope
    return far


def body(p: Points) -> Field:
    """Distance to the skin of the trunk; the shoulders are shapes of their own."""
    half = _BODY_HALF_WIDTH(p.z), _BODY_HALF_DEPTH(p.z)
    return _superellipse(p, half, _BODY_CENTRE_Y(p.z), 2.5)


def _cage(p: Points) -> Field:
    """Distance to the inner face of the ribs."""
    half = _CAGE_HALF_WIDTH(p.z), _CAGE_HALF_DEPTH(p.z)
    return _superellipse(p, half, _CAGE_CENTRE_Y(p.z), 2.35)


def _apex(p: Points, side: int) -> Field:
    """Distance to the dome that closes one lung's top; its summit is at z = 118 mm.

    Below z = 15 mm it widens until the cage alone bounds the lung.
    """
    rise = np.maximum(p.z - 15, 0) / np.float32(103)
    u, v = (p.x - side * 50) / np.float32(82), (p.y - 10) / np.float32(94)
    level = u * u + v * v
    widening = np.maximum(15 - p.z, 0) * np.float32(0.03)
    far = (level + rise * rise - 1 - widening) * np.float32(42)
    return np.asarray(far, np.float32)


def below_diaphragm(p: Points, side: int) -> Field:
    """Distance to one half of the diaphragm, negative below it."""
    summit, cx, rx = (-47.0, 62.0, 70.0) if side == LEFT else (-36.0, -62.0, 74.0)
    u, v = (p.x - cx) / np.float32(rx), (p.y + 14) / np.float32(85)
    rho = u * u + v * v
    fall = rho * (45 + 22 * rho)
    steep = (45 + 44 * rho) ** 2 * 4 * ((u / np.float32(rx)) ** 2 + (v / np.float32(85)) ** 2)
    far: Field = (p.z - (np.float32(summit) - fall)) / np.sqrt(1 + steep)
    return far


def heart_axes() -> NDArray[np.float64]:
    """Rows: the heart's long axis (left, forward, down) and two short ones."""
    long = np.array([0.76, -0.48, -0.44])
    long /= np.linalg.norm(long)
    across = np.cross(long, [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    return np.stack([long, across, np.cross(long, across)])


def vessels_of_the_mediastinum() -> tuple[Shape, ...]:
    """Aorta with its branches, caval veins, pulmonary trunk with its arteries, azygos vein."""
    ascending = [(-8, -22, -5), (-16, -26, 22), (-15, -22, 42), (-6, -8, 58)]
    arch = [(6, 12, 63), (17, 34, 56), (23, 43, 38)]
    descending = [(24, 44, 10), (22, 42, -60), (14, 38, -120), (8, 30, -200), (6, 22, -420)]
    return (
        tube([*ascending, *arch, *descending], [16, 16, 15, 14, 13.5, 13, 12.5, 12, 11, 11, 10, 9]),
        tube([(-30, -12, -12), (-29, -14, 45), (-24, -22, 75), (-28, -18, 110)], [10, 9, 8, 6]),
        tube([(-24, -22, 75), (8, -28, 80), (26, -14, 105)], [7, 6.5, 5.5]),
        tube([(-10, -4, 62), (-16, -2, 85), (-24, -2, 120)], [6, 6, 5]),
        tube([(4, 6, 66), (14, 8, 90), (18, 6, 125)], [5, 4.5, 4.5]),
        tube([(14, 22, 62), (22, 22, 95), (34, 12, 120)], [5, 5, 4.5]),
        tube([(-22, 8, -200), (-22, 6, -75), (-26, -2, -35)], [11, 11, 13]),
        tube([(10, -38, -5), (16, -34, 18), (18, -14, 26)], [14, 14, 13]),
        tube([(18, -14, 26), (28, 4, 26), (40, 12, 16)], [12, 11, 8]),
        tube([(16, -10, 22), (-8, -2, 15), (-30, 2, 12), (-42, 4, 4)], [12, 11, 10.5, 8]),
        tube([(-6, 44, -120), (-6, 46, 20), (-8, 40, 34), (-26, 8, 42)], 3.5),
    )


def windpipe() -> tuple[Shape, Shape, Shape]:
    """Trachea, left and right main bronchus: their lumens. The carina lies at z = 38 mm."""
    return (
        tube([(0, -6, 190), (0, 2, 125), (-1, 14, 70), (-2, 20, 40)], [8.5, 8.5, 8.8, 9]),
        tube([(-2, 20, 40), (18, 20, 24), (36, 20, 12), (45, 17, 6)], [7, 6.2, 5.8, 5]),
        tube([(-2, 20, 40), (-18, 18, 26), (-34, 14, 16), (-46, 12, 9)], [7.5, 7, 6.2, 5]),
    )


def _middle(p: Points) -> Field:
    """X of the plane where the two lungs meet in front of the heart."""
    return np.asarray(4 + np.maximum(-p.z - 20, 0) * np.float32(0.12), np.float32)


def _septum() -> Shape:
    """Fat between the two lungs in front of heart and great vessels."""

    def distance(p: Points) -> Field:
        towards_sternum = np.maximum(-p.y - 55, 0) * np.float32(0.16)
        far: Field = np.maximum(np.abs(p.x - _middle(p)) - 2.2 - towards_sternum, p.y)
        return far

    return Shape((-16.0, -120.0, -420.0), (45.0, 5.0, 180.0), distance)


def _mediastinal_column(p: Points) -> Field:
    u = (p.x - 1) / _COLUMN_HALF_WIDTH(p.z)
    v = (p.y - _COLUMN_CENTRE_Y(p.z)) / np.float32(40)
    far: Field = (u * u + v * v - 1) * np.float32(13)
    return far


@lru_cache(maxsize=1)
def _between_the_lungs() -> tuple[Shape, ...]:
    """All that the mediastinum is made of, spine included."""
    return (
        Shape((-60.0, -60.0, -420.0), (60.0, 75.0, 190.0), _mediastinal_column),
        column(lambda z: (np.zeros_like(z), spine_y(z) + 14), (25, 33), (-420.0, 190.0, 80.0)),
        grown(tilted_ellipsoid((20, -28, -26), (66, 46, 50), heart_axes()), 3),
        ellipsoid((-24, -14, -14), (29, 34, 42)),
        *hila(),
        _septum(),
        *(grown(vessel, 2) for vessel in vessels_of_the_mediastinum()),
        *(grown(lumen, 2.5) for lumen in windpipe()),
    )


def hila() -> tuple[Shape, Shape]:
    """Where vessels and bronchi enter the left and the right lung."""
    return ellipsoid((44, 14, 10), (15, 15, 22)), ellipsoid((-44, 12, 4), (15, 15, 23))


@dataclass(frozen=True, slots=True, eq=False)
class Surfaces:
    """Distances in mm over a whole slab, negative inside.

    Attributes:
        cage: The inner face of the ribs, open at the top.
        cavity: The same, closed by the two domes above the lungs.
        left_lung: Parenchyma.
        right_lung: Parenchyma.
        abdomen: What lies below the diaphragm.
    """

    cage: Field
    cavity: Field
    left_lung: Field
    right_lung: Field
    abdomen: Field


def surfaces(slab: Slab) -> Surfaces:
    """The chest's cavity, both lungs, and what lies below the diaphragm."""
    p = slab.points
    mediastinum = np.full(p.shape, FAR_MM, np.float32)
    for part in _between_the_lungs():
        slab.merge(mediastinum, part, smooth_mm=_SEAM_MM)
    cage = _cage(p)
    left, right = (_lung(p, side, cage, mediastinum) for side in (LEFT, RIGHT))
    cavity = np.minimum(_dome(p, LEFT, cage), _dome(p, RIGHT, cage))
    abdomen = np.where(p.x > 0, below_diaphragm(p, LEFT), below_diaphragm(p, RIGHT))
    return Surfaces(cage, cavity, left, right, abdomen)


def _dome(p: Points, side: int, cage: Field) -> Field:
    return smooth_max(cage, _apex(p, side), 12)


def _lung(p: Points, side: int, cage: Field, mediastinum: Field) -> Field:
    lung = smooth_max(_dome(p, side, cage), -mediastinum, 9)
    lung = smooth_max(lung, np.float32(3) - below_diaphragm(p, side), 7)
    lung = smooth_max(lung, np.float32(_RECESS_Z_MM) - p.z, 6)
    far: Field = np.maximum(lung, np.float32(0.5) - np.float32(side) * (p.x - _middle(p)))
    return far


def lung_at(points_mm: NDArray[np.float64], side: int) -> NDArray[np.float32]:
    """Distance in mm to one lung's surface, negative inside, at points (n, 3)."""
    x, y, z = (axis.astype(np.float32).reshape(1, 1, -1) for axis in points_mm.T)
    p = Points(x, y, z)
    mediastinum = np.full(x.shape, FAR_MM, np.float32)
    for part in _between_the_lungs():
        low, high = np.array(part.low_mm) - _SEAM_MM, np.array(part.high_mm) + _SEAM_MM
        near = ((points_mm > low) & (points_mm < high)).all(1)
        joined = smooth_min(mediastinum, part.distance(p), _SEAM_MM)
        mediastinum = np.where(near, joined, mediastinum)
    return _lung(p, side, _cage(p), mediastinum).ravel()
