"""How well two drawings of the same thing agree: area, outline, and area by area."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = [
    "AREA_CLASSES_PX",
    "AreaClass",
    "Mask",
    "areas_by_size",
    "dice",
    "pooled",
    "surface_dice",
]

Mask = NDArray[np.bool_]

AREA_CLASSES_PX = (1, 50, 200, 1000)
"""Lower ends of the area classes; the last one is open."""
HIT_SHARE = 0.1
"""An area counts as met when at least this share of its pixels is."""

_APART = 1e6  # pixels between slices: what lies in another slice is never near
_CROSS = ndimage.generate_binary_structure(3, 1) & np.array([False, True, False])[:, None, None]
_SQUARE = np.zeros((3, 3, 3), dtype=bool)
_SQUARE[1] = True


def dice(a: Mask, b: Mask) -> float:
    """Dice of two masks; 1 where both are empty."""
    total = int(a.sum()) + int(b.sum())
    return 2.0 * int((a & b).sum()) / total if total else 1.0


def surface_dice(a: Mask, b: Mask, tolerances_px: Sequence[float]) -> tuple[float, ...]:
    """Share of both outlines that lies within a tolerance of the other, in the same slice.

    Nikolov 2018 (doi:10.2196/26151), slice by slice and in pixels, since the slices of the lesion
    cases are not neighbours and their spacing is nominal. Outlines are pixels of the mask with one
    of four neighbours outside; those of all slices are pooled.

    Args:
        a: bool (slice, row, column).
        b: The same shape.
        tolerances_px: Largest distances that count as agreement.

    Returns:
        One share a tolerance; 1 where both masks are empty.
    """
    outlines = _outline(a), _outline(b)
    lengths = [int(outline.sum()) for outline in outlines]
    if not any(lengths):
        return (1.0,) * len(tolerances_px)
    if not all(lengths):
        return (0.0,) * len(tolerances_px)
    both = np.concatenate(
        [
            ndimage.distance_transform_edt(~other, sampling=(_APART, 1, 1))[outline]
            for outline, other in (outlines, outlines[::-1])
        ]
    )
    return tuple(float((both <= tolerance).mean()) for tolerance in tolerances_px)


def _outline(mask: Mask) -> Mask:
    outline: Mask = mask & ~ndimage.binary_erosion(mask, _CROSS)
    return outline


@dataclass(frozen=True, slots=True)
class AreaClass:
    """Connected areas of single slices, of one class of size, counted.

    Attributes:
        from_px: The class's lower end in pixels; the next class's is the upper one.
        true_areas: Areas that the reader drew; `true_met` of them were met by what was found.
        true_px: Their pixels; `true_px_found` of them were found.
        found_areas: Areas that were found; `found_met` of them meet what the reader drew.
        found_px: Their pixels; `found_px_true` of them are the reader's.
    """

    from_px: int
    true_areas: int = 0
    true_met: int = 0
    true_px: int = 0
    true_px_found: int = 0
    found_areas: int = 0
    found_met: int = 0
    found_px: int = 0
    found_px_true: int = 0


def areas_by_size(truth: Mask, found: Mask) -> tuple[AreaClass, ...]:
    """Recall and precision of lesions by their size, as counts.

    Args:
        truth: bool (slice, row, column), the reader's.
        found: The same shape.
    """
    return tuple(
        AreaClass(start, *of_truth, *of_found)
        for start, of_truth, of_found in zip(
            AREA_CLASSES_PX, _classes(truth, found), _classes(found, truth), strict=True
        )
    )


def _classes(areas: Mask, other: Mask) -> Iterator[tuple[int, int, int, int]]:
    """For each class: areas, those met, pixels, those covered."""
    labels, count = ndimage.label(areas, _SQUARE)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    covered = np.bincount(labels[other], minlength=count + 1)[1:]
    which = np.searchsorted(AREA_CLASSES_PX, sizes, side="right") - 1
    for index in range(len(AREA_CLASSES_PX)):
        mine = which == index
        met = covered[mine] >= HIT_SHARE * sizes[mine]
        yield int(mine.sum()), int(met.sum()), int(sizes[mine].sum()), int(covered[mine].sum())


def pooled(patients: Sequence[Sequence[AreaClass]]) -> tuple[AreaClass, ...]:
    """The counts of several patients together; patients without counts add nothing."""
    counted = [classes for classes in patients if classes]
    names = AreaClass.__dataclass_fields__.keys() - {"from_px"}
    return tuple(
        AreaClass(
            same[0].from_px, **{name: sum(getattr(row, name) for row in same) for name in names}
        )
        for same in zip(*counted, strict=True)
    )
