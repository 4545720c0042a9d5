"""The model card says what the evaluation found, and answers what is asked of such a card."""

import re

import pytest
from PIL import Image

from opacimeter.assess.bundle import default_folder, read_bundle
from training.evaluation.card import BEGIN, END, card_part, with_figures
from training.evaluation.failures import LARGEST_BYTES
from training.evaluation.figures import from_json

FOLDER = default_folder()
CARD = FOLDER / "docs" / "README.md"

pytestmark = pytest.mark.skipif(
    not (FOLDER / "evaluation" / "figures.json").exists(), reason="the bundle was never evaluated"
)


@pytest.fixture(scope="module")
def card():
    return CARD.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def figures():
    return from_json((FOLDER / "evaluation" / "figures.json").read_text())


def anchors(text):
    """Headings as links name them."""
    heads = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", head).lower().replace(" ", "-") for head in heads}


def test_the_cards_figures_are_those_of_the_evaluation(card, figures):
    assert card.count(BEGIN) == card.count(END) == 1
    assert card == with_figures(card, figures)
    # In words of its own, so that an empty part would not pass.
    everyone = next(group for group in figures.groups if group.group == "all")
    mean = everyone.lesion_dice
    assert f"| {mean.value:.2f} ({mean.low:.2f}–{mean.high:.2f}) |" in card
    for row in figures.studies:
        assert re.search(rf"^\| {row.study}\b.*\| {row.lesion_percent:.2f} \|", card, re.M)


def test_the_cards_figures_are_of_the_weights_beside_it(card, figures):
    bundle = read_bundle(FOLDER)
    assert figures.sha256 == bundle.network.sha256
    assert f"weights {bundle.network.sha256[:12]}" in card
    assert re.search(
        rf"^\| {re.escape(bundle.network.version)} \| {bundle.network.sha256[:12]} \|", card, re.M
    )


def test_gates_name_the_weights_beside_them_and_the_figures_agree(figures):
    bundle = read_bundle(FOLDER)
    assert bundle.gates
    for name, gate in bundle.gates.items():
        assert gate.weights_sha256 == bundle.network.sha256
        assert figures.gates[name]["lesion_dice"] == gate.lesion_dice
        assert figures.gates[name]["weights_sha256"] == gate.weights_sha256


def test_everything_that_is_asked_stands_somewhere(card):
    told = anchors(card)
    for part in ("use", "data", "method", "performance", "limits-and-bias", "monitoring",
                 "report-a-problem", "versions"):  # fmt: skip
        assert part in told
    for link in re.findall(r"\]\(#([^)]+)\)", card):
        assert link in told
    for link in re.findall(r"\]\(([^)#:]+)\)", card):
        assert (CARD.parent / link).exists(), link
    rows = re.findall(r"^\| (?:10|\d) [a-z].*\|$", card, re.M)
    assert len(rows) == 10  # of Good Machine Learning Practice
    assert all(f"\n| {word} |" in card for word in ("who", "why", "what", "where", "when", "how"))


def test_failure_cases_are_shown_by_weights_that_never_saw_them(card, figures):
    assert len(figures.failures) >= 3
    seen_by = {row.case: row.seen_by for row in figures.patients}
    for failure in figures.failures:
        assert f"](../evaluation/{failure.picture})" in card
        assert failure.seen_by == seen_by[failure.case]


def test_pictures_are_small_and_carry_nothing_but_pixels(figures):
    shown = {failure.picture for failure in figures.failures}
    assert {path.name for path in (FOLDER / "evaluation").glob("failure-*")} == shown
    for name in shown:
        assert re.fullmatch(r"failure-case-\d\d(-thin)?\.webp", name)
        path = FOLDER / "evaluation" / name
        assert path.stat().st_size < LARGEST_BYTES
        with Image.open(path) as picture:
            assert not picture.getexif()
            assert not {"exif", "xmp", "icc_profile"} & set(picture.info)


def test_a_card_without_a_place_for_figures_stays_as_it_is(figures):
    assert with_figures("Somebody's card.\n", figures) == "Somebody's card.\n"
    text = f"a\n{BEGIN}\nold\n{END}\nb\n"
    assert with_figures(text, figures) == f"a\n{BEGIN}\n\n{card_part(figures)}\n{END}\nb\n"
