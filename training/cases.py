"""The cases that networks are trained and judged on.

Every set of the data folder becomes `Case` values on one convention: axes (slice, row, column),
slice 0 the most cranial, columns to the patient's left, HU. What a set does not tell is said in the
label, voxel by voxel: a `Target` names the set of classes that a voxel may have, so that a lung
mask without marked lesions, or a tumour without a lung mask, teaches what it knows and no more.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TypeVar

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from scipy import ndimage

from opacimeter.volume import Series, Slice, Volume

__all__ = ["ALLOWED", "GATE", "Case", "Target", "data_folder", "read_cases"]

GATE = frozenset({"case-03", "case-06", "case-10", "volume-3", "volume-4"})
"""Cases that no shipped model is ever trained on; with the DICOM studies covid-p001, cap-001 and
normal-001, which this module does not read at all, they decide promotions."""

Integer = TypeVar("Integer", np.int16, np.uint8)


class Target(IntEnum):
    """What is known about a voxel."""

    BACKGROUND = 0
    LUNG = 1
    LESION = 2
    LUNG_OR_LESION = 3
    NOT_LESION = 4
    UNKNOWN = 5


ALLOWED = np.array(
    [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 1, 1]], dtype=np.float32
)
"""float32 (target, class): 1 where the target allows the class background, lung, lesion."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One patient's images, or one heap of single slices.

    Attributes:
        name: The case's name in the data folder.
        patient: Cases of one patient never stand on both sides of a split.
        kind: lesion, slices, volume or other.
        hu: int16 (slice, row, column).
        target: uint8 (slice, row, column), values of `Target`.
        second: Another reader's targets; UNKNOWN on slices that this reader did not see.
        spacing_mm: Slice, row, column; nominal for kind lesion.
        intensity: restored, estimated or true: how far the HU can be believed.
    """

    name: str
    patient: str
    kind: str
    hu: NDArray[np.int16]
    target: NDArray[np.uint8]
    second: NDArray[np.uint8] | None = None
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)
    intensity: str = "true"

    @property
    def gate(self) -> bool:
        """May never be trained on by a model that ships."""
        return self.name in GATE

    @property
    def neighbours(self) -> bool:
        """Are consecutive slices neighbours in the patient?"""
        return self.kind != "slices"

    def volume(self) -> Volume:
        """The case as intake would deliver it; of a lesion case the millimetres are nominal."""
        slice_mm, row_mm, column_mm = self.spacing_mm
        affine = np.zeros((4, 4))
        affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = -slice_mm, row_mm, column_mm, 1
        header = Dataset()
        slices = tuple(Slice(header, Path(self.name), index) for index in range(len(self.hu)))
        return Volume(self.hu.copy(), affine, Series(self.name, self.name, slices))


def data_folder() -> Path:
    """The folder of images: OPACIMETER_DATA, by default ../shared/data beside the checkout."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("OPACIMETER_DATA", default))


def read_cases(folder: Path, *, pixel_mm: float = 1.5) -> tuple[Case, ...]:
    """All cases of the data folder, gate included.

    Args:
        folder: The data folder.
        pixel_mm: In-plane grid for the sets whose spacing is true.
    """
    return tuple(
        case
        for read in (_lesion_cases, _lung_slices, _lung_volumes, _other_volumes)
        for case in read(folder, pixel_mm)
    )


def _read_nifti(path: Path) -> tuple[NDArray[np.int16], tuple[float, float, float]]:
    """Array (slice, row, column) and spacing in that order; the files are (column, row, slice)."""
    image = nib.load(path)
    column_mm, row_mm, slice_mm = (float(value) for value in image.header.get_zooms()[:3])
    array = np.ascontiguousarray(np.asarray(image.dataobj).T)
    return array.astype(np.int16, copy=False), (slice_mm, row_mm, column_mm)


def _lesion_cases(folder: Path, pixel_mm: float) -> Iterator[Case]:
    """Patients with expert masks; spacing is nominal, so their pixels are taken as they are."""
    del pixel_mm
    for row in json.loads((folder / "lesion_cases" / "cases.json").read_text()):
        path = folder / "lesion_cases" / row["id"]
        hu, spacing_mm = _read_nifti(path / "ct.nii.gz")
        target = _read_nifti(path / "label.nii.gz")[0].astype(np.uint8)
        second = None
        if (path / "second.nii.gz").exists():
            second = _read_nifti(path / "second.nii.gz")[0].astype(np.uint8)
            second[second == 255] = Target.UNKNOWN  # a slice that this reader did not read
        yield Case(
            name=row["id"],
            patient=row["patient"],
            kind="lesion",
            hu=hu,
            target=target,
            second=second,
            spacing_mm=spacing_mm,
            intensity=row["intensity"],
        )


def _lung_slices(folder: Path, pixel_mm: float) -> Iterator[Case]:
    """One slice each of 200 patients. Lesions are unmarked: only clearly aerated lung is sure."""
    del pixel_mm
    with np.load(folder / "lung_slices" / "lung_slices.npz") as arrays:
        hu, lung = arrays["hu"], arrays["lung"] > 0
    smooth = ndimage.gaussian_filter(hu.astype(np.float32), (0, 2, 2))
    target = np.where(lung, np.where(smooth < -780, Target.LUNG, Target.LUNG_OR_LESION), 0)
    yield Case("lung-slices", "lung-slices", "slices", hu, target.astype(np.uint8))


def _lung_volumes(folder: Path, pixel_mm: float) -> Iterator[Case]:
    """Whole near-normal chests; 1 and 3 have a small infiltrate in the left apex."""
    for path in sorted((folder / "lung_volumes").glob("volume-*_ct.nii.gz")):
        name = path.name.removesuffix("_ct.nii.gz")
        hu, spacing_mm = _read_nifti(path)
        lung = _read_nifti(path.with_name(f"{name}_label.nii.gz"))[0]
        hu, lung = (_to_pixels(array, spacing_mm, pixel_mm) for array in (hu, lung))
        target = (lung > 0).astype(np.uint8)
        if name in {"volume-1", "volume-3"}:
            _forget_left_apex(target)
        spacing_mm = (spacing_mm[0], pixel_mm, pixel_mm)
        yield Case(name, name, "volume", hu, target, spacing_mm=spacing_mm)


def _forget_left_apex(target: NDArray[np.uint8]) -> None:
    """In the cranial third of the left lung, lung may be lesion; in place."""
    slices = np.flatnonzero(target.any((1, 2)))
    columns = np.flatnonzero(target.any((0, 1)))
    apex = slice(slices[0], slices[0] + len(slices) // 3)
    left = target[apex, :, (columns[0] + columns[-1]) // 2 :]
    left[left == Target.LUNG] = Target.LUNG_OR_LESION


def _other_volumes(folder: Path, pixel_mm: float) -> Iterator[Case]:
    """Other disease without pneumonia: nothing in them is lesion; a nodule itself stays open."""
    for path in sorted((folder / "other_volumes").glob("*/ct.nii.gz")):
        hu, spacing_mm = _read_nifti(path)
        target = np.full(hu.shape, Target.NOT_LESION, dtype=np.uint8)
        if (path.parent / "nodule.nii.gz").exists():
            nodule = _read_nifti(path.parent / "nodule.nii.gz")[0] > 0
            target[ndimage.binary_dilation(nodule, iterations=3)] = Target.UNKNOWN
        hu = _to_pixels(hu, spacing_mm, pixel_mm)
        target = _to_pixels(target, spacing_mm, pixel_mm, order=0)
        spacing_mm = (spacing_mm[0], pixel_mm, pixel_mm)
        yield Case(path.parent.name, path.parent.name, "other", hu, target, spacing_mm=spacing_mm)


def _to_pixels(
    array: NDArray[Integer],
    spacing_mm: tuple[float, float, float],
    pixel_mm: float,
    order: int = 1,
) -> NDArray[Integer]:
    """The array with rows and columns resampled to `pixel_mm`; slices stay."""
    factors = (1.0, spacing_mm[1] / pixel_mm, spacing_mm[2] / pixel_mm)
    zoomed: NDArray[Integer] = ndimage.zoom(  # type: ignore[call-overload]
        array, factors, order=order, mode="nearest", grid_mode=True
    )
    return zoomed
