"""Failure cases: the patients that a model does worst on, each by its worst slice, as pictures.

Pictures are of patients: draw those alone whose images may be published. They bear no text, and
their names nothing but the case's.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from opacimeter.errors import IntakeRejected
from opacimeter.findings import Label
from training.cases import Case, Target
from training.evaluation.lesions import Judge, LesionFigures, counts, one_a_patient
from training.evaluation.overlap import Mask, dice

__all__ = [
    "NUMBER",
    "Failure",
    "Picture",
    "draw_failure",
    "failures_part",
    "keep_pictures",
    "worst",
]

NUMBER = 6
LARGEST_BYTES = 300_000
WINDOW_HU = (-1350.0, 150.0)
"""Lower and upper end of the customary lung window."""
REFERENCE, FOUND, BOTH = (70, 150, 255), (255, 140, 0), (255, 255, 255)
"""Outlines: blue the reader's, orange the model's, white where they fall together."""
MARGIN_PX = 10
ENLARGED = 2
MOVED_POINTS = 0.5

_OPEN = (Target.LUNG_OR_LESION, Target.UNKNOWN)
_NAME = "failure-{case}.webp"


@dataclass(frozen=True, slots=True)
class Failure:
    """One picture, and what it shows.

    Attributes:
        case: Of the case folder.
        seen_by: The weights that drew it, which never saw the patient.
        picture: File name beside the report.
        slice: Number of the slice among those given, from 1; the one with most pixels decided
            wrongly.
        slices: How many are given.
        slice_dice: Lesion Dice of this slice alone.
        lesion_dice: Of the patient.
        truth_percent: Of the patient's given slices, by the first reader.
        found_percent: The same, found.
    """

    case: str
    seen_by: str
    picture: str
    slice: int
    slices: int
    slice_dice: float
    lesion_dice: float
    truth_percent: float
    found_percent: float


@dataclass(frozen=True, slots=True)
class Picture:
    """A failure and its WebP."""

    failure: Failure
    webp: bytes


def worst(rows: Sequence[LesionFigures], number: int = NUMBER) -> list[LesionFigures]:
    """The patients to be shown, half for their percentage and half for their outlines.

    First those whose percentage is furthest off, then, of the others with enough lesion for a Dice,
    those with the lowest.
    """
    patients = one_a_patient(rows)
    far = sorted(patients, key=lambda row: -abs(row.error_points))[: (number + 1) // 2]
    poor = sorted(filter(counts, patients), key=lambda row: row.lesion_dice)
    return [*far, *(row for row in poor if row not in far)][:number]


def draw_failure(case: Case, judge: Judge, row: LesionFigures) -> Picture:
    """The worst slice of a case: as it is, and beside it with both outlines.

    Args:
        case: With lesion in its target.
        judge: Weights that never saw the patient; the caller answers for that.
        row: The case's figures by these weights.

    Raises:
        ValueError: The weights now find something else than the figures say, or the picture is
            larger than a report should carry.
    """
    try:
        labels = judge(case.volume()).segmentation.labels
    except IntakeRejected:
        labels = np.zeros(case.hu.shape, dtype=np.uint8)
    known = ~np.isin(case.target, _OPEN)
    lesion, truth = known & (labels >= Label.LEFT_LESION), case.target == Target.LESION
    percent = 100.0 * lesion.sum() / max(int((known & (labels > 0)).sum()), 1)
    if abs(percent - row.found_percent) > MOVED_POINTS:
        raise ValueError(
            f"{case.name}: {percent:.1f} % are found now, the figures say "
            f"{row.found_percent:.1f} %; evaluate again"
        )
    index = int((lesion ^ truth).sum((1, 2)).argmax())
    lungs = (labels[index] > 0) | np.isin(case.target[index], (Target.LUNG, Target.LESION))
    failure = Failure(
        case=case.name,
        seen_by=row.seen_by,
        picture=_NAME.format(case=case.name),
        slice=index + 1,
        slices=len(case.hu),
        slice_dice=dice(lesion[index], truth[index]),
        lesion_dice=row.lesion_dice,
        truth_percent=row.truth_percent,
        found_percent=row.found_percent,
    )
    return Picture(failure, _webp(case.hu[index], truth[index], lesion[index], _around(lungs)))


def _around(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns of a mask with a margin; all where it is empty."""
    if not mask.any():
        return slice(None), slice(None)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    first = [max(int(found[0]) - MARGIN_PX, 0) for found in (rows, columns)]
    return (
        slice(first[0], int(rows[-1]) + MARGIN_PX + 1),
        slice(first[1], int(columns[-1]) + MARGIN_PX + 1),
    )


def _webp(hu: NDArray[np.int16], truth: Mask, lesion: Mask, box: tuple[slice, slice]) -> bytes:
    """Two tiles side by side, patient's right on the left."""
    low, high = WINDOW_HU
    grey = np.clip((hu[box].astype(np.float32) - low) * (255.0 / (high - low)), 0, 255)
    plain = np.repeat(_large(grey.astype(np.uint8), Image.Resampling.BICUBIC)[:, :, None], 3, 2)
    drawn = plain.copy()
    reader, model = (_outline(mask[box]) for mask in (truth, lesion))
    for where, colour in ((reader, REFERENCE), (model, FOUND), (reader & model, BOTH)):
        drawn[where] = colour
    seam = np.full((len(plain), 4, 3), 255, dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(np.concatenate([plain, seam, drawn], 1)).save(content, "WEBP", quality=82)
    if content.tell() > LARGEST_BYTES:
        raise ValueError(f"a picture of {content.tell()} bytes, the most is {LARGEST_BYTES}")
    return content.getvalue()


def _large(picture: NDArray[np.uint8], how: Image.Resampling) -> NDArray[Any]:
    rows, columns = picture.shape
    size = (columns * ENLARGED, rows * ENLARGED)
    return np.asarray(Image.fromarray(picture).resize(size, how))


def _outline(mask: Mask) -> Mask:
    enlarged = _large(mask.astype(np.uint8), Image.Resampling.NEAREST) > 0
    outline: Mask = enlarged & ~ndimage.binary_erosion(enlarged)
    return outline


def keep_pictures(folder: Path, pictures: Iterable[Picture]) -> None:
    """Write pictures into a folder, in the place of those that an earlier evaluation left."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(_NAME.format(case="*")):
        old.unlink()
    for picture in pictures:
        (folder / picture.failure.picture).write_bytes(picture.webp)


def failures_part(failures: Sequence[Failure]) -> Iterator[str]:
    """The report's part."""
    if not failures:
        return
    yield from ("## Failure cases", "", *_LEAD.splitlines(), "")
    for failure in failures:
        yield (
            f"**{failure.case}** by {failure.seen_by}, slice {failure.slice} of {failure.slices}: "
            f"found {failure.found_percent:.1f} for {failure.truth_percent:.1f} % of the lung, "
            f"Dice {failure.lesion_dice:.2f}; Dice of this slice {failure.slice_dice:.2f}."
        )
        yield ""
        yield f"![{failure.case}: the slice, and with both outlines]({failure.picture})"
        yield ""


_LEAD = """
The patients whose percentage is furthest off, then those with the lowest Dice, each by the slice
with most pixels decided wrongly; predictions are those of weights that never saw the patient. Left
the slice (lung window, the patient's right on the left), right the same with outlines: blue the
first reader, orange the model, white both.
""".strip()
