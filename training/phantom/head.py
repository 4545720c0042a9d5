"""A head of nested ellipsoids: what a chest program must refuse."""

from training.phantom.fields import Canvas, Field, ellipsoid, inside, tube

__all__ = ["paint_head"]


def paint_head(canvas: Canvas, fine: Field) -> None:
    """Scalp, skull, brain with ventricles, orbits, sinuses and mouth; vertex at z = 105 mm."""
    for shape, hu in (
        (tube([(0, 30, -120), (0, 28, -320)], [58, 62]), 45.0),
        (tube([(0, 45, -60), (0, 45, -320)], [17, 18]), 420.0),
        (tube([(0, -10, -110), (0, -8, -320)], [10, 9]), -990.0),
        (ellipsoid((0, 0, 0), (80, 98, 105)), -70.0),
        (ellipsoid((0, -34, -70), (58, 62, 66)), 45.0),
        (ellipsoid((0, 0, 0), (75, 93, 100)), 950.0),
        (ellipsoid((0, 0, 0), (71, 89, 96)), 520.0),
        (ellipsoid((0, 0, 0), (69, 87, 94)), 900.0),
        (ellipsoid((0, 0, 0), (67, 85, 92)), 8.0),
    ):
        canvas.paint(shape, hu)
    brain = ellipsoid((0, 0, 0), (64, 82, 89))
    if (box := canvas.slab.box(brain.low_mm, brain.high_mm)) is not None:
        share = inside(brain.distance(canvas.slab.crop(box)), canvas.slab.edge_mm)
        canvas.hu[box] += share * (34 + 4 * fine[box] - canvas.hu[box])
    for side in (-1, 1):
        canvas.paint(tube([(side * 9, -30, 12), (side * 12, 5, 18), (side * 22, 38, 6)], 6), 6.0)
        canvas.paint(ellipsoid((side * 32, -76, -28), (13, 13, 13)), 12.0)
        canvas.paint(ellipsoid((side * 26, -62, -58), (13, 17, 15)), -985.0)
        canvas.paint(ellipsoid((side * 58, 22, -48), (9, 12, 12)), -700.0)
    canvas.paint(ellipsoid((0, -76, -48), (9, 22, 24)), -940.0)
    canvas.paint(ellipsoid((0, -52, -88), (22, 26, 5)), -900.0)
