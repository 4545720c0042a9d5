"""The Python door: `opacimeter.quantify("study/")`, and what one study came to."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opacimeter.assess import Assessor
from opacimeter.document import Document
from opacimeter.errors import IntakeRejected
from opacimeter.findings import Assessment
from opacimeter.intake import Study, find
from opacimeter.pipeline import Progress, assess_study
from opacimeter.record import Record, assessment_id
from opacimeter.report import rejection_result, render, render_rejection, result

__all__ = ["Result", "quantify", "quantify_study", "studies"]


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What came of one study.

    Attributes:
        record: What it is filed under.
        outcome: The assessment, or the rejection that says why there is none.
    """

    record: Record
    outcome: Assessment | IntakeRejected

    @property
    def assessment(self) -> Assessment:
        """The assessment.

        Raises:
            IntakeRejected: The study could not be measured.
        """
        if isinstance(self.outcome, IntakeRejected):
            raise self.outcome
        return self.outcome

    @property
    def volume(self) -> NDArray[np.int16]:
        """HU, int16 (slice, row, column); slice 0 is the most cranial."""
        return self.assessment.volume.hu

    @property
    def labels(self) -> NDArray[np.uint8]:
        """uint8 (slice, row, column): 1 left, 2 right lung, 3 and 4 lesion in them."""
        return self.assessment.segmentation.labels

    def to_dict(self) -> dict[str, Any]:
        """The result document: JSON values only."""
        if isinstance(self.outcome, IntakeRejected):
            return rejection_result(self.outcome, self.record)
        return result(self.outcome, self.record)

    def documents(self) -> tuple[Document, ...]:
        """Everything that can be written of it."""
        if isinstance(self.outcome, IntakeRejected):
            return render_rejection(self.outcome, self.record)
        return render(self.outcome, self.record)


def quantify(
    *paths: str | Path, model: str | Path | None = None, threads: int | None = None
) -> tuple[Result, ...]:
    """Assess every study in files, folders, zips or DICOMDIRs.

    Args:
        paths: Where to look.
        model: A model bundle's folder; by default the one opacimeter carries.
        threads: Threads to compute with; by default all cores.

    Returns:
        One result a study; a study that cannot be measured has a result that says why.

    Raises:
        IntakeRejected: There is no study in the paths.
        ModelError: The bundle is unusable.
    """
    assess = Assessor.from_bundle(Path(model) if model else None, threads=threads)
    with tempfile.TemporaryDirectory(prefix="opacimeter-") as workspace:
        found = find([Path(path) for path in paths], workspace=Path(workspace))
        return tuple(quantify_study(study, assess, threads=threads) for study in found)


def quantify_study(
    study: Study,
    assess: Assessor,
    *,
    series_uid: str | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Result:
    """Assess one study of `intake.find`.

    Raises:
        NotFound: The study has no series `series_uid`.
    """
    record = Record(
        id=assessment_id(study.uid),
        version=1,
        created=datetime.now(UTC),
        study_uid=study.uid,
        series_uid=series_uid,
    )
    try:
        outcome: Assessment | IntakeRejected = assess_study(
            study, assess, series_uid=series_uid, threads=threads, progress=progress
        )
    except IntakeRejected as rejection:
        outcome = rejection
    return Result(record, outcome)


def studies(paths: Sequence[Path], workspace: Path) -> Iterator[Study | IntakeRejected]:
    """Studies of a long list of paths, one place after the other, so that memory stays small.

    Files named one by one belong together; a folder or an archive is a place of its own. A place
    without a study yields its rejection. What a place unpacked is gone when the next one is asked
    for.
    """
    loose = [path.is_file() and path.suffix.lower() != ".zip" for path in paths]
    files = [path for path, one in zip(paths, loose, strict=True) if one]
    places = [[path] for path, one in zip(paths, loose, strict=True) if not one]
    for number, place in enumerate([files, *places] if files else places):
        corner = workspace / str(number)
        corner.mkdir()
        try:
            yield from find(place, workspace=corner)
        except IntakeRejected as rejection:
            yield rejection
        finally:
            shutil.rmtree(corner)  # or what a long list of archives unpacks would fill the disk
