"""Which segments there are, and which voxels belong to them.

Two instances, since viewers that refuse many frames shall still show the lesions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.sr.coding import Code

from opacimeter.findings import HIGH_OPACITY_HU, Assessment, Label, Region
from opacimeter.record import Record
from opacimeter.report import codes
from opacimeter.report.dicom_object import Kind, derived_uid

__all__ = ["SEGMENTS", "Mask", "Planes", "Segment", "planes_of", "tracking"]

Mask = NDArray[np.bool_]
Planes = Callable[[int, int], Mask]
"""The mask (row, column) in the slice of an index of the segment of a number, 1 or 2."""
_OF_LUNG: Final = {
    1: (Label.LEFT_LUNG, Label.LEFT_LESION),
    2: (Label.RIGHT_LUNG, Label.RIGHT_LESION),
}


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment of an instance.

    Attributes:
        label: Its name for people; `exclusive_label` where a voxel has one segment alone.
        finding: Segmented property type; the SR's finding of the same code refers to it.
        category: Segmented property category.
        region: Where it lies.
        lab: Recommended display colour, CIELab: L 0…100, a and b -128…127.
        exclusive_label: See label.
    """

    label: str
    finding: Code
    category: Code
    region: Region
    lab: tuple[float, float, float]
    exclusive_label: str = ""


SEGMENTS: Final[Mapping[Kind, tuple[Segment, Segment]]] = MappingProxyType(
    {
        Kind.ANATOMY_SEG: (
            Segment(
                "Left lung",
                codes.LUNG,
                codes.ANATOMICAL_STRUCTURE,
                Region.LEFT_LUNG,
                (65.0, -10.0, -45.0),
            ),
            Segment(
                "Right lung",
                codes.LUNG,
                codes.ANATOMICAL_STRUCTURE,
                Region.RIGHT_LUNG,
                (75.0, -35.0, -10.0),
            ),
        ),
        Kind.LESION_SEG: (
            Segment(
                "Lesion",
                codes.LESION,
                codes.ABNORMAL_STRUCTURE,
                Region.LUNGS,
                (70.0, 35.0, 70.0),
                exclusive_label=f"Lesion below {HIGH_OPACITY_HU} HU",
            ),
            Segment(
                "High opacity",
                codes.HIGH_OPACITY,
                codes.ABNORMAL_STRUCTURE,
                Region.LUNGS,
                (50.0, 70.0, 50.0),
            ),
        ),
    }
)
"""By instance, in the order of their numbers from 1; the lungs hold their lesions."""


def planes_of(assessment: Assessment, kind: Kind) -> Planes:
    """The masks of an instance, made slice by slice: no second volume is held."""
    labels, hu = assessment.segmentation.labels, assessment.volume.hu

    def lung(index: int, number: int) -> Mask:
        one, other = _OF_LUNG[number]
        return np.asarray((labels[index] == one) | (labels[index] == other))

    def lesion(index: int, number: int) -> Mask:
        mask = labels[index] >= Label.LEFT_LESION
        return np.asarray(mask if number == 1 else mask & (hu[index] >= HIGH_OPACITY_HU))

    return lung if kind is Kind.ANATOMY_SEG else lesion


def tracking(record: Record, finding: Code, region: Region) -> tuple[str, str]:
    """Tracking identifier and UID of a finding in a region: the same in segment and report."""
    name = f"{finding.meaning.lower().replace(' ', '-')} {region}"
    uid = derived_uid(record, Kind.SR, f"tracking-{name}")
    return f"{record.id} version {record.version} {name}", uid
