"""Pairs: a folder of one's own NIfTI files, `NAME_ct` with `NAME_label` and maybe `NAME_second`.

Labels: 0 outside, 1 lung, 2 lesion, 255 not read. Where only lungs or only lesions are marked (see
`Request.classes`), every value but 0 and 255 is what is marked.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from training.cases import Image
from training.importers.files import Files, stem
from training.importers.item import CannotUse, Found, Imported, Item, LeftOut, Request
from training.importers.judging import check_on_air, hounsfield, read_mask

__all__ = ["items"]

NOT_READ = 255


def items(request: Request) -> Iterator[Found]:
    """The pairs, by their names."""
    files = Files(request.source, request.workspace)
    images = {name.removesuffix("_ct"): name for name in _stemmed(files, "_ct")}
    for key, image in sorted(images.items()):
        name = stem(key)
        label = _beside(files, image, "_label")
        if label is None and not request.unmarked_healthy:
            yield LeftOut(name, "It has no _label beside it.")
            continue
        second = _beside(files, image, "_second") if label else None
        parts = [part for part in (image, label, second) if part is not None]
        patient = _patient(name, request)
        if patient is None:
            yield LeftOut(name, "The pattern for patients does not fit its name.")
            continue
        read = partial(_read, files, parts, request)
        yield Item(name, patient, files.fingerprint(*parts), read)
    yield from _strangers(files)


def _stemmed(files: Files, ending: str) -> Iterator[str]:
    return (name for name in files if stem(name).endswith(ending))


def _beside(files: Files, image: str, ending: str) -> str | None:
    """The file that differs from the image's in its ending only, packed or not."""
    start = image[: image.rindex("_ct.")]
    return next((name for name in files if name in _forms(start + ending)), None)


def _forms(name: str) -> tuple[str, str]:
    return f"{name}.nii.gz", f"{name}.nii"


def _strangers(files: Files) -> Iterator[Found]:
    for name in files:
        if not stem(name).endswith(("_ct", "_label", "_second")):
            yield LeftOut(stem(name), "Its name ends in none of _ct, _label, _second.")
        elif not stem(name).endswith("_ct"):
            start = name[: name.rindex("_")]
            if not any(form in set(files) for form in _forms(f"{start}_ct")):
                yield LeftOut(stem(name), "It has no _ct beside it.")


def _patient(name: str, request: Request) -> str | None:
    if request.patient is None:
        return name
    match = request.patient.search(name)
    return match[1] if match else None


def _read(files: Files, parts: list[str], request: Request) -> Imported:
    image = files.read(parts[0])
    if not image.told:
        raise CannotUse("Its header tells no orientation (the codes of sform and qform are 0).")
    hu, intensity = hounsfield(image, window=request.window)
    classes = request.classes if len(parts) > 1 else ()
    labels = [_label(files, part, image, classes) for part in parts[1:]]
    if "lung" in classes:
        check_on_air(hu, np.isin(labels[0], (1, 2)))
    return Imported(
        hu=hu,
        label=labels[0] if labels else np.zeros(hu.shape, np.uint8),
        second=labels[1] if len(labels) > 1 else None,
        spacing_mm=image.spacing_mm,
        classes=classes,
        intensity=intensity,
        healthy=not labels,
    )


def _label(files: Files, name: str, image: Image, classes: tuple[str, ...]) -> NDArray[np.uint8]:
    values = read_mask(files, name, image)
    if len(classes) == 1:
        one = 2 if classes == ("lesion",) else 1
        marked = (values != 0) & (values != NOT_READ)
        values = np.where(marked, one, values).astype(np.int16)
    strange = sorted(set(np.unique(values).tolist()) - {0, 1, 2, NOT_READ})
    if strange:
        raise CannotUse(f"Label values must be 0, 1, 2 or {NOT_READ}; it has {strange[:5]}.")
    return values.astype(np.uint8)
