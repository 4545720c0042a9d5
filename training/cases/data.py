"""The data folder: the sets that the shipped model is trained and judged on."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from training.cases.case import GATE, Case, Target
from training.cases.nifti import read_nifti

__all__ = ["data_folder", "read_data"]

Integer = TypeVar("Integer", np.int16, np.uint8)


def data_folder() -> Path:
    """The folder of images: OPACIMETER_DATA, by default ../shared/data beside the checkout."""
    default = Path(__file__).resolve().parents[3] / "shared" / "data"
    return Path(os.environ.get("OPACIMETER_DATA", default))


def read_data(folder: Path, pixel_mm: float) -> Iterator[Case]:
    """All cases of the data folder, gate included.

    Args:
        folder: The data folder.
        pixel_mm: In-plane grid for the sets whose spacing is true.
    """
    for read in (_lesion_cases, _lung_slices, _lung_volumes, _other_volumes):
        yield from read(folder, pixel_mm)


def _read(path: Path) -> tuple[NDArray[np.int16], tuple[float, float, float]]:
    """Array (slice, row, column) and spacing in that order."""
    image = read_nifti(path)
    return image.array.astype(np.int16, copy=False), image.spacing_mm


def _lesion_cases(folder: Path, pixel_mm: float) -> Iterator[Case]:
    """Patients with expert masks; spacing is nominal, so their pixels are taken as they are."""
    del pixel_mm
    for row in json.loads((folder / "lesion_cases" / "cases.json").read_text()):
        path = folder / "lesion_cases" / row["id"]
        hu, spacing_mm = _read(path / "ct.nii.gz")
        target = _read(path / "label.nii.gz")[0].astype(np.uint8)
        second = None
        if (path / "second.nii.gz").exists():
            second = _read(path / "second.nii.gz")[0].astype(np.uint8)
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
            gate=row["id"] in GATE,
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
        hu, spacing_mm = _read(path)
        lung = _read(path.with_name(f"{name}_label.nii.gz"))[0]
        hu, lung = (_to_pixels(array, spacing_mm, pixel_mm) for array in (hu, lung))
        target = (lung > 0).astype(np.uint8)
        if name in {"volume-1", "volume-3"}:
            _forget_left_apex(target)
        spacing_mm = (spacing_mm[0], pixel_mm, pixel_mm)
        yield Case(name, name, "volume", hu, target, spacing_mm=spacing_mm, gate=name in GATE)


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
        hu, spacing_mm = _read(path)
        target = np.full(hu.shape, Target.NOT_LESION, dtype=np.uint8)
        if (path.parent / "nodule.nii.gz").exists():
            nodule = _read(path.parent / "nodule.nii.gz")[0] > 0
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
