"""The network alone: no reading, no resampling, no lungs split, no measuring.

`python -m tests.benchmarks.network`. What it costs depends on the number and size of the planes
alone, so a box with two lungs does: 300 slices of 1 mm become 100 planes of 3 mm, and 512 pixels of
0.75 mm become 256 of 1.5 mm. The body fills the picture: nothing is cropped away, which is the
worst case. On a busy machine processor time, divided by the threads, says more than wall time.
"""

import statistics
import time

import numpy as np

from opacimeter.assess.bundle import default_folder, read_bundle
from opacimeter.assess.grid import make_grid, to_planes
from opacimeter.assess.network import OnnxNetwork
from opacimeter.assess.segment import infer
from tests.boxes import volume_of

SHAPE, SPACING_MM = (300, 512, 512), (1.0, 0.75, 0.75)
THREADS = 2
REPEATS = 3
AIM_S = 3.0


def seconds() -> tuple[float, float, tuple[int, int, int]]:
    """Medians of wall and processor time of all planes; their number, rows and columns."""
    hu = np.full(SHAPE, 40, dtype=np.int16)
    hu[30:270, 120:400, 80:230] = hu[30:270, 120:400, 290:440] = -850
    volume, bundle = volume_of(hu, SPACING_MM), read_bundle(default_folder())
    grid = make_grid(volume, pixel_mm=bundle.pixel_mm, plane_mm=bundle.plane_mm)
    if grid is None:
        raise ValueError("the box has no body")
    planes = to_planes(hu, grid, threads=THREADS)
    network = OnnxNetwork(bundle.onnx, threads=THREADS)
    walls, processor = [], []
    for _ in range(REPEATS):
        started, worked = time.perf_counter(), time.process_time()
        infer(planes, (grid, bundle), network, threads=THREADS, progress=lambda fraction: None)
        walls.append(time.perf_counter() - started)
        processor.append(time.process_time() - worked)
    return statistics.median(walls), statistics.median(processor), grid.shape


def line() -> str:
    """A sentence for the table's foot."""
    wall_s, processor_s, (planes, rows, columns) = seconds()
    slices = "×".join(map(str, SHAPE))
    return (
        f"The network alone, {slices} as {planes} planes of {rows}×{columns}, {THREADS} threads: "
        f"{wall_s:.2f} s (aim: at most {AIM_S:.0f} s), {processor_s:.2f} s of processor time."
    )


if __name__ == "__main__":
    print(line())  # noqa: T201
