"""The page: where everything stands."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from opacimeter.findings import Region
from opacimeter.language import Words
from opacimeter.report.drawing import LUNG_WINDOW
from opacimeter.report.page import wording
from opacimeter.report.page.charts import histogram, profile
from opacimeter.report.page.paper import HEIGHT_MM, WIDTH_MM, Box, Paper, Shade
from opacimeter.report.page.people import people
from opacimeter.report.page.remarks import comparison, remarks, remarks_height
from opacimeter.report.page.scores import scores
from opacimeter.report.page.show import Shown

__all__ = ["ROOM", "foot", "page_pdf", "title"]

_EDGE: Final = 11.0
_COLUMNS: Final = 3
_PICTURE_ROWS: Final = 2
_SMALL: Final = 6.5
_GAP: Final = 1.5
_CAPTION: Final = 4.4
_ROOM_WIDTH: Final = WIDTH_MM - 2 * _EDGE

ROOM: Final = Box(_EDGE, 8.0, _ROOM_WIDTH, HEIGHT_MM - 8.0)
"""The sheet without its edges at the top and the sides."""

_HEAD: Final = 6.2
"""Two lines of the table's head."""

Result = Mapping[str, Any]
Draw = Callable[[Paper, Box, Result, Words], None]


def page_pdf(content: Result, pictures: tuple[Shown, ...], language: str) -> bytes:
    """The one-page report as a PDF; the same arguments give the same bytes.

    Args:
        content: The result document of a complete assessment.
        pictures: Key images, from head to foot, at most six.
        language: One of `LANGUAGES`.
    """
    words = Words(language)
    made = datetime.fromisoformat(content["created"].replace("Z", "+00:00"))
    document = words("report.document", version=content["version"])
    paper = Paper(title=document, language=language, made=made)
    heights = _heights(content, pictures)
    room = ROOM
    for part, draw in _PARTS.items():
        draw(paper, Box(room.x, room.y, room.width, heights[part]), content, words)
        room = room.below(heights[part])
    _pictures(paper, Box(room.x, room.y, room.width, heights["pictures"]), pictures, words)
    room = room.below(heights["pictures"])
    if content.get("prior"):
        place = Box(room.x, room.y, room.width, heights["comparison"])
        comparison(paper, place, content["prior"], words)
        room = room.below(heights["comparison"])
    remarks(paper, Box(room.x, room.y, room.width, heights["remarks"]), content, words)
    foot(paper, Box(room.x, HEIGHT_MM - 16.0, room.width, heights["foot"]), content, words)
    return paper.finish()


def _heights(content: Result, pictures: tuple[Shown, ...]) -> dict[str, float]:
    """How high each part is in mm: together the sheet, whatever there is to say.

    The pictures give way first; what they leave free goes to the parts above them.
    """
    least = {
        **{"title": 9.5, "people": 21.5, "answer": 19.5, "scores": 25.0, "measures": 58.0},
        "comparison": 21.0 if content.get("prior") else 0.0,
        "remarks": remarks_height(content),
        "foot": 8.0,
    }
    free = HEIGHT_MM - 16.0 - sum(least.values())
    wanted = _pictures_height(pictures)
    spare = min(max(free - wanted, 0.0), 36.0)
    for part, share in (("answer", 0.15), ("scores", 0.15), ("measures", 0.7)):
        least[part] += spare * share
    return least | {"pictures": min(wanted, free)}


def _pictures_height(pictures: tuple[Shown, ...]) -> float:
    """What the pictures take at full width."""
    width = (_ROOM_WIDTH - _GAP * (_COLUMNS - 1)) / _COLUMNS
    aspect = max(height / across for across, height in (shown.size for shown in pictures))
    rows = -(-min(len(pictures), _COLUMNS * _PICTURE_ROWS) // _COLUMNS)
    return 4.5 + rows * (min(aspect, 0.9) * width + _CAPTION)


def title(paper: Paper, room: Box, _content: Result, words: Words) -> None:
    """What the page is, and that it is for research."""
    paper.line(Box(room.x, room.y, room.width - 78, 8), words("report.title"), 15)
    badge = Box(room.right - 74, room.y, 74, 6.4)
    paper.frame(badge, Shade.ALARM)
    inside = Box(badge.x + 2, badge.y + 1.2, badge.width - 4, 5)
    paper.line(inside, words("report.notice"), 9, colour=Shade.ALARM, align="middle")


def _answer(paper: Paper, room: Box, content: Result, words: Words) -> None:
    box = Box(room.x, room.y, room.width, room.height - 2.0)
    paper.fill(box, Shade.WASH)
    paper.text(box.inner(1.8), wording.answer(content, words), 10)


def _measures(paper: Paper, room: Box, content: Result, words: Words) -> None:
    """The table beside the two charts."""
    left, right = Box(room.x, room.y, room.width, room.height - 3).columns((116, 68), gap=4)
    _table(paper, left, content, words)
    half = (right.height - 1) / 2
    upper, lower = Box(right.x, right.y, right.width, half), right.below(half + 1)
    histogram(paper, upper, content["histogram"], words)
    profile(paper, lower, content["profile"], words)


def _table(paper: Paper, box: Box, content: Result, words: Words) -> None:
    quantities = wording.unit_quantities()
    heads = [words("report.table.region"), *(words(f"report.quantity.{q}") for q in quantities)]
    for number, (place, head) in enumerate(zip(_cells(box, len(heads)), heads, strict=True)):
        paper.text(
            Box(place.x, box.y, place.width, _HEAD),
            head,
            _SMALL,
            colour=Shade.FAINT,
            align="right" if number else "left",
        )
    height = (box.height - _HEAD - 3.5) / len(Region)
    for number, region in enumerate(Region):
        row = Box(box.x, box.y + _HEAD + number * height, box.width, height)
        if region is Region.LUNGS:  # they stand out
            paper.fill(row, Shade.WASH)
        values = content["regions"][region.value]
        cells = [wording.shown(values.get(q.value), q.value) for q in quantities]
        _row(paper, row, [words(f"report.region.{region}"), *cells])
        paper.rule((row.x, row.bottom), (row.right, row.bottom), Shade.LINE)
    note = Box(box.x, box.bottom - 3, box.width, 3)
    paper.line(note, words("report.zones"), 6, colour=Shade.FAINT)


def _row(paper: Paper, box: Box, cells: list[str]) -> None:
    y = box.y + (box.height - 3.4) / 2
    for number, (place, cell) in enumerate(zip(_cells(box, len(cells)), cells, strict=True)):
        line = Box(place.x, y, place.width, 3.4)
        paper.line(line, cell, 7.8, align="right" if number else "left")


def _cells(box: Box, count: int) -> list[Box]:
    return box.columns((23.0, *([9.5] * (count - 1))), gap=0.8)


def _pictures(paper: Paper, box: Box, pictures: tuple[Shown, ...], words: Words) -> None:
    centre, width = LUNG_WINDOW
    legend = words("report.pictures.legend", centre=wording.plain(centre), width=width)
    paper.line(box, f"{words('report.pictures')} · {legend}", _SMALL, colour=Shade.FAINT)
    high = (box.height - 4.5) / -(-len(pictures) // _COLUMNS)
    for number, shown in enumerate(pictures):
        row, column = divmod(number, _COLUMNS)
        place = Box(box.x, box.y + 3.8 + row * high, box.width, high)
        _picture(paper, place.columns((1,) * _COLUMNS, gap=_GAP)[column], shown, words)


def _picture(paper: Paper, box: Box, shown: Shown, words: Words) -> None:
    room = Box(box.x, box.y, box.width, box.height - _CAPTION)
    paper.fill(room, (0, 0, 0))
    paper.picture(room, shown.packed, shown.size)
    for x, side in ((room.x + 0.8, "right"), (room.right - 4.6, "left")):
        plate = Box(x, room.y + 0.8, 3.8, 4.0)
        paper.fill(plate, (0, 0, 0))
        letter = words(f"report.{side}")
        paper.line(plate.below(0.2), letter, 9, colour=Shade.WHITE, align="middle")
    caption = words(f"report.pictures.{shown.plane}", **shown.caption)
    line = Box(box.x, room.bottom + 0.3, box.width, 3.4)
    paper.line(line, caption, 7, colour=Shade.INK)


def foot(paper: Paper, box: Box, content: Result, words: Words) -> None:
    """When and by what it was made, and where it is filed."""
    made = [
        words("report.made", time=wording.when(content["created"]), software=content["software"]),
        *_network(content, words),
        words("report.notice"),
    ]
    filed = [
        words("report.assessment", id=content["id"], version=content["version"]),
        words("report.study_uid", uid=content["study"]["uid"]),
        *([words("report.cut")] if paper.cut else []),
    ]
    paper.rule((box.x, box.y + 0.4), (box.right, box.y + 0.4), Shade.LINE)
    for number, texts in enumerate((made, filed)):
        line = Box(box.x, box.y + 1.2 + 3.2 * number, box.width, 3.2)
        paper.line(line, " · ".join(texts), 6.5, colour=Shade.FAINT)


def _network(content: Result, words: Words) -> list[str]:
    """The model, where one had a part in it."""
    if (model := content.get("model")) is None:
        return []
    return [
        words(
            "report.model", name=model["name"], version=model["version"], sha=model["sha256"][:12]
        )
    ]


_PARTS: Final[Mapping[str, Draw]] = {
    "title": title,
    "people": people,
    "answer": _answer,
    "scores": scores,
    "measures": _measures,
}
"""What stands above the pictures, from the top."""
