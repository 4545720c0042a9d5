"""Lesions: their field, their paint, and a way to reach a wanted burden."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from training.phantom.fields import Canvas, Field, Points, Shape, inside
from training.phantom.patient import Lesion, LesionKind
from training.phantom.texture import texture
from training.phantom.thorax import LEFT, RIGHT, lung_at

__all__ = ["nearest_lesion", "paint_lesions", "spread"]

_FADE_MM = {LesionKind.GROUND_GLASS: 6.0, LesionKind.CONSOLIDATION: 3.5}
_STEP_MM = 5.0  # of the grid on which a burden is reckoned


def shape_of(lesion: Lesion) -> Shape:
    """The lesion before the lung cuts it; the surface is where half of its opacity is reached."""

    def distance(p: Points) -> Field:
        parts = zip((p.x, p.y, p.z), lesion.centre_mm, lesion.radii_mm, strict=True)
        u, v, w = ((axis - np.float32(c)) / np.float32(r) for axis, c, r in parts)
        far = (np.sqrt(u * u + v * v + w * w) - 1) * np.float32(min(lesion.radii_mm))
        if lesion.ragged_mm:
            wide = texture(p, cell_mm=7.0, seed=lesion.seed)
            narrow = texture(p, cell_mm=2.6, seed=lesion.seed + 1)
            far = far + np.float32(lesion.ragged_mm) * (wide + np.float32(0.6) * narrow)
        return np.asarray(far, np.float32)

    margin = max(_FADE_MM.values()) + 4 * lesion.ragged_mm
    low = tuple(c - r - margin for c, r in zip(lesion.centre_mm, lesion.radii_mm, strict=True))
    high = tuple(c + r + margin for c, r in zip(lesion.centre_mm, lesion.radii_mm, strict=True))
    return Shape((low[0], low[1], low[2]), (high[0], high[1], high[2]), distance)


def paint_lesions(canvas: Canvas, lesions: tuple[Lesion, ...], lungs: Field) -> None:
    """Paint lesions where `lungs` (share of the pixel, 0–1) is not 0, faint ones first."""
    for lesion in sorted(lesions, key=lambda one: one.hu):
        shape = shape_of(lesion)
        if (box := canvas.slab.box(shape.low_mm, shape.high_mm)) is None:
            continue
        p = canvas.slab.crop(box)
        fade = max(_FADE_MM[lesion.kind], canvas.slab.edge_mm)
        share = inside(shape.distance(p), fade)
        share = share * share * (3 - 2 * share) * lungs[box]
        uneven = 55.0 if lesion.kind is LesionKind.GROUND_GLASS else 10.0
        target = lesion.hu + uneven * texture(p, cell_mm=3.2, seed=lesion.seed + 2)
        denser = np.maximum(target, canvas.hu[box])  # an opacity never clears what lies under it
        canvas.hu[box] += share * (denser - canvas.hu[box])


def nearest_lesion(canvas: Canvas, lesions: tuple[Lesion, ...]) -> NDArray[np.int16]:
    """Number of the lesion that each point lies in, from 1; 0 for none.

    Where lesions overlap, the one whose surface is farther away has the point.
    """
    number = np.zeros(canvas.hu.shape, np.int16)
    depth = np.zeros(canvas.hu.shape, np.float32)
    for index, lesion in enumerate(lesions, start=1):
        shape = shape_of(lesion)
        if (box := canvas.slab.box(shape.low_mm, shape.high_mm)) is None:
            continue
        distance = shape.distance(canvas.slab.crop(box))
        deeper = distance < depth[box]
        number[box] = np.where(deeper, np.int16(index), number[box])
        depth[box] = np.where(deeper, distance, depth[box])
    return number


def spread(percent: float, *, seed: int) -> tuple[Lesion, ...]:
    """Lesions that fill about `percent` of the lungs, mostly outer, dorsal and lower, two-sided.

    Args:
        percent: Of both lungs together, 0 to 80.
        seed: Decides number, place, size and kind.

    Returns:
        Lesions whose union on a 5 mm grid comes as close to the burden as the last one's size lets
        it, within 0.2 percentage points or so.
    """
    if not 0 <= percent <= 80:
        raise ValueError(f"a burden of {percent} % cannot be placed; it lies between 0 and 80 %")
    rng = np.random.default_rng([seed, 37])
    points, weights = _candidates()
    wanted = percent / 100 * len(points)
    covered = np.zeros(len(points), bool)
    found: list[Lesion] = []
    while covered.sum() < wanted - 0.5:
        lesion = _invent(points[rng.choice(len(points), p=weights)], percent, rng)
        lesion, mask = _fitted(lesion, points, covered, wanted)
        covered |= mask
        if mask.any():
            found.append(lesion)
    return tuple(found)


def _candidates() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points (n, 3) of both lungs on a grid, and how readily a lesion begins at each."""
    axes = [np.arange(-140, 141, _STEP_MM), np.arange(-100, 101, _STEP_MM),
            np.arange(-150, 121, _STEP_MM)]  # fmt: skip
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    depth = np.minimum(lung_at(grid, LEFT), lung_at(grid, RIGHT))
    points, depth = grid[depth < 0], depth[depth < 0]
    dorsal = np.clip(0.35 + (points[:, 1] + 60) / 120, 0.1, 1.5)
    lower = np.clip(0.35 + (60 - points[:, 2]) / 160, 0.1, 1.3)
    outer = 1 / (1 + (depth / 14.0) ** 2)
    weights = dorsal * lower * outer
    return points, weights / weights.sum()


def _invent(place: NDArray[np.float64], percent: float, rng: np.random.Generator) -> Lesion:
    solid = rng.random() < 0.3
    size = rng.uniform(9, 17) + min(percent, 50) * rng.uniform(0.1, 0.5)
    radii = size * rng.uniform(0.75, 1.35, 3) * (0.8 if solid else 1.0)
    hu = rng.uniform(-45, 25) if solid else rng.uniform(-640, -460)
    x, y, z = (float(v) for v in place + rng.uniform(-2, 2, 3))
    ragged = float(np.clip(0.24 * min(radii), 2, 6))
    kind = LesionKind.CONSOLIDATION if solid else LesionKind.GROUND_GLASS
    rx, ry, rz = (float(v) for v in radii)
    return Lesion(kind, (x, y, z), (rx, ry, rz), float(hu), ragged, int(rng.integers(2**31)))


def _fitted(
    lesion: Lesion, points: NDArray[np.float64], covered: NDArray[np.bool_], wanted: float
) -> tuple[Lesion, NDArray[np.bool_]]:
    """The lesion, made smaller where it would go beyond the burden."""
    mask = _mask(lesion, points)
    low, high = 0.2, 1.0
    if (covered | mask).sum() <= wanted:
        return lesion, mask
    for _ in range(7):
        factor = (low + high) / 2
        rx, ry, rz = (r * factor for r in lesion.radii_mm)
        mask = _mask(smaller := replace(lesion, radii_mm=(rx, ry, rz)), points)
        low, high = (factor, high) if (covered | mask).sum() <= wanted else (low, factor)
    return smaller, mask


def _mask(lesion: Lesion, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    shape = shape_of(lesion)
    near = ((points > shape.low_mm) & (points < shape.high_mm)).all(1)
    x, y, z = (axis.astype(np.float32).reshape(1, 1, -1) for axis in points[near].T)
    mask = np.zeros(len(points), bool)
    if near.any():
        mask[near] = (shape.distance(Points(x, y, z)) < 0).ravel()
    return mask
