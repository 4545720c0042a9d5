"""MedSeg's COVID-19 sets: 100 single slices of over 40 patients, and nine volumes.

    tr_im.nii.gz, tr_mask.nii.gz, tr_lungmasks_updated.nii.gz     the 100 slices
    rp_im/1.nii.gz …, rp_msk/, rp_lung_msk/                       the volumes; zips are well

Masks: 1 ground glass, 2 consolidation, 3 effusion, which is neither lung nor lesion here. The HU
were made from pictures by the publisher, the slices' millimetres are nominal.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from training.importers.files import Files, stem
from training.importers.item import Found, Imported, Item, LeftOut, Request
from training.importers.judging import check_on_air, faces_back, hounsfield, read_masks

__all__ = ["items"]

SLICES = ("tr_im", "tr_mask", "tr_lungmasks_updated")
UNMARKED = "val_im"
GLASS, CONSOLIDATION, EFFUSION = 1, 2, 3


def items(request: Request) -> Iterator[Found]:
    """The heap of slices as one item, then the volumes."""
    files = Files(request.source, request.workspace)
    by_stem = {stem(name): name for name in files if stem(name) in (*SLICES, UNMARKED)}
    if UNMARKED in by_stem:
        yield LeftOut(UNMARKED, "Its masks are not published.")
    if SLICES[0] in by_stem:
        missing = [each for each in SLICES if each not in by_stem]
        if missing:
            yield LeftOut(SLICES[0], f"These are missing: {', '.join(missing)}.")
        else:
            # Nobody tells whose slice is whose: they stay on one side of every split.
            yield _item(files, "tr_im", [by_stem[each] for each in SLICES], request)
    lesions, lungs = files.inside("rp_msk"), files.inside("rp_lung_msk")
    for name, image in sorted(files.inside("rp_im").items()):
        if name in lesions and name in lungs:
            yield _item(files, f"rp_im/{name}", [image, lesions[name], lungs[name]], request)
        else:
            yield LeftOut(f"rp_im/{name}", "It has no mask in rp_msk or none in rp_lung_msk.")


def _item(files: Files, name: str, parts: list[str], request: Request) -> Item:
    read = partial(_read, files, parts, request.window, heap=name == SLICES[0])
    return Item(name, name, files.fingerprint(*parts), read)


def _read(
    files: Files, parts: list[str], window: tuple[float, float] | None, *, heap: bool
) -> Imported:
    image = files.read(parts[0])
    hu, intensity = hounsfield(image, window=window)
    lungs, marks = read_masks(files, [parts[2], parts[1]], image)
    lung = lungs > 0
    check_on_air(hu, lung)
    label = np.select(
        [np.isin(marks, (GLASS, CONSOLIDATION)), marks == EFFUSION, lung], [2, 0, 1], 0
    ).astype(np.uint8)
    note = ""
    if faces_back(hu, lung) is False:
        hu, label = np.flip(hu, 1), np.flip(label, 1)
        note = "turned about against the header: rows"
    return Imported(
        hu=hu,
        label=label,
        spacing_mm=image.spacing_mm,
        classes=("lung", "lesion"),
        intensity=intensity if intensity == "windowed" else "restored",
        spacing="nominal" if heap else "true",
        order="heap" if heap else "volume",
        note=note,
    )
