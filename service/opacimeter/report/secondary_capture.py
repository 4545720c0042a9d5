"""Secondary capture: key slices with burned-in outlines, for viewers that show nothing else.

Multi-frame True Color Secondary Capture (PS3.3 A.8.5). The frames are JPEG (baseline, without
thinning of colours): every archive and viewer decodes it, and outlines over noise shrink to a
tenth, where run lengths would save nothing. The exact outlines are in the segmentations.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit

from opacimeter.record import Record
from opacimeter.report.dicom_object import Kind, new_object, references
from opacimeter.report.frames import FRAME_SHAPE, frames
from opacimeter.report.pictures import Pictures, jpeg
from opacimeter.volume import Volume

__all__ = ["secondary_capture"]

_PAGE_NUMBER_VECTOR: Final = 0x00182001


def secondary_capture(
    volume: Volume, record: Record, content: Mapping[str, Any], pictures: Pictures
) -> Dataset:
    """The table page and at most 24 slices, as a dataset ready to be written.

    Args:
        volume: What was measured.
        record: What the object is filed under.
        content: The result document.
        pictures: Of the same assessment.
    """
    packed = [jpeg(frame) for frame in frames(pictures, content)]
    dataset = new_object(volume, record, Kind.PICTURES)
    dataset.BodyPartExamined = "CHEST"  # unpaired, so that no laterality is asked for
    dataset.PatientOrientation = ""
    dataset.ConversionType = "WSD"
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.DerivationDescription = "Slices in a lung window with outlines of lung and opacity"
    dataset.SourceImageSequence = references(volume, pictures.captured_slices)
    dataset.BurnedInAnnotation = "YES"
    dataset.RecognizableVisualFeatures = "NO"
    dataset.NumberOfFrames = len(packed)
    dataset.FrameIncrementPointer = _PAGE_NUMBER_VECTOR
    dataset.PageNumberVector = list(range(1, len(packed) + 1))
    _set_pixels(dataset, packed)
    return dataset


def _set_pixels(dataset: Dataset, packed: list[bytes]) -> None:
    """Encapsulated frames, and what PS3.3 C.7.6.3 and C.7.6.1.1.5 ask to be said of them."""
    dataset.Rows, dataset.Columns = FRAME_SHAPE
    dataset.SamplesPerPixel = 3
    dataset.PhotometricInterpretation = "YBR_FULL_422"  # so named for JPEG whatever its thinning
    dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelRepresentation = 0
    plain_bytes = 3 * FRAME_SHAPE[0] * FRAME_SHAPE[1] * len(packed)
    dataset.LossyImageCompression = "01"
    dataset.LossyImageCompressionRatio = round(plain_bytes / sum(map(len, packed)), 2)
    dataset.LossyImageCompressionMethod = "ISO_10918_1"
    dataset.PixelData = encapsulate(packed)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
