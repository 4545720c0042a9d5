"""Filing: from the files of an upload to assessments in the queue."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from anyio import CapacityLimiter

from opacimeter.api.problems import Problem, rejection
from opacimeter.api.schemas import CheckView, Received, ReceivedStudy, RefusedStudy, base_of
from opacimeter.api.services import Services
from opacimeter.errors import IntakeRejected
from opacimeter.store import Incoming, Receipt

__all__ = ["FINDING", "disk_full_told", "file_studies", "require_space", "upload_folder"]

FINDING = CapacityLimiter(2)
"""Reading thousands of headers holds the interpreter: more at once would only starve the loop."""


@contextmanager
def upload_folder(services: Services) -> Iterator[Path]:
    """A folder for one upload, removed at the end.

    Raises:
        Problem: 507 there is too little space.
    """
    require_space(services)
    folder = services.store.files.upload()
    try:
        with disk_full_told(services):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def require_space(services: Services, *, coming_bytes: int = 0) -> None:
    """Refuse with 507 what would leave less space free than the limit."""
    if services.store.files.free_bytes() - coming_bytes < services.bounds.free_bytes:
        raise _disk_full(services)


@contextmanager
def disk_full_told(services: Services) -> Iterator[None]:
    """Tell a disk that is full as 507."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _disk_full(services) from error
        raise


def file_studies(services: Services, folder: Path) -> Received:
    """Find the studies in `folder`/files and file each; one that is refused hides no other.

    Raises:
        IntakeRejected: Nothing can be filed under a study.
        Problem: 422 all of the studies were refused.
    """
    workspace = Path(mkdtemp(dir=folder))
    studies = services.find(folder / "files", workspace)
    received, refusals = [], []
    for study in studies:
        try:
            received.append(_receive(services, study))
        except IntakeRejected as error:
            refusals.append(error)
    if not received and refusals:
        checks = [check for error in refusals for check in error.checks]
        raise Problem(422, str(refusals[0]), **rejection(checks))
    return Received(assessments=received, refused=[_refused(error) for error in refusals])


def _disk_full(services: Services) -> Problem:
    limit = services.bounds.free_bytes
    return Problem(507, f"less than {limit} bytes are free: remove assessments, or add space")


def _receive(services: Services, study: Incoming) -> ReceivedStudy:
    if not study.files:
        raise IntakeRejected(tuple(study.problems))
    receipt = services.store.arrivals.receive(study, model_sha256=services.model().get("sha256"))
    if receipt.job is not None:
        services.enqueue(receipt.job)
    return _received(services, receipt)


def _received(services: Services, receipt: Receipt) -> ReceivedStudy:
    entry = services.store.catalogue.get(receipt.id, receipt.version)
    return ReceivedStudy(
        id=receipt.id,
        version=receipt.version,
        new=receipt.job is not None,
        status=entry.version.status,
        href=base_of(receipt.id),
    )


def _refused(error: IntakeRejected) -> RefusedStudy:
    return RefusedStudy(detail=str(error), checks=[CheckView.of(check) for check in error.checks])
