"""A real patient's study, from the folder dropped on the page to the printed report.

The carried network measures it once; the pages below look at what came of it.
"""

import gzip
import io
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pydicom
import pytest
from PIL import Image
from pypdf import PdfReader
from scipy import ndimage

from tests.browser.viewed import settled, wired

pytestmark = pytest.mark.slow

LESION = np.array((255, 140, 0))
# What the page shows of the way there, looked at twenty times a second.
WATCH = """() => {
  window.seen = { bars: [], steps: [] };
  setInterval(() => {
    const bar = document.querySelector('.sending progress');
    const step = document.querySelector('.steps [aria-current=step]')?.textContent;
    if (bar?.hasAttribute('value')) window.seen.bars.push(bar.value);
    if (step && window.seen.steps.at(-1) !== step) window.seen.steps.push(step);
  }, 50);
}"""


@pytest.fixture(scope="module")
def covid(data, browser, service):
    """The study after it was dropped on the page and assessed: its id, and what was seen."""
    folder = data / "dicom" / "covid-p001"
    if not folder.is_dir():
        pytest.skip("the study covid-p001 is absent from OPACIMETER_DATA")
    context = browser.new_context(locale="en-GB", base_url=service.address)
    page = context.new_page()
    page.goto("/?webgl=off")
    wired(page)
    page.evaluate(WATCH)
    page.locator("#drop input[type=file]").first.set_input_files(folder)
    page.wait_for_selector(".result-panel", timeout=240_000)
    seen = page.evaluate("() => window.seen")
    identity = page.url.split("/assessments/")[1].split("/")[0]
    context.close()
    result = service.get(f"/api/v1/assessments/{identity}").json()
    packed = service.get(f"/api/v1/assessments/{identity}/artifacts/labels.nii.gz").content
    labels = nib.Nifti1Image.from_bytes(gzip.decompress(packed))
    return SimpleNamespace(
        id=identity, folder=folder, seen=seen, result=result,
        labels=np.asarray(labels.dataobj).T,  # (slice, row, column)
    )  # fmt: skip


@pytest.fixture
def opened(open_page, covid):
    """The result on rendered slices, which every browser has."""
    page = open_page(f"/?webgl=off#/assessments/{covid.id}")
    page.wait_for_selector(".pane.axial canvas[data-shown]")
    return page


def shown(page, plane="axial"):
    return int(page.get_attribute(f".pane.{plane} canvas", "data-shown"))


def go_to(page, index):
    """To an axial slice, by keys alone."""
    page.locator(".viewer-stage").focus()
    page.keyboard.press("Home")
    for _ in range(index // 10):
        page.keyboard.press("PageDown")
    for _ in range(index % 10):
        page.keyboard.press("ArrowDown")
    page.wait_for_selector(f".pane.axial canvas[data-shown='{index}']")


def test_progress_is_seen_from_the_first_byte_to_the_last_step(covid):
    bars = covid.seen["bars"]
    assert bars == sorted(bars)
    assert any(0 < bar < 1 for bar in bars)
    assert "Finding lungs and opacities" in covid.seen["steps"]
    assert len(covid.seen["steps"]) > 1


def test_the_numbers_are_those_of_the_api_and_of_the_report(opened, covid, service):
    summary = covid.result["summary"]
    ml, percent = summary["lesion_ml"], summary["lesion_percent"]
    lung_ml = covid.result["regions"]["lungs"]["volume_ml"]
    assert percent > 1  # a patient with pneumonia
    digits = 1 if ml < 100 else 0
    told = {
        "lesion_percent": f"{percent:.1f} %",
        "lesion_ml": f"{ml:,.{digits}f} ml",
        "ct_ss": f"{summary['ct_ss']['grade']} of 5",
        "volume_ml": f"{lung_ml:,.0f} ml",
    }
    for name, text in told.items():
        assert opened.inner_text(f'[data-score="{name}"]') == text
    address = opened.get_by_role("link", name="Report (PDF)").first.get_attribute("href")
    answer = service.get(address)
    assert answer.headers["content-type"] == "application/pdf"
    pages = PdfReader(io.BytesIO(answer.content)).pages
    assert len(pages) == 1
    printed = pages[0].extract_text()
    for number in (f"{percent:.1f}", f"{ml:.1f}", f"{lung_ml:.1f}"):
        assert number in printed


def test_the_overlay_lies_on_the_lesions_of_the_slice_that_is_shown(opened, covid):
    lesion = covid.labels >= 3
    most = int(lesion.sum((1, 2)).argmax())
    opened.click("[data-act='layout.axial']")
    go_to(opened, most)
    png = opened.locator(".viewer-stage").screenshot()
    picture = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    orange = (np.abs(picture - LESION) < 60).all(-1)
    _, row_mm, column_mm = covid.result["series"]["spacing_mm"]
    high, wide = orange.shape
    rows, columns = lesion[most].shape
    per_mm = min(wide / (columns * column_mm), high / (rows * row_mm))
    row, column = np.nonzero(orange)
    row = np.floor((row + 0.5 - high / 2) / per_mm / row_mm + rows / 2).astype(int)
    column = np.floor((column + 0.5 - wide / 2) / per_mm / column_mm + columns / 2).astype(int)
    assert len(row) > 80

    def share(mask):
        """Of the orange pixels that lie within two voxels of a rim of the mask."""
        near = ndimage.binary_dilation(mask ^ ndimage.binary_erosion(mask), iterations=2)
        return near[row, column].mean()

    assert share(lesion[most]) > 0.97
    assert share(lesion[most][:, ::-1]) < 0.7  # as it would be with left and right exchanged
    assert share(lesion[most - 12]) < 0.7


def test_the_patients_left_is_on_the_right_of_the_screen(opened, covid):
    opened.click("[data-act='layout.axial']")
    header = pydicom.dcmread(next(covid.folder.iterdir()), stop_before_pixels=True)
    assert header.ImageOrientationPatient[0] > 0.9  # columns run to the patient's left
    left, right = (np.isin(covid.labels, side).nonzero()[2].mean() for side in ((1, 3), (2, 4)))
    assert right < left
    letters = opened.locator(".annotations .letter[data-plane=axial]")
    across = {each.text_content(): each.bounding_box()["x"] for each in letters.all()}
    assert across["R"] < across["A"] < across["L"]


def test_scrolling_reaches_every_slice(opened, covid):
    opened.click("[data-act='layout.axial']")
    go_to(opened, 0)
    count = len(covid.labels)
    assert count == len(list(covid.folder.iterdir()))
    for index in range(1, count):
        opened.keyboard.press("ArrowDown")
        opened.wait_for_selector(f".pane.axial canvas[data-shown='{index}']")
    assert f"{count} of {count}" in opened.inner_text(".viewer-foot .where")


def test_each_zone_leads_to_a_place_within_its_lung(opened, covid):
    lesions = covid.result["lesions"]
    for zone in opened.locator(".zone-map [data-zone]").all():
        name = zone.get_attribute("data-zone")
        zone.click()
        settled(opened)
        index, column = shown(opened), shown(opened, "sagittal")
        side = (1, 3) if name.startswith("left") else (2, 4)
        assert np.isin(covid.labels[index, :, column], side).any(), name
        largest = next((each for each in lesions if each["region"] == name), None)
        if largest:
            first, last = largest["slices"]
            assert first <= index <= last, name
