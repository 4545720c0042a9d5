"""DICOM: CT studies with segmentations or structure sets, read as the service reads them."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.errors import InvalidDicomError

from opacimeter.errors import IntakeRejected, NotFound
from opacimeter.intake import Study, find, load
from opacimeter.volume import Volume, oriented, swaps_rows_and_columns
from training.importers.contours import read_contours
from training.importers.item import CannotUse, Found, Imported, Item, LeftOut, Request, Role
from training.importers.marks import Marks
from training.importers.segmentation import read_segmentation

__all__ = ["items"]

_READERS = {"SEG": read_segmentation, "RTSTRUCT": read_contours}
_NO_PATIENT = "without PatientID"
# Foreign input: what pydicom and numpy raise where an element is missing, of another type, or of
# another length than its kind must have. One such object must not end the import of the others.
_BREAKS_THE_STANDARD = (
    AttributeError, KeyError, TypeError, ValueError, NotImplementedError, RuntimeError,
)  # fmt: skip


def items(request: Request) -> Iterator[Found]:
    """A case for each CT series that something is drawn on, and for healthy studies."""
    try:
        studies = find([request.source], workspace=request.workspace / "unpacked")
    except IntakeRejected as error:
        raise CannotUse(str(error)) from error
    drawn, strays = _drawn_on(studies)
    yield from strays
    for study in studies:
        if not study.instances:
            continue
        here = {series: paths for (uid, series), paths in drawn.items() if uid == study.uid}
        if not here and not request.unmarked_healthy:
            yield LeftOut(f"study {study.uid}", "No SEG and no RTSTRUCT belongs to it.")
        if not here and request.unmarked_healthy:
            here = {"": []}
        for series, paths in here.items():
            # Studies that name no patient may all be of one: they stay together.
            patient = str(study.header.get("PatientID", "") or _NO_PATIENT).strip()
            read = partial(_read, study, series, paths, request.roles)
            name = f"study {study.uid}"
            yield Item(name, patient, _fingerprint(study, series, paths), read)


def _drawn_on(
    studies: tuple[Study, ...],
) -> tuple[dict[tuple[str, str], list[Path]], list[LeftOut]]:
    """The SEG and RTSTRUCT of each study and series; those that belong to none."""
    owners = {
        each.uid("SeriesInstanceUID"): study.uid for study in studies for each in study.instances
    }
    with_ct = {study.uid for study in studies if study.instances}
    drawn: dict[tuple[str, str], list[Path]] = defaultdict(list)
    strays = []
    for study in studies:
        for each in study.aside:
            if str(each.header.get("Modality", "")) not in _READERS:
                continue
            series = next((uid for uid in _referenced(each.path) if uid in owners), "")
            owner = owners.get(series, study.uid)
            if owner in with_ct:
                drawn[owner, series].append(each.path)
            else:
                name = f"{each.header.Modality} of study {study.uid}"
                strays.append(LeftOut(name, "The CT that it was drawn on is not in the source."))
    return dict(drawn), strays


def _referenced(path: Path) -> Iterator[str]:
    """SeriesInstanceUIDs that a SEG or an RTSTRUCT says it was drawn on."""
    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
    except InvalidDicomError:
        return
    for series in dataset.get("ReferencedSeriesSequence", []):
        yield str(series.get("SeriesInstanceUID", ""))
    for frame in dataset.get("ReferencedFrameOfReferenceSequence", []):
        for study in frame.get("RTReferencedStudySequence", []):
            for series in study.get("RTReferencedSeriesSequence", []):
                yield str(series.get("SeriesInstanceUID", ""))


def _fingerprint(study: Study, series: str, paths: list[Path]) -> str:
    digest = hashlib.sha256(f"{study.uid} {series}".encode())
    for content in sorted(hashlib.sha256(path.read_bytes()).digest() for path in paths):
        digest.update(content)
    return digest.hexdigest()[:32]


def _read(study: Study, series: str, paths: list[Path], roles: Mapping[str, Role]) -> Imported:
    try:
        volume = load(study, series_uid=series or None)
    except (IntakeRejected, NotFound) as error:
        raise CannotUse(str(error)) from error
    marks = Marks()
    for path in sorted(paths):
        marks.join(_marks(path, volume, roles))
    return _imported(volume, marks)


def _marks(path: Path, volume: Volume, roles: Mapping[str, Role]) -> Marks:
    dataset = pydicom.dcmread(path)
    _check_frame_of_reference(dataset, volume)
    try:
        return _READERS[str(dataset.Modality)](dataset, volume, roles)
    except _BREAKS_THE_STANDARD as error:
        raise CannotUse(f"The {dataset.Modality} breaks the standard: {error}.") from error


def _check_frame_of_reference(dataset: Dataset, volume: Volume) -> None:
    """Positions of different frames of reference have nothing to do with each other."""
    drawn = {str(dataset.get("FrameOfReferenceUID", "") or "")}
    for frame in dataset.get("ReferencedFrameOfReferenceSequence", []):
        drawn.add(str(frame.get("FrameOfReferenceUID", "") or ""))
    drawn.discard("")
    own = str(volume.series.header.get("FrameOfReferenceUID", "") or "")
    if own and drawn and own not in drawn:
        raise CannotUse("It was drawn in another frame of reference than the CT's.")


def _imported(volume: Volume, marks: Marks) -> Imported:
    label = np.zeros(volume.hu.shape, dtype=np.uint8)
    if Role.LUNG in marks.masks:
        label[marks.masks[Role.LUNG]] = 1
        label[_without_lung(marks.masks[Role.LUNG])] = 255
    if Role.LESION in marks.masks:
        label[marks.masks[Role.LESION]] = 2
    slice_mm, row_mm, column_mm = volume.spacing_mm
    if swaps_rows_and_columns(volume.affine):
        row_mm, column_mm = column_mm, row_mm
    unused = ", ".join(marks.unused)
    return Imported(
        hu=oriented(volume.hu, volume.affine),
        label=oriented(label, volume.affine),
        spacing_mm=(slice_mm, row_mm, column_mm),
        classes=tuple(str(role) for role in (Role.LUNG, Role.LESION) if role in marks.masks),
        healthy=not marks.masks,
        aside=f"not used: {unused}" if unused else "",
    )


def _without_lung(lung: NDArray[np.bool_]) -> list[int]:
    """Slices that were skipped when the lungs were drawn: between others, yet without any."""
    bearing = [bool(plane.any()) for plane in lung]
    if not any(bearing):
        return []
    first, last = bearing.index(True), len(bearing) - bearing[::-1].index(True)
    return [number for number in range(first, last) if not bearing[number]]
