"""Segmentation, Measurement, Assessment: what comes out.

docs/measurements.md states each quantity with its source.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from opacimeter.checks import Check
from opacimeter.volume import Volume, read_only

__all__ = [
    "HIGH_OPACITY_HU",
    "LOW_ATTENUATION_HU",
    "ZONES",
    "Assessment",
    "Histogram",
    "Label",
    "Lesion",
    "Measurement",
    "Network",
    "Profile",
    "Quantity",
    "Region",
    "Segmentation",
]

HIGH_OPACITY_HU = -200
"""Lesion at or above this is high opacity (PHO: Chaganti 2020, doi:10.1148/ryai.2020200048)."""
LOW_ATTENUATION_HU = -950
"""Lung below this is low attenuation (LAA-950)."""


class Label(IntEnum):
    """Values of `Segmentation.labels`; lesion voxels belong to their lung."""

    BACKGROUND = 0
    LEFT_LUNG = 1
    RIGHT_LUNG = 2
    LEFT_LESION = 3
    RIGHT_LESION = 4


class Region(StrEnum):
    """Where a quantity was measured; left and right are the patient's."""

    LUNGS = "lungs"
    LEFT_LUNG = "left-lung"
    RIGHT_LUNG = "right-lung"
    RIGHT_UPPER = "right-upper"
    RIGHT_MIDDLE = "right-middle"
    RIGHT_LOWER = "right-lower"
    LEFT_UPPER = "left-upper"
    LEFT_MIDDLE = "left-middle"
    LEFT_LOWER = "left-lower"


ZONES = (
    Region.RIGHT_UPPER,
    Region.RIGHT_MIDDLE,
    Region.RIGHT_LOWER,
    Region.LEFT_UPPER,
    Region.LEFT_MIDDLE,
    Region.LEFT_LOWER,
)
"""The six zones; anatomy.nii.gz numbers them 1–6 in this order."""


class Quantity(StrEnum):
    """What was measured; the value is its key in the result, `unit` its UCUM unit."""

    VOLUME_ML = "volume_ml"
    LESION_ML = "lesion_ml"
    LESION_PERCENT = "lesion_percent"
    HIGH_OPACITY_ML = "high_opacity_ml"
    HIGH_OPACITY_PERCENT = "high_opacity_percent"
    LOW_ATTENUATION_PERCENT = "low_attenuation_percent"
    MASS_G = "mass_g"
    LESION_MASS_G = "lesion_mass_g"
    MEAN_HU = "mean_hu"
    SD_HU = "sd_hu"
    LESION_MEAN_HU = "lesion_mean_hu"
    LESION_COUNT = "lesion_count"

    @property
    def unit(self) -> str:
        """UCUM unit (The Unified Code for Units of Measure)."""
        return _UNIT_OF_SUFFIX[self.value.rsplit("_", 1)[1]]


_UNIT_OF_SUFFIX = {"ml": "mL", "percent": "%", "g": "g", "hu": "[hnsf'U]", "count": "1"}


@dataclass(frozen=True, slots=True)
class Measurement:
    """One quantity in one region: JSON, CSV and every other document loop over these rows."""

    quantity: Quantity
    region: Region
    value: float

    @property
    def unit(self) -> str:
        """UCUM unit of the value."""
        return self.quantity.unit


@dataclass(frozen=True, slots=True)
class Network:
    """Which weights made a segmentation."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """Lungs and lesions on the scanner's grid.

    Attributes:
        labels: uint8 (slice, row, column), values of `Label`.
        lesion_probability: float16 (slice, row, column) on the network's own grid, 0…1; of no
            length where a person made the labels.
        network: Who made it, or what a person corrected.

    Raises:
        ValueError: Wrong type or shape.
    """

    labels: NDArray[np.uint8]
    lesion_probability: NDArray[np.float16]
    network: Network

    def __post_init__(self) -> None:
        if self.labels.ndim != 3 or self.labels.dtype != np.uint8:
            raise ValueError(f"labels must be uint8 (slice, row, column), not {self.labels.dtype}")
        if self.lesion_probability.ndim != 3:
            raise ValueError("lesion_probability must be (slice, row, column)")
        object.__setattr__(self, "labels", read_only(self.labels))
        object.__setattr__(self, "lesion_probability", read_only(self.lesion_probability))


@dataclass(frozen=True, slots=True)
class Lesion:
    """A 26-connected lesion of at least 0.1 ml.

    Attributes:
        volume_ml: Its volume.
        mean_hu: Mean attenuation in HU.
        centre_mm: Centre of mass, LPS mm.
        region: The zone that holds most of it.
        slices: First and last slice it touches, both included.
    """

    volume_ml: float
    mean_hu: float
    centre_mm: tuple[float, float, float]
    region: Region
    slices: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Areas by slice, most cranial first.

    Attributes:
        position_mm: float64 (slice,), z of the slice's centre in LPS mm.
        lung_cm2: float64 (slice,), area of lung, lesion included.
        lesion_cm2: float64 (slice,), area of lesion.
    """

    position_mm: NDArray[np.float64]
    lung_cm2: NDArray[np.float64]
    lesion_cm2: NDArray[np.float64]

    def __post_init__(self) -> None:
        for array in (self.position_mm, self.lung_cm2, self.lesion_cm2):
            read_only(array)


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Volume by attenuation.

    Attributes:
        edges_hu: float64 (bins + 1,), ascending; the first and last bin take all beyond them.
        lungs_ml: float64 (bins,), lung, lesion included.
        lesion_ml: float64 (bins,).
    """

    edges_hu: NDArray[np.float64]
    lungs_ml: NDArray[np.float64]
    lesion_ml: NDArray[np.float64]

    def __post_init__(self) -> None:
        for array in (self.edges_hu, self.lungs_ml, self.lesion_ml):
            read_only(array)


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """One measured study: what a report needs beside the `Record`.

    Attributes:
        volume: What was measured.
        segmentation: Where lungs and lesions are.
        measurements: One row per quantity and region; what cannot be had is absent.
        lesions: Largest first.
        profile: Areas by slice.
        histogram: Volume by attenuation.
        checks: Those of intake and those made while assessing.
        detection_limit_percent: A lesion percentage below it cannot be told from none; None where
            the model has no measured limit.
        interval_90_percent: Low and high end of the lungs' lesion percentage; None where the model
            has no calibration.
        seconds: Wall-clock time by stage: read, segment, measure.

    Raises:
        ValueError: The labels are not on the volume's grid.
    """

    volume: Volume
    segmentation: Segmentation
    measurements: tuple[Measurement, ...]
    lesions: tuple[Lesion, ...]
    profile: Profile
    histogram: Histogram
    checks: tuple[Check, ...] = ()
    detection_limit_percent: float | None = None
    interval_90_percent: tuple[float, float] | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.segmentation.labels.shape != self.volume.hu.shape:
            raise ValueError("labels and volume differ in shape")
        object.__setattr__(self, "seconds", MappingProxyType(dict(self.seconds)))

    def value(self, quantity: Quantity, region: Region = Region.LUNGS) -> float | None:
        """The value of one row, None where it could not be had."""
        for row in self.measurements:
            if row.quantity is quantity and row.region is region:
                return row.value
        return None
