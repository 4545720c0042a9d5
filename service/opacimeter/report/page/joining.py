"""Arabic and Hebrew for a drawing engine that sets glyphs from left to right and joins nothing.

Enough for names: letters take their joined forms (Unicode's presentation forms B, the Unicode
Standard 9.2), lam and alef their ligature, and what runs from right to left is turned round. For
the page's texts in other scripts nothing changes.
"""

import unicodedata
from collections.abc import Mapping
from functools import cache
from itertools import groupby
from typing import Final

__all__ = ["drawn_order"]

_FORMS: Final = ("isolated", "final", "initial", "medial")


def drawn_order(text: str) -> str:
    """The text with its letters joined and in the order they are set, from left to right."""
    if not any(_runs_left(letter) for letter in text):
        return text
    runs = ["".join(run) for _, run in groupby(_joined(text), key=_direction())]
    if not any(letter.isalpha() and not _runs_left(letter) for letter in text):
        return "".join(_turned(run) for run in reversed(runs))
    return "".join(_turned(run) for run in runs)


def _turned(run: str) -> str:
    """A run turned round, each mark still after its letter; others as they are."""
    if not any(_runs_left(letter) for letter in run):
        return run
    clusters: list[str] = []
    for letter in run:
        if unicodedata.combining(letter) and clusters:
            clusters[-1] += letter
        else:
            clusters.append(letter)
    return "".join(reversed(clusters))


def _runs_left(letter: str) -> bool:
    return unicodedata.bidirectional(letter) in {"R", "AL"}


class _Directed:
    """Whether letters run left; spaces and marks go with what stands before them."""

    def __init__(self) -> None:
        self._left = False

    def __call__(self, letter: str) -> bool:
        kind = unicodedata.bidirectional(letter)
        if kind not in {"NSM", "WS", "ON", "CS", "ES"}:
            self._left = kind in {"R", "AL"}
        return self._left


def _direction() -> _Directed:
    return _Directed()


def _joined(text: str) -> str:
    letters = _ligatures(text)
    return "".join(_form(letters, index) for index in range(len(letters)))


def _ligatures(text: str) -> list[str]:
    """The letters; lam and alef, which have one glyph, as one."""
    pairs, letters = _joining_forms(), list[str]()
    for letter in text:
        if letters and letters[-1] + letter in pairs:
            letters[-1] += letter
        else:
            letters.append(letter)
    return letters


def _form(letters: list[str], index: int) -> str:
    own = _joining_forms().get(letters[index])
    if own is None:
        return letters[index]
    before = "final" in own and "initial" in _neighbour(letters, index, -1)
    after = "initial" in own and "final" in _neighbour(letters, index, 1)
    wanted = {(True, True): "medial", (True, False): "final", (False, True): "initial"}
    return own.get(wanted.get((before, after), "isolated"), letters[index])


def _neighbour(letters: list[str], index: int, step: int) -> Mapping[str, str]:
    """The forms of the next letter in a direction; marks are passed over."""
    index += step
    while 0 <= index < len(letters) and unicodedata.combining(letters[index][0]):
        index += step
    return _joining_forms().get(letters[index], {}) if 0 <= index < len(letters) else {}


@cache
def _joining_forms() -> Mapping[str, Mapping[str, str]]:
    """Letter, or pair that makes a ligature, to its forms."""
    found: dict[str, dict[str, str]] = {}
    for code in (*range(0xFB50, 0xFBFF), *range(0xFE80, 0xFEFD)):
        kind, *codes = unicodedata.decomposition(chr(code)).split() or [""]
        letters = "".join(chr(int(each, 16)) for each in codes)
        if kind.strip("<>") in _FORMS and (len(letters) == 1 or letters[:1] == "\u0644"):
            found.setdefault(letters, {})[kind.strip("<>")] = chr(code)
    return found
