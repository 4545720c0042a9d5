"""What the service words itself in English has a text in every language, clause by clause."""

import ast

import pytest

from opacimeter.checks import SEVERITY_OF_CODE, Severity
from opacimeter.language import LANGUAGES, texts
from tests.language.told import PACKAGE, clauses_unknown, code, key

READING = [
    f"intake/{name}.py"
    for name in (
        "inspecting",
        "stacking",
        "splitting",
        "frames",
        "decoding",
        "hounsfield",
        "reading",
    )
]


def ends():
    """Why an assessment failed, or was given up."""
    for each in code("app/worker.py", "jobs/worker.py"):
        for call in (*each.calls("end"), *each.calls("abandon")):
            for reason in call.args[1:2]:
                yield from each.examples(reason)
    yield from assigned("row.error", "store/runs.py")
    # Raised while a study is worked on: the worker keeps their words.
    for each in code("intake/loading.py", "assess/corrected.py"):
        for call in (*each.calls("NotFound"), *each.calls("Conflict")):
            yield from each.examples(call.args[0])


def assigned(name, *paths):
    """What a name or attribute is set to."""
    for each in code(*paths):
        for node in ast.walk(each.function):
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
                yield from each.examples(node.value)


def returned(function, *paths):
    """What a function returns."""
    for each in code(*paths):
        if each.function.name == function:
            for node in ast.walk(each.function):
                if isinstance(node, ast.Return):
                    yield from each.examples(node.value)


def faults():
    """Why a series is not fit: the messages of the checks that reject it."""
    for each in code(*READING):
        for call in each.calls("Check"):
            if SEVERITY_OF_CODE[call.args[0].value] is Severity.REJECT:
                yield from each.examples(call.args[1])


def series():
    """Why a series was not chosen: whole sentences, and parts that become some."""
    for each in code("intake/loading.py", "pipeline.py"):
        for call in each.calls("OtherSeries"):
            yield from each.examples(call.args[1])
    for each in code("intake/inspecting.py"):
        for call in each.calls("replace"):
            never = [word.value for word in call.keywords if word.arg == "never"]
            yield from (node.value for node in never if isinstance(node, ast.Constant))
    yield from filter(None, returned("_why_never", "intake/inspecting.py"))
    yield from (worse for _, worse in rules())
    yield from ("Another series was asked for.", "It holds no image that can be read.")


def rules():
    """What decides between two fit series: better, worse."""
    module = ast.parse((PACKAGE / "intake/choosing.py").read_text(encoding="utf-8"))
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_Rule":
            yield node.args[0].value, node.args[1].value


def reasons():
    """The reasons for a series, as `chosen_because` and a corrected version give them."""
    yield from (f"Of 7 series fit to measure, {better}." for better, _ in rules())
    yield "It is the only series fit to measure. series 7 could not be used:"
    yield "It is the only series of CT images. another series could not be used:"
    yield "It was asked for."
    yield from returned("_because", "assess/corrected.py")
    yield from assigned("reason", "pipeline.py")


@pytest.mark.parametrize("kind", [ends, faults, series, reasons])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_has_a_text(kind, language):
    told = sorted(set(kind()))
    assert len(told) > 5
    known = texts(language)
    assert {text: unknown for text in told if (unknown := clauses_unknown(text, known))} == {}


def test_the_sentences_that_once_stayed_english_are_looked_at():
    failures, unfit, others = " ".join(ends()), " ".join(faults()), " ".join(series())
    for text in ("An internal error (ValueError) ended", "each time it began this, so"):
        assert text in failures
    for text in ("7 without position", "shifted sideways", "bits allocated", "near -1000 HU"):
        assert text in unfit
    assert "It holds no CT images (PT/KO)." in others


def test_a_sentences_key_is_made_as_the_page_makes_it():
    assert key("Of 3 images -2.5 mm (1.2.840) lie; at most 5 %.") == (
        "result.sentence.of-n-images-n-mm-n-lie-at-most-n"
    )


def test_every_document_has_a_name():
    named = {
        call.args[0].value
        for path in sorted((PACKAGE / "report").glob("*.py"))
        for each in code(f"report/{path.name}")
        for call in each.calls("Document")
        if isinstance(call.args[0], ast.Constant)
    }
    assert {"result.json", "refusal.dcm", "report.dcm"} <= named
    for tag in LANGUAGES:
        named.add(f"report.{tag}.pdf")
    for name in named | {"lesions.seg.dcm", "anatomy.seg.dcm"}:
        assert f"result.document.{name}" in texts("en"), name
