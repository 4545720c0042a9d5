"""A judge that draws what it is told: the evaluation's fake at the network's door."""

from pathlib import Path

import numpy as np

from opacimeter.findings import (
    Assessment,
    Histogram,
    Measurement,
    Network,
    Profile,
    Quantity,
    Region,
    Segmentation,
)
from opacimeter.volume import Series, Slice, Volume


def volume_of(hu, spacing_mm=(2.0, 1.0, 1.0)):
    slice_mm, row_mm, column_mm = spacing_mm
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = -slice_mm, row_mm, column_mm, 1
    slices = tuple(Slice(None, Path("none"), index) for index in range(len(hu)))
    return Volume(np.asarray(hu, dtype=np.int16), affine, Series("1", "1", slices))


class Told:
    """Labels of a volume by a function; its network's grid is the volume's own."""

    def __init__(self, draw, probability=None):
        self.draw = draw
        self.probability = probability
        self.calls = 0

    def __call__(self, volume):
        self.calls += 1
        labels = np.asarray(self.draw(volume), dtype=np.uint8)
        probability = (labels >= 3) * 1.0 if self.probability is None else self.probability
        lung, lesion = np.count_nonzero(labels), np.count_nonzero(labels >= 3)
        found = {
            Quantity.VOLUME_ML: lung * volume.voxel_ml,
            Quantity.LESION_PERCENT: 100.0 * lesion / lung,
        }
        nothing = np.zeros(0)
        return Assessment(
            volume=volume,
            segmentation=Segmentation(
                labels, probability.astype(np.float16), Network("told", "1.0.0", "0" * 64)
            ),
            measurements=tuple(Measurement(q, Region.LUNGS, value) for q, value in found.items()),
            lesions=(),
            profile=Profile(nothing, nothing.copy(), nothing.copy()),
            histogram=Histogram(nothing.copy(), nothing.copy(), nothing.copy()),
            seconds={"segment": 1.0, "measure": 0.5},
        )

    def on_network_grid(self, volume, image):
        return image


def drawing(case):
    """Labels as the case's first reader drew them, all of it in the left lung."""
    return np.select([case.target == 2, case.target == 1], [3, 1], 0)
