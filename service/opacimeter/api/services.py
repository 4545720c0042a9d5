"""Services: all that the routes need, handed in by the composition root."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import numpy as np
from fastapi import Depends, Request
from numpy.typing import NDArray

from opacimeter.store import Arriving, Incoming, Receipt, Store

__all__ = ["Bounds", "DicomFiles", "Plane", "Services", "ServicesDep", "Slices", "Style"]


Plane = Literal["axial", "coronal", "sagittal"]
Style = Literal["contours", "fill", "none"]


class Slices(Protocol):
    """Renders slices of one version."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slice, row, column) of the volume."""
        ...

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Steps along the same axes."""
        ...

    @property
    def affine(self) -> NDArray[np.float64]:
        """4x4, index (slice, row, column) to LPS mm."""
        ...

    def zones(self) -> Mapping[str, tuple[int, int, int]]:
        """A voxel to look at in each zone of the lungs."""
        ...

    def hu(self, index: tuple[int, int, int]) -> int:
        """HU of one voxel; raises NotFound."""
        ...

    def webp(
        self,
        plane: Plane,
        index: int,
        *,
        window: tuple[float, float],
        style: Style,
        opacity: float,
    ) -> bytes:
        """One slice as a WebP picture; the window is (centre, width) in HU, opacity 0 to 1."""
        ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an upload may be, and what the machine must have.

    Attributes:
        upload_bytes: Largest body.
        upload_files: Most files in it.
        free_bytes: Disk space that has to stay free.
        heartbeat_s: Silence after which a worker counts as gone.
        cache_bytes: Most that unpacked images may take.
        keep_others: How long the inbox keeps what waits for nobody.
    """

    upload_bytes: int = 8 << 30
    upload_files: int = 5000
    free_bytes: int = 2 << 30
    heartbeat_s: float = 30.0
    cache_bytes: int = 8 << 30
    keep_others: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class DicomFiles:
    """What DICOMweb has to know of files. Without it, none is taken for DICOM.

    Attributes:
        look: What arrived in a file; None where it is no whole DICOM object with identifiers.
        header: An object's header in the DICOM JSON model, without bulk.
        frame: A frame of an object, counted from 1, as it is stored, with its media type; raises
            `NotFound`.
        quiet: How long a study waits for more of its images.
    """

    look: Callable[[Path], Arriving | None] = lambda _path: None
    header: Callable[[Path], Mapping[str, Any]] = lambda _path: {}
    frame: Callable[[Path, int], tuple[bytes, str]] = lambda _path, _number: (b"", "")
    quiet: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Services:
    """The API's collaborators.

    Attributes:
        store: Rows and files.
        submit: Puts a job into the queue.
        find: Finds the studies in the files of a folder, reading headers only; raises
            `IntakeRejected` where nothing can be filed. The second folder is for unpacking.
        slices: Opens (volume, labels, cache folder) for rendering.
        bounds: Limits.
        software: Version of the service.
        dicom: What DICOMweb needs besides.
        archives: Names of the archives that studies can be fetched from.
    """

    store: Store
    submit: Callable[[str], None]
    find: Callable[[Path, Path], tuple[Incoming, ...]]
    slices: Callable[[Path, Path, Path], Slices]
    bounds: Bounds
    software: str
    dicom: DicomFiles = DicomFiles()
    archives: tuple[str, ...] = ()

    def enqueue(self, job: str) -> None:
        """Submit a job and say so in its row; a death in between is made good by `requeue`."""
        self.submit(job)
        self.store.runs.queued(job)

    def requeue(self) -> None:
        """Submit what was received but never queued."""
        for job in self.store.runs.unqueued():
            self.enqueue(job)

    def take_in(self, study_uid: str, *, asked: bool = False) -> Receipt:
        """Take in a study that waits in the inbox, and queue it; raises as `Inbox.release`."""
        sha256 = self.model().get("sha256")
        receipt = self.store.inbox.release(study_uid, asked=asked, model_sha256=sha256)
        if receipt.job is not None:
            self.enqueue(receipt.job)
        return receipt

    def model(self) -> Mapping[str, str]:
        """The network the workers have."""
        return self.store.heartbeats.model()


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(_services)]
