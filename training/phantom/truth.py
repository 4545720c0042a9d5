"""What is true of a scan of the phantom."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from training.phantom.fields import Point

__all__ = ["LesionTruth", "Truth"]

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | None"


@dataclass(frozen=True, slots=True)
class LesionTruth:
    """One lesion as the scan's grid holds it; where lesions overlap, each voxel counts once.

    Attributes:
        kind: ground-glass or consolidation.
        centre_mm: Of the shape before the lung cut it, LPS mm.
        left_ml: Volume within the left lung.
        right_ml: Volume within the right lung.
    """

    kind: str
    centre_mm: Point
    left_ml: float
    right_ml: float


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Masks and volumes of one scan; the volumes are those of the masks, to the voxel.

    Attributes:
        labels: uint8 (slice, row, column): 0; 1 left, 2 right lung; 3, 4 lesion in the left, right.
        affine: float64 4x4, index (slice, row, column, 1) to LPS mm.
        lesions: Each lesion, in the patient's order.
    """

    labels: NDArray[np.uint8]
    affine: NDArray[np.float64]
    lesions: tuple[LesionTruth, ...]

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel, from the determinant: right for a tilted gantry too."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000

    @property
    def volumes_ml(self) -> dict[str, float]:
        """Volumes: lungs, left_lung, right_lung, lesion, left_lesion, right_lesion."""
        counts = np.bincount(self.labels.ravel(), minlength=5)
        left, right = counts[1] + counts[3], counts[2] + counts[4]
        voxels = {
            "lungs": left + right, "left_lung": left, "right_lung": right,
            "lesion": counts[3] + counts[4], "left_lesion": counts[3], "right_lesion": counts[4],
        }  # fmt: skip
        return {name: float(count) * self.voxel_ml for name, count in voxels.items()}

    @property
    def lesion_percent(self) -> float | None:
        """Lesion's share of the lungs; None where the scan holds no lung."""
        volumes = self.volumes_ml
        return 100 * volumes["lesion"] / volumes["lungs"] if volumes["lungs"] else None

    def to_dict(self) -> dict[str, Json]:
        """JSON: schema, volumes_ml, lesion_percent, lesions, and the grid they are counted on."""
        lesions: list[Json] = [
            {"kind": lesion.kind, "centre_mm": [round(float(v), 2) for v in lesion.centre_mm],
             "ml": _rounded(lesion.left_ml + lesion.right_ml),
             "left_ml": _rounded(lesion.left_ml), "right_ml": _rounded(lesion.right_ml)}
            for lesion in self.lesions
        ]  # fmt: skip
        percent = self.lesion_percent
        return {
            "schema": "opacimeter-phantom-truth-1",
            "volumes_ml": {name: _rounded(ml) for name, ml in self.volumes_ml.items()},
            "lesion_percent": None if percent is None else _rounded(percent),
            "lesions": lesions,
            "grid": {
                "shape": list(self.labels.shape),
                "voxel_ml": self.voxel_ml,
                "affine": [[round(float(v), 6) for v in row] for row in self.affine],
            },
        }


def _rounded(value: float) -> float:
    return round(value, 4)
