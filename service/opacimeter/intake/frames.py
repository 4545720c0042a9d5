"""Frames: one axial image each, whether a file holds one or hundreds.

An Enhanced CT keeps in functional groups, shared or by frame, what a classic CT keeps at the top
level (PS3.3 C.7.6.16); a Legacy Converted one keeps what fits nowhere in "unassigned" attributes
(PS3.3 C.7.6.16.2.25). From here on nothing needs to know the difference.
"""

from dataclasses import dataclass

from pydicom import Dataset

from opacimeter.checks import Check
from opacimeter.errors import IntakeRejected
from opacimeter.intake.limits import Limits
from opacimeter.intake.reading import Instance
from opacimeter.intake.values import number, numbers, sequence, value, whole, words

__all__ = ["Frame", "Rescale", "frames_of"]

Vector = tuple[float, float, float]
_LARGEST = 1e5  # no millimetre and no rescale of a CT is larger; such a number is unreadable
_LEAST_PIXEL_MM = 1e-3


@dataclass(frozen=True, slots=True)
class Rescale:
    """HU = stored value * slope + intercept (PS3.3 C.11.1.1.2)."""

    slope: float
    intercept: float


@dataclass(frozen=True, slots=True)
class Frame:
    """One image and what intake needs of its header; None where the header does not say.

    Attributes:
        instance: The file.
        index: Zero-based frame number within it.
        shape: Rows and columns.
        position_mm: Centre of the first pixel, LPS mm.
        orientation: Cosines of a row's, then of a column's direction.
        pixel_mm: Distance of rows, then of columns.
        thickness_mm: SliceThickness.
        rescale: To HU; None where there is none that leads to HU.
        image_type: Upper-case values of ImageType or FrameType.
        kernel: Upper-case name of the convolution kernel.
        temporal: Temporal position, empty where not told; likewise the next two.
        acquisition: Acquisition number.
        time: Acquisition date and time.
    """

    instance: Instance
    index: int
    shape: tuple[int, int]
    position_mm: Vector | None
    orientation: tuple[float, ...] | None
    pixel_mm: tuple[float, float] | None
    thickness_mm: float | None
    rescale: Rescale | None
    image_type: tuple[str, ...]
    kernel: str
    temporal: str
    acquisition: str
    time: str


def frames_of(instance: Instance, *, limits: Limits) -> tuple[Frame, ...]:
    """The frames of a file, in its order.

    Raises:
        IntakeRejected: too-large or damaged-file, by what the header claims.
    """
    header = instance.header
    shape = (whole(header, "Rows") or 0, whole(header, "Columns") or 0)
    count = _claimed_frames(header)
    _check_claims(shape, count, limits)
    groups = sequence(header, "PerFrameFunctionalGroupsSequence")
    if groups and len(groups) != count:
        message = f"A file claims {count} frames but describes {len(groups)}: it is damaged."
        raise IntakeRejected((Check("damaged-file", message, {"files": 1, "frames": count}),))
    described: tuple[Dataset | None, ...] = tuple(groups) or (None,) * count
    looks = [_Look(header, group) for group in described]
    return tuple(_frame(instance, index, look) for index, look in enumerate(looks))


def _claimed_frames(header: Dataset) -> int:
    claimed = whole(header, "NumberOfFrames")
    return 1 if claimed is None else claimed


def _check_claims(shape: tuple[int, int], count: int, limits: Limits) -> None:
    rows, columns = shape
    if max(shape) > limits.side or count > limits.slices or rows * columns * count > limits.voxels:
        message = (
            f"A file claims {count} images of {rows} by {columns} pixels; the limit is "
            f"{limits.slices} images, {limits.side} rows and columns, {limits.voxels} pixels."
        )
        raise IntakeRejected((Check("too-large", message, {"images": count, "rows": rows}),))
    if min(rows, columns, count) < 1:
        message = "A file does not say how many rows, columns or frames it has: it is damaged."
        raise IntakeRejected((Check("damaged-file", message, {"files": 1}),))


class _Look:
    """Where an attribute may stand: in the frame's groups, the shared ones, or at the top."""

    def __init__(self, header: Dataset, group: Dataset | None) -> None:
        shared = next(iter(sequence(header, "SharedFunctionalGroupsSequence")), None)
        self._header, self._groups = header, [each for each in (group, shared) if each is not None]

    def place(self, macro: str, keyword: str) -> Dataset:
        """The dataset that holds the keyword; the top level where none does."""
        unassigned = (
            "UnassignedPerFrameConvertedAttributesSequence",
            "UnassignedSharedConvertedAttributesSequence",
        )
        for name in (macro, *unassigned):
            for group in self._groups:
                for item in sequence(group, name):
                    if value(item, keyword) is not None:
                        return item
        return self._header

    def number(self, macro: str, keyword: str) -> float | None:
        return number(self.place(macro, keyword), keyword)

    def numbers(self, macro: str, keyword: str, count: int) -> tuple[float, ...] | None:
        return numbers(self.place(macro, keyword), keyword, count)

    def words(self, macro: str, keyword: str) -> tuple[str, ...]:
        return words(self.place(macro, keyword), keyword)

    def word(self, macro: str, keyword: str) -> str:
        return next(iter(self.words(macro, keyword)), "")


def _frame(instance: Instance, index: int, look: _Look) -> Frame:
    header = instance.header
    return Frame(
        instance=instance,
        index=index,
        shape=(whole(header, "Rows") or 0, whole(header, "Columns") or 0),
        position_mm=_position_mm(look),
        orientation=look.numbers("PlaneOrientationSequence", "ImageOrientationPatient", 6),
        pixel_mm=_pixel_mm(look),
        thickness_mm=_thickness_mm(look),
        rescale=_rescale(look),
        image_type=_image_type(look, header),
        kernel=_kernel(look),
        temporal=look.word("FrameContentSequence", "TemporalPositionIndex")
        or look.word("", "TemporalPositionIdentifier"),
        acquisition=look.word("FrameContentSequence", "FrameAcquisitionNumber")
        or look.word("", "AcquisitionNumber"),
        time=_time(look),
    )


def _pixel_mm(look: _Look) -> tuple[float, float] | None:
    spacing = look.numbers("PixelMeasuresSequence", "PixelSpacing", 2)
    sane = spacing is not None and min(spacing) > _LEAST_PIXEL_MM and max(spacing) < _LARGEST
    return (spacing[0], spacing[1]) if spacing and sane else None


def _position_mm(look: _Look) -> Vector | None:
    position = look.numbers("PlanePositionSequence", "ImagePositionPatient", 3)
    sane = position is not None and max(map(abs, position)) < _LARGEST
    return (position[0], position[1], position[2]) if position and sane else None


def _thickness_mm(look: _Look) -> float | None:
    thickness = look.number("PixelMeasuresSequence", "SliceThickness")
    return thickness if thickness is not None and 0 < thickness < _LARGEST else None


def _rescale(look: _Look) -> Rescale | None:
    macro = "PixelValueTransformationSequence"
    slope, intercept = look.number(macro, "RescaleSlope"), look.number(macro, "RescaleIntercept")
    kind = look.word(macro, "RescaleType")
    # US (unspecified) is what converters write who do not know; the voxels will tell.
    if slope is None or intercept is None or kind not in ("", "HU", "HU_MOD", "US"):
        return None
    sane = 0 < abs(slope) < _LARGEST and abs(intercept) < _LARGEST
    return Rescale(slope, intercept) if sane else None


def _image_type(look: _Look, header: Dataset) -> tuple[str, ...]:
    # A file of many frames may say MIXED; then each frame says for itself (PS3.3 C.8.16.1).
    by_frame = look.words("CTImageFrameTypeSequence", "FrameType")
    return by_frame or words(header, "ImageType")


def _kernel(look: _Look) -> str:
    macro = "CTReconstructionSequence"
    name = look.word(macro, "ConvolutionKernel")
    return name or look.word(macro, "ConvolutionKernelGroup")


def _time(look: _Look) -> str:
    exact = look.word("FrameContentSequence", "FrameAcquisitionDateTime")
    moment = look.word("", "AcquisitionDateTime")
    return exact or moment or look.word("", "AcquisitionDate") + look.word("", "AcquisitionTime")
