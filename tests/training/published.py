"""Files of the shape of the public sets, small enough to count by hand.

A chest of 8 slices, 20 rows, 24 columns in our orientation. Its right lung is 10 x 6 pixels in
every slice, its left 9 x 6, a vertebra lies behind; in slices 1 to 3 the left lung bears a lesion
of 3 x 3 pixels: 27 voxels of 8 * (60 + 54) = 912.
"""

from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.orientations import axcodes2ornt, ornt_transform

SPACING_MM = (5.0, 0.8, 0.8)
LUNG_HU, LESION_HU = -850, -500


def chest() -> tuple[np.ndarray, np.ndarray]:
    """HU, and a label: 1 left lung, 2 right lung, 3 lesion."""
    hu = np.full((8, 20, 24), -1000, np.int16)
    label = np.zeros(hu.shape, np.uint8)
    hu[:, 2:19, 1:23] = 40
    label[:, 4:14, 4:10] = 2
    label[:, 4:13, 14:20] = 1
    label[1:4, 6:9, 15:18] = 3
    hu[label > 0] = LUNG_HU
    hu[label == 3] = LESION_HU
    hu[:, 14:18, 11:13] = 400
    return hu, label


def write(
    path: Path,
    array: np.ndarray,
    *,
    codes: str = "LPI",
    spacing_mm=SPACING_MM,
    shift_mm: float = 0.0,
) -> None:
    """Write (slice, row, column) with the stored axes running as `codes` tells, header honest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    slice_mm, row_mm, column_mm = spacing_mm
    affine = np.diag([-column_mm, -row_mm, -slice_mm, 1.0])
    affine[2, 3] = shift_mm
    image = nib.Nifti1Image(np.ascontiguousarray(array.T), affine)
    turn = ornt_transform(axcodes2ornt("LPI"), axcodes2ornt(tuple(codes)))
    nib.save(image.as_reoriented(turn), path)


def pictured(hu: np.ndarray) -> np.ndarray:
    """8-bit values of the window -1250…250: -850 HU is 68, -500 HU 127.5, kept as 127."""
    return ((np.clip(hu, -1250, 250) + 1250.0) * 255 / 1500).astype(np.uint8)


def covid_19_ct_seg(folder: Path, name: str, hu: np.ndarray, label: np.ndarray, **how) -> None:
    """One case of the set: lungs with the infection in them, and the infection."""
    lungs = np.where(label == 3, 1, label).astype(np.uint8)
    write(folder / "COVID-19-CT-Seg_20cases" / f"{name}.nii.gz", hu, **how)
    write(folder / "Lung_Mask" / f"{name}.nii.gz", lungs, **how)
    write(folder / "Infection_Mask" / f"{name}.nii.gz", (label == 3).astype(np.uint8), **how)
