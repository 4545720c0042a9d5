"""Every text exists in every language, with the same places; what the page asks for is there."""

import re
from pathlib import Path
from string import Formatter

import pytest

import opacimeter.language
import opacimeter.web
from opacimeter.api.problems import KINDS
from opacimeter.language import LANGUAGES, Words, texts
from opacimeter.store import Status

ROOM = Path(opacimeter.language.__file__).parent
WEB = Path(opacimeter.web.__file__).parent
OTHERS = [tag for tag in LANGUAGES if tag != "en"]
SUBJECTS = sorted(path.stem for path in (ROOM / "en").glob("*.json"))
SCRIPTS = sorted((WEB / "static").rglob("*.js"))


def places(text):
    return sorted({name for _, name, _, _ in Formatter().parse(text) if name is not None})


def asked_for():
    """Keys that scripts and templates name whole; those put together at run time are elsewhere."""
    for path in SCRIPTS:
        if "vendor" in path.parts:
            continue
        script = path.read_text("utf-8")
        yield from re.findall(r'\bt\(\s*"([^"]+)"', script)
        for key in re.findall(r'\bcounted\(\s*"([^"]+)"', script):
            yield from (f"{key}.one", f"{key}.other")
        yield from re.findall(r'"((?:page|problems|result|viewer)\.[\w.-]+)"', script)
    for path in sorted((WEB / "templates").glob("*.html")):
        yield from re.findall(r'data-(?:text|label|placeholder)="([^"]+)"', path.read_text("utf-8"))


@pytest.mark.parametrize("tag", OTHERS)
def test_a_language_has_the_same_keys_as_english(tag):
    assert sorted(texts(tag)) == sorted(texts("en"))


@pytest.mark.parametrize("tag", OTHERS)
def test_a_text_has_the_same_places_in_every_language(tag):
    english, other = texts("en"), texts(tag)
    differing = [
        key for key in english if key in other and places(english[key]) != places(other[key])
    ]
    assert differing == []


@pytest.mark.parametrize("tag", LANGUAGES)
def test_no_text_is_empty_and_a_file_holds_only_its_subject(tag):
    for path in sorted((ROOM / tag).glob("*.json")):
        found = Words(tag)
        assert path.stem in SUBJECTS
        blank = [key for key, text in texts(tag).items() if not text.strip()]
        assert [key for key in blank if not key.endswith(".separator")] == []
        keys = re.findall(r'^\s*"([^"]+)":', path.read_text("utf-8"), re.M)
        assert [key for key in keys if not key.startswith(f"{path.stem}.")] == []
        assert [key for key in keys if key not in found] == []
        assert len(keys) == len(set(keys)), f"{tag}/{path.name} has a key twice"


def test_everything_that_the_page_asks_for_is_there():
    # A key that ends in a dot or is the beginning of others is put together at run time.
    known = texts("en")
    wanted = set(asked_for())
    assert len(wanted) > 50
    missing = {
        key
        for key in wanted
        if key not in known and not any(k.startswith(f"{key}.") for k in known)
    }
    assert missing == set()


def test_every_state_step_and_problem_has_its_words():
    known = texts("en")
    for status in Status:
        assert f"page.status.{status.value}" in known
    for step in ("read", "segment", "measure", "report", "deliver"):
        assert f"page.step.{step}" in known
    for kind in (*KINDS, "unreachable", "unreadable", "other"):
        assert f"problems.{kind}" in known


def test_the_first_paint_says_what_english_says():
    template = (WEB / "templates" / "page.html").read_text("utf-8")
    for key, text in re.findall(r'data-text="([^"]+)"[^>]*>([^<]*)<', template):
        assert text == texts("en")[key], key
    for key, label in re.findall(r'data-label="([^"]+)" aria-label="([^"]+)"', template):
        assert label == texts("en")[key], key


def test_the_page_words_nothing_itself():
    """Texts in scripts are keys, names and numbers; a sentence begins large and has spaces."""
    for path in SCRIPTS:
        if "vendor" in path.parts:
            continue
        code = re.sub(r"^\s*(//|\*|/\*).*$|\s//\s.*$", "", path.read_text("utf-8"), flags=re.M)
        sentences = re.findall(r'"([A-Z][a-z]+(?: [a-z]+){2,}[^"]*)"', code)
        assert sentences == [], path.name


def test_a_missing_place_is_an_error_and_a_wrong_language_too():
    with pytest.raises(KeyError):
        Words("en")("page.worklist.range", total=3)
    with pytest.raises(ValueError, match="en, zh-CN"):
        texts("de")
