"""What surrounds the lungs: skin, fat, muscles and bones."""

from collections.abc import Callable

import numpy as np

from training.phantom.fields import (
    Canvas,
    Field,
    Point,
    Points,
    Shape,
    column,
    ellipsoid,
    grown,
    inside,
    mirrored,
    smooth_max,
    smooth_min,
    tube,
)
from training.phantom.thorax import LEFT, RIGHT, Surfaces, body, spine_y

__all__ = ["outline", "paint_bones", "paint_trunk"]

AIR, FAT, MUSCLE, SKIN = -1000.0, -105.0, 55.0, 20.0
CORTEX, MARROW, CARTILAGE, DISC = 780.0, 210.0, 110.0, 75.0

_RIB_PITCH_MM = 26.5
_RIB_DESCENT = 0.42  # mm down per mm forward
_FIRST_RIB_Z_MM = 112.0
_VERTEBRA_MM = 24.0


def outline(canvas: Canvas) -> Field:
    """Distance to the skin, shoulders and raised arms included."""
    skin = body(canvas.slab.points)
    for side in (LEFT, RIGHT):
        for shape in (
            ellipsoid(mirrored((132, 32, 112), side), (62, 62, 66)),
            tube([mirrored((150, 30, 128), side), mirrored((190, 15, 260), side)], [52, 44]),
            ellipsoid(mirrored((76, -72, -2), side), (58, 38, 52)),
        ):
            canvas.slab.merge(skin, shape, smooth_mm=35)
    canvas.slab.merge(skin, ellipsoid((0, -6, 200), (62, 70, 80)), smooth_mm=30)
    return skin


def paint_trunk(canvas: Canvas, skin: Field, chest: Surfaces, fine: Field) -> None:
    """Skin, fat and the muscles of the wall; `fine` (-1 to 1) gives the fat its strands."""
    edge = canvas.slab.edge_mm
    canvas.fill(inside(skin, edge), SKIN)
    strands = FAT + 14 * fine
    canvas.fill(inside(skin + np.float32(1.8), edge), strands)
    muscles = _muscles(canvas, chest.cavity, fine)
    within = smooth_max(muscles, skin + np.float32(9), 12)
    canvas.fill(inside(within, edge), MUSCLE + 10 * fine)
    between = np.abs(chest.cavity - (12.5 + 2 * fine)) - np.float32(0.9)
    canvas.fill(inside(np.maximum(between, within + 2), edge), FAT + 30)


def _muscles(canvas: Canvas, cavity: Field, wide: Field) -> Field:
    wall: Field = cavity - (11 + 2.5 * wide)
    for side in (LEFT, RIGHT):
        for shape in _muscles_of(side):
            canvas.slab.merge(wall, shape, smooth_mm=7)
    canvas.slab.merge(wall, ellipsoid((0, 10, 165), (48, 52, 60)), smooth_mm=8)
    canvas.slab.merge(wall, ellipsoid((0, -96, -260), (95, 12, 190)), smooth_mm=8)
    return wall


def _muscles_of(side: int) -> tuple[Shape, ...]:
    def at(x: float, y: float, z: float) -> Point:
        return mirrored((x, y, z), side)

    return (
        ellipsoid(at(74, -86, 62), (62, 13, 52)),  # greater and lesser pectoral muscles
        tube([at(92, -78, 70), at(138, -30, 112)], [15, 16]),
        ellipsoid(at(141, 38, 10), (14, 46, 85)),  # latissimus and serratus
        tube([at(84, 94, 8), at(120, 78, 60), at(138, 58, 105)], [13, 21, 24]),  # the cuff
        tube([at(92, 88, 118), at(150, 32, 128), at(186, 15, 260)], [16, 30, 27]),
        ellipsoid(at(48, 104, 80), (52, 9, 70)),  # trapezius
        column(lambda z: (np.full_like(z, side * 31), spine_y(z) + 43), (27, 15),
               (-420.0, 190.0, 110.0)),  # spinal erectors
        ellipsoid(at(40, 62, -300), (22, 24, 130)),  # psoas
    )  # fmt: skip


def paint_bones(canvas: Canvas, skin: Field, chest: Surfaces) -> None:
    """Ribs, sternum, shoulder girdle and spine."""
    _paint_ribs(canvas, chest.cavity)
    _paint_sternum(canvas, chest.cage)
    for side in (LEFT, RIGHT):
        for bone in _girdle(side):
            _paint_hollow(canvas, bone, 1.7)
    _paint_spine(canvas)
    beyond = np.float32(canvas.slab.edge_mm) - skin  # whole pixels of air: the skin stays as it is
    canvas.fill(inside(beyond, canvas.slab.edge_mm), AIR)


def _girdle(side: int) -> tuple[Shape, ...]:
    def at(x: float, y: float, z: float) -> Point:
        return mirrored((x, y, z), side)

    return (
        tube([at(76, 104, 2), at(84, 98, 55), at(92, 90, 108)], [2.4, 3.2, 3.5]),
        tube([at(84, 98, 55), at(118, 78, 78), at(136, 60, 108)], [2.4, 3.4, 6]),
        tube([at(92, 90, 108), at(120, 74, 112), at(142, 54, 118)], [3.2, 3.6, 8]),
        tube([at(76, 104, 2), at(108, 82, 48), at(136, 60, 108)], [2.4, 4.2, 6]),
        tube([at(100, 92, 98), at(128, 84, 118), at(146, 60, 140)], [3, 4, 6]),
        ellipsoid(at(152, 38, 130), (23, 23, 23)),
        tube([at(154, 36, 132), at(186, 14, 300)], [15, 11]),
        tube([at(24, -54, 92), at(62, -54, 106), at(104, -22, 124), at(140, 12, 142)], 5.5),
    )


def _paint_hollow(canvas: Canvas, shape: Shape, cortex_mm: float) -> None:
    canvas.paint(shape, CORTEX)
    canvas.paint(grown(shape, -cortex_mm), MARROW)


def _paint_sternum(canvas: Canvas, cage: Field) -> None:
    """A flat bone in the wall's front: the manubrium broad, the body slender."""
    p, edge = canvas.slab.points, canvas.slab.edge_mm
    half_width = 15 + np.clip((p.z - 30) / np.float32(4), 0, 12)
    across = (p.x / half_width) ** 2
    radial = (cage - np.float32(8)) / np.float32(5.2)
    level = (across * across + radial * radial - 1) * np.float32(2.6)
    ends = np.maximum(np.maximum(-66 - p.z, p.z - 92), p.y)
    bone = np.asarray(np.maximum(level, ends), np.float32)
    canvas.fill(inside(bone, edge), CORTEX - 150)
    canvas.fill(inside(bone + np.float32(1.5), edge), MARROW - 70)


def _paint_ribs(canvas: Canvas, cavity: Field) -> None:
    """Ribs as rings of the wall that fall forward, so that a slice cuts them as arcs.

    The rib's number at a point follows from the height that the rib would have at the spine; one
    periodic function gives all twelve.
    """
    p, edge = canvas.slab.points, canvas.slab.edge_mm
    at_spine = p.z + np.float32(_RIB_DESCENT) * np.maximum(75 - p.y, 0)
    number = np.rint((_FIRST_RIB_Z_MM - at_spine) / np.float32(_RIB_PITCH_MM))
    number = np.clip(number, 0, 11)
    along = (at_spine - (_FIRST_RIB_Z_MM - _RIB_PITCH_MM * number)) * np.float32(0.86)
    radial = (cavity - np.float32(6.8)) / np.float32(3.9)
    level = radial * radial + (along / np.float32(6.3)) ** 2
    forward = np.maximum(-72 - p.y, 0) + np.where(number > 9, np.maximum(-10 - p.y, 0), 0)
    ends = np.maximum(20 - np.abs(p.x), np.where(number > 9, -10 - p.y, -200))
    rib = np.maximum((level - 1) * np.float32(2.2), ends)
    bone = forward <= 0
    canvas.fill(inside(rib, edge), np.where(bone, CORTEX, CARTILAGE).astype(np.float32))
    marrow = np.where(bone, MARROW + 40, CARTILAGE - 25).astype(np.float32)
    canvas.fill(inside(rib + np.float32(1.5), edge), marrow)


def _paint_spine(canvas: Canvas) -> None:
    for shape, hu in _spine():
        canvas.paint(shape, hu)


def _spine() -> tuple[tuple[Shape, float], ...]:
    """Vertebrae repeat every 24 mm: arches, bodies with cortex and disc, canal with cord."""
    low, high = (-60.0, 0.0, -420.0), (60.0, 140.0, 190.0)

    def shape(distance: Callable[[Points], Field]) -> Shape:
        return Shape(low, high, distance)

    return (
        (shape(_process), CORTEX - 250),
        (shape(lambda p: _process(p) + np.float32(2)), MARROW + 60),
        (shape(_vertebral_body), CORTEX - 200),
        (shape(lambda p: _vertebral_body(p) + np.float32(1.6)), MARROW),
        (
            shape(lambda p: np.maximum(_vertebral_body(p), np.float32(9.3) - _level(p))),
            CORTEX - 250,
        ),
        (shape(lambda p: np.maximum(_vertebral_body(p), np.float32(10.2) - _level(p))), DISC),
        (shape(lambda p: _ring(p, 25.0) - np.float32(8.5)), -30.0),
        (shape(lambda p: _ring(p, 25.0) - np.float32(6.3)), 30.0),
    )


def _level(p: Points) -> Field:
    """Height above or below the middle of the nearest vertebra, mm."""
    turns = p.z / np.float32(_VERTEBRA_MM)
    return np.asarray(np.abs(turns - np.rint(turns)) * np.float32(_VERTEBRA_MM), np.float32)


def _ring(p: Points, behind_mm: float) -> Field:
    square = p.x**2 + (p.y - spine_y(p.z) - np.float32(behind_mm)) ** 2
    return np.asarray(np.sqrt(square), np.float32)


def _vertebral_body(p: Points) -> Field:
    waist = 1 + np.float32(0.004) * (_level(p) - 6) * np.float32(2)
    u, v = p.x / (np.float32(17.5) * waist), (p.y - spine_y(p.z)) / (np.float32(14.5) * waist)
    flat = np.maximum(v - np.float32(0.75), 0)  # the back of the body is flat
    far: Field = (u * u + v * v + 3 * flat - 1) * np.float32(7.5)
    return far


def _process(p: Points) -> Field:
    """Arch around the canal, transverse and spinous processes."""
    y = p.y - spine_y(p.z)
    arch = np.maximum(np.abs(_ring(p, 25.0) - 11) - np.float32(2.8), _level(p) - np.float32(9))
    side = np.abs(p.x)
    bar = np.sqrt((y - 28 - side * np.float32(0.22)) ** 2 + (_level(p) * np.float32(0.8)) ** 2)
    transverse = np.maximum(bar - np.float32(4.5), np.maximum(10 - side, side - 34))
    lower = p.z + (y - 36) * np.float32(0.5)
    turns = lower / np.float32(_VERTEBRA_MM)
    sag = (turns - np.rint(turns)) * np.float32(_VERTEBRA_MM)
    spinous = np.maximum(np.abs(p.x) - np.float32(2.8), np.abs(sag) - np.float32(7))
    spinous = np.maximum(spinous, np.maximum(34 - y, y - 53))
    joined = smooth_min(np.asarray(arch, np.float32), np.asarray(transverse, np.float32), 3)
    return smooth_min(joined, np.asarray(spinous, np.float32), 3)
