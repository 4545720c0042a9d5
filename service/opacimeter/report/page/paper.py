"""A sheet of A4 that is drawn on in millimetres from its upper left corner."""

import io
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from opacimeter.report.page.lettering import (
    LEADING,
    MAIN_FONT,
    Fitted,
    fitted,
    fonts,
    paragraph,
    runs,
    width,
)

__all__ = ["HEIGHT_MM", "WIDTH_MM", "Box", "Colour", "Paper", "Shade"]

WIDTH_MM: Final = 210.0
HEIGHT_MM: Final = 297.0
MM: Final = 72.0 / 25.4
"""Points in a millimetre."""

Colour = tuple[float, float, float]
Align = Literal["left", "middle", "right"]


class Shade:
    """Colours of the page, red, green and blue, 0…1; text on white keeps 4.5 : 1 (WCAG AA)."""

    INK: Final[Colour] = (0.10, 0.12, 0.16)
    FAINT: Final[Colour] = (0.36, 0.40, 0.46)
    LINE: Final[Colour] = (0.80, 0.83, 0.87)
    WASH: Final[Colour] = (0.95, 0.96, 0.98)
    LUNG: Final[Colour] = (0.16, 0.42, 0.80)
    LESION: Final[Colour] = (0.80, 0.36, 0.0)
    ALARM: Final[Colour] = (0.70, 0.10, 0.10)
    WHITE: Final[Colour] = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Box:
    """A place on the sheet in mm; y counts from the top."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right end."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower end."""
        return self.y + self.height

    def inner(self, margin: float) -> "Box":
        """The same box without a margin on every side."""
        return Box(
            self.x + margin, self.y + margin, self.width - 2 * margin, self.height - 2 * margin
        )

    def below(self, height: float) -> "Box":
        """What is left under its first `height` mm."""
        return Box(self.x, self.y + height, self.width, self.height - height)

    def columns(self, shares: tuple[float, ...], gap: float = 0.0) -> "list[Box]":
        """Boxes side by side, as wide as their shares."""
        free = self.width - gap * (len(shares) - 1)
        found, x = [], self.x
        for share in shares:
            part = free * share / sum(shares)
            found.append(Box(x, self.y, part, self.height))
            x += part + gap
        return found


class Paper:
    """One page. Every text is fitted to the room it is given: smaller, then cut.

    Attributes:
        cut: Whether any text had to be cut.
    """

    def __init__(self, *, title: str, language: str, made: datetime) -> None:
        """An empty sheet; the same arguments and drawings give the same bytes."""
        fonts()
        self.cut = False
        self._packed = io.BytesIO()
        self._canvas = Canvas(
            self._packed,
            pagesize=(WIDTH_MM * MM, HEIGHT_MM * MM),
            invariant=1,
            pageCompression=1,
            initialFontName=MAIN_FONT,
            lang=language,
        )
        self._canvas.setTitle(title)
        self._canvas.setCreator("opacimeter")
        self._canvas.setProducer("opacimeter")
        self._canvas.setAuthor("opacimeter")
        self._canvas.setSubject(title)
        # reportlab's invariant date is the year 2000; ours is the record's.
        self._canvas.setDateFormatter(lambda *_: f"D:{made:%Y%m%d%H%M%S}+00'00'")

    def line(
        self,
        box: Box,
        text: str,
        size: float,
        *,
        colour: Colour = Shade.INK,
        align: Align = "left",
    ) -> None:
        """One line of text at the top of a box, `size` in points."""
        self._set(box, fitted(text, box.width * MM, size), colour, align)

    def text(
        self,
        box: Box,
        text: str,
        size: float,
        *,
        colour: Colour = Shade.INK,
        align: Align = "left",
    ) -> float:
        """Lines of text in a box; returns how many mm they took."""
        lines = paragraph(text, (box.width * MM, box.height * MM), size)
        self._set(box, lines, colour, align)
        return lines.height / MM

    def fill(self, box: Box, colour: Colour) -> None:
        """A box of one colour."""
        self._canvas.setFillColorRGB(*colour)
        self._canvas.rect(*self._place(box), stroke=0, fill=1)

    def frame(self, box: Box, colour: Colour) -> None:
        """The outline of a box."""
        self._canvas.setStrokeColorRGB(*colour)
        self._canvas.setLineWidth(0.6)
        self._canvas.rect(*self._place(box), stroke=1, fill=0)

    def rule(self, start: tuple[float, float], end: tuple[float, float], colour: Colour) -> None:
        """A thin line between two points."""
        self._canvas.setStrokeColorRGB(*colour)
        self._canvas.setLineWidth(0.4)
        self._canvas.line(*self._point(start), *self._point(end))

    def curve(
        self, points: list[tuple[float, float]], colour: Colour, *, base: float | None = None
    ) -> None:
        """A line through points; filled lightly down to `base` where that is given."""
        if len(points) < 2:
            return
        path = self._canvas.beginPath()
        corners = points
        if base is not None:
            corners = [(points[0][0], base), *points, (points[-1][0], base)]
        path.moveTo(*self._point(corners[0]))
        for point in corners[1:]:
            path.lineTo(*self._point(point))
        self._canvas.setStrokeColorRGB(*colour)
        self._canvas.setFillColorRGB(*(1 - 0.35 * (1 - part) for part in colour))
        self._canvas.setLineWidth(0.7)
        self._canvas.drawPath(path, stroke=1, fill=int(base is not None))

    def picture(self, box: Box, packed: bytes, size: tuple[int, int]) -> Box:
        """A JPEG of width and height in pixels, as large as fits; returns where it is."""
        scale = min(box.width / size[0], box.height / size[1])
        wide, high = size[0] * scale, size[1] * scale
        place = Box(box.x + (box.width - wide) / 2, box.y + (box.height - high) / 2, wide, high)
        self._canvas.drawImage(ImageReader(io.BytesIO(packed)), *self._place(place))
        return place

    def finish(self) -> bytes:
        """The PDF."""
        self._canvas.showPage()
        self._canvas.save()
        return self._packed.getvalue()

    def _set(self, box: Box, lines: Fitted, colour: Colour, align: Align) -> None:
        self.cut |= lines.clipped
        self._canvas.setFillColorRGB(*colour)
        y = box.y * MM
        for words in lines.lines:
            spare = box.width * MM - width(words, lines.size)
            x = box.x * MM + spare * {"left": 0.0, "middle": 0.5, "right": 1.0}[align]
            self._letters(words, (x, HEIGHT_MM * MM - y - lines.size), lines.size)
            y += lines.size * LEADING

    def _letters(self, words: str, place: tuple[float, float], size: float) -> None:
        drawing = self._canvas.beginText(*place)
        for font, piece in runs(words):
            drawing.setFont(font, size)
            drawing.textOut(piece)
        self._canvas.drawText(drawing)

    def _place(self, box: Box) -> tuple[float, float, float, float]:
        return (
            box.x * MM,
            (HEIGHT_MM - box.bottom) * MM,
            box.width * MM,
            box.height * MM,
        )

    def _point(self, point: tuple[float, float]) -> tuple[float, float]:
        return point[0] * MM, (HEIGHT_MM - point[1]) * MM
