"""The page about a study that was not measured: whose it is, why, and what can be done."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from opacimeter.language import Words
from opacimeter.report.page.paper import HEIGHT_MM, Box, Paper, Shade
from opacimeter.report.page.people import people
from opacimeter.report.page.sheet import ROOM, foot, title
from opacimeter.report.page.wording import check_lines

__all__ = ["refusal_pdf"]

_MOST: Final = 12
"""Checks that find room; more are counted."""

_GAP: Final = 3.0


def refusal_pdf(content: Mapping[str, Any], language: str) -> bytes:
    """One page that says why nothing was measured; the same arguments give the same bytes.

    Args:
        content: The result document of a rejected assessment, with patient and study.
        language: One of `LANGUAGES`.
    """
    words = Words(language)
    made = datetime.fromisoformat(content["created"].replace("Z", "+00:00"))
    document = words("report.document", version=content["version"])
    paper = Paper(title=document, language=language, made=made)
    title(paper, ROOM, content, words)
    people(paper, ROOM.below(9.5), content, words)
    room = ROOM.below(33.0)
    paper.line(room, words("report.refusal"), 14, colour=Shade.ALARM)
    room = room.below(10.0)
    for text in _reasons(content, words):
        room = room.below(paper.text(room, text, 10) + _GAP)
    paper.line(room.below(_GAP), words("report.refusal.next"), 10, colour=Shade.FAINT)
    paper.text(room.below(_GAP + 6.0), words("report.refusal.advice"), 10)
    foot(paper, Box(ROOM.x, HEIGHT_MM - 16.0, ROOM.width, 8.0), content, words)
    return paper.finish()


def _reasons(content: Mapping[str, Any], words: Words) -> list[str]:
    found = [
        words("report.checks.line", kind=words(f"report.severity.{severity}"), text=text)
        for severity, text in check_lines(content["checks"], words)
    ]
    if len(found) <= _MOST:
        return found
    return [*found[:_MOST], words("report.checks.more", count=len(found) - _MOST)]
