"""Segmentation objects: frames placed by where they say they are (PS3.3 A.51, C.8.20)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from opacimeter.volume import Volume
from training.importers.item import CannotUse, Role
from training.importers.marks import Marks, Region, begin_marks, to_index

__all__ = ["read_segmentation"]

_OFF = 0.25
"""Most that a voxel may lie off the CT's, in voxels."""


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """Pixels with the segments they may belong to, and their place."""

    number: int
    pixels: NDArray[np.integer]
    segments: tuple[int, ...]
    position_mm: NDArray[np.float64]
    row_to_row_mm: NDArray[np.float64]
    column_to_column_mm: NDArray[np.float64]


def read_segmentation(dataset: Dataset, volume: Volume, asked: Mapping[str, Role]) -> Marks:
    """Lung and lesion of a SEG, on the grid of the CT.

    Args:
        dataset: Segmentation or Label Map Segmentation, with pixels.
        volume: The CT it belongs to.
        asked: Roles by segment label, small letters.

    Raises:
        CannotUse: No segment is lung or lesion, or the frames lie on another grid.
    """
    segments = (
        Region(int(each.SegmentNumber), str(each.get("SegmentLabel", "")), tuple(_codes(each)))
        for each in dataset.SegmentSequence
    )
    marks, roles = begin_marks(segments, asked, shape=volume.hu.shape, kind="segment")
    for frame in _frames(dataset):
        for segment_number, mask in _segments(dataset, frame):
            if segment_number in roles:
                _place(mask, frame, volume, marks.masks[roles[segment_number]])
    return marks


def _codes(segment: Dataset) -> list[tuple[str, str]]:
    return [
        (str(code.get("CodingSchemeDesignator", "")), str(code.get("CodeValue", "")))
        for code in segment.get("SegmentedPropertyTypeCodeSequence", [])
    ]


def _frames(dataset: Dataset) -> Iterator[_Frame]:
    """All frames; what is not told for a frame is told for all (PS3.3 C.7.6.16)."""
    pixels = dataset.pixel_array
    pixels = pixels[None] if pixels.ndim == 2 else pixels
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    for number, own in enumerate(dataset.get("PerFrameFunctionalGroupsSequence", [])):
        along_row, down_column = np.split(
            _floats(_told("PlaneOrientationSequence", own, shared).ImageOrientationPatient), 2
        )
        between_rows, between_columns = _floats(
            _told("PixelMeasuresSequence", own, shared).PixelSpacing
        )
        yield _Frame(
            number=number + 1,
            pixels=pixels[number],
            segments=_numbers(own, shared),
            position_mm=_floats(_told("PlanePositionSequence", own, shared).ImagePositionPatient),
            row_to_row_mm=down_column * between_rows,
            column_to_column_mm=along_row * between_columns,
        )


def _floats(values: object) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)


def _told(keyword: str, own: Dataset, shared: Dataset) -> Dataset:
    for group in (own, shared):
        if group.get(keyword):
            told: Dataset = group[keyword].value[0]
            return told
    raise CannotUse(f"A frame has no {keyword}, so nobody knows where it lies.")


def _numbers(own: Dataset, shared: Dataset) -> tuple[int, ...]:
    """The segment of a frame; none is named where the pixels' values are the segments."""
    for group in (own, shared):
        if group.get("SegmentIdentificationSequence"):
            return (int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber),)
    return ()


def _segments(dataset: Dataset, frame: _Frame) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Segment numbers in a frame with their pixels, for the three kinds (PS3.3 C.8.20.2)."""
    kind = dataset.SegmentationType
    if kind == "LABELMAP":
        for value in np.unique(frame.pixels):
            yield int(value), frame.pixels == value
    elif frame.segments:
        least = dataset.MaximumFractionalValue / 2 if kind == "FRACTIONAL" else 1
        yield frame.segments[0], frame.pixels >= least


def _place(mask: NDArray[np.bool_], frame: _Frame, volume: Volume, into: NDArray[np.bool_]) -> None:
    """Set the voxels where the mask's pixels lie."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return
    inner = np.linalg.inv(volume.affine[:3, :3])
    down, along = inner @ frame.row_to_row_mm, inner @ frame.column_to_column_mm
    _check_steps(frame, down, along)
    corner = to_index(volume.affine, frame.position_mm[None])[0]
    index = corner + np.outer(rows, down) + np.outer(columns, along)
    nearest = np.rint(index).astype(np.intp)
    off = float(np.abs(index - nearest).max())
    if off > _OFF:
        raise CannotUse(
            f"Frame {frame.number} lies {off:.2f} of a voxel off the CT's grid, at most {_OFF} can "
            "be; resample the segmentation onto the CT."
        )
    if (nearest < 0).any() or (nearest >= into.shape).any():
        raise CannotUse(f"Frame {frame.number} marks voxels outside of the CT.")
    into[tuple(nearest.T)] = True


def _check_steps(frame: _Frame, *steps: NDArray[np.float64]) -> None:
    """Pixels of the CT's own size, along its rows and columns; either way round."""
    for step in steps:
        unit = np.sort(np.abs(step))
        if not np.allclose(unit, (0, 0, 1), atol=0.01):
            raise CannotUse(
                f"Frame {frame.number} has pixels of another size or direction than the CT; "
                "resample the segmentation onto it."
            )
