"""MosMedData: 1110 CT of as many patients, 50 of them with lesions marked (arXiv 2005.06465).

studies/CT-0/study_0001.nii.gz …     CT-0 without signs of viral pneumonia, CT-1 to CT-4 with
masks/study_0255_mask.nii.gz …       1 lesion; lungs are not marked
"""

from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath

import numpy as np

from training.importers.files import Files, stem
from training.importers.item import Found, Imported, Item, LeftOut, Request
from training.importers.judging import hounsfield, read_mask

__all__ = ["items"]

HEALTHY = "CT-0"


def items(request: Request) -> Iterator[Found]:
    """The studies with a mask, and the healthy ones."""
    files = Files(request.source, request.workspace)
    masks = {name.removesuffix("_mask"): path for name, path in files.inside("masks").items()}
    for image in sorted(files, key=stem):
        group, name = PurePosixPath(image).parent.name, stem(image)
        if not group.startswith("CT-"):
            continue
        parts = [image, masks[name]] if name in masks else [image]
        if name not in masks and group != HEALTHY:
            yield LeftOut(name, "It has signs of pneumonia but no mask.")
            continue
        read = partial(_read, files, parts, request.window)
        yield Item(name, name, files.fingerprint(*parts), read)


def _read(files: Files, parts: list[str], window: tuple[float, float] | None) -> Imported:
    image = files.read(parts[0])
    hu, intensity = hounsfield(image, window=window)
    marked = len(parts) == 2
    lesion = read_mask(files, parts[1], image) > 0 if marked else np.zeros(hu.shape, bool)
    return Imported(
        hu=hu,
        label=np.where(lesion, 2, 0).astype(np.uint8),
        spacing_mm=image.spacing_mm,
        classes=("lesion",) if marked else (),
        intensity=intensity,
        healthy=not marked,
    )
