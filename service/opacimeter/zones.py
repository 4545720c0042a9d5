"""The six zones of the lungs."""

import numpy as np
from numpy.typing import NDArray

from opacimeter.findings import Label
from opacimeter.volume import Volume

__all__ = ["lung_zones"]

_SIDES = ((Label.RIGHT_LUNG, Label.RIGHT_LESION), (Label.LEFT_LUNG, Label.LEFT_LESION))


def lung_zones(volume: Volume, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Zones 1–6 in the order of `findings.ZONES`, 0 outside the lungs: uint8, shape of labels.

    Each lung is cut in thirds of its own height along the patient's z, which with a tilted gantry
    is not the slice's index alone.
    """
    zones = np.zeros(labels.shape, dtype=np.uint8)
    in_plane = np.add.outer(
        volume.affine[2, 1] * np.arange(labels.shape[1]),
        volume.affine[2, 2] * np.arange(labels.shape[2]),
    )
    tops = volume.affine[2, 0] * np.arange(len(labels)) + volume.affine[2, 3]
    for side, (lung, lesion) in enumerate(_SIDES):
        masks = [(plane == lung) | (plane == lesion) for plane in labels]
        heights = [(tops[i] + in_plane[mask]) for i, mask in enumerate(masks)]
        present = [height for height in heights if len(height)]
        if not present:
            continue
        # Half a slice on both ends: a voxel's own height counts.
        half = abs(volume.affine[2, 0]) / 2
        top = max(float(height.max()) for height in present) + half
        bottom = min(float(height.min()) for height in present) - half
        for plane, mask, height in zip(zones, masks, heights, strict=True):
            third = np.clip((3 * (top - height) / (top - bottom)).astype(np.int64), 0, 2)
            plane[mask] = 1 + 3 * side + third
    return zones
