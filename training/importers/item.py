"""Item: one case of a source, found but not yet read."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["CannotUse", "Found", "Imported", "Importer", "Item", "LeftOut", "Request", "Role"]


class CannotUse(Exception):
    """Something of the source cannot be used; the message says why and what to do."""


class Role(StrEnum):
    """What a marked region is to us."""

    LUNG = "lung"
    LESION = "lesion"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of an importer.

    Attributes:
        source: The set as published: a folder, a folder of zips, or a zip.
        workspace: A folder for what has to be unpacked; emptied by whoever made it.
        window: HU that 0 and 255 stand for, where the values are pictures.
        roles: Names of regions, small letters, with what they are.
        classes: What the labels of the researcher's own pairs tell.
        patient: Its first group, found in a file's name, tells the patient.
        unmarked_healthy: Of the researcher's own images, those that nothing is drawn on are
            healthy by a reader's word; else they are left out.
    """

    source: Path
    workspace: Path
    window: tuple[float, float] | None = None
    roles: Mapping[str, Role] = field(default_factory=dict)
    classes: tuple[str, ...] = ("lung", "lesion")
    patient: re.Pattern[str] | None = None
    unmarked_healthy: bool = False


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Imported:
    """A case as it goes into a case folder; `training.cases.Row` explains the words.

    Attributes:
        hu: int16 (slice, row, column), slice 0 the most cranial, rows to the back, columns to the
            patient's left.
        label: uint8 of the same shape: 0 outside, 1 lung, 2 lesion, 255 not read.
        second: Another reader's label.
        spacing_mm: Slice, row, column.
        classes: What the label tells.
        intensity: How far the HU can be believed.
        spacing: true or nominal.
        order: volume or heap.
        healthy: A reader says that there is no opacity.
        note: What the importer had to decide.
        aside: What the researcher should hear of; printed, never written.
    """

    hu: NDArray[np.int16]
    label: NDArray[np.uint8]
    spacing_mm: tuple[float, float, float]
    classes: tuple[str, ...]
    second: NDArray[np.uint8] | None = None
    intensity: str = "true"
    spacing: str = "true"
    order: str = "volume"
    healthy: bool = False
    note: str = ""
    aside: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One case of a source.

    Attributes:
        name: How the researcher finds it in the source; printed, never written.
        patient: Equal for all items of one patient; never written.
        fingerprint: Of its content, hexadecimal; tells whether it is imported already.
        read: Reads it; raises CannotUse.
    """

    name: str
    patient: str
    fingerprint: str
    read: Callable[[], Imported]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something of the source that is not imported."""

    name: str
    reason: str


Found = Item | LeftOut
Importer = Callable[[Request], Iterator[Found]]
