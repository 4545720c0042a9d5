"""A data folder of the published shape, small enough to train on in seconds."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np

SIDE = 64


def write(path: Path, array: np.ndarray, spacing_mm) -> None:
    """Write (slice, row, column) as the data folder does: index (column, row, slice)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    slice_mm, row_mm, column_mm = spacing_mm
    affine = np.diag([-column_mm, -row_mm, -slice_mm, 1.0])
    nib.save(nib.Nifti1Image(np.ascontiguousarray(array.T), affine), path)


def chest(slices: int, seed: int, side: int = SIDE) -> tuple[np.ndarray, np.ndarray]:
    """HU and label (0, 1 lung, 2 lesion) of two box lungs with one lesion."""
    random = np.random.default_rng(seed)
    hu = np.full((slices, side, side), 40.0)
    label = np.zeros(hu.shape, dtype=np.uint8)
    rows = slice(side // 6, side - side // 6)
    for columns in (slice(side // 12, side * 5 // 12), slice(side * 7 // 12, side * 11 // 12)):
        label[:, rows, columns] = 1
    hu[label == 1] = -850
    spot = np.s_[slices // 4 :, side // 3 : side // 2, side // 8 : side // 3]
    label[spot] = 2
    hu[spot] = -450
    return (hu + random.normal(0, 20, hu.shape)).astype(np.int16), label


def make(folder: Path) -> Path:
    """Lesion cases 01, 02 and (gate) 03, slices, volumes 2 and (gate) 4, and a nodule."""
    rows = []
    for number, gate in ((1, False), (2, False), (3, True)):
        name = f"case-0{number}"
        hu, label = chest(8, number)
        write(folder / "lesion_cases" / name / "ct.nii.gz", hu, (6.0, 1.7, 1.7))
        write(folder / "lesion_cases" / name / "label.nii.gz", label, (6.0, 1.7, 1.7))
        rows.append({"id": name, "patient": name, "gate": gate, "intensity": "restored"})
    second = np.full(label.shape, 255, dtype=np.uint8)
    second[4:] = label[4:]
    write(folder / "lesion_cases" / "case-01" / "second.nii.gz", second, (6.0, 1.7, 1.7))
    (folder / "lesion_cases" / "cases.json").write_text(json.dumps(rows))
    hu, label = chest(5, 7)
    (folder / "lung_slices").mkdir()
    np.savez(folder / "lung_slices" / "lung_slices.npz", hu=hu, lung=(label > 0).astype(np.uint8))
    for name in ("volume-1", "volume-4"):
        hu, label = chest(12, 11, side=32)
        lung = (label > 0).astype(np.uint8)
        write(folder / "lung_volumes" / f"{name}_ct.nii.gz", hu, (5.0, 3.0, 3.0))
        write(folder / "lung_volumes" / f"{name}_label.nii.gz", lung, (5.0, 3.0, 3.0))
    hu, label = chest(6, 13)
    write(folder / "other_volumes" / "nodule-001" / "ct.nii.gz", hu, (2.5, 1.5, 1.5))
    nodule = np.zeros(hu.shape, dtype=np.uint8)
    nodule[3, 30:34, 20:24] = 1
    write(folder / "other_volumes" / "nodule-001" / "nodule.nii.gz", nodule, (2.5, 1.5, 1.5))
    return folder
