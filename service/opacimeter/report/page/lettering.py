"""Letters: which font has them, how wide they are, how a text fits a line or a box.

All lengths are in points (1/72 inch).
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Final

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from opacimeter.report.page.joining import drawn_order

__all__ = [
    "FONT_FILE",
    "MAIN_FONT",
    "Fitted",
    "fitted",
    "fonts",
    "paragraph",
    "runs",
    "width",
    "wrapped",
]

_FOLDER: Final = Path(__file__).parents[1] / "fonts"
_FILES: Final = (
    "wqy-microhei.ttf",
    "NotoSans.ttf",
    "NotoSansArabic.ttf",
    "NotoSansHebrew.ttf",
    "NotoSansThai.ttf",
)
FONT_FILE: Final = _FOLDER / _FILES[0]
MAIN_FONT: Final = "opacimeter-wqy-microhei"
LEADING: Final = 1.28
ELLIPSIS: Final = "…"


@dataclass(frozen=True, slots=True)
class Fitted:
    """Lines of a text and the size at which they fit.

    Attributes:
        lines: At least one.
        size: Font size in points.
        clipped: Whether something was left out.
    """

    lines: tuple[str, ...]
    size: float
    clipped: bool = False

    @property
    def height(self) -> float:
        """What the lines take in points."""
        return len(self.lines) * self.size * LEADING


@cache
def fonts() -> tuple[str, ...]:
    """Names of the fonts in the order in which they are asked, registered at the first call."""
    for file in _FILES:
        pdfmetrics.registerFont(TTFont(_name(file), str(_FOLDER / file)))
    return tuple(_name(file) for file in _FILES)


def runs(text: str) -> Iterator[tuple[str, str]]:
    """Font and piece of a text as it is drawn; a letter that no font has becomes its code."""
    ready = drawn_order(unicodedata.normalize("NFC", text))
    letters = [drawn for letter in ready for drawn in _drawn(letter)]
    for font, run in groupby(letters, key=_font_of):
        yield font, "".join(run)


def width(text: str, size: float) -> float:
    """How wide a text is."""
    return float(sum(pdfmetrics.stringWidth(piece, font, size) for font, piece in runs(text)))


def fitted(text: str, room: float, size: float, *, smallest: float = 5.5) -> Fitted:
    """One line: made smaller as needed, then cut with an ellipsis."""
    text = " ".join(text.split())
    needed = width(text, size)
    if needed <= room:
        return Fitted((text,), size)
    size = max(size * room / needed * 0.999, smallest)
    if width(text, size) <= room:
        return Fitted((text,), size)
    return Fitted((_cut(text, room, size),), size, clipped=True)


def paragraph(
    text: str, room: tuple[float, float], size: float, *, smallest: float = 5.5
) -> Fitted:
    """Lines of a text in a box of width and height: smaller as needed, then cut."""
    while True:
        lines = wrapped(text, room[0], size)
        count = max(int(room[1] / (size * LEADING) + 1e-6), 1)
        if len(lines) <= count:
            return Fitted(tuple(lines), size)
        if size <= smallest:
            last = _cut(lines[count - 1] + ELLIPSIS, room[0], size)
            return Fitted((*lines[: count - 1], last), size, clipped=True)
        size = max(size - 0.25, smallest)


def wrapped(text: str, room: float, size: float) -> list[str]:
    """Lines no wider than the room, broken between words and between ideographs."""
    lines, line = list[str](), ""
    for word in _words(" ".join(text.split())):
        if line and width((line + word).rstrip(), size) > room:
            lines.append(line.rstrip())
            line = ""
        line += word.lstrip() if not line else word
        while width(line.rstrip(), size) > room and len(line) > 1:  # a word wider than the room
            head = _head(line, room, size)
            lines.append(head)
            line = line[len(head) :]
    return [*lines, line.rstrip()] if line.strip() or not lines else lines


# No line begins with these, no line ends with the others (GB/T 15834).
_CLOSING: Final = "，。、；：！？）》」』】”’,.;:!?)%…"
_OPENING: Final = "（《「『【“‘("


def _words(text: str) -> Sequence[str]:
    """Pieces between which a line may break; joined, they are the text."""
    pieces: list[str] = []
    for letter in text:
        last = pieces[-1] if pieces else ""
        glued = last and (
            letter in _CLOSING
            or last[-1] in _OPENING
            or (letter == " ")
            or not (last[-1] == " " or _ideograph(letter) or _ideograph(last[-1]))
        )
        if glued:
            pieces[-1] += letter
        else:
            pieces.append(letter)
    return pieces


def _ideograph(letter: str) -> bool:
    return unicodedata.east_asian_width(letter) in {"W", "F"}


def _head(line: str, room: float, size: float) -> str:
    """As much of the line's beginning as fits, at least a letter."""
    count = 1
    while count < len(line) and width(line[: count + 1], size) <= room:
        count += 1
    return line[:count]


def _cut(text: str, room: float, size: float) -> str:
    """The beginning of a text with an ellipsis, no wider than the room."""
    text = text.rstrip(ELLIPSIS + " ")
    while text and width(text + ELLIPSIS, size) > room:
        text = text[:-1].rstrip()
    return text + ELLIPSIS


def _drawn(letter: str) -> str:
    """The letter, or its code in brackets; controls, which nobody sees, are left out."""
    if letter.isspace() or letter == "\u3000":
        return " "
    if unicodedata.category(letter) in {"Cc", "Cf"}:
        return ""
    return letter if _has(letter) else f"[U+{ord(letter):04X}]"


def _has(letter: str) -> bool:
    return any(ord(letter) in _glyphs(font) for font in fonts())


@cache
def _font_of(letter: str) -> str:
    return next((font for font in fonts() if ord(letter) in _glyphs(font)), MAIN_FONT)


@cache
def _glyphs(font: str) -> frozenset[int]:
    return frozenset(pdfmetrics.getFont(font).face.charToGlyph)


def _name(file: str) -> str:
    return f"opacimeter-{Path(file).stem}"
