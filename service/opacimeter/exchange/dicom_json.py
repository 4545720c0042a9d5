"""DICOM JSON as answers hold it (PS3.18 annex F)."""

import json
from collections.abc import Mapping
from typing import Any

from pydicom.datadict import tag_for_keyword

__all__ = ["items", "parsed", "text", "texts"]


def parsed(body: bytes) -> list[Mapping[str, Any]] | None:
    """The data sets of an answer; None where it is no DICOM JSON."""
    try:
        told = json.loads(body)
    except ValueError:
        return None
    found = told if isinstance(told, list) else [told]
    return found if all(isinstance(each, Mapping) for each in found) else None


def texts(dataset: Mapping[str, Any], keyword: str) -> tuple[str, ...]:
    """The values of an element as texts; a name by its alphabetic group."""
    values = _values(dataset, keyword)
    plain = (each.get("Alphabetic") if isinstance(each, Mapping) else each for each in values)
    return tuple(str(each) for each in plain if each is not None)


def text(dataset: Mapping[str, Any], keyword: str) -> str:
    """The first value of an element; empty where there is none."""
    return next(iter(texts(dataset, keyword)), "")


def items(dataset: Mapping[str, Any], keyword: str) -> tuple[Mapping[str, Any], ...]:
    """The items of a sequence."""
    return tuple(each for each in _values(dataset, keyword) if isinstance(each, Mapping))


def _values(dataset: Mapping[str, Any], keyword: str) -> list[Any]:
    tag = tag_for_keyword(keyword)
    element = dataset.get(f"{tag:08X}") if tag is not None else None
    values = element.get("Value") if isinstance(element, Mapping) else None
    return values if isinstance(values, list) else []
