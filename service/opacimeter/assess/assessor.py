"""The assessor: loaded once, called with one volume after another."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from opacimeter.assess.bundle import Bundle, default_folder, read_bundle
from opacimeter.assess.checking import check_lungs
from opacimeter.assess.grid import make_grid, to_planes
from opacimeter.assess.measure import measure
from opacimeter.assess.network import OnnxNetwork
from opacimeter.assess.segment import segment
from opacimeter.checks import Check
from opacimeter.findings import Assessment, Measurement, Network, Quantity, Region
from opacimeter.volume import Volume, oriented

__all__ = ["Assessor"]

_SHARE = (Quantity.LESION_PERCENT, Region.LUNGS)


class Assessor:
    """Finds lungs and opacities in a volume and measures both.

    Args:
        bundle: The model, verified.
        threads: Threads of the network and of resampling.
    """

    def __init__(self, bundle: Bundle, *, threads: int) -> None:
        self.bundle = bundle
        self._threads = threads
        self._network = OnnxNetwork(bundle.onnx, threads=threads)

    @classmethod
    def from_bundle(cls, folder: Path | None = None, *, threads: int | None = None) -> "Assessor":
        """An assessor on a bundle's folder; by default the bundle that opacimeter carries.

        Raises:
            ModelError: The bundle is unusable.
        """
        bundle = read_bundle(folder or default_folder())
        return cls(bundle, threads=threads or os.cpu_count() or 1)

    @property
    def network(self) -> Network:
        """Name, version and hash of the weights."""
        return self.bundle.network

    def __call__(
        self, volume: Volume, *, progress: Callable[[float], None] | None = None
    ) -> Assessment:
        """Assess one volume.

        Args:
            volume: What intake delivered.
            progress: Told 0…1 while the network works; may raise to stop.

        Raises:
            IntakeRejected: No lung was found (`not-chest`).
        """
        start = time.perf_counter()
        segmentation = segment(
            volume,
            self.bundle,
            self._network,
            threads=self._threads,
            progress=progress or (lambda fraction: None),
        )
        segmented = time.perf_counter()
        measured = measure(volume, segmentation.labels)
        limit = self.bundle.detection_limit
        interval, remarks = _interval(measured.measurements, self.bundle)
        checks = check_lungs(volume, segmentation.labels, measured.measurements, self.bundle)
        return Assessment(
            volume=volume,
            segmentation=segmentation,
            measurements=measured.measurements,
            lesions=measured.lesions,
            profile=measured.profile,
            histogram=measured.histogram,
            checks=(*volume.checks, *checks, *remarks),
            detection_limit_percent=limit.percent if limit else None,
            interval_90_percent=interval,
            seconds={"segment": segmented - start, "measure": time.perf_counter() - segmented},
        )

    def on_network_grid(self, volume: Volume, image: NDArray[np.int16]) -> NDArray[np.int16]:
        """An image of a volume, resampled as the network sees it.

        What is to be compared with `Segmentation.lesion_probability`, a reader's mask for instance,
        has to lie on its grid.

        Args:
            volume: The study.
            image: int16 (slice, row, column) on the volume's grid.

        Returns:
            int16 (plane, row, column) of `lesion_probability`'s shape; -1024 beyond the picture.
        """
        grid = make_grid(volume, pixel_mm=self.bundle.pixel_mm, plane_mm=self.bundle.plane_mm)
        if grid is None:
            return np.full((1, 1, 1), -1024, dtype=np.int16)
        return to_planes(oriented(image, volume.affine), grid, threads=self._threads)


def _interval(
    rows: tuple[Measurement, ...], bundle: Bundle
) -> tuple[tuple[float, float] | None, tuple[Check, ...]]:
    """The interval of the lungs' lesion percentage, or none and the check that says why."""
    if bundle.interval is None:
        network = bundle.network
        message = (
            f"The model {network.name} {network.version} carries no calibration: how far its "
            "percentage may be off is not known, so no interval is given."
        )
        return None, (Check("not-calibrated", message, {"model": network.version}),)
    whole = (row.value for row in rows if (row.quantity, row.region) == _SHARE)
    return next((bundle.interval.around(percent) for percent in whole), None), ()
