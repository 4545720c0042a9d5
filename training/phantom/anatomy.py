"""The whole phantom: what lies at each point of a slab, and which lung or lesion it belongs to."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.phantom.fields import Canvas, Field, Points, Slab, inside
from training.phantom.head import paint_head
from training.phantom.lesions import nearest_lesion, paint_lesions
from training.phantom.organs import paint_abdomen, paint_airway, paint_mediastinum
from training.phantom.patient import Patient
from training.phantom.texture import texture
from training.phantom.thorax import Surfaces, hila, surfaces
from training.phantom.vessels import paint_bronchi, paint_vessels
from training.phantom.wall import outline, paint_bones, paint_trunk

__all__ = ["AIR_HU", "Rendering", "render_chest", "render_head"]

AIR_HU = -1000.0
_PARENCHYMA_HU = -872.0
_TABLE_MM, _TABLE_ASIDE_MM = 128.0, 172.0  # from the body's middle to the table under back, flank


@dataclass(frozen=True, slots=True, eq=False)
class Rendering:
    """One slab, before the scanner's blur and noise.

    Attributes:
        hu: float32 (plane, row, column), sub-planes of each slice one after another.
        labels: uint8 (slice, row, column) at the slices' centres; 1 left, 2 right lung, 3, 4
            lesion in the left, right.
        lesion: int16, same shape: number of the lesion from 1, 0 for none.
    """

    hu: Field
    labels: NDArray[np.uint8]
    lesion: NDArray[np.int16]


def render_chest(slab: Slab, patient: Patient, down: tuple[float, float]) -> Rendering:
    """Chest and upper abdomen.

    Args:
        slab: Where.
        patient: Who.
        down: The direction of gravity, (x, y) of LPS: dependent lung is denser, and the table lies
            there.
    """
    canvas = _empty(slab)
    chest = surfaces(slab)
    fine = _fine_texture(slab, patient.seed)
    skin = outline(canvas)
    paint_trunk(canvas, skin, chest, fine)
    paint_mediastinum(canvas, chest, fine)
    paint_abdomen(canvas, chest, fine)
    paint_bones(canvas, skin, chest)
    _paint_lungs(canvas, patient, chest, down)
    paint_airway(canvas)
    _paint_table(canvas, skin, down)
    return _labelled(canvas, patient, chest)


def render_head(slab: Slab, patient: Patient, down: tuple[float, float]) -> Rendering:
    """A head: nothing in it is lung."""
    canvas = _empty(slab)
    paint_head(canvas, _fine_texture(slab, patient.seed))
    del down  # a head holder, not a table
    shape = canvas.hu[:: slab.sub].shape
    return Rendering(canvas.hu, np.zeros(shape, np.uint8), np.zeros(shape, np.int16))


def _empty(slab: Slab) -> Canvas:
    return Canvas(slab, np.full(slab.points.shape, AIR_HU, np.float32))


def _fine_texture(slab: Slab, seed: int) -> Field:
    """Texture of soft tissue, -1 to 1 nearly everywhere; one value for all planes of a slice."""
    return _per_slice(slab, cell_mm=2.4, seed=seed) * np.float32(0.6)


def _per_slice(slab: Slab, *, cell_mm: float, seed: int) -> Field:
    values = texture(_centres(slab), cell_mm=cell_mm, seed=seed)
    return np.repeat(values, slab.sub, axis=0)


def _centres(slab: Slab) -> Points:
    first, sub = slab.sub // 2, slab.sub
    p = slab.points
    x, y, z = (a[first::sub] if a.shape[0] > 1 else a for a in (p.x, p.y, p.z))
    return Points(x, y, z)


def _paint_table(canvas: Canvas, skin: Field, down: tuple[float, float]) -> None:
    """The couch: two shells of carbon fibre with foam between, hollow towards the patient."""
    p, edge = canvas.slab.points, canvas.slab.edge_mm
    table = np.float32(_TABLE_ASIDE_MM if down[0] else _TABLE_MM)
    depth = np.float32(down[0]) * p.x + np.float32(down[1]) * p.y
    across = np.float32(down[1]) * p.x - np.float32(down[0]) * p.y
    depth = depth + across * across * np.float32(1 / 1500) - table
    couch = np.maximum(np.abs(depth - 22) - 22, np.abs(across) - 215)
    couch = np.maximum(couch, -skin)
    canvas.fill(inside(couch, edge), -320.0)
    canvas.fill(inside(couch + np.float32(1.6), edge), -965.0)


def _paint_lungs(
    canvas: Canvas, patient: Patient, chest: Surfaces, down: tuple[float, float]
) -> None:
    """Parenchyma, fissures, lesions, vessels, bronchi: each over the one before."""
    edge = canvas.slab.edge_mm
    lungs = np.maximum(inside(chest.left_lung, edge), inside(chest.right_lung, edge))
    if not lungs.any():
        return
    canvas.fill(lungs, _parenchyma(canvas.slab, patient.seed, down))
    _paint_fissures(canvas, lungs)
    paint_lesions(canvas, patient.lesions, lungs)
    reach = lungs.copy()
    for hilum in hila():
        if (box := canvas.slab.box(hilum.low_mm, hilum.high_mm)) is not None:
            entry = inside(hilum.distance(canvas.slab.crop(box)), edge)
            reach[box] = np.maximum(reach[box], entry)
    paint_vessels(canvas, patient.seed, reach)
    paint_bronchi(canvas, patient.seed, reach)


def _parenchyma(slab: Slab, seed: int, down: tuple[float, float]) -> Field:
    """Aerated lung: denser where it hangs, with lobular unevenness."""
    p = slab.points
    depth = (np.float32(down[0]) * p.x + np.float32(down[1]) * p.y) * np.float32(1 / 100)
    sinking = 26 * depth + 14 * np.maximum(depth - np.float32(0.45), 0)
    uneven = 9 * _per_slice(slab, cell_mm=14.0, seed=seed + 3)
    grain = 13 * _per_slice(slab, cell_mm=1.9, seed=seed + 4)
    return np.asarray(_PARENCHYMA_HU + sinking + uneven + grain, np.float32)


def _paint_fissures(canvas: Canvas, lungs: Field) -> None:
    """Oblique fissures of both lungs and the horizontal one of the right."""
    p, edge = canvas.slab.points, canvas.slab.edge_mm
    bent = p.x * p.x * np.float32(0.0008)
    oblique = (p.z - p.y + np.float32(14) - bent) * np.float32(0.707)
    horizontal = np.maximum(np.abs(p.z + 2 + bent), np.maximum(2 - oblique, p.x))
    sheet = np.minimum(np.abs(oblique), horizontal)
    thin = np.float32(min(1.0, 0.9 / edge))  # a sheet of 0.9 mm fills so much of a pixel
    canvas.fill(inside(sheet, edge) * lungs * thin, -690.0)


def _labelled(canvas: Canvas, patient: Patient, chest: Surfaces) -> Rendering:
    slab = canvas.slab
    middle = slice(slab.sub // 2, None, slab.sub)
    left, right = chest.left_lung[middle] < 0, chest.right_lung[middle] < 0
    labels = np.where(left, np.uint8(1), np.where(right, np.uint8(2), np.uint8(0)))
    lesion = nearest_lesion(canvas, patient.lesions)[middle] * (labels > 0)
    labels = labels + np.uint8(2) * (lesion > 0)
    return Rendering(canvas.hu, labels.astype(np.uint8), lesion.astype(np.int16))
