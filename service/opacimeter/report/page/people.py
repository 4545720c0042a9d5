"""Whose images they are, which study, which series."""

from collections.abc import Mapping
from typing import Any

from opacimeter.language import Words
from opacimeter.report.page.paper import Box, Paper, Shade
from opacimeter.report.page.wording import names

__all__ = ["people"]

Result = Mapping[str, Any]


def people(paper: Paper, room: Box, content: Result, words: Words) -> None:
    """Whose images, which study, which series."""
    paper.rule((room.x, room.y), (room.right, room.y), Shade.LINE)
    columns = Box(room.x, room.y + 1.2, room.width, 20).columns((1, 1, 1), gap=4)
    texts = [_patient(content, words), _study(content, words)]
    if "series" in content:  # where nothing was measured there is none
        texts.append(_series(content, words))
    for column, (heading, first, *others) in zip(columns, texts, strict=False):
        paper.line(column, heading, 6.5, colour=Shade.FAINT)
        paper.line(column.below(3), first, 10)
        rest = column.below(7.8)
        for text in others:
            paper.line(rest, text, 7.5)
            rest = rest.below(3.6)


def _patient(content: Result, words: Words) -> list[str]:
    patient = content["patient"]
    name = names(patient["name"], words.language) or words("report.patient.unnamed")
    born = patient["birth_date"] and words("report.patient.born", date=patient["birth_date"])
    sex = f"report.sex.{patient['sex']}"
    known = [born, words(sex) if sex in words else patient["sex"]]
    return [
        words("report.patient"),
        name,
        words("report.patient.id", id=patient["id"] or words("report.none")),
        words("report.separator").join(text for text in known if text),
    ]


def _study(content: Result, words: Words) -> list[str]:
    study = content["study"]
    number = study["accession"]
    return [
        words("report.study"),
        study["date"] or words("report.none"),
        study["description"] or "",
        words("report.study.accession", number=number) if number else "",
    ]


def _series(content: Result, words: Words) -> list[str]:
    series, comma = content["series"], words("report.separator")
    number, thickness, kernel, kvp = (
        series[name] for name in ("number", "thickness_mm", "kernel", "kvp")
    )
    named = [
        words("report.series.number", number=number) if number is not None else "",
        series["description"],
    ]
    scan = [
        words("report.series.thickness", mm=f"{thickness:g}") if thickness else "",
        words("report.series.kernel", kernel=kernel) if kernel else "",
        words("report.series.kvp", kvp=f"{kvp:g}") if kvp else "",
    ]
    step = f"{series['spacing_mm'][0]:.3g}"
    return [
        words("report.series"),
        words("report.series.slices", slices=series["slices"], step=step),
        comma.join(part for part in named if part),
        " ".join(part for part in (series["manufacturer"], series["model"]) if part),
        comma.join(part for part in scan if part),
    ]
