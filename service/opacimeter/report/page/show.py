"""A key picture as the page takes it: packed, with what its caption says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from opacimeter.report.page.wording import plain
from opacimeter.report.pictures import Picture, Pictures, jpeg

__all__ = ["Shown", "page_pictures"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A packed picture.

    Attributes:
        plane: Which plane.
        packed: JPEG.
        size: Width and height in pixels.
        caption: Values of the caption's places.
    """

    plane: Literal["axial", "coronal"]
    packed: bytes
    size: tuple[int, int]
    caption: Mapping[str, object] = field(default_factory=dict)


def page_pictures(pictures: Pictures, slices: int) -> tuple[Shown, ...]:
    """The page's axial pictures from head to foot, and the coronal one.

    Args:
        pictures: Of the assessment.
        slices: How many slices the volume has.
    """
    axial = [
        _packed(picture, slice=index + 1, slices=slices, z=plain(picture.position_mm))
        for index in pictures.page_slices
        for picture in [pictures.axial(index)]
    ]
    coronal = pictures.coronal
    return (*axial, _packed(coronal, y=plain(coronal.position_mm)))


def _packed(picture: Picture, **caption: object) -> Shown:
    height, width = picture.rgb.shape[:2]
    return Shown(picture.plane, jpeg(picture.rgb), (width, height), caption)
