"""Inspecting: one series of a study by its headers: is it a stack to measure on?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from opacimeter.checks import Check
from opacimeter.errors import IntakeRejected
from opacimeter.intake.checking import is_lossy
from opacimeter.intake.frames import Frame, frames_of
from opacimeter.intake.limits import Limits
from opacimeter.intake.reading import Instance
from opacimeter.intake.splitting import Part, split, without_copies
from opacimeter.intake.stacking import Stack, is_axial, stack
from opacimeter.intake.values import whole, words

__all__ = ["Candidate", "inspect"]

_NO_NUMBER = 1 << 31
_PROJECTIONS = {
    "MIP",
    "MINIP",
    "MIN_IP",
    "MAX_IP",
    "MAXIMUM",
    "MINIMUM",
    "PROJECTION",
    "VRT",
    "SSD",
}
_REFORMATS = {"REFORMATTED", "MPR", "CPR", "CURVED", "RESAMPLED"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """One series, or one scan of a series that holds several, and what stands against it.

    Attributes:
        uid: SeriesInstanceUID.
        number: SeriesNumber; very large where there is none, so that it sorts last.
        description: SeriesDescription in upper case.
        images: How many it holds.
        stack: Its grid; None where there is none.
        never: Why it is none to measure on at all: localizers, reformats, projections.
        rejections: What forbids to measure on it although it is an axial original.
        notes: What intake did to get it.
    """

    uid: str
    number: int
    description: str
    images: int
    stack: Stack | None = None
    never: str = ""
    rejections: tuple[Check, ...] = ()
    notes: tuple[Check, ...] = ()

    @property
    def is_fit(self) -> bool:
        """Whether its headers allow to measure on it."""
        return self.stack is not None and not self.never and not self.rejections


def inspect(
    series_uid: str, instances: Sequence[Instance], *, limits: Limits
) -> tuple[Candidate, ...]:
    """What can be made of a series: one candidate, or one for each scan in it.

    Args:
        series_uid: SeriesInstanceUID.
        instances: Its CT images, at least one.
        limits: What a file may claim.
    """
    header = instances[0].header
    blank = Candidate(
        uid=series_uid,
        number=_NO_NUMBER if (number := whole(header, "SeriesNumber")) is None else number,
        description=" ".join(words(header, "SeriesDescription")),
        images=len(instances),
    )
    damage = _damage(instances)
    try:
        frames = [
            frame
            for instance in instances
            if instance.problem is None
            for frame in frames_of(instance, limits=limits)
        ]
        return tuple(
            replace(each, rejections=(*damage, *each.rejections))
            for each in _candidates(blank, frames, limits)
        )
    except IntakeRejected as rejected:
        return (replace(blank, rejections=(*damage, *rejected.checks)),)


def _damage(instances: Sequence[Instance]) -> tuple[Check, ...]:
    problems = [each.problem for each in instances if each.problem is not None]
    kinds = {problem.code: problem for problem in problems}
    return tuple(
        replace(kind, detail={**kind.detail, "files": [p.code for p in problems].count(kind.code)})
        for kind in kinds.values()
    )


def _candidates(blank: Candidate, frames: Sequence[Frame], limits: Limits) -> list[Candidate]:
    if not frames:
        return [blank]
    images = [frame for frame in frames if not _is_localizer(frame, blank.description)]
    if not images:
        return [replace(blank, never="it holds localizers only")]
    never = _why_never(images, blank.description)
    if never:
        return [replace(blank, never=never, images=len(images))]
    distinct, copies = without_copies(images, limits=limits)
    notes = _notes(len(frames) - len(images), copies)
    try:
        parts = split(distinct)
    except IntakeRejected as rejected:
        # Another fault may explain it better: images in two orientations share places.
        checks = _rejections_of(distinct) or rejected.checks
        return [replace(blank, rejections=checks, notes=notes, images=len(distinct))]
    return [_of_part(replace(blank, notes=notes), part, len(parts)) for part in parts]


def _rejections_of(frames: Sequence[Frame]) -> tuple[Check, ...]:
    try:
        stack(frames)
    except IntakeRejected as rejected:
        return rejected.checks
    return ()


def _of_part(blank: Candidate, part: Part, parts: int) -> Candidate:
    notes = blank.notes
    if part.told_by:
        message = (
            f"The series holds {parts} scans of one place, told apart by {part.told_by}; "
            "one was chosen."
        )
        notes = (*notes, Check("series-split", message, {"scans": parts, "by": part.told_by}))
    named = replace(blank, notes=notes, images=len(part.frames))
    try:
        stacked = stack(part.frames)
    except IntakeRejected as rejected:
        return replace(named, rejections=rejected.checks)
    rejections = stacked.rejections + _rescale_check(part.frames) + _patient_check(part.frames)
    return replace(named, stack=stacked, rejections=rejections)


def _rescale_check(frames: Sequence[Frame]) -> tuple[Check, ...]:
    count = sum(frame.rescale is None for frame in frames)
    if not count:
        return ()
    message = f"{count} of {len(frames)} images carry no rescale to Hounsfield units."
    return (Check("not-hounsfield", message, {"slices": count}),)


def _patient_check(frames: Sequence[Frame]) -> tuple[Check, ...]:
    """One series belongs to one patient (PS3.3 A.1.2); a UID given twice must not mix two."""
    patients = {words(frame.instance.header, "PatientID") for frame in frames} - {()}
    if len(patients) < 2:
        return ()
    message = f"One SeriesInstanceUID stands for images of {len(patients)} patients."
    return (Check("uid-conflict", message, {"patients": len(patients)}),)


def _notes(localizers: int, copies: int) -> tuple[Check, ...]:
    notes = []
    if localizers:
        message = f"{localizers} localizers were removed from the series."
        notes.append(Check("localizer-removed", message, {"files": localizers}))
    if copies:
        message = f"{copies} second copies of images were removed from the series."
        notes.append(Check("exact-duplicate-removed", message, {"files": copies}))
    return tuple(notes)


def _is_localizer(frame: Frame, description: str) -> bool:
    """By its image type (PS3.3 C.8.2.1.1.1), or by the series' name if the plane is not axial."""
    if {"LOCALIZER", "SCOUT", "TOPOGRAM"} & set(frame.image_type):
        return True
    named = any(word in description for word in ("LOCALIZER", "SCOUT", "TOPOGRAM", "SURVIEW"))
    return named and is_axial(frame) is False


def _why_never(frames: Sequence[Frame], description: str) -> str:
    """Why a whole series is none to measure on; empty where it may be."""
    if all(is_axial(frame) is False for frame in frames):
        return "its images are not axial"
    axial = [frame for frame in frames if is_axial(frame) is not False]
    if all(_is_projection(frame, description) for frame in axial):
        return "it is a projection (MIP or the like)"
    if all(_REFORMATS & set(_type_words(frame)) for frame in axial):
        return "it is a reformat"
    if all(_is_derived(frame) for frame in axial):
        return "its images are derived, not original"
    return ""


def _type_words(frame: Frame) -> list[str]:
    return [word for value in frame.image_type for word in value.split()]


def _is_projection(frame: Frame, description: str) -> bool:
    named = description.replace("_", " ").replace("-", " ").split()
    return bool(_PROJECTIONS & set(_type_words(frame)) or {"MIP", "MINIP", "MAXIP"} & set(named))


def _is_derived(frame: Frame) -> bool:
    # Lossy compression alone makes an image DERIVED (PS3.3 C.7.6.1.1.2); it is still the scan.
    return frame.image_type[:1] == ("DERIVED",) and not is_lossy(frame)
