"""The one-page PDF: its numbers, its language, its fonts, and that it is one page."""

import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
import pytest
from PIL import Image
from pydicom.valuerep import PersonName
from pypdf import PdfReader

from opacimeter.assess.measure import measure
from opacimeter.checks import Check
from opacimeter.language import LANGUAGES, Words
from opacimeter.record import Correction, Prior
from opacimeter.report.drawing import LESION_COLOUR
from opacimeter.report.page import page_pdf, page_pictures
from opacimeter.report.pictures import Pictures
from opacimeter.report.result import result
from tests.report.papers import with_header

LANGUAGE = pytest.mark.parametrize("language", LANGUAGES)


@pytest.fixture
def calibrated(assessment):
    return replace(with_header(assessment), interval_90_percent=(0.12345, 5.24))


def page(assessment, record, language="en", **content) -> bytes:
    shown = page_pictures(Pictures(assessment), len(assessment.volume.hu))
    return page_pdf(result(assessment, record) | content, shown, language)


def text(pdf: bytes) -> str:
    return " ".join(PdfReader(io.BytesIO(pdf)).pages[0].extract_text().split())


@LANGUAGE
def test_the_numbers_are_those_of_the_result(calibrated, record, language):
    found = text(page(calibrated, record, language))
    content = result(calibrated, record)
    # Two lungs of 24,000 voxels of 2 mm³ hold 96 ml, the lesion of 600 voxels 1.2 ml: 1.25 %.
    assert content["regions"]["lungs"]["volume_ml"] == 96.0
    assert content["summary"]["lesion_ml"] == 1.2
    for number in ("96.0", "1.2 ml", "48.0", "−400", "−795"):
        assert number in found
    for region, values in content["regions"].items():
        row = " ".join(
            f"{values[name]:.1f}" for name in ("volume_ml", "lesion_ml", "lesion_percent")
        )
        assert f"{Words(language)(f'report.region.{region}')} {row}" in found


@LANGUAGE
def test_the_interval_both_grades_and_the_model_stand_on_the_page(calibrated, record, language):
    words = Words(language)
    found = text(page(calibrated, record, language))
    assert words("report.score.interval", low="0.1", high="5.2") in found
    assert words("report.score.ct_ss.value", grade=1) in found
    assert words("report.score.ct_ss.near") in found
    # The lesion lies in the upper zone of the right lung alone: one zone of at most 25 %.
    assert words("report.score.zone.value", value=1, of=24) in found
    assert "lung-lesion 1.0.0" in found
    assert "sha256 ab12" in found
    assert "2026-11-23 10:00 UTC" in found
    assert words("report.notice") in found


def test_a_chest_without_lesion_has_a_page(assessment, record):
    labels = assessment.segmentation.labels.copy()
    labels[labels > 2] -= 2
    found = measure(assessment.volume, labels)
    segmentation = replace(assessment.segmentation, labels=labels)
    healthy = with_header(
        replace(
            assessment,
            segmentation=segmentation,
            measurements=found.measurements,
            lesions=found.lesions,
            profile=found.profile,
            histogram=found.histogram,
        )
    )
    assert "0.0 ml" in text(page(healthy, record))


@LANGUAGE
def test_all_fonts_are_embedded(calibrated, record, language):
    fonts = PdfReader(io.BytesIO(page(calibrated, record, language))).pages[0]["/Resources"][
        "/Font"
    ]
    names = set()
    for font in fonts.values():
        names.add(font["/BaseFont"])
        assert "/FontFile2" in font["/FontDescriptor"]
    assert names
    assert not any("Helvetica" in name for name in names)


@LANGUAGE
def test_the_page_made_twice_is_the_same_to_the_byte(calibrated, record, language):
    first = page(calibrated, record, language)
    assert first == page(calibrated, record, language)
    later = replace(record, created=datetime(2026, 11, 24, tzinfo=UTC))
    assert first != page(calibrated, later, language)
    assert PdfReader(io.BytesIO(first)).metadata.creation_date == record.created


@LANGUAGE
def test_whatever_is_said_it_is_one_page_and_says_what_was_cut(calibrated, record, language):
    warned = replace(
        calibrated,
        checks=tuple(Check("thick-slices", f"Slices lie {n} mm apart. " * 30) for n in range(12)),
    )
    corrected = replace(record, correction=Correction(1, "Dr Long " * 40, "because " * 400))
    content = result(warned, corrected)
    patient = content["patient"] | {"name": "Long^" * 60}
    study = content["study"] | {"description": "Thorax " * 100}
    pdf = page(warned, corrected, language, patient=patient, study=study)
    assert len(PdfReader(io.BytesIO(pdf)).pages) == 1
    found = text(pdf)
    words = Words(language)
    # Five lines for twelve checks: four of them, and how many are not shown.
    assert words("report.checks.more", count=8) in found
    assert "…" in found
    assert words("report.cut") in found
    assert words("report.cut") not in text(page(calibrated, record, language))


def test_who_corrected_and_who_reviewed_it_is_told(calibrated, record):
    corrected = replace(record, version=2, correction=Correction(1, "Dr Wu", "vessel taken out"))
    review = {"state": "accepted", "author": "Dr Li", "reason": "agrees", "time": "2026-11-23"}
    found = text(page(calibrated, corrected, review=review))
    assert "Corrected by Dr Wu from version 1: vessel taken out" in found
    assert "Accepted by Dr Li: agrees" in found
    assert "Not reviewed" not in found
    assert "Not reviewed" in text(page(calibrated, record))


def test_the_checks_are_told_in_the_language(calibrated, record):
    assert "Warning: Slices lie 4 mm apart." in text(page(calibrated, record, "en"))
    assert "警告：" in text(page(calibrated, record, "zh-CN"))


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Wang^XiaoDong=王^小东", ["Wang XiaoDong", "王小东"]),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", ["山田太郎", "やまだ たろう"]),
        ("Hong^Gildong=洪^吉洞=홍^길동", ["洪吉洞", "홍길동"]),
        ("Buc^Jérôme", ["Buc Jérôme"]),
        ("Люкceмбypг", ["Люкceмбypг"]),
        ("Διονυσιος", ["Διονυσιος"]),
        ("Čapek^Řehoř", ["Čapek Řehoř"]),
        ("สมชาย", ["สมชาย"]),
    ],
)
def test_a_name_in_any_character_set_shows(calibrated, record, name, parts):
    patient = result(calibrated, record)["patient"] | {"name": name}
    found = text(page(calibrated, record, patient=patient))
    assert all(part in found for part in parts)


def test_a_name_of_a_gb18030_study_shows_in_both_languages(calibrated, record):
    stored = "Wang^XiaoDong=王^小东".encode("gb18030")
    named = with_header(
        calibrated, SpecificCharacterSet="GB18030", PatientName=PersonName(stored, ["gb18030"])
    )
    assert "Wang XiaoDong 王小东" in text(page(named, record, "en"))
    assert "王小东 Wang XiaoDong" in text(page(named, record, "zh-CN"))


def test_arabic_is_joined_and_turned_and_a_letter_no_font_has_shows_its_code(calibrated, record):
    patient = result(calibrated, record)["patient"]
    found = text(page(calibrated, record, patient=patient | {"name": "قباني"}))
    # qaf initial, beh medial, alef final, noon initial, yeh final: set from the left, so reversed.
    assert "\ufef2\ufee7\ufe8e\ufe92\ufed7" in found or "\ufed7\ufe92\ufe8e\ufee7\ufef2" in found
    assert "[U+20BB7]" in text(page(calibrated, record, patient=patient | {"name": "𠮷田"}))


@LANGUAGE
def test_a_comparison_tells_before_now_and_the_change(calibrated, record, language):
    earlier = result(calibrated, record)
    earlier["study"] = earlier["study"] | {"date": "2025-12-03", "uid": "1.2.9"}
    lungs = earlier["regions"]["lungs"]
    lungs["lesion_ml"], lungs["lesion_percent"] = 9.6, 10.0
    prior = Prior(UUID(int=7), 1, earlier)
    found = text(page(calibrated, replace(record, prior=prior), language))
    words = Words(language)
    # From 9.6 to 1.2 ml and from 10 to 1.25 %, 30 days from 3 December to 2 January.
    assert words("report.prior.step", before="9.6", now="1.2", change="−8.4") in found
    step = words("report.answer.change", date="2025-12-03", days=30, before="10.0", now="1.2")
    assert step in found
    assert words("report.answer.no_prior") not in found
    assert words("report.answer.no_prior") in text(page(calibrated, record, language))


def test_what_is_not_there_is_a_dash_and_what_is_little_is_not_nothing(calibrated, record):
    regions = result(calibrated, record)["regions"]
    regions["left-lung"].pop("mean_hu")
    regions["left-upper"]["lesion_ml"] = 0.02
    found = text(page(calibrated, record, regions=regions))
    assert re.search(r"Left lung 48\.0 0\.0 0\.0 0\.0 0\.0 0\.0 – ", found)
    assert re.search(r"Left upper zone \S+ <0\.1 ", found)


def test_without_lung_there_is_still_a_page(calibrated, record):
    content = result(calibrated, record)
    regions = {region: {} for region in content["regions"]}
    found = text(page(calibrated, record, regions=regions, summary={}, lesions=[]))
    assert "No lung is marked" in found


def test_key_pictures_outline_the_label_map_and_show_the_right_lung_on_the_left(assessment):
    pictures = Pictures(assessment)
    # The lesion lies in slices 8…13 of the right lung: what is shown of it is one slice of these.
    assert any(8 <= index <= 13 for index in pictures.page_slices)
    drawn = pictures.axial(10).rgb
    orange = (drawn == LESION_COLOUR).all(-1)
    # 12 mm around rows 10…49 and columns 10…69 is 60×80 mm cut at the border: 512 pixels for 80.
    assert drawn.shape == (384, 512, 3)
    rows, columns = np.flatnonzero(orange.any(1)), np.flatnonzero(orange.any(0))
    edges = [rows[0], rows[-1] + 1, columns[0], columns[-1] + 1]
    assert edges == pytest.approx([20 * 6.4, 30 * 6.4, 15 * 6.4, 25 * 6.4], abs=2)


def turned(array):
    """Rows and columns exchanged and both run backwards."""
    return np.ascontiguousarray(array.transpose(0, 2, 1)[:, ::-1, ::-1])


def test_pictures_are_the_same_however_the_scanner_laid_out_its_pixels(assessment):
    # 80 columns lie along x, 60 rows along y: turned, rows run from x 79 and columns from y 59.
    affine = np.array([[0, -1, 0, 79.0], [0, 0, -1, 59.0], [-2, 0, 0, 0], [0, 0, 0, 1]])
    volume, segmentation = assessment.volume, assessment.segmentation
    other = replace(
        assessment,
        volume=replace(volume, hu=turned(volume.hu), affine=affine),
        segmentation=replace(segmentation, labels=turned(segmentation.labels)),
    )
    one, two = Pictures(assessment), Pictures(other)
    assert np.array_equal(one.axial(10).rgb, two.axial(10).rgb)
    assert np.array_equal(one.coronal.rgb, two.coronal.rgb)
    assert one.coronal.position_mm == two.coronal.position_mm


def test_the_coronal_picture_lies_at_the_largest_lesion_with_the_head_up(assessment):
    coronal = Pictures(assessment).coronal
    assert coronal.index in (24, 25)  # rows 20…29 of the lesion
    orange = np.flatnonzero((coronal.rgb == LESION_COLOUR).all(-1).any(1))
    assert orange.max() < coronal.rgb.shape[0] / 2


def test_the_pictures_of_the_page_are_those_that_were_drawn(calibrated, record):
    images = PdfReader(io.BytesIO(page(calibrated, record))).pages[0].images
    sizes = {Image.open(io.BytesIO(image.data)).size for image in images}
    assert len(images) <= 6
    assert (512, 384) in sizes
