"""Marks: what a DICOM object draws into a CT, and what its regions are to us."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from training.importers.item import CannotUse, Role

__all__ = ["Marks", "Region", "begin_marks", "role_of", "to_index"]

_CODES: Mapping[tuple[str, str], Role] = {
    ("SCT", "39607008"): Role.LUNG,
    ("SCT", "44029006"): Role.LUNG,  # left
    ("SCT", "3341006"): Role.LUNG,  # right
    ("SRT", "T-28000"): Role.LUNG,
    ("SRT", "T-28500"): Role.LUNG,  # left
    ("SRT", "T-28100"): Role.LUNG,  # right
    ("DCM", "112001"): Role.LESION,  # opacity
    ("DCM", "112033"): Role.LESION,  # abnormal opacity
    ("DCM", "112120"): Role.LESION,  # ground glass opacity
    ("DCM", "112121"): Role.LESION,  # infiltrate
    ("SCT", "233604007"): Role.LESION,  # pneumonia
    ("SCT", "95436008"): Role.LESION,  # consolidation of lung
}
_LESION = frozenset(
    {"lesion", "lesions", "opacity", "opacities", "infection", "infections", "infiltrate"}
    | {"infiltrates", "infiltration", "consolidation", "consolidations", "pneumonia", "ggo"}
    | {"covid", "covid19"}
)
_LUNG, _WITH_LUNG = {"lung", "lungs"}, {"left", "right", "both", "l", "r", "whole", "total"}


@dataclass(slots=True)
class Marks:
    """Regions on a CT's own grid.

    Attributes:
        masks: For each role that is marked, bool (slice, row, column); may be empty of voxels.
        unused: Names of regions that are nothing to us.
    """

    masks: dict[Role, NDArray[np.bool_]] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)

    def on(self, role: Role, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """The mask of a role, made when first asked for."""
        return self.masks.setdefault(role, np.zeros(shape, dtype=np.bool_))

    def join(self, other: "Marks") -> None:
        """Take in what another object marks.

        Raises:
            CannotUse: Both mark the same voxels as the same: two readers, which we cannot choose
                between.
        """
        for role, mask in other.masks.items():
            mine = self.on(role, mask.shape)
            if (mine & mask).any():
                raise CannotUse(f"Two objects mark {role} in the same place; keep one reader's.")
            mine |= mask
        self.unused += other.unused


@dataclass(frozen=True, slots=True)
class Region:
    """What an object tells of a region: its number, name, and codes as scheme and value."""

    number: int
    name: str
    codes: Sequence[tuple[str, str]] = ()


def begin_marks(
    regions: Iterable[Region], asked: Mapping[str, Role], *, shape: tuple[int, ...], kind: str
) -> tuple[Marks, dict[int, Role]]:
    """Empty masks for what an object marks, and the roles of its regions by their number.

    Args:
        regions: All of the object's.
        asked: Roles by name, small letters.
        shape: Of the CT.
        kind: What the object calls a region: region, segment.

    Raises:
        CannotUse: None is lung or lesion.
    """
    marks, roles = Marks(), dict[int, Role]()
    for region in regions:
        role = role_of(region.name, region.codes, asked)
        if role is None:
            marks.unused.append(region.name or f"{kind} {region.number}")
        elif role is not Role.NONE:
            roles[region.number] = role
            marks.on(role, shape)
    if not roles:
        raise CannotUse(
            f"None of its {kind}s is lung or lesion: {', '.join(marks.unused)}; "
            'say which is with --segment "NAME=lesion".'
        )
    return marks, roles


def role_of(name: str, codes: Iterable[tuple[str, str]], asked: Mapping[str, Role]) -> Role | None:
    """What a region is: as the researcher says, else by its code, else by its name.

    Args:
        name: Segment label or ROI name.
        codes: Scheme and value of its property types.
        asked: Roles by name, small letters.
    """
    if name.strip().casefold() in asked:
        return asked[name.strip().casefold()]
    by_code = [_CODES[code] for code in codes if code in _CODES]
    if by_code:
        return by_code[0]
    plain = re.sub(r"[^a-z0-9]+", " ", name.casefold())
    words = set(plain.split())
    if words & _LESION or "ground glass" in plain:
        return Role.LESION
    if words & _LUNG and words <= _LUNG | _WITH_LUNG:
        return Role.LUNG
    return None


def to_index(affine: NDArray[np.float64], points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Indices (n, 3) in (slice, row, column) of LPS points (n, 3)."""
    inner = np.linalg.inv(affine[:3, :3])
    index: NDArray[np.float64] = (points_mm - affine[:3, 3]) @ inner.T
    return index
