"""COVID-19-20: the challenge's 199 training CT with lesions (Roth 2022, PMC9444848).

Train/volume-covid19-A-0003_ct.nii.gz and …_seg.nii.gz: 1 lesion; lungs are not marked. Names that
go on after the number are taken for further studies of the patient: if they were not, nothing would
leak, the split would only be coarser.
"""

import re
from collections.abc import Iterator
from functools import partial

import numpy as np

from training.importers.files import Files, stem
from training.importers.item import Found, Imported, Item, LeftOut, Request
from training.importers.judging import hounsfield, read_mask

__all__ = ["items"]

_NAME = re.compile(r"(volume-covid19-[A-Z]-\d+)(.*)_(ct|seg)")


def items(request: Request) -> Iterator[Found]:
    """The cases that have a mask."""
    files = Files(request.source, request.workspace)
    by_stem = {stem(name): name for name in files}
    for name, image in sorted(by_stem.items()):
        match = _NAME.fullmatch(name)
        if not match or match[3] != "ct":
            continue
        mask = by_stem.get(f"{match[1]}{match[2]}_seg")
        if mask is None:
            yield LeftOut(name, "It has no _seg beside it; those of the validation are kept back.")
            continue
        read = partial(_read, files, image, mask, request.window)
        yield Item(name, match[1], files.fingerprint(image, mask), read)


def _read(files: Files, image: str, mask: str, window: tuple[float, float] | None) -> Imported:
    volume = files.read(image)
    hu, intensity = hounsfield(volume, window=window)
    lesion = read_mask(files, mask, volume) > 0
    return Imported(
        hu=hu,
        label=np.where(lesion, 2, 0).astype(np.uint8),
        spacing_mm=volume.spacing_mm,
        classes=("lesion",),
        intensity=intensity,
    )
