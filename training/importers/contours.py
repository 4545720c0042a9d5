"""Structure sets: closed planar contours, filled (PS3.3 A.19, C.8.8.6)."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from skimage.draw import polygon2mask

from opacimeter.volume import Volume
from training.importers.item import CannotUse, Role
from training.importers.marks import Marks, Region, begin_marks, to_index

__all__ = ["read_contours"]

_CLOSED = frozenset({"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"})
_OFF_SLICE = 0.25


def read_contours(dataset: Dataset, volume: Volume, asked: Mapping[str, Role]) -> Marks:
    """Lung and lesion of an RT Structure Set, on the grid of the CT.

    A contour within another of the same region is a hole: an odd number of contours around a
    pixel's centre is inside.

    Args:
        dataset: RT Structure Set.
        volume: The CT it was drawn on.
        asked: Roles by ROI name, small letters.

    Raises:
        CannotUse: No region is lung or lesion, or contours lie between slices.
    """
    regions = (
        Region(int(each.ROINumber), str(each.get("ROIName", "")))
        for each in dataset.get("StructureSetROISequence", [])
    )
    marks, roles = begin_marks(regions, asked, shape=volume.hu.shape, kind="region")
    for region in dataset.get("ROIContourSequence", []):
        role = roles.get(int(region.ReferencedROINumber))
        if role is not None:
            marks.masks[role] |= _filled(region, volume)
    return marks


def _filled(region: Dataset, volume: Volume) -> NDArray[np.bool_]:
    """One region; regions of one role may overlap, contours of one region may not."""
    mask = np.zeros(volume.hu.shape, dtype=np.bool_)
    for index in _polygons(region, volume):
        number = int(np.rint(index[:, 0].mean()))
        off = float(np.abs(index[:, 0] - number).max())
        if off > _OFF_SLICE:
            raise CannotUse(
                f"A contour lies {off:.2f} of a slice off the CT's slices, at most {_OFF_SLICE} "
                "can be; export contours drawn on this series."
            )
        if not 0 <= number < len(mask):
            raise CannotUse("A contour lies above or below the CT.")
        mask[number] ^= polygon2mask(mask.shape[1:], index[:, 1:])  # type: ignore[no-untyped-call]
    return mask


def _polygons(region: Dataset, volume: Volume) -> Iterator[NDArray[np.float64]]:
    """Corners (n, 3) in (slice, row, column) of each closed contour."""
    for contour in region.get("ContourSequence", []):
        kind = str(contour.get("ContourGeometricType", ""))
        if kind not in _CLOSED:
            raise CannotUse(f"A region has a contour of type {kind}; only closed ones enclose.")
        points = np.array(contour.ContourData, dtype=np.float64).reshape(-1, 3)
        if len(points) > 2:
            yield to_index(volume.affine, points)
