"""Study: what a delivery holds, sorted by study, headers only."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydicom import Dataset, uid

from opacimeter.checks import Check
from opacimeter.errors import IntakeRejected
from opacimeter.intake.gathering import Gathered, gather
from opacimeter.intake.limits import Limits
from opacimeter.intake.reading import Instance, be_lenient, read
from opacimeter.intake.values import value, whole, words

__all__ = ["Study", "find", "may_be_ct"]

_CT = frozenset(
    {
        uid.CTImageStorage,
        uid.EnhancedCTImageStorage,
        uid.LegacyConvertedEnhancedCTImageStorage,
    }
)
_DIRECTORY = uid.MediaStorageDirectoryStorage


@dataclass(frozen=True, slots=True)
class Study:
    """One study found, as cheap as its headers: no pixel has been read.

    Attributes:
        uid: StudyInstanceUID.
        instances: Its CT images with a series to belong to, whole or damaged, in the order found.
        aside: Everything else of it: dose pages, captures, reports, images of other modalities.
        problems: What rejects the study whatever series is chosen: damage that no series can be
            told for, CT images without a SeriesInstanceUID.
        header: Some header of it, for filing.
        limits: What `load` may take in.
    """

    uid: str
    instances: tuple[Instance, ...]
    aside: tuple[Instance, ...]
    problems: tuple[Check, ...]
    header: Dataset
    limits: Limits = field(default_factory=Limits)

    @property
    def checks(self) -> tuple[Check, ...]:
        """What was set aside, for information."""
        if not self.aside:
            return ()
        message = (
            f"{len(self.aside)} objects of the study are no CT images (dose pages, captures, "
            "reports and the like) and were set aside."
        )
        return (Check("not-image-removed", message, {"files": len(self.aside)}),)


def find(
    paths: Sequence[Path], *, workspace: Path, limits: Limits | None = None
) -> tuple[Study, ...]:
    """The studies under `paths`, in the order they were found.

    Args:
        paths: Folders, DICOM files, zips (zips inside them too), DICOMDIR files.
        workspace: Where archives are unpacked; has to outlive the studies.
        limits: What may be taken in.

    Raises:
        IntakeRejected: Nothing can be filed under a study: not-dicom, damaged-file,
            missing-identifiers; or the delivery is too-large.
        OSError: A path does not exist or cannot be read.
    """
    be_lenient()
    limits = limits or Limits()
    gathered = gather(paths, workspace=workspace, limits=limits)
    read_ones = (read(path, limits=limits) for path in gathered.files)
    instances = [each for each in read_ones if each is not None and not _is_directory(each)]
    by_study: dict[str, list[Instance]] = defaultdict(list)
    for instance in instances:
        by_study[instance.uid("StudyInstanceUID")].append(instance)
    nameless = [each for each in by_study.pop("", []) if may_be_ct(each)]
    if not by_study:
        raise IntakeRejected(_why_nothing(nameless, gathered))
    folders = {name: {each.path.parent for each in ones} for name, ones in by_study.items()}
    astray = _astray(nameless, gathered, folders)
    return tuple(
        _study(name, ones, astray.get(name, ()), limits) for name, ones in by_study.items()
    )


def _is_directory(instance: Instance) -> bool:
    declared = value(instance.header.file_meta, "MediaStorageSOPClassUID")
    return _DIRECTORY in (instance.uid("SOPClassUID"), declared)


def may_be_ct(instance: Instance) -> bool:
    """CT by SOP class; where that is missing, unless a modality other than CT is named.

    A grey image is meant: a dose page written as a CT image has colours.
    """
    colours = words(instance.header, "PhotometricInterpretation")
    grey = colours in ((), ("MONOCHROME1",), ("MONOCHROME2",))
    if (whole(instance.header, "SamplesPerPixel") or 1) != 1 or not grey:
        return False
    sop_class = instance.uid("SOPClassUID")
    if sop_class:
        return sop_class in _CT
    return words(instance.header, "Modality") in ((), ("CT",))


def _why_nothing(nameless: Sequence[Instance], gathered: Gathered) -> tuple[Check, ...]:
    damage = _damage(nameless, len(gathered.broken))
    if damage:
        return damage
    if nameless:
        return (_missing_identifiers(len(nameless)),)
    count = len(gathered.files)
    subject = "The file is no" if count == 1 else f"None of the {count} files is a"
    message = f"{subject} DICOM image."
    return (Check("not-dicom", message, {"files": len(gathered.files)}),)


def _missing_identifiers(count: int) -> Check:
    message = (
        f"{count} images carry no StudyInstanceUID or no SeriesInstanceUID; "
        "both are needed to file a result."
    )
    return Check("missing-identifiers", message, {"files": count})


def _damage(instances: Iterable[Instance], archives: int = 0) -> tuple[Check, ...]:
    problems = [each.problem for each in instances if each.problem is not None]
    oversized = [problem for problem in problems if problem.code == "too-large"]
    count = len(problems) - len(oversized) + archives
    if not count:
        return tuple(oversized[:1])
    message = f"{count} files end early or cannot be read; please send the study again."
    return (*oversized[:1], Check("damaged-file", message, {"files": count}))


def _astray(
    nameless: Sequence[Instance], gathered: Gathered, folders: dict[str, set[Path]]
) -> dict[str, list[Check]]:
    """Whom to tell of files that name no study: the studies of the same folder, else all.

    Each may be a slice of a chest; that it is missing must not pass unnoticed.
    """
    told: dict[str, list[Check]] = defaultdict(list)
    groups: dict[Path, list[Instance]] = {folder: [] for folder in gathered.broken}
    for each in nameless:
        groups.setdefault(each.path.parent, []).append(each)
    for folder, ones in groups.items():
        near = [name for name, places in folders.items() if folder in places]
        unnamed = [each for each in ones if each.problem is None]
        checks = list(_damage(ones, gathered.broken.count(folder)))
        if unnamed:
            checks.append(_missing_identifiers(len(unnamed)))
        for name in near or folders:
            told[name].extend(checks)
    return told


def _study(name: str, ones: Sequence[Instance], astray: Iterable[Check], limits: Limits) -> Study:
    images = [each for each in ones if may_be_ct(each)]
    with_series = [each for each in images if each.uid("SeriesInstanceUID")]
    without = [each for each in images if not each.uid("SeriesInstanceUID")]
    whole_but_without = [each for each in without if each.problem is None]
    problems = [*astray, *_damage(without)]
    if whole_but_without:
        problems.append(_missing_identifiers(len(whole_but_without)))
    return Study(
        uid=name,
        instances=tuple(with_series),
        aside=tuple(each for each in ones if not may_be_ct(each)),
        problems=tuple(problems),
        header=next(iter(with_series or ones)).header,
        limits=limits,
    )
