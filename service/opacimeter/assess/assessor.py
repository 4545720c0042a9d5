"""The assessor: loaded once, called with one volume after another."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from opacimeter.assess.bundle import Bundle, default_folder, read_bundle
from opacimeter.assess.checking import check_lungs
from opacimeter.assess.measure import measure
from opacimeter.assess.network import OnnxNetwork
from opacimeter.assess.segment import segment
from opacimeter.findings import Assessment, Network
from opacimeter.volume import Volume

__all__ = ["Assessor"]


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
        checks = check_lungs(volume, segmentation.labels, measured.measurements, self.bundle)
        return Assessment(
            volume=volume,
            segmentation=segmentation,
            measurements=measured.measurements,
            lesions=measured.lesions,
            profile=measured.profile,
            histogram=measured.histogram,
            checks=(*volume.checks, *checks),
            detection_limit_percent=limit.percent if limit else None,
            seconds={"segment": segmented - start, "measure": time.perf_counter() - segmented},
        )
