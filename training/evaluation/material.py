"""What is judged: lesion cases, whole chests, DICOM studies, with what is known of each."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy import ndimage

from opacimeter.intake import find, load
from opacimeter.volume import Volume
from training.cases import Case, Target, read_nifti
from training.evaluation.overlap import Mask
from training.evaluation.studies import Chest

__all__ = ["Pending", "chests_of", "is_clean", "lesion_cases"]

_MARKS = "labels.json"
_MAYBE_LESION = (Target.LESION, Target.LUNG_OR_LESION, Target.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Pending:
    """A whole study not read yet: a hundred megabytes that need not lie in memory together.

    Attributes:
        name: Of the study, which is its patient's too.
        gate: Never trained on by a model that ships.
        read: Reads it.
    """

    name: str
    gate: bool
    read: Callable[[], Chest]


def lesion_cases(cases: Sequence[Case]) -> list[Case]:
    """The cases with expert lesions."""
    return [case for case in cases if case.kind == "lesion"]


def is_clean(case: Case) -> bool:
    """Does the reader say of every voxel that it is no lesion?"""
    return not np.isin(case.target, _MAYBE_LESION).any()


def chests_of(folder: Path, cases: Sequence[Case]) -> Iterator[Pending]:
    """The whole studies of a data folder: its DICOM studies, its volumes, its other disease.

    Args:
        folder: The data folder, or a case folder, whose cases without lesion are healthy.
        cases: Read from it.
    """
    marks = folder / _MARKS
    if marks.exists():
        for name, known in json.loads(marks.read_text())["studies"].items():
            if (folder / "dicom" / name).is_dir():
                yield Pending(name, gate=True, read=_dicom(folder / "dicom" / name, known))
    own = marks.exists() or (folder / "lesion_cases").is_dir()
    for case in cases:
        whole = own or (case.kind == "volume" and is_clean(case))
        if case.kind in {"volume", "other"} and whole:
            yield Pending(case.name, gate=case.gate, read=_of_case(folder, case))
        elif case.kind == "other" and is_clean(case):
            yield Pending(case.name, gate=case.gate, read=_healthy(case))


def _dicom(folder: Path, known: Mapping[str, Any]) -> Callable[[], Chest]:
    """A study as files, with the slices that radiologists marked, if any."""

    def read() -> Chest:
        marked = known["infected_slices"]
        return Chest(
            name=folder.name,
            volume=_loaded(folder),
            clean=not marked,
            healthy=not marked,
            infected=marked,
            sides=_by_side(known.get("lobes", {})),
        )

    return read


def _loaded(folder: Path) -> Volume:
    with TemporaryDirectory() as workspace:
        (study,) = find([folder], workspace=Path(workspace))
        return load(study)


def _by_side(lobes: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    """Marks by lobe as marks by side: upper and lower were marked quickly, left and right not."""
    if not lobes:
        return {}
    return {
        side: sorted(
            {mark for lobe, marks in lobes.items() if lobe.startswith(side) for mark in marks}
        )
        for side in ("left", "right")
    }


def _of_case(folder: Path, case: Case) -> Callable[[], Chest]:
    """A volume of the data folder; one of other disease has no lungs drawn."""

    def read() -> Chest:
        healthy = case.kind == "volume"
        nodule = _nodule(folder / "other_volumes" / case.name / "nodule.nii.gz", case)
        return Chest(
            name=case.name,
            volume=case.volume(),
            clean=healthy and is_clean(case),
            healthy=healthy,
            lung=np.isin(case.target, _LUNG) if healthy else None,
            nodule=nodule,
            other="" if healthy else "other disease" if nodule is None else "a nodule",
        )

    return read


_LUNG = (Target.LUNG, Target.LESION, Target.LUNG_OR_LESION)


def _healthy(case: Case) -> Callable[[], Chest]:
    return lambda: Chest(name=case.name, volume=case.volume(), clean=True, healthy=True)


def _nodule(path: Path, case: Case) -> Mask | None:
    """The nodule's voxels on the case's grid; the case itself leaves a rim around them open."""
    if not path.exists():
        return None
    nodule = read_nifti(path).array > 0
    factors = [new / old for new, old in zip(case.hu.shape, nodule.shape, strict=True)]
    on_grid: Mask = ndimage.zoom(nodule.astype(np.uint8), factors, order=0, grid_mode=True,
                                 mode="nearest") > 0  # fmt: skip
    return on_grid
