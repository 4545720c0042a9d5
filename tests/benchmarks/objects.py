"""What the DICOM objects of a large study cost: both segmentations of 300 slices of 512×512."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from opacimeter.findings import Assessment, Histogram, Network, Profile, Segmentation
from opacimeter.report.dicom_object import Kind
from opacimeter.report.seg import write_seg
from opacimeter.volume import Series, Slice, Volume
from tests.report.chests import SCANS, STUDY, classic, record_of

SLICES, SIDE, REPEATS = 300, 512, 3


def objects() -> str:
    """A line on both segmentation objects: seconds of wall clock and processor, size, frames."""
    assessment, record = large_chest(), record_of()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)

        def both() -> None:
            for kind in (Kind.ANATOMY_SEG, Kind.LESION_SEG):
                write_seg(path / f"{kind}.dcm", assessment, record, kind)

        wall_s, cpu_s = _seconds(both)
        size_mb = sum(file.stat().st_size for file in path.iterdir()) / 1e6
    return (
        f"both SEGs of {SLICES} slices of {SIDE}×{SIDE}: {wall_s:.2f} s "
        f"(aim: below 1.5 s; processor {cpu_s:.2f} s), {size_mb:.1f} MB"
    )


def large_chest() -> Assessment:
    """Two lungs in nine tenths of the slices, a lesion with a dense core in half of them."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    labels = np.zeros((SLICES, SIDE, SIDE), np.uint8)
    hu = np.full(labels.shape, -850, np.int16)
    for index in range(15, 285):
        width = 1 - ((index - 150) / 140) ** 2
        for middle, label in ((160, 2), (350, 1)):
            lung = ((columns - middle) / 90) ** 2 + ((rows - 256) / 140) ** 2 < width
            labels[index][lung] = label
        if 75 <= index < 225:
            away = ((columns - 350) / 50) ** 2 + ((rows - 300) / 60) ** 2
            labels[index][(away < width) & (labels[index] == 1)] = 3
            hu[index][away < width] = -500
            hu[index][away < width / 4] = -50
    return _assessment(hu, labels)


def _assessment(hu: np.ndarray, labels: np.ndarray) -> Assessment:
    template = classic(SCANS["supine"])[0]
    del template.PixelData
    slices = []
    for index in range(SLICES):
        header = template.copy()
        header.SOPInstanceUID = f"2.25.46{index:03d}"
        header.Rows = header.Columns = SIDE
        header.PixelSpacing, header.SliceThickness = [0.75, 0.75], 1
        header.ImagePositionPatient = [-192, -192, -index]
        slices.append(Slice(header, Path("x")))
    affine = np.array([[0, 0, 0.75, -192], [0, 0.75, 0, -192], [-1.0, 0, 0, 0], [0, 0, 0, 1]])
    empty = np.zeros(0)
    return Assessment(
        volume=Volume(hu, affine, Series(STUDY, template.SeriesInstanceUID, tuple(slices))),
        segmentation=Segmentation(
            labels, np.zeros((1, 1, 1), np.float16), Network("lung-lesion", "1.0.0", "ab" * 32)
        ),
        measurements=(),
        lesions=(),
        profile=Profile(empty, empty, empty),
        histogram=Histogram(empty, empty, empty),
    )


def _seconds(call: Callable[[], None]) -> tuple[float, float]:
    """Medians of wall clock and processor time."""
    walls, processors = [], []
    for _ in range(REPEATS):
        wall, processor = time.perf_counter(), time.process_time()
        call()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    return statistics.median(walls), statistics.median(processors)
