"""Who is scanned: identity, seed of the anatomy, lesions."""

from dataclasses import dataclass
from enum import StrEnum

from training.phantom.fields import Point

__all__ = ["Lesion", "LesionKind", "Patient"]


class LesionKind(StrEnum):
    """What a lesion looks like."""

    GROUND_GLASS = "ground-glass"
    CONSOLIDATION = "consolidation"


@dataclass(frozen=True, slots=True)
class Lesion:
    """An opacity of the lung; what lies outside the lung is cut off.

    Attributes:
        kind: Ground glass, or consolidation with open bronchi in it.
        centre_mm: LPS mm.
        radii_mm: Half axes along x, y, z.
        hu: Density at its middle, HU.
        ragged_mm: How far the outline strays from the ellipsoid (one standard deviation); 0 gives
            an exact ellipsoid.
        seed: Of the outline.
    """

    kind: LesionKind
    centre_mm: Point
    radii_mm: Point
    hu: float
    ragged_mm: float = 2.5
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.radii_mm) <= 0:
            raise ValueError("a lesion's radii must be above 0 mm")
        if not -950 <= self.hu <= 100:
            raise ValueError(f"a lesion of {self.hu} HU is none; it lies between -950 and 100 HU")


@dataclass(frozen=True, slots=True)
class Patient:
    """The phantom as a person.

    Attributes:
        seed: Decides vessels, bronchi and textures, and the UID of the study.
        lesions: None for a healthy chest. See `training.phantom.lesions.spread` for a burden.
        id: PatientID (0010,0020).
        name: PatientName (0010,0010).
        birth_date: PatientBirthDate (0010,0030), YYYYMMDD.
        sex: PatientSex (0010,0040), M, F or O.
    """

    seed: int = 1
    lesions: tuple[Lesion, ...] = ()
    id: str = "PHANTOM-001"
    name: str = "Phantom^Chest"
    birth_date: str = "19700101"
    sex: str = "O"
