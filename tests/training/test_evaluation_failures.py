"""The worst cases and their pictures."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.training.judges import Told
from training.cases import Case
from training.evaluation.failures import (
    draw_failure,
    failures_part,
    keep_pictures,
    worst,
)
from training.evaluation.lesions import judge_lesions


@pytest.fixture(scope="module")
def case():
    """Four slices of a box lung; the reader drew 20×20 pixels on the second and third."""
    hu = np.full((4, 80, 80), 40, dtype=np.int16)
    target = np.zeros(hu.shape, dtype=np.uint8)
    hu[:, 20:60, 15:65] = -850
    target[:, 20:60, 15:65] = 1
    target[1:3, 30:50, 20:40] = 2
    hu[target == 2] = -300
    return Case("case-01", "case-01", "lesion", hu, target, intensity="restored")


def shifted(volume):
    """As the reader, but on the third slice six columns to the left's side."""
    labels = np.where(volume.hu < 0, 1, 0)
    labels[1, 30:50, 20:40] = 3
    labels[2, 30:50, 26:46] = 3
    return labels


def row(chest, **changes):
    return replace(judge_lesions(chest, Told(shifted), "fold a"), **changes)


def test_the_worst_by_percentage_come_first_and_then_by_outline(case):
    def patient(name, dice, found, truth=10.0):
        return row(case, case=name, patient=name, lesion_dice=dice, found_percent=found,
                   truth_percent=truth)  # fmt: skip

    rows = [
        patient("a", 0.9, 20.0), patient("b", 0.1, 10.5), patient("c", 0.5, 10.2),
        patient("d", 0.0, 4.0, 0.01),  # 3.99 points off; too little lesion for a Dice
        patient("e", 0.8, 8.0),  # 2 points off
    ]  # fmt: skip
    assert [one.case for one in worst(rows, 4)] == ["a", "d", "b", "c"]
    assert [one.case for one in worst(rows, 1)] == ["a"]
    later = replace(rows[0], case="a-thin", found_percent=40.0)
    assert "a-thin" not in {one.case for one in worst([*rows, later], 9)}


def test_the_slice_with_most_wrong_pixels_is_shown(case):
    failure = draw_failure(case, Told(shifted), row(case)).failure
    assert (failure.slice, failure.slices, failure.seen_by) == (3, 4, "fold a")
    # 20 rows of 20 columns each, 14 columns in common.
    assert failure.slice_dice == pytest.approx(14 / 20)
    assert failure.picture == "failure-case-01.webp"


def test_one_half_is_the_slice_and_the_other_bears_both_outlines(case):
    webp = draw_failure(case, Told(shifted), row(case)).webp
    picture = np.asarray(Image.open(io.BytesIO(webp)).convert("RGB"))
    # The lungs' 40×50 pixels with a margin of 10, twice enlarged, two of them and a seam of 4.
    assert picture.shape == (120, 2 * 140 + 4, 3)
    plain, drawn = picture[:, :140], picture[:, 144:]
    assert np.ptp(plain.astype(int), axis=2).max() < 40  # grey
    red_over_blue = drawn[:, :, 0].astype(int) - drawn[:, :, 2]
    assert (red_over_blue < -60).any()  # the reader's
    assert (red_over_blue > 60).any()  # the model's


def test_a_picture_of_other_figures_is_not_drawn(case):
    with pytest.raises(ValueError, match="evaluate again"):
        draw_failure(case, Told(shifted), row(case, found_percent=90.0))


def test_pictures_of_before_are_gone(case, tmp_path):
    (tmp_path / "failure-case-99.webp").write_bytes(b"old")
    (tmp_path / "report.md").write_text("stays")
    picture = draw_failure(case, Told(shifted), row(case))
    keep_pictures(tmp_path, [picture])
    assert {path.name for path in tmp_path.iterdir()} == {"failure-case-01.webp", "report.md"}
    assert (tmp_path / "failure-case-01.webp").read_bytes() == picture.webp
    text = "\n".join(failures_part([picture.failure]))
    assert "slice 3 of 4" in text
    assert "](failure-case-01.webp)" in text
