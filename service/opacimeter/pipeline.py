"""The whole story, read first: files in, documents out.

The service keeps the documents, the command line writes them; both run these lines.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from opacimeter.assess import Corrected, Original
from opacimeter.checks import Check
from opacimeter.document import Document
from opacimeter.errors import IntakeRejected
from opacimeter.findings import Assessment
from opacimeter.intake import Limits, Study, find, load
from opacimeter.record import Record
from opacimeter.report import (
    DEFAULT_CHOICES,
    Choices,
    compared,
    document_checks,
    list_summary,
    read_nifti,
    read_result,
    render,
    render_rejection,
)
from opacimeter.volume import OtherSeries, Volume

__all__ = ["Assess", "Desk", "Pipeline", "Progress", "assess_study", "same_images"]

Progress = Callable[[str, float], None]
"""Told the step (read, segment, measure, report, deliver) and its fraction; may raise Cancelled."""

Result = TypeVar("Result")

_ASKED_EVERY_S = 0.5


class Assess(Protocol):
    """What `opacimeter.assess.Assessor` does."""

    def __call__(
        self, volume: Volume, *, progress: Callable[[float], None] | None = None
    ) -> Assessment:
        """Segment and measure."""
        ...


class Desk(Protocol):
    """Where one attempt at one version is worked on: files come from it, documents go to it."""

    @property
    def record(self) -> Record:
        """The row the version is filed under."""
        ...

    @property
    def problems(self) -> Sequence[Check]:
        """What was wrong with the delivery beyond its files."""
        ...

    def files(self) -> Sequence[Path]:
        """The received files."""
        ...

    def document(self, version: int, name: str) -> Path:
        """A document of an earlier version."""
        ...

    def painting(self) -> Path:
        """What a person painted, as `report.accept_painting` wrote it."""
        ...

    def progress(self, step: str, fraction: float) -> None:
        """Tell those who watch; raises Cancelled."""
        ...

    def keep(
        self,
        documents: Sequence[Document],
        *,
        checks: Sequence[Check],
        summary: Mapping[str, Any],
    ) -> None:
        """Keep all documents and complete the version, or keep none."""
        ...

    def reject(self, documents: Sequence[Document], *, checks: Sequence[Check]) -> None:
        """Keep what there is to say about a study that cannot be measured."""
        ...


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Configured once, called for each study.

    Attributes:
        assess: Segments and measures.
        workspace: A folder for what has to be unpacked.
        limits: Bounds of the intake.
        threads: Threads that decode; all cores by default.
        choices: How documents are written.
    """

    assess: Assess
    workspace: Path
    limits: Limits = field(default_factory=Limits)
    threads: int | None = None
    choices: Choices = DEFAULT_CHOICES

    def run(self, desk: Desk) -> None:
        """Assess one version and hand in its documents.

        Raises:
            Cancelled: The user asked to stop.
            NotFound: The study has no such series.
            Conflict: The images of a corrected version are no longer read as they were.
        """
        correction = desk.record.correction
        try:
            study = _watched(lambda: self._study(desk), desk.progress)
            assessment = assess_study(
                study,
                _corrected(desk, correction.of) if correction else self.assess,
                series_uid=desk.record.series_uid,
                progress=desk.progress,
                threads=self.threads,
            )
        except IntakeRejected as rejection:
            made = render_rejection(rejection, desk.record, self.choices)
            desk.reject(made, checks=rejection.checks)
            return
        desk.progress("report", 0.0)
        assessment = compared(assessment, desk.record)
        documents = render(assessment, desk.record, self.choices)
        desk.keep(documents, checks=assessment.checks, summary=list_summary(assessment))

    def _study(self, desk: Desk) -> Study:
        studies = find(desk.files(), workspace=self.workspace, limits=self.limits)
        study = next(study for study in studies if study.uid == desk.record.study_uid)
        return replace(study, problems=(*desk.problems, *study.problems))


def _corrected(desk: Desk, version: int) -> Corrected:
    """Measures what a person painted on an earlier version, whose network goes on being named."""
    kept = read_result(desk.document(version, "result.json"))
    labels, _ = read_nifti(desk.document(version, "labels.nii.gz"))
    painted, _ = read_nifti(desk.painting())
    original = Original(version, labels, kept.network, kept.detection_limit_percent, kept.checks)
    return Corrected(original, painted)


def assess_study(
    study: Study,
    assess: Assess,
    *,
    series_uid: str | None = None,
    progress: Progress | None = None,
    threads: int | None = None,
) -> Assessment:
    """Read, segment and measure one study.

    If no lung is found in the series that was chosen, the others are tried in their order; a
    series that was asked for by its UID is the only one tried.

    Args:
        study: From `find`.
        assess: Segments and measures.
        series_uid: The series to take; None leaves the choice to intake.
        progress: Told how far it is.
        threads: Threads that decode.

    Raises:
        IntakeRejected: The study cannot be measured.
        NotFound: It has no such series.
        Cancelled: `progress` raised it.
    """
    tell = progress or _silent
    began = time.perf_counter()
    tell("read", 0.0)
    volume = _load(study, tell, series_uid=series_uid, threads=threads)
    try:
        return _measure(volume, assess, tell, began)
    except IntakeRejected as rejection:
        others, header = volume.series.others, study.header
        del volume  # its voxels would lie beside those of the next one
        if series_uid is None and _no_lung(rejection):
            for other in others:
                found = _try_other(study, other, assess=assess, tell=tell, threads=threads)
                if found is not None:
                    return found
        raise IntakeRejected(rejection.checks, rejection.header or header) from rejection


def same_images(pairs: Sequence[tuple[Path, Path]]) -> list[bool]:
    """For each pair of files of one SOPInstanceUID, whether an archive merely re-encoded it.

    Intake is asked as if the two had come together: it compares decoded pixels and positions. What
    it never looks at (localizers, reports) counts as the same, for it changes no measurement.
    """
    return [_same_image(first, second) for first, second in pairs]


_TELLING = {"uid-conflict", "damaged-file", "unsupported-syntax", "too-large"}


def _same_image(first: Path, second: Path) -> bool:
    try:
        studies = find([first, second], workspace=first.parent)
        series = {each.uid("SeriesInstanceUID") for each in studies[0].instances}
        if len(studies) > 1 or len(series) > 1:
            return False
        load(studies[0], threads=1)
    except IntakeRejected as rejection:
        return _TELLING.isdisjoint(check.code for check in rejection.checks)
    return True


def _try_other(
    study: Study, other: OtherSeries, *, assess: Assess, tell: Progress, threads: int | None
) -> Assessment | None:
    began = time.perf_counter()
    try:
        volume = _load(study, tell, series_uid=other.uid, threads=threads)
        reason = "No lung was found in the series that ranks before it."
        series = replace(volume.series, chosen_because=reason)
        return _measure(replace(volume, series=series), assess, tell, began)
    except IntakeRejected:
        return None


def _load(study: Study, tell: Progress, *, series_uid: str | None, threads: int | None) -> Volume:
    return _watched(lambda: load(study, series_uid=series_uid, threads=threads), tell)


def _watched(read: Callable[[], Result], tell: Progress) -> Result:
    """What `read` returns; `tell` is asked meanwhile, so that a cancellation is noticed.

    Reading itself cannot be interrupted: after a cancellation it runs to its end in its thread,
    and what it has read is dropped.
    """
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reading")
    try:
        reading = pool.submit(read)
        while wait((reading,), timeout=_ASKED_EVERY_S).not_done:
            tell("read", 0.0)
        return reading.result()
    finally:
        pool.shutdown(wait=False)


def _measure(volume: Volume, assess: Assess, tell: Progress, began: float) -> Assessment:
    read_s = time.perf_counter() - began
    tell("segment", 0.0)

    def segmented(fraction: float) -> None:
        tell("segment" if fraction < 1.0 else "measure", fraction if fraction < 1.0 else 0.0)

    assessment = assess(volume, progress=segmented)
    return replace(
        assessment,
        checks=(*assessment.checks, *document_checks(volume)),
        seconds={"read": round(read_s, 3), **assessment.seconds},
    )


def _no_lung(rejection: IntakeRejected) -> bool:
    return any(check.code == "not-chest" for check in rejection.checks)


def _silent(_step: str, _fraction: float) -> None:
    """Tell nobody."""
