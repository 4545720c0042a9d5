"""Language: every text people read, by key, in each language.

A language is a folder of JSON files, one a subject (page, result, report, checks …), each an object
of flat keys that begin with the subject: `"report.title": "…"`. Places for values are written
`{name}`. The page is served the same texts as the PDF uses.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

__all__ = ["LANGUAGES", "Words", "texts"]

LANGUAGES: Mapping[str, str] = MappingProxyType({"en": "English", "zh-CN": "简体中文"})
"""BCP 47 tags, each with the language's own name."""

_HERE = Path(__file__).parent


@cache
def texts(language: str) -> Mapping[str, str]:
    """All texts of a language by key.

    Raises:
        ValueError: It is none of `LANGUAGES`.
    """
    if language not in LANGUAGES:
        raise ValueError(f"the language must be one of {', '.join(LANGUAGES)}")
    found: dict[str, str] = {}
    for file in sorted((_HERE / language).glob("*.json")):
        found |= json.loads(file.read_text(encoding="utf-8"))
    return MappingProxyType(found)


class Words:
    """The texts of one language, with values filled in."""

    def __init__(self, language: str) -> None:
        """Open a language of `LANGUAGES`; raises ValueError for another."""
        self.language = language
        self._texts = texts(language)

    def __contains__(self, key: str) -> bool:
        return key in self._texts

    def __call__(self, key: str, /, **values: object) -> str:
        """The text of a key.

        Raises:
            KeyError: No such text, or a place in it has no value.
        """
        return self._texts[key].format_map(values)

    def check(self, code: str, message: str, detail: Mapping[str, object]) -> str:
        """The sentence of a check.

        English is the language that checks are written in. Elsewhere the text of its code, where
        one code has several facts behind it the text that bears the names in its detail too
        (`checks.contrast-medium.heart_hu`); its own message where a place has no value.
        """
        if self.language == "en":
            return message
        for key in (f"checks.{code}.{'-'.join(sorted(detail))}", f"checks.{code}"):
            try:
                return self(key, **detail)
            except (KeyError, IndexError, ValueError, TypeError):
                continue
        return message
