"""Modules and attributes of the objects that opacimeter writes, as PS3.2 Annex N wants them told.

Which attribute belongs to which module of PS3.3 is taken from the tables that highdicom carries.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache

from highdicom._standard_utils import (
    get_iod_module_map,
    get_module_attribute_map,
    get_sop_class_iod_map,
)
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.tag import Tag

from opacimeter.report import source
from opacimeter.report.dicom_object import SERIES, Kind
from tests.report.conformance_objects import KEPT, Written

Row = tuple[str, ...]
# Attributes that are the source's though they stand in no module that is copied whole.
_OF_IMAGES = {
    "Rows", "Columns", "FrameOfReferenceUID", "PositionReferenceIndicator", "LossyImageCompression",
}  # fmt: skip
_COUNTED = {"NumberOfFrames", "PageNumberVector"}  # by chance the same here
_COLUMNS = {
    "SEG": (Kind.ANATOMY_SEG, Kind.LESION_SEG),
    "SR": (Kind.SR,),
    "SC": (Kind.PICTURES,),
    "PDF": (Kind.REPORT, Kind.REFUSAL),
    "KO": (Kind.KEY_OBJECT,),
}


def kept_rows() -> Iterable[Row]:
    """Attributes that are taken over from the source's header: module, keyword, tag, presence."""
    for keywords, presence in ((source._EMPTY_IF_ABSENT, "VNAP"), (source._IF_PRESENT, "ANAP")):
        for keyword in keywords:
            yield _module(keyword), keyword, _tag(keyword), presence


def _tag(keyword: str) -> str:
    return str(Tag(tag_for_keyword(keyword) or 0)).replace(" ", "").upper()


@cache
def _modules_of(sop_class: str) -> dict[str, dict[str, str]]:
    """Usage and attributes by module of an IOD (PS3.3), as highdicom has them."""
    attributes = get_module_attribute_map()
    return {
        each["key"]: {
            row["keyword"]: each["usage"] for row in attributes[each["key"]] if not row["path"]
        }
        for each in get_iod_module_map()[get_sop_class_iod_map()[sop_class]]
    }


def _module(keyword: str, sop_class: str = SERIES[Kind.ANATOMY_SEG].sop_class) -> str:
    for module, attributes in _modules_of(str(sop_class)).items():
        if keyword in attributes:
            return _title(module)
    return "none"


def _title(module: str) -> str:
    if module.endswith("-series"):
        return "Series"
    words = module.replace("-", " ").title()
    return re.sub(r"\b(Sr|Sop|Sc|Ko)\b", lambda found: found[0].upper(), words)


def _datasets(objects: Sequence[Written]) -> dict[str, list[Written]]:
    return {
        column: [each for each in objects if each.kind in kinds]
        for column, kinds in _COLUMNS.items()
    }


def module_rows(objects: Sequence[Written]) -> Iterable[Row]:
    """Each module that has attributes: its usage in each class."""
    used: dict[str, dict[str, str]] = {}
    for column, ones in _datasets(objects).items():
        sop_class = str(SERIES[ones[0].kind].sop_class)
        present = {element.keyword for each in ones for element in each.dataset}
        told = {_module(keyword, sop_class) for keyword in present}
        for module, attributes in _modules_of(sop_class).items():
            if _title(module) in told:
                used.setdefault(_title(module), {})[column] = next(iter(attributes.values()))
    for module, columns in used.items():
        yield module, *(columns.get(column, "") for column in _COLUMNS)


def attribute_rows(objects: Sequence[Written]) -> Iterable[Row]:
    """Each attribute at the top, by module: keyword, tag, VR, source, presence in each class."""
    order: dict[str, dict[str, dict[str, str]]] = {}
    sources: dict[str, set[str]] = {}
    for column, ones in _datasets(objects).items():
        sop_class = str(SERIES[ones[0].kind].sop_class)
        for keyword in dict.fromkeys(element.keyword for each in ones for element in each.dataset):
            place = order.setdefault(_module(keyword, sop_class), {}).setdefault(keyword, {})
            place[column] = _presence(keyword, ones)
            sources.setdefault(keyword, set()).add(_source(keyword, column, ones))
    for module in (row[0] for row in module_rows(objects)):
        keywords = order[module]
        for keyword in sorted(keywords, key=_tag):
            of = "/".join(sorted(sources[keyword]))
            presence = (keywords[keyword].get(column, "") for column in _COLUMNS)
            yield module, keyword, _tag(keyword), dictionary_VR(keyword), of, *presence


def _presence(keyword: str, ones: Sequence[Written]) -> str:
    """PS3.2 Annex N, in one word for attribute and value."""
    there = [each.dataset[keyword] for each in ones if keyword in each.dataset]
    filled = [element for element in there if not element.is_empty]
    always = len(there) == len(ones)
    if not filled:
        return "EMPTY" if always else "ANAPEV"
    if len(filled) == len(there):
        return "ALWAYS" if always else "ANAP"
    return "VNAP" if always else "ANAPCV"


def _source(keyword: str, column: str, ones: Sequence[Written]) -> str:
    if keyword in {*KEPT, "StudyInstanceUID", "SpecificCharacterSet"}:
        return "COPY"
    if keyword in _OF_IMAGES and column == "SEG":
        return "COPY"
    if keyword in _COUNTED:
        return "AUTO"
    values = {str(each.dataset[keyword].value) for each in ones if keyword in each.dataset}
    many = dictionary_VR(keyword) == "SQ" and any(values - {"[]"})
    return "FIXED" if len(values) == 1 and not many else "AUTO"
