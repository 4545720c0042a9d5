"""The case folder: a researcher's own cases.

    FOLDER/cases.json                          what holds for each case, a list of rows
    FOLDER/<case>/{ct,label[,second]}.nii.gz   its images; labels as below, of one reader or two

Labels: 0 outside, 1 lung, 2 lesion, 255 not read.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.cases.case import Case, Target
from training.cases.nifti import OrientationError, read_nifti
from training.cases.resampling import planes_of

__all__ = ["ROWS", "CaseFolderError", "Row", "read_folder", "read_rows", "write_rows"]

ROWS = "cases.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "spacing": ("true", "nominal"),
    "intensity": ("true", "windowed", "restored", "estimated"),
    "order": ("volume", "heap"),
}
_CLASSES = ("lung", "lesion")
NOT_READ = 255


class CaseFolderError(ValueError):
    """A case folder, or a row of its cases.json, is not as the layout asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of cases.json.

    Attributes:
        id: Name of the case's folder.
        patient: The same for all cases of one patient, and for no other in the folders that are
            used together.
        spacing: true, or nominal where nobody knows the millimetres: then pixels are taken as
            they are.
        intensity: true; or restored, estimated, windowed: HU made from pictures.
        classes: What the labels tell: lung, lesion, both; none for a healthy case without a mask.
        order: volume, or heap for single slices that are no neighbours.
        healthy: A reader says that there is no opacity anywhere.
        gate: May never be trained on by a model that ships.
        fingerprint: Of the source, so that an import can go on; empty for hand-made cases.
        note: Whatever a reader of the figures should know.

    Raises:
        CaseFolderError: A value that the layout does not know.
    """

    id: str
    patient: str
    spacing: str
    intensity: str = "true"
    classes: tuple[str, ...] = _CLASSES
    order: str = "volume"
    healthy: bool = False
    gate: bool = False
    fingerprint: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        for name in ("id", "patient"):
            if not isinstance(getattr(self, name), str) or not _NAME.fullmatch(getattr(self, name)):
                raise CaseFolderError(
                    f"{name} {getattr(self, name)!r} must be letters, digits, dots, _ and -."
                )
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise CaseFolderError(f"{self.id}: {name} must be one of {', '.join(choices)}.")
        if not set(self.classes) <= set(_CLASSES):
            raise CaseFolderError(f"{self.id}: classes may be lung and lesion.")
        if not self.classes and not self.healthy:
            raise CaseFolderError(f"{self.id} tells nothing: name its classes, or say healthy.")

    @property
    def targets(self) -> NDArray[np.uint8]:
        """uint8 (256,): the target of each label value; 254 where the value may not occur."""
        table = np.full(256, _NEVER, dtype=np.uint8)
        lung, lesion = "lung" in self.classes, "lesion" in self.classes
        table[0] = Target.BACKGROUND if lung else Target.NOT_LESION
        if lung:
            sure = lesion or self.healthy
            table[1] = Target.LUNG if sure else Target.LUNG_OR_LESION
        if lesion and not self.healthy:
            table[2] = Target.LESION
        table[NOT_READ] = Target.UNKNOWN
        return table


_NEVER = 254


def read_rows(folder: Path) -> tuple[Row, ...]:
    """The rows of a folder's cases.json.

    Raises:
        CaseFolderError: It is no list of rows, an id stands twice, or a patient on both sides.
    """
    try:
        content = json.loads((folder / ROWS).read_text())
    except json.JSONDecodeError as error:
        raise CaseFolderError(f"{ROWS} is no JSON: {error}.") from error
    if not isinstance(content, list):
        raise CaseFolderError(f"{ROWS} must be a list with a row for each case.")
    rows = tuple(_row(number, each) for number, each in enumerate(content, 1))
    ids = [row.id for row in rows]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise CaseFolderError(f"These cases have more than one row: {', '.join(twice)}.")
    gate = {row.patient for row in rows if row.gate}
    torn = sorted(gate & {row.patient for row in rows if not row.gate})
    if torn:
        raise CaseFolderError(
            f"Patients with cases inside and outside of the gate: {', '.join(torn)}; "
            "mark all their cases or none."
        )
    return rows


def _row(number: int, content: object) -> Row:
    """One row; keys that we do not know are somebody's own and stay unread."""
    if not isinstance(content, dict):
        raise CaseFolderError(f"Row {number} of {ROWS} is no object.")
    missing = [name for name in ("id", "patient", "spacing") if name not in content]
    if missing:
        raise CaseFolderError(f"Row {number} of {ROWS} lacks {', '.join(missing)}.")
    known: dict[str, Any] = {name: content[name] for name in content if name in Row.__slots__}
    if "classes" in known:
        if not isinstance(known["classes"], list):
            raise CaseFolderError(f"Row {number} of {ROWS}: classes must be a list.")
        known["classes"] = tuple(known["classes"])
    for name in ("gate", "healthy"):
        if not isinstance(known.get(name, False), bool):
            raise CaseFolderError(f"Row {number} of {ROWS}: {name} must be true or false.")
    return Row(**known)


def write_rows(folder: Path, rows: Sequence[Row]) -> None:
    """Write cases.json so that an interruption never leaves half of one."""
    partial = folder / f"{ROWS}.partial"
    partial.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    partial.replace(folder / ROWS)


def read_folder(folder: Path, *, pixel_mm: float, plane_mm: float) -> Iterator[Case]:
    """The cases of a folder, on the network's grid where their spacing is true."""
    for row in read_rows(folder):
        try:
            yield _case(folder / row.id, row, pixel_mm, plane_mm)
        except (OrientationError, FileNotFoundError) as error:
            why = "a file is missing" if isinstance(error, FileNotFoundError) else str(error)
            raise CaseFolderError(f"{row.id}: {why}") from error


def _case(path: Path, row: Row, pixel_mm: float, plane_mm: float) -> Case:
    image = read_nifti(path / "ct.nii.gz")
    hu = np.rint(image.array).astype(np.int16)
    target = _targets(path / "label.nii.gz", row, hu.shape)
    second = path / "second.nii.gz"
    other = _targets(second, row, hu.shape) if second.exists() else None
    spacing_mm = image.spacing_mm
    if row.spacing == "true":
        thick = plane_mm if row.order == "volume" else 0.0  # a heap's slices are strangers
        grid = planes_of(hu.shape, spacing_mm, pixel_mm=pixel_mm, plane_mm=thick)
        hu, target, spacing_mm = grid.images(hu), grid.targets(target), grid.spacing_mm
        other = None if other is None else grid.targets(other)
    return Case(
        name=row.id,
        patient=row.patient,
        kind=_kind(row, target),
        hu=hu,
        target=target,
        second=other,
        spacing_mm=spacing_mm,
        intensity=row.intensity,
        gate=row.gate,
        heap=row.order == "heap",
    )


def _targets(path: Path, row: Row, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    label = np.rint(read_nifti(path).array)
    if label.shape != shape:
        raise CaseFolderError(f"{row.id}: a label of {label.shape} on images of {shape}.")
    if label.min() < 0 or label.max() > NOT_READ:
        raise CaseFolderError(f"{row.id}: label values must be 0, 1, 2 or {NOT_READ}.")
    target: NDArray[np.uint8] = row.targets[label.astype(np.uint8)]
    if (target == _NEVER).any():
        found = sorted({int(value) for value in np.unique(label[target == _NEVER])})
        told = " and ".join(row.classes) or "no class"
        state = " of a healthy case" if row.healthy else ""
        raise CaseFolderError(
            f"{row.id}: label values {found} are not allowed where the row tells {told}{state}."
        )
    return target


def _kind(row: Row, target: NDArray[np.uint8]) -> str:
    """Lesion cases are drawn most; into lung without lesions some are painted."""
    if (target == Target.LESION).any():
        return "lesion"
    return "volume" if "lung" in row.classes else "other"
