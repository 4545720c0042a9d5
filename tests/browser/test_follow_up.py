"""A patient with a course: two studies, the change between them, and a correction of the second.

Both are scans of the phantom, small enough for a browser without a GPU, measured by the network.
"""

import gzip

import nibabel as nib
import numpy as np
import pydicom
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.viewed import settled
from tests.fakes import wait_until
from training.phantom import Patient, Scan, spread, write_study

pytestmark = pytest.mark.slow

SCAN = Scan(slices=48, rows=128, columns=128, spacing_mm=(6.0, 2.8, 2.8), thickness_mm=6.0)


def study(folder, *, date, lesions):
    """The phantom on one day; seeds make the study's UID."""
    person = Patient(seed=lesions, lesions=spread(lesions, seed=1), id="COURSE-1")
    write_study(folder, person, SCAN)
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.StudyDate = date
        dataset.save_as(path)


@pytest.fixture(scope="module")
def course(service, tmp_path_factory):
    """Ids of the two studies, the later one sent first: what is older never becomes current."""
    ids = {}
    for date, lesions in (("20260301", 12), ("20260201", 5)):
        folder = tmp_path_factory.mktemp(date)
        study(folder, date=date, lesions=lesions)
        (found,) = service.send(sorted(folder.iterdir())).raise_for_status().json()["assessments"]
        wait_until(lambda href=found["href"]: service.status(href) == "complete", seconds=120)
        ids[date] = found["id"]
    return ids["20260201"], ids["20260301"]


def labels_of(service, identity, version):
    address = f"/api/v1/assessments/{identity}/artifacts/labels.nii.gz?version={version}"
    image = nib.Nifti1Image.from_bytes(gzip.decompress(service.get(address).content))
    return np.asarray(image.dataobj)


def grave_in(page):
    found = Axe().run(page).response["violations"]
    return [
        (each["id"], each["nodes"][0]["html"])
        for each in found
        if each["impact"] in {"serious", "critical"}
    ]


def test_the_change_is_the_apis_and_both_studies_scroll_together(open_page, service, course):
    before, now = course
    page = open_page(f"/?webgl=off#/assessments/{now}")
    page.wait_for_selector("svg.trend-plot")
    prior = service.get(f"/api/v1/assessments/{now}").json()["prior"]
    assert prior["id"] == before
    assert prior["days"] == 28
    change = prior["regions"]["lungs"]["lesion_ml"]["change"]
    assert change > 0
    expect(page.locator(".change-line")).to_contain_text(f"+{change:,.0f} ml")
    assert page.locator("svg.trend-plot .point").count() == 2
    assert service.get(f"/api/v1/assessments/{before}").json()["prior"] is None

    page.locator(".part-follow-up td button").click()
    second = page.locator(".result-images.second .pane.axial canvas")
    first = page.locator(".result-images:not(.second) .pane.axial canvas")
    second.wait_for()
    page.wait_for_selector(".second .pane.axial canvas[data-shown]")
    page.locator(".viewer-stage").first.focus()
    page.keyboard.press("Home")
    settled(page)
    heights = [int(each.get_attribute("data-shown")) for each in (first, second)]
    page.keyboard.press("PageDown")  # ten slices of 6 mm in either
    expect(first).to_have_attribute("data-shown", str(heights[0] + 10))
    expect(second).to_have_attribute("data-shown", str(heights[1] + 10))


def stroke(page):
    """A stroke of the brush across the right lung of the axial slice 20."""
    page.click(".actions .correct")
    page.wait_for_selector(".paint-bar .save:enabled", timeout=60_000)
    page.click("[data-act='layout.axial']")
    page.locator(".viewer-stage").focus()
    for key in ("Home", "PageDown", "PageDown"):
        page.keyboard.press(key)
    settled(page)
    stage = page.locator(".viewer-stage").bounding_box()
    x, y = stage["x"] + stage["width"] * 0.4, stage["y"] + stage["height"] * 0.5
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 25, y + 15, steps=4)
    page.mouse.up()


def save(page):
    """Save it under a name, and wait for the new version's numbers."""
    page.click(".paint-bar .save")
    page.fill("dialog [name=author]", "Dr. Li")
    page.fill("dialog [name=reason]", "an opacity was missed")
    assert grave_in(page) == []
    page.click("dialog [type=submit]")
    page.wait_for_function("() => location.hash.endsWith('/versions/2')")
    page.wait_for_selector(".chip.corrected", timeout=60_000)
    page.wait_for_selector(".result-panel", timeout=60_000)


def test_what_is_painted_and_saved_changes_the_ml_by_the_painted_voxels(open_page, service, course):
    identity = course[1]
    page = open_page(f"/#/assessments/{identity}/versions/1")
    stroke(page)
    amount = page.locator(".paint-bar .amount")
    expect(amount).not_to_contain_text("Nothing")
    page.click(".paint-bar .undo")
    expect(amount).to_contain_text("Nothing")
    page.click(".paint-bar .redo")  # reckoned at once, where a stroke waits for the next beat
    expect(amount).not_to_contain_text("Nothing")
    told = amount.inner_text()
    save(page)
    one, two = (labels_of(service, identity, version) >= 3 for version in (1, 2))
    painted = (two & ~one).sum()
    assert painted > 5
    assert not (one & ~two).any()
    ml = [
        service.get(f"/api/v1/assessments/{identity}?version={version}").json()["summary"]
        for version in (1, 2)
    ]
    by_ml = painted * np.prod(SCAN.spacing_mm) / 1000
    # Both are rounded to a thousandth.
    assert ml[1]["lesion_ml"] - ml[0]["lesion_ml"] == pytest.approx(by_ml, abs=0.0011)
    assert f"+{by_ml:.1f} ml" in told


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation_on_a_whole_result(open_page, course, locale, scheme):
    page = open_page(
        f"/?webgl=off#/assessments/{course[1]}/versions/1", locale=locale, color_scheme=scheme
    )
    page.wait_for_selector("svg.trend-plot")
    page.wait_for_selector(".part-versions table")
    assert grave_in(page) == []
    page.locator(".actions .review-accepted").click()
    assert grave_in(page) == []
