"""Filing: studies that were fetched become assessments, as those that were uploaded do."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from opacimeter.errors import ArchiveRefused
from opacimeter.store import Incoming, Origin, Store

__all__ = ["Filing"]


@dataclass(frozen=True, slots=True)
class Filing:
    """Files the images of a folder.

    Attributes:
        store: Where they go.
        find: Finds the studies in the files of a folder; the second one is for unpacking.
        submit: Puts an assessment's job into the queue; told whether it can wait.
        free_bytes: Disk space that has to stay free.
    """

    store: Store
    find: Callable[[Path, Path], tuple[Incoming, ...]]
    submit: Callable[[str, bool], None]
    free_bytes: int = 0

    def has_room(self) -> bool:
        """Whether there is room for another study."""
        return self.store.files.free_bytes() >= self.free_bytes

    def file(self, folder: Path, study_uid: str, origin: Origin) -> None:
        """File one study's images; the same ones again change nothing.

        Raises:
            IntakeRejected: They are no images of a study, or known with other content.
            ArchiveRefused: They are of another study than the one asked for.
        """
        with TemporaryDirectory(prefix="opacimeter-") as workspace:
            studies = self.find(folder, Path(workspace))
        if {study.study_uid for study in studies} != {study_uid}:
            raise ArchiveRefused("the archive sent images of another study", hop="fetch")
        sha256 = self.store.heartbeats.model().get("sha256")
        arrived = replace(studies[0], origin=origin)
        receipt = self.store.arrivals.receive(arrived, model_sha256=sha256)
        if receipt.job is not None:
            self.submit(receipt.job, origin.unasked)
            self.store.runs.queued(receipt.job)
