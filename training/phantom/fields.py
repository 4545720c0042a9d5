"""Implicit shapes in the patient's coordinates, and the canvas that they are painted on.

World coordinates are DICOM's patient coordinates in millimetres (LPS, PS3.3 C.7.6.2.1.1): x to the
patient's left, y to the back, z to the head. Arrays run (slice, row, column). A shape is a signed
distance, negative inside; it need be true only near the surface, where it decides how much of a
pixel the shape fills.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "FAR_MM", "Box", "Canvas", "Field", "Point", "Points", "Shape", "Slab", "column", "ellipsoid",
    "grown", "inside", "mirrored", "smooth_max", "smooth_min", "tilted_ellipsoid", "tube",
]  # fmt: skip

Field: TypeAlias = NDArray[np.float32]
Point: TypeAlias = tuple[float, float, float]
Box: TypeAlias = tuple[slice, slice, slice]

FAR_MM = 60.0  # the distance that is reported where a shape was not evaluated


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """LPS mm of a block of points; the three arrays broadcast to (slice, row, column)."""

    x: Field
    y: Field
    z: Field

    @property
    def shape(self) -> tuple[int, ...]:
        """(slices, rows, columns)."""
        return np.broadcast_shapes(self.x.shape, self.y.shape, self.z.shape)


@dataclass(frozen=True, slots=True, eq=False)
class Slab:
    """Some neighbouring slices of a scan, each sampled on `sub` planes within its thickness.

    Attributes:
        points: Points of all planes, first axis slices x sub.
        affine: 4x4, index (slice, row, column, 1) of the slab to LPS mm.
        sub: Planes a slice; odd, so that the middle one lies at the slice's centre.
        reach_slices: How far the outer planes lie from the centre, in slices.
        edge_mm: Width over which a surface fades: the pixel.
    """

    points: Points
    affine: NDArray[np.float64]
    sub: int
    reach_slices: float
    edge_mm: float

    def boxes(self, low_mm: NDArray[np.float64], high_mm: NDArray[np.float64]) -> NDArray[np.int64]:
        """Index ranges (n, 3, 2) that hold the world boxes `low_mm` to `high_mm`, both (n, 3)."""
        inverse = np.linalg.inv(self.affine)
        middle = (low_mm + high_mm) / 2 @ inverse[:3, :3].T + inverse[:3, 3]
        half = (high_mm - low_mm) / 2 @ np.abs(inverse[:3, :3]).T
        half[:, 0] += self.reach_slices
        start, stop = np.floor(middle - half), np.ceil(middle + half) + 1
        start[:, 0] *= self.sub
        stop[:, 0] *= self.sub
        limits = np.array(self.points.shape)
        return np.stack([np.clip(start, 0, limits), np.clip(stop, 0, limits)], -1).astype(np.int64)

    def box(self, low_mm: Point, high_mm: Point) -> Box | None:
        """The index range of one world box, grown by an edge; None where it misses the slab."""
        low, high = np.array([low_mm]) - self.edge_mm, np.array([high_mm]) + self.edge_mm
        (limits,) = self.boxes(low, high)
        if (limits[:, 0] >= limits[:, 1]).any():
            return None
        return (slice(*limits[0]), slice(*limits[1]), slice(*limits[2]))

    def crop(self, box: Box) -> Points:
        """The points of an index range."""
        x, y, z = (_part(axis, box) for axis in (self.points.x, self.points.y, self.points.z))
        return Points(x, y, z)

    def merge(self, distance: Field, shape: "Shape", *, smooth_mm: float) -> None:
        """Unite a shape with the whole-slab field `distance`, in place, rounding the seam."""
        (x0, y0, z0), (x1, y1, z1) = shape.low_mm, shape.high_mm
        low = (x0 - smooth_mm, y0 - smooth_mm, z0 - smooth_mm)
        high = (x1 + smooth_mm, y1 + smooth_mm, z1 + smooth_mm)
        if (box := self.box(low, high)) is not None:
            distance[box] = smooth_min(distance[box], shape.distance(self.crop(box)), smooth_mm)


def _part(array: Field, box: Box) -> Field:
    index = tuple(slice(None) if n == 1 else s for n, s in zip(array.shape, box, strict=True))
    return array[index]


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A signed distance in mm, and a world box outside which it is positive."""

    low_mm: Point
    high_mm: Point
    distance: Callable[[Points], Field]


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """Hounsfield units of a slab while it is painted, later shapes over earlier ones."""

    slab: Slab
    hu: Field

    def paint(self, shape: Shape, value_hu: float) -> None:
        """Fill a shape; a pixel that it covers in part is mixed."""
        if (box := self.slab.box(shape.low_mm, shape.high_mm)) is not None:
            share = inside(shape.distance(self.slab.crop(box)), self.slab.edge_mm)
            self.hu[box] += share * (np.float32(value_hu) - self.hu[box])

    def fill(self, share: Field, value_hu: "float | Field") -> None:
        """Mix a value into the whole slab by `share` (0–1, shape of the slab)."""
        self.hu[...] += share * (np.asarray(value_hu, np.float32) - self.hu)


def inside(distance: Field, edge_mm: float) -> Field:
    """How much of each pixel lies inside: 1 within, 0 without, half on the surface."""
    share: Field = np.clip(np.float32(0.5) - distance * np.float32(1 / edge_mm), 0, 1)
    return share


def smooth_min(a: Field, b: Field, radius_mm: float) -> Field:
    """Union of two distances with a seam rounded over `radius_mm`."""
    near = np.maximum(np.float32(radius_mm) - np.abs(a - b), 0)
    union: Field = np.minimum(a, b) - near * near * np.float32(0.25 / radius_mm)
    return union


def smooth_max(a: Field, b: Field, radius_mm: float) -> Field:
    """Intersection of two distances with an edge rounded over `radius_mm`."""
    near = np.maximum(np.float32(radius_mm) - np.abs(a - b), 0)
    common: Field = np.maximum(a, b) + near * near * np.float32(0.25 / radius_mm)
    return common


def ellipsoid(centre_mm: Point, radii_mm: Point) -> Shape:
    """An ellipsoid along the body's axes."""
    cx, cy, cz = centre_mm
    rx, ry, rz = (np.float32(1 / r) for r in radii_mm)
    scale = np.float32(min(radii_mm) / 2)

    def distance(p: Points) -> Field:
        level = ((p.x - cx) * rx) ** 2 + ((p.y - cy) * ry) ** 2 + ((p.z - cz) * rz) ** 2
        far: Field = (level - 1) * scale
        return far

    low, high = _bounds(np.array([centre_mm]), np.array(radii_mm) * 1.1)
    return Shape(low, high, distance)


def tilted_ellipsoid(centre_mm: Point, radii_mm: Point, axes: NDArray[np.float64]) -> Shape:
    """An ellipsoid along the rows of the rotation matrix `axes`, grown by 10 mm in its box."""
    scaled = (axes / np.array(radii_mm)[:, None]).astype(np.float32)
    scale = np.float32(min(radii_mm) / 2)

    def distance(p: Points) -> Field:
        x, y, z = p.x - centre_mm[0], p.y - centre_mm[1], p.z - centre_mm[2]
        level = sum((row[0] * x + row[1] * y + row[2] * z) ** 2 for row in scaled)
        far: Field = ((level - 1) * scale).astype(np.float32)
        return far

    low, high = _bounds(np.array([centre_mm]), np.full(3, max(radii_mm) + 10.0))
    return Shape(low, high, distance)


def tube(path_mm: Sequence[Point], radius_mm: "float | Sequence[float]") -> Shape:
    """A round tube along a path, its radius given once or at every corner."""
    path = np.array(path_mm, float)
    radii = np.broadcast_to(np.array(radius_mm, float), len(path))

    def distance(p: Points) -> Field:
        pieces = zip(path[:-1], path[1:], radii[:-1], radii[1:], strict=True)
        cones = [_cone(p, a, b, ra, rb) for a, b, ra, rb in pieces]
        return np.asarray(np.minimum.reduce(cones), np.float32)

    low, high = _bounds(path, np.full(3, radii.max() + 4.0))
    return Shape(low, high, distance)


def _cone(
    p: Points, start: NDArray[np.float64], end: NDArray[np.float64], r0: float, r1: float
) -> Field:
    ux, uy, uz = ((end - start) / max(float(((end - start) ** 2).sum()), 1e-6)).astype(np.float32)
    dx, dy, dz = (end - start).astype(np.float32)
    x, y, z = p.x - np.float32(start[0]), p.y - np.float32(start[1]), p.z - np.float32(start[2])
    along = np.clip(x * ux + y * uy + z * uz, 0, 1)
    square = (x - along * dx) ** 2 + (y - along * dy) ** 2 + (z - along * dz) ** 2
    far: Field = np.sqrt(square) - (np.float32(r0) + along * np.float32(r1 - r0))
    return far


def column(
    centre_mm: Callable[[Field], tuple[Field, Field]], radii_mm: tuple[float, float], z_mm: Point
) -> Shape:
    """An elliptical column whose centre (x, y) follows z.

    Args:
        centre_mm: z to the centre's x and y.
        radii_mm: Half axes in x and y.
        z_mm: Lower end, upper end, and how far the centre strays from x = 0 and y = 0 at most.
    """
    rx, ry = radii_mm
    low_z, high_z, stray = z_mm

    def distance(p: Points) -> Field:
        x, y = centre_mm(p.z)
        level = ((p.x - x) / np.float32(rx)) ** 2 + ((p.y - y) / np.float32(ry)) ** 2
        ends = np.maximum(low_z - p.z, p.z - high_z)
        far: Field = np.maximum((level - 1) * np.float32(min(radii_mm) / 2), ends)
        return far

    return Shape((-stray - rx, -stray - ry, low_z), (stray + rx, stray + ry, high_z), distance)


def grown(shape: Shape, by_mm: float) -> Shape:
    """The shape with its surface moved outward; by at most 4 mm, the slack of the boxes."""
    return Shape(shape.low_mm, shape.high_mm, lambda p: shape.distance(p) - np.float32(by_mm))


def mirrored(point: Point, side: int) -> Point:
    """A point given for the left (x positive) on the left (side 1) or the right (side -1)."""
    return (side * point[0], point[1], point[2])


def _bounds(points: NDArray[np.float64], margin: NDArray[np.float64]) -> tuple[Point, Point]:
    low, high = points.min(0) - margin, points.max(0) + margin
    return (low[0], low[1], low[2]), (high[0], high[1], high[2])
