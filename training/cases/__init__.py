"""cases: what networks are trained and judged on.

Every set becomes `Case` values on one convention: axes (slice, row, column), slice 0 the most
cranial, rows to the back, columns to the patient's left, HU. What a set does not tell is said in
the label, voxel by voxel: a `Target` names the set of classes that a voxel may have, so that a
lung mask without marked lesions, or a tumour without a lung mask, teaches what it knows and no
more.
"""

from pathlib import Path

from training.cases.case import ALLOWED, GATE, Case, Target
from training.cases.data import data_folder, read_data
from training.cases.folder import ROWS, CaseFolderError, Row, read_folder, read_rows, write_rows
from training.cases.nifti import Image, OrientationError, read_nifti, write_nifti
from training.cases.together import folders_of, join

__all__ = [
    "ALLOWED",
    "GATE",
    "Case",
    "CaseFolderError",
    "Image",
    "OrientationError",
    "Row",
    "Target",
    "data_folder",
    "folders_of",
    "join",
    "read_cases",
    "read_nifti",
    "read_rows",
    "write_nifti",
    "write_rows",
]


def read_cases(folder: Path, *, pixel_mm: float = 1.5, plane_mm: float = 3.0) -> tuple[Case, ...]:
    """All cases of a case folder, or of the data folder; the gate's are included and say so.

    Args:
        folder: A folder with cases.json, or the data folder of this project.
        pixel_mm: In-plane grid for images whose spacing is true.
        plane_mm: Thinner slices of a case folder are averaged in groups up to this, as they are
            when the service measures; the data folder has none so thin.

    Raises:
        CaseFolderError: The folder, or a case in it, is not as the layout asks.
    """
    if (folder / ROWS).exists():
        return tuple(read_folder(folder, pixel_mm=pixel_mm, plane_mm=plane_mm))
    if not (folder / "lesion_cases").is_dir():
        raise CaseFolderError(
            f"There is neither {ROWS} (a case folder) nor lesion_cases (the data folder) in the "
            "folder; import your cases with python -m training.importers."
        )
    return tuple(read_data(folder, pixel_mm))
