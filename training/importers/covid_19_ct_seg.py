"""COVID-19-CT-Seg: 20 CT with lungs and infection (Zenodo 3757476; Ma 2021, doi 10.1002/mp.14676).

    COVID-19-CT-Seg_20cases/coronacases_001.nii.gz, radiopaedia_10_85902_1.nii.gz …
    Lung_Mask/, Infection_Mask/           the same names: 1 left lung, 2 right lung; 1 infection
    Lung_and_Infection_Mask/              1 left lung, 2 right lung, 3 infection; any one suffices

folders or zips. The Radiopaedia ones are pictures: "adjusted to lung window [-1250,250], and then
normalized to [0,255]" (README of the authors' COVID-19-CT-Seg-Benchmark). Their headers are not
trusted: a known user of the set (covid_triage) turns the rows of all of them about, and the slices
of radiopaedia_7_85703_0. Of the rows the vertebrae decide here; of those slices his word is taken.
"""

import re
from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from training.importers.files import Files
from training.importers.item import CannotUse, Found, Imported, Item, LeftOut, Request
from training.importers.judging import (
    are_crossed,
    check_on_air,
    faces_back,
    hounsfield,
    read_masks,
)

__all__ = ["items"]

IMAGES, LUNGS, INFECTION = "COVID-19-CT-Seg_20cases", "Lung_Mask", "Infection_Mask"
BOTH = "Lung_and_Infection_Mask"
WINDOW = (-1250.0, 250.0)
FEET_FIRST = frozenset({"radiopaedia_7_85703_0"})
_RADIOPAEDIA = re.compile(r"radiopaedia_(\d+)_\d+_\d+")


def items(request: Request) -> Iterator[Found]:
    """The cases of the set, by their names."""
    files = Files(request.source, request.workspace)
    masks = {folder: files.inside(folder) for folder in (BOTH, LUNGS, INFECTION)}
    for name, image in sorted(files.inside(IMAGES).items()):
        needed = (BOTH,) if name in masks[BOTH] else (LUNGS, INFECTION)
        missing = [folder for folder in needed if name not in masks[folder]]
        if missing:
            yield LeftOut(name, f"It has no mask in {' nor in '.join(missing)}.")
            continue
        parts = [image, *(masks[folder][name] for folder in needed)]
        read = partial(_read, files, name, parts, request.window)
        yield Item(name, _patient(name), files.fingerprint(*parts), read)


def _patient(name: str) -> str:
    """The number after radiopaedia is the case there; a case may have several studies."""
    match = _RADIOPAEDIA.fullmatch(name)
    return f"radiopaedia_{match[1]}" if match else name


def _read(
    files: Files, name: str, parts: list[str], window: tuple[float, float] | None
) -> Imported:
    picture = _RADIOPAEDIA.fullmatch(name) is not None
    image = files.read(parts[0])
    hu, intensity = hounsfield(image, window=window or (WINDOW if picture else None))
    left, right, lesion = _regions(read_masks(files, parts[1:], image))
    check_on_air(hu, left | right)
    turns = ["slices"] if name in FEET_FIRST else []
    upright = faces_back(hu, left | right | lesion)
    if upright is None and picture:
        raise CannotUse("No vertebrae show which way the rows run, and its header may be wrong.")
    turns += ["rows"] if upright is False else []
    turns += ["columns"] if are_crossed(left, right) else []
    axes = tuple(("slices", "rows", "columns").index(turn) for turn in turns)
    return Imported(
        hu=np.flip(hu, axes),
        label=np.flip(np.where(lesion, 2, left | right).astype(np.uint8), axes),
        spacing_mm=image.spacing_mm,
        classes=("lung", "lesion"),
        intensity=intensity,
        note=f"turned about against the header: {', '.join(turns)}" if turns else "",
    )


def _regions(
    parts: list[NDArray[np.int16]],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Left lung, right lung, infection, from one mask of all or one of lungs and one of lesions."""
    lesion = parts[1] > 0 if len(parts) == 2 else parts[0] == 3
    return parts[0] == 1, parts[0] == 2, lesion
