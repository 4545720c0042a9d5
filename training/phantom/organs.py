"""Organs between the lungs and below the diaphragm."""

import numpy as np

from training.phantom.fields import (
    Canvas,
    Field,
    Points,
    Shape,
    ellipsoid,
    grown,
    inside,
    smooth_max,
    tilted_ellipsoid,
    tube,
)
from training.phantom.thorax import (
    Surfaces,
    heart_axes,
    vessels_of_the_mediastinum,
    windpipe,
)

__all__ = ["paint_abdomen", "paint_airway", "paint_mediastinum"]

FAT, BLOOD, HEART, LIVER, SPLEEN, BOWEL = -95.0, 42.0, 46.0, 58.0, 50.0, 32.0


def paint_mediastinum(canvas: Canvas, chest: Surfaces, fine: Field) -> None:
    """Fill the cavity with fat; put heart, great vessels, oesophagus and hila into it."""
    edge = canvas.slab.edge_mm
    canvas.fill(inside(chest.cavity, edge), FAT + 12 * fine)
    column_ = ellipsoid((0, 14, 130), (26, 30, 70))
    canvas.paint(column_, 25.0)  # the soft tissue of the thoracic inlet
    for vessel in vessels_of_the_mediastinum():
        canvas.paint(vessel, BLOOD)
    for part, hu in _heart():
        canvas.paint(part, hu)
    canvas.paint(tube([(2, 26, 125), (3, 32, 60), (4, 36, 0), (8, 28, -90), (26, 8, -130)], 7.5),
                 38.0)  # fmt: skip
    for node in ((-12, 6, 46), (8, 28, 30), (-10, 30, 26), (-40, 14, 10), (40, 20, 18)):
        canvas.paint(ellipsoid(node, (5, 4, 6)), 38.0)


def _heart() -> tuple[tuple[Shape, float], ...]:
    axes = heart_axes()
    return (
        (tilted_ellipsoid((20, -28, -26), (63, 43, 47), axes), HEART),
        (ellipsoid((-24, -14, -14), (26, 31, 39)), HEART - 3),  # right atrium
        (ellipsoid((6, 16, -6), (34, 16, 22)), HEART - 4),  # left atrium
        (tube([(-30, -32, -2), (2, -62, -38), (18, -64, -58)], [3.5, 3, 2]), -85.0),
        (tube([(16, -22, 12), (48, -22, -14), (66, -44, -40)], [3, 3.5, 2]), -85.0),
    )


def paint_airway(canvas: Canvas) -> None:
    """Trachea and main bronchi: wall, then air."""
    for lumen in windpipe():
        canvas.paint(grown(lumen, 1.6), 30.0)
    for lumen in windpipe():
        canvas.paint(lumen, -990.0)


def paint_abdomen(canvas: Canvas, chest: Surfaces, fine: Field) -> None:
    """Diaphragm, then liver, spleen, stomach, kidneys and bowel in fat."""
    edge = canvas.slab.edge_mm
    inner = smooth_max(chest.cavity, chest.abdomen, 4)
    canvas.fill(inside(inner, edge), 48.0)
    visceral = inner + np.float32(3)
    canvas.fill(inside(visceral, edge), FAT + 14 * fine)
    for organ, hu in _organs():
        _paint_within(canvas, organ, visceral, hu)
    for vessel in vessels_of_the_mediastinum():
        _paint_within(canvas, vessel, visceral, BLOOD)


def _paint_within(canvas: Canvas, organ: Shape, limit: Field, hu: float) -> None:
    if (box := canvas.slab.box(organ.low_mm, organ.high_mm)) is None:
        return
    distance = smooth_max(organ.distance(canvas.slab.crop(box)), limit[box], 4)
    share = inside(distance, canvas.slab.edge_mm)
    canvas.hu[box] += share * (np.float32(hu) - canvas.hu[box])


def _organs() -> tuple[tuple[Shape, float], ...]:
    return (
        *((loop, BOWEL) for loop in _bowel()),
        (ellipsoid((58, 42, -205), (27, 26, 55)), 32.0),
        (ellipsoid((-58, 42, -222), (27, 26, 55)), 32.0),
        (ellipsoid((58, 40, -205), (12, 11, 34)), -80.0),
        (ellipsoid((-58, 40, -222), (12, 11, 34)), -80.0),
        (_liver(), LIVER),
        (tube([(-30, 0, -120), (-60, -20, -112), (-92, -14, -105)], [7, 5, 3]), LIVER - 14),
        (tube([(-26, 0, -80), (-60, 20, -84), (-95, 24, -92)], [7, 5, 3]), LIVER - 14),
        (ellipsoid((-52, -62, -172), (17, 19, 34)), 8.0),  # gall bladder
        (ellipsoid((98, 42, -108), (34, 45, 62)), SPLEEN),
        (ellipsoid((58, -34, -112), (52, 44, 62)), 45.0),  # stomach: wall, contents, gas
        (ellipsoid((58, -34, -112), (48, 40, 58)), 22.0),
        (_gas(), -985.0),
        (ellipsoid((20, -6, -190), (60, 15, 17)), 38.0),  # pancreas
    )


def _bowel() -> tuple[Shape, ...]:
    """Loops on a fixed lattice, shifted by a rule, below the liver and the stomach."""
    turn = np.arange(28)
    xs = -85 + 34 * (turn % 6) + 7 * np.cos(2.4 * turn)
    ys = -62 + 26 * ((turn // 6) % 3) + 6 * np.sin(1.7 * turn)
    zs = -215 - 7 * turn
    return tuple(
        ellipsoid((float(x), float(y), float(z)), (19, 15, 22))
        for x, y, z in zip(xs, ys, zs, strict=True)
    )


def _liver() -> Shape:
    """Right lobe under the right dome, left lobe tapering to the left."""
    right, left = ellipsoid((-72, 0, -110), (92, 110, 108)), ellipsoid((0, -46, -92), (80, 40, 46))

    def distance(p: Points) -> Field:
        far: Field = np.minimum(right.distance(p), left.distance(p))
        return far

    return Shape((-180.0, -130.0, -230.0), (90.0, 130.0, 20.0), distance)


def _gas() -> Shape:
    bubble = ellipsoid((58, -34, -112), (47, 39, 57))

    def distance(p: Points) -> Field:
        far: Field = np.maximum(bubble.distance(p), p.y + 48)
        return far

    return Shape(bubble.low_mm, bubble.high_mm, distance)
