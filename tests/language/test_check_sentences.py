"""Every check has a sentence in every language, with places that the code fills."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

import opacimeter
from opacimeter.checks import SEVERITY_OF_CODE
from opacimeter.language import LANGUAGES, texts

PACKAGE = Path(opacimeter.__file__).parent
PARTS_OF_A_CHECK = {"name", "what_to_do"}


def places(text):
    return set(re.findall(r"\{(\w+)\}", text))


def keys_of(node, function):
    """Names that a detail surely holds; what is reckoned at run time counts as none."""
    if isinstance(node, ast.Dict):
        named = {key.value for key in node.keys if isinstance(key, ast.Constant)}
        return named | formatted(function) if None in node.keys else named
    if isinstance(node, ast.BinOp):
        return keys_of(node.left, function) | keys_of(node.right, function)
    if isinstance(node, ast.Name):
        assigned = [
            each.value
            for each in ast.walk(function)
            if isinstance(each, ast.Assign)
            and any(isinstance(to, ast.Name) and to.id == node.id for to in each.targets)
        ]
        return keys_of(assigned[0], function) if assigned else set()
    return set()


def formatted(function):
    """Names that the function itself fills into a message from a detail with spread names."""
    texts_in_it = [each.value for each in ast.walk(function) if isinstance(each, ast.Constant)]
    return {name for text in texts_in_it if isinstance(text, str) for name in places(text)}


def checks_made():
    """By code: for each place in the package that makes the check, the names in its detail."""
    made = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Check":
                    code, detail = call.args[0], call.args[2] if len(call.args) > 2 else None
                    if isinstance(code, ast.Constant):
                        made[code.value].append(keys_of(detail, function))
    return made


MADE = checks_made()


def test_the_package_makes_most_of_the_checks_it_names():
    # uid-conflict is made in three places, of a study, a series and an instance.
    assert len(MADE["uid-conflict"]) == 3
    assert set(MADE) <= set(SEVERITY_OF_CODE)
    assert len(MADE) > 30


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", SEVERITY_OF_CODE)
def test_every_check_has_a_name_and_a_sentence(code, language):
    known = texts(language)
    assert known[f"checks.{code}"].strip()
    assert known[f"checks.{code}.name"].strip()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", MADE)
def test_the_places_of_a_sentence_are_in_every_detail_that_the_code_gives(code, language):
    asked = places(texts(language)[f"checks.{code}"])
    for detail in MADE[code]:
        assert asked <= detail


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_for_one_kind_of_detail_asks_for_nothing_else(language):
    for key, text in texts(language).items():
        subject, _, rest = key.partition(".")
        code, _, variant = rest.partition(".")
        if subject == "checks" and variant and variant not in PARTS_OF_A_CHECK:
            assert code in SEVERITY_OF_CODE, key
            assert places(text) == set(variant.split("-")), key


def test_a_sentence_for_one_kind_of_detail_is_for_one_that_the_code_gives():
    # lung-cut-off names its places at run time, so the code's text does not show them.
    for key in texts("en"):
        subject, _, rest = key.partition(".")
        code, _, variant = rest.partition(".")
        told_apart = subject == "checks" and variant not in {"", *PARTS_OF_A_CHECK}
        if told_apart and code != "lung-cut-off":
            assert set(variant.split("-")) in MADE[code], key


def test_no_text_names_a_disease_as_found():
    for language in LANGUAGES:
        for key, text in texts(language).items():
            if key.startswith(("result.", "checks.")):
                assert not re.search(r"covid|co-rads|新冠|病毒性", text, re.IGNORECASE), key
