"""Arteries, veins and bronchi inside the lungs: trees that fill the space they are given.

Each tree halves its share of the lung again and again and grows towards the middle of each half
(Tawhai et al., J Appl Physiol 2004;97:2310); radii follow Murray's law. Trees depend on nothing but
the seed, so that every grid shows the same ones.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from training.phantom.fields import Canvas, Field, Point, Points, Slab
from training.phantom.thorax import LEFT, RIGHT, lung_at

__all__ = ["Tree", "paint_bronchi", "paint_vessels", "trees"]

_BLOOD_HU, _WALL_HU, _LUMEN_HU = 38.0, -120.0, -975.0
_MURRAY = 1 / 2.7
_LEAST_SHARE = 0.22  # what fills less of a pixel is left out: the noise hides it


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """Branches as cones: ends (n, 3) in LPS mm, radii (n,) in mm."""

    start_mm: NDArray[np.float64]
    end_mm: NDArray[np.float64]
    start_radius_mm: NDArray[np.float64]
    end_radius_mm: NDArray[np.float64]

    def thicker_than(self, radius_mm: float) -> "Tree":
        """The branches whose far end is at least this thick."""
        keep = self.end_radius_mm >= radius_mm
        return Tree(self.start_mm[keep], self.end_mm[keep], self.start_radius_mm[keep],
                    self.end_radius_mm[keep])  # fmt: skip


@lru_cache(maxsize=8)
def trees(seed: int) -> tuple[tuple[Tree, ...], tuple[Tree, ...]]:
    """Vessels (arteries and veins of both lungs) and bronchi of a patient."""
    vessels, bronchi = [], []
    for side in (LEFT, RIGHT):
        rng = np.random.default_rng([seed, 23, side + 1])
        hilum = (46.0, 13.0, 12.0) if side == LEFT else (-46.0, 9.0, 4.0)
        artery = _grow(hilum, _targets(side, 12.0, rng), leaf_mm=0.58)
        below = (hilum[0] - side * 8, hilum[1] - 4, hilum[2] - 16)
        vein = _grow(below, _targets(side, 13.0, rng), leaf_mm=0.58)
        vessels += [artery, vein]
        bronchi.append(_beside(artery.thicker_than(1.2)))
    return tuple(vessels), tuple(bronchi)


def _targets(side: int, apart_mm: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Points (n, 3) spread evenly through one lung, none within 3 mm of its surface."""
    axes = [np.arange(low, high, apart_mm) for low, high in ((0, 140), (-100, 100), (-150, 120))]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    points = points + rng.uniform(-0.45, 0.45, points.shape) * apart_mm
    points[:, 0] *= side
    return points[lung_at(points, side) < -3]


def _grow(root: Point, targets: NDArray[np.float64], *, leaf_mm: float) -> Tree:
    branches: list[tuple[NDArray[np.float64], NDArray[np.float64], float, float]] = []
    waiting = [(np.array(root), targets, np.zeros(3))]
    crown = len(targets) / 9  # larger branches part close to the hilum, towards the segments
    while waiting:
        start, share, came = waiting.pop()
        middle = share.mean(0)
        reach = 0.16 if len(share) > crown else 0.42
        end = share[0] if len(share) == 1 else start + reach * (middle - start) + came * 0.12
        radius = leaf_mm * len(share) ** _MURRAY
        halves = _halves(share, end - start) if len(share) > 1 else ()
        thickest = max((leaf_mm * len(half) ** _MURRAY for half in halves), default=leaf_mm * 0.6)
        branches.append((start, end, radius, thickest))
        waiting += [(end, half, end - start) for half in halves]
    starts, ends, radii, tips = zip(*branches, strict=True)
    return Tree(np.array(starts), np.array(ends), np.array(radii), np.array(tips))


def _halves(
    points: NDArray[np.float64], direction: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Split across the widest direction at right angles to the parent branch."""
    unit = direction / max(float(np.sqrt((direction**2).sum())), 1e-6)
    around = points - points.mean(0)
    across = around - (around * unit).sum(1)[:, None] * unit
    spread = (across**2).sum(1)
    if spread.max() < 1e-6:
        across, spread = around, (around**2).sum(1)
    order = np.argsort((around * across[spread.argmax()]).sum(1), kind="stable")
    half = len(points) // 2
    return points[order[:half]], points[order[half:]]


def _beside(artery: Tree) -> Tree:
    """The bronchi that run with an artery, touching it, a little narrower."""
    towards = np.array([0.0, 0.75, 0.65])
    start = artery.start_mm + towards * artery.start_radius_mm[:, None] * 1.95
    end = artery.end_mm + towards * artery.end_radius_mm[:, None] * 1.95
    return Tree(start, end, artery.start_radius_mm * 0.85, artery.end_radius_mm * 0.85)


def paint_vessels(canvas: Canvas, seed: int, lungs: Field) -> None:
    """Paint arteries and veins where `lungs` (share of the pixel, 0–1) is not 0."""
    share = np.zeros_like(canvas.hu)
    for tree in trees(seed)[0]:
        _draw(canvas.slab, tree, share)
    canvas.fill(share * lungs, _BLOOD_HU)


def paint_bronchi(canvas: Canvas, seed: int, lungs: Field) -> None:
    """Paint bronchi: the wall, then the air in it, also through consolidated lung."""
    wall, lumen = np.zeros_like(canvas.hu), np.zeros_like(canvas.hu)
    for tree in trees(seed)[1]:
        radii = tree.start_radius_mm, tree.end_radius_mm
        outer = [radius + np.maximum(0.5, 0.15 * radius) for radius in radii]
        _draw(canvas.slab, Tree(tree.start_mm, tree.end_mm, outer[0], outer[1]), wall)
        _draw(canvas.slab, tree, lumen)
    canvas.fill(wall * lungs, _WALL_HU)
    canvas.fill(lumen * lungs, _LUMEN_HU)


def _draw(slab: Slab, tree: Tree, share: Field) -> None:
    """Raise `share` to what the tree's branches fill of each pixel."""
    thinnest = _LEAST_SHARE ** (2 / 3) * slab.edge_mm / 2
    tree = tree.thicker_than(min(thinnest, float(tree.start_radius_mm.max()) * 0.5))
    margin = np.maximum(tree.start_radius_mm, slab.edge_mm / 2)[:, None] + slab.edge_mm / 2
    low = np.minimum(tree.start_mm, tree.end_mm) - margin
    high = np.maximum(tree.start_mm, tree.end_mm) + margin
    ranges = slab.boxes(low, high)
    for branch in np.flatnonzero((ranges[:, :, 0] < ranges[:, :, 1]).all(1)):
        (s0, s1), (r0, r1), (c0, c1) = ranges[branch]
        box = (slice(s0, s1), slice(r0, r1), slice(c0, c1))
        ends = np.stack([tree.start_mm[branch], tree.end_mm[branch]]).astype(np.float32)
        radii = (float(tree.start_radius_mm[branch]), float(tree.end_radius_mm[branch]))
        covered = _cover(slab.crop(box), ends, radii, slab.edge_mm)
        np.maximum(share[box], covered, out=share[box])


def _cover(p: Points, ends: Field, radii: tuple[float, float], edge_mm: float) -> Field:
    """Share of each pixel within a cone; one thinner than the pixel keeps its amount of blood."""
    (x0, y0, z0), (dx, dy, dz) = ends[0], ends[1] - ends[0]
    square = max(float(dx * dx + dy * dy + dz * dz), 1e-6)
    x, y, z = p.x - x0, p.y - y0, p.z - z0
    along = x * np.float32(dx / square) + y * np.float32(dy / square) + z * np.float32(dz / square)
    along = np.clip(along, 0, 1)
    off = (x - along * dx) ** 2 + (y - along * dy) ** 2 + (z - along * dz) ** 2
    middle = (radii[0] + radii[1]) / 2
    drawn = max(middle, edge_mm / 2)
    taper = np.float32(radii[1] - radii[0]) * (along - np.float32(0.5))
    share = np.clip(
        0.5 - (np.sqrt(off) - taper - np.float32(drawn)) * np.float32(1 / edge_mm), 0, 1
    )
    fullness = np.float32(min(1.0, middle / drawn) ** 1.5)
    return np.asarray(share * fullness, np.float32)
