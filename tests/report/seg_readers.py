"""Three readers of a segmentation that know nothing of each other, nor of what wrote it.

Each gives the voxel centres of one segment, float64 (voxel, 3) in LPS mm. The first two go by the
frames' own positions alone (PS3.3 C.7.6.16.2.3, C.7.6.2.1.1).
"""

import base64
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
from highdicom.spatial import PixelToReferenceTransformer

from tests.peers import tool

Reader = Callable[[Path, int], np.ndarray]


def by_pydicom(path: Path, number: int) -> np.ndarray:
    """Functional groups and pixels as pydicom reads them."""
    seg = pydicom.dcmread(path)
    shared = seg.SharedFunctionalGroupsSequence[0]
    cosines = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    spacing = np.array(shared.PixelMeasuresSequence[0].PixelSpacing, float)
    pixels = seg.pixel_array.reshape(-1, seg.Rows, seg.Columns)
    found = [
        _places(mask, group.PlanePositionSequence[0].ImagePositionPatient, cosines, spacing)
        for mask, group in zip(pixels, seg.PerFrameFunctionalGroupsSequence, strict=True)
        if group.SegmentIdentificationSequence[0].ReferencedSegmentNumber == number
    ]
    return np.concatenate(found)


def by_dcmtk(path: Path, number: int) -> np.ndarray:
    """The same from what dcmtk makes of the file: DICOM JSON, with the bits in base64."""
    run = [tool("/usr/bin/dcm2json"), str(path)]
    seg = json.loads(subprocess.run(run, capture_output=True, check=True).stdout)
    (shared,) = seg["52009229"]["Value"]
    cosines = np.array(_of(shared, "00209116", "00200037"), float)
    spacing = np.array(_of(shared, "00289110", "00280030"), float)
    (rows,), (columns,) = seg["00280010"]["Value"], seg["00280011"]["Value"]
    raw = np.frombuffer(base64.b64decode(seg["7FE00010"]["InlineBinary"]), np.uint8)
    groups = seg["52009230"]["Value"]
    bits = np.unpackbits(raw, bitorder="little")[: len(groups) * rows * columns]
    found = [
        _places(mask, _of(group, "00209113", "00200032"), cosines, spacing)
        for mask, group in zip(bits.reshape(-1, rows, columns), groups, strict=True)
        if _of(group, "0062000A", "0062000B") == [number]
    ]
    return np.concatenate(found)


def by_highdicom(path: Path, number: int) -> np.ndarray:
    """As a volume where highdicom can rebuild one, else by the source images that it names."""
    seg = highdicom.seg.segread(path)
    if seg.get_volume_geometry() is None:  # a tilted stack is none to it
        return np.concatenate(list(_by_source(seg, path, number)))
    volume = seg.get_volume(segment_numbers=[number], combine_segments=True, relabel=True)
    return volume.map_indices_to_reference(np.argwhere(volume.array))


READERS: Mapping[str, Reader] = {
    "pydicom": by_pydicom, "highdicom": by_highdicom, "dcmtk": by_dcmtk,
}  # fmt: skip


def _by_source(seg: Any, path: Path, number: int) -> Iterator[np.ndarray]:
    """Its frames laid over the source, a folder beside it, by the source's own geometry."""
    for file in sorted((path.parent / "source").iterdir()):
        image = pydicom.dcmread(file, stop_before_pixels=True)
        pixels = seg.get_pixels_by_source_instance(
            [image.SOPInstanceUID], segment_numbers=[number], assert_missing_frames_are_empty=True
        )
        place = PixelToReferenceTransformer(
            image.ImagePositionPatient, image.ImageOrientationPatient, image.PixelSpacing
        )
        if pixels.any():
            yield place(np.argwhere(pixels[0, :, :, 0])[:, ::-1])


def _places(mask: np.ndarray, position: Any, cosines: np.ndarray, spacing: Any) -> np.ndarray:
    """PS3.3 equation C.7.6.2.1-1: a column further is along the row's cosines, and so on."""
    rows, columns = np.nonzero(mask)
    along_row = np.outer(columns * spacing[1], cosines[:3])
    return np.array(position, float) + along_row + np.outer(rows * spacing[0], cosines[3:])


def _of(group: Mapping[str, Any], sequence: str, element: str) -> Any:
    (item,) = group[sequence]["Value"]
    return item[element]["Value"]
