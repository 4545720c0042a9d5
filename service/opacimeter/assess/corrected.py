"""Corrected: labels that a person painted, measured as those of a network are."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, spatial

from opacimeter.assess.checking import check_lungs
from opacimeter.assess.measure import measure
from opacimeter.checks import Check
from opacimeter.errors import Conflict
from opacimeter.findings import (
    Assessment,
    Label,
    Measurement,
    Network,
    Quantity,
    Region,
    Segmentation,
)
from opacimeter.volume import Volume, bounding_box

__all__ = ["Corrected", "Original", "corrected_labels"]

_PAINTED_LESION = 2
"""In a painting, which has 0 background, 1 lung, 2 lesion and knows no sides."""

_TO_LESION = np.uint8(Label.LEFT_LESION - Label.LEFT_LUNG)
_SHARE = (Quantity.LESION_PERCENT, Region.LUNGS)


@dataclass(frozen=True, slots=True, eq=False)
class Original:
    """What was kept of the version that a person corrected.

    Attributes:
        version: Its number.
        labels: uint8 (slice, row, column), values of `findings.Label`.
        network: Who made the labels that the first person changed.
        detection_limit_percent: Of that network; None where it had none.
        checks: Those of its result that speak of the network and still hold.
    """

    version: int
    labels: NDArray[np.uint8]
    network: Network
    detection_limit_percent: float | None = None
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Corrected:
    """Measures what a person painted; takes the place of the `Assessor` for one version.

    Attributes:
        original: The version that was corrected.
        painted: uint8 (slice, row, column) on the same grid: 0 background, 1 lung, 2 lesion.
    """

    original: Original
    painted: NDArray[np.uint8]

    def __call__(
        self, volume: Volume, *, progress: Callable[[float], None] | None = None
    ) -> Assessment:
        """Measure the painting on its volume.

        Args:
            volume: What intake delivered of the original's images.
            progress: Told 1 when the labels are there; may raise to stop.

        Raises:
            IntakeRejected: The painting left no chest (`not-chest`).
            Conflict: The images are read onto another grid than they were.
        """
        start = time.perf_counter()
        self._require_grid(volume)
        labels = corrected_labels(self.original.labels, self.painted, volume.affine)
        painted = time.perf_counter()
        (progress or (lambda fraction: None))(1.0)
        measured = measure(volume, labels)
        checks = check_lungs(volume, labels, measured.measurements, None)
        series = replace(volume.series, chosen_because=self._because())
        return Assessment(
            volume=replace(volume, series=series),
            segmentation=Segmentation(labels, _no_probability(), self.original.network),
            measurements=measured.measurements,
            lesions=measured.lesions,
            profile=measured.profile,
            histogram=measured.histogram,
            checks=(*volume.checks, *checks, *self._remarks(volume, labels, measured.measurements)),
            detection_limit_percent=self.original.detection_limit_percent,
            seconds={"segment": painted - start, "measure": time.perf_counter() - painted},
        )

    def _require_grid(self, volume: Volume) -> None:
        if not volume.hu.shape == self.original.labels.shape == self.painted.shape:
            slices, rows, columns = volume.hu.shape
            raise Conflict(
                f"The images are now read as {slices} slices of {rows} × {columns}, which is not "
                "the grid that was painted on. Assess the study anew and correct that version."
            )

    def _because(self) -> str:
        return f"Version {self.original.version}, which was corrected, was measured on it."

    def _remarks(
        self, volume: Volume, labels: NDArray[np.uint8], rows: tuple[Measurement, ...]
    ) -> tuple[Check, ...]:
        """What there is to say of the correction, and of the model that came before it."""
        limit = self.original.detection_limit_percent
        share = next(row.value for row in rows if (row.quantity, row.region) == _SHARE)
        known = {check.code for check in volume.checks}
        kept = tuple(check for check in self.original.checks if check.code not in known)
        at_limit = (_at_limit(share, limit),) if limit and 0 < share < limit else ()
        return (*kept, *at_limit, _changed(self.original, labels, volume.voxel_ml))


def _no_probability() -> NDArray[np.float16]:
    """A person says yes or no, without a probability."""
    return np.zeros((0, 0, 0), dtype=np.float16)


def corrected_labels(
    labels: NDArray[np.uint8], painted: NDArray[np.uint8], affine: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """The labels after a person's painting, which has classes and no sides.

    A voxel that was lung keeps its side. One that was not takes the side of the nearest voxel that
    was, in mm. A lesion painted beyond the lung makes the lung larger.

    Args:
        labels: uint8 (slice, row, column), values of `findings.Label`.
        painted: uint8 of the same shape: 0 background, 1 lung, 2 lesion.
        affine: Index (slice, row, column, 1) to mm.

    Returns:
        uint8 (slice, row, column), values of `findings.Label`.
    """
    sides = np.where(labels >= Label.LEFT_LESION, labels - _TO_LESION, labels)
    added = (painted > 0) & (sides == 0)
    if added.any():
        sides[added] = _nearest_sides(sides, np.argwhere(added), affine)
    sides[painted == 0] = Label.BACKGROUND
    sides[painted == _PAINTED_LESION] += _TO_LESION
    return sides


def _nearest_sides(
    sides: NDArray[np.uint8], voxels: NDArray[np.intp], affine: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """For indices (n, 3) beyond the lungs, the side of the nearest voxel of lung.

    A tree of the lungs' surface: distance maps of a whole chest would take ten times its memory.
    """
    box = bounding_box(sides)
    if box is None:
        raise Conflict("The version that was corrected has no lung: there is no side to take.")
    lungs = sides[box] > 0
    surface = np.argwhere(lungs & ~ndimage.binary_erosion(lungs))
    surface += [span.start for span in box]
    steps = affine[:3, :3].T
    _, nearest = spatial.cKDTree(surface @ steps).query(voxels @ steps)
    found: NDArray[np.uint8] = sides[tuple(surface[nearest].T)]
    return found


def _at_limit(percent: float, limit: float) -> Check:
    return Check(
        "lesion-at-limit",
        f"{percent:.2f} % of the lung is marked, below the {limit:.2f} % that the model marks at "
        "most on healthy chests; the scores count it as none, whoever marked it.",
        {"lesion_percent": round(percent, 3), "limit_percent": limit},
    )


def _changed(original: Original, labels: NDArray[np.uint8], voxel_ml: float) -> Check:
    """Who made the numbers: a person, by how much, and why there is no interval."""
    changes = {
        name: round(float(count * voxel_ml), 3)
        for name, count in _counts(original.labels, labels).items()
    }
    message = (
        "The labels of version {of} were corrected by a person: {lesion_added_ml} ml of opacity "
        "added and {lesion_removed_ml} ml removed, {lung_added_ml} ml of lung added and "
        "{lung_removed_ml} ml removed. How far a corrected percentage may be off has not been "
        "calibrated, so no interval is given."
    )
    detail = {"of": original.version, **changes}
    return Check("corrected", message.format(**detail), detail)


def _counts(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> dict[str, int]:
    """Voxels that became lesion or lung, and that ceased to be; lesion is lung."""
    counts = {}
    for name, least in (("lesion", Label.LEFT_LESION), ("lung", Label.LEFT_LUNG)):
        was, is_now = before >= least, after >= least
        counts[f"{name}_added_ml"] = int(np.count_nonzero(is_now & ~was))
        counts[f"{name}_removed_ml"] = int(np.count_nonzero(was & ~is_now))
    return counts
