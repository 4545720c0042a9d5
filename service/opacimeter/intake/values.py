"""Header values as Python values: what cannot be read is missing, never guessed.

DICOM in the wild holds decimal commas, empty numbers and text where numbers belong. Everything in
intake reads headers through these functions, so a broken value is a missing value everywhere.
"""

import math
from collections.abc import Sequence
from typing import Any

from pydicom import Dataset

__all__ = ["number", "numbers", "sequence", "value", "whole", "words"]


def value(header: Dataset, keyword: str) -> Any:  # noqa: ANN401 - pydicom's values have no type
    """The value of an attribute, None where it is absent, empty or unreadable."""
    try:
        found = header.get(keyword)
    except Exception:
        # The boundary to foreign bytes: pydicom converts when asked, and raises whatever the
        # conversion raises (ValueError, struct.error, OverflowError, …).
        return None
    return None if found is None or found == "" else found


def numbers(header: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """Exactly `count` finite numbers, or None."""
    found = value(header, keyword)
    items = tuple(found) if _is_many(found) else (found,)
    parsed = tuple(each for each in map(_parsed, items) if each is not None)
    return parsed if len(parsed) == len(items) == count else None


def number(header: Dataset, keyword: str) -> float | None:
    """One finite number, the first where there are several; or None."""
    found = value(header, keyword)
    return _parsed(found[0] if _is_many(found) and len(found) else found)


def whole(header: Dataset, keyword: str) -> int | None:
    """One whole number, or None."""
    found = number(header, keyword)
    return int(found) if found is not None and found == int(found) else None


def words(header: Dataset, keyword: str) -> tuple[str, ...]:
    """The texts of an attribute, stripped and in upper case; empty where there are none."""
    found = value(header, keyword)
    items = found if _is_many(found) else (found,)
    return tuple(str(item).strip().upper() for item in items if item is not None)


def sequence(header: Dataset, keyword: str) -> Sequence[Dataset]:
    """The items of a sequence, none where it is absent or is no sequence."""
    found = value(header, keyword)
    if not _is_many(found) or not all(isinstance(item, Dataset) for item in found):
        return ()
    items: Sequence[Dataset] = found
    return items


def _parsed(item: Any) -> float | None:  # noqa: ANN401 - as `value`
    try:
        parsed = float(item)
    except (TypeError, ValueError, OverflowError):
        return None
    return parsed if math.isfinite(parsed) else None


def _is_many(found: object) -> bool:
    return hasattr(found, "__len__") and not isinstance(found, (str, bytes)) and not _is_name(found)


def _is_name(found: object) -> bool:
    return hasattr(found, "family_name")
