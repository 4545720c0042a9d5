"""The viewer in a real Chromium, on a small chest whose labels are known voxel by voxel."""

import base64
import gzip
import io
import time

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.viewed import SPACING_MM, assessed, chest, quiet, settled, showing, until

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>viewer</title>
<link rel="stylesheet" href="/static/page.css"><link rel="stylesheet" href="/static/viewer.css">
<link rel="stylesheet" href="/static/testing.css"></head><body>
<select id="language" aria-label="language"><option value="en"></option><option value="zh-CN">
</option></select><div id="place"></div><div id="beside"></div></body></html>"""
STYLE = "body { max-width: none; } #place, #beside { height: 620px; } #language { display: none; }"
OPEN = """async ([id, where, options]) => {
  await (await import('/static/language.js')).load('en');
  const answer = await fetch(`/api/v1/assessments/${id}`);
  const { createViewer } = await import('/static/viewer/viewer.js');
  window.viewers ??= {};
  window.slices ??= [];
  const viewer = createViewer(document.getElementById(where), await answer.json(), options);
  viewer.onSlice((index) => window.slices.push(index));
  window.viewers[where] = viewer;
}"""
LESION, LUNG = (255, 140, 0), (70, 150, 255)
WATCH = """() => {
  window.resolutions = [];
  new MutationObserver(() => {
    const now = document.querySelector('.viewer-stage')?.dataset.resolution;
    if (now && now !== window.resolutions.at(-1)) window.resolutions.push(now);
  }).observe(document.body, { subtree: true, attributes: true, childList: true });
}"""
TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
PIXELS = "() => document.querySelector('.pane.axial canvas').toDataURL()"
FULL = ".viewer-stage[data-resolution='full']"


@pytest.fixture(scope="module")
def known():
    return chest()


@pytest.fixture(scope="module")
def served(tmp_path_factory, known):
    with showing(tmp_path_factory.mktemp("viewed"), assessed(*known)) as (address, found):
        yield address, str(found)


@pytest.fixture(scope="module")
def blank(browser, served):
    """Opens an empty page of the service's origin, under the service's own content policy.

    What a browser complains of fails the module's last test.
    """
    address, _ = served
    contexts, complaints = [], []

    def opened(query=""):
        context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        policy = page.request.get(address).headers["content-security-policy"]
        answers = {"testing.css": (STYLE, "text/css"), "testing": (PAGE, "text/html")}

        def answer(route):
            body, kind = answers[route.request.url.split("/")[-1].split("?")[0]]
            headers = {"content-security-policy": policy, "content-type": kind}
            route.fulfill(body=body, headers=headers)

        page.route("**/testing*", answer)
        page.goto(f"{address}/testing{query}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def pictures(blank, served):
    """A viewer that has rendered slices alone."""
    page = blank("?webgl=off")
    page.evaluate(OPEN, [served[1], "place", {}])
    page.wait_for_selector(".pane.axial canvas[data-shown]")
    yield page
    page.context.close()


@pytest.fixture(scope="module")
def volume(blank, served):
    """A viewer with the whole volume; shared, for it takes seconds to come."""
    page = blank()
    page.evaluate(WATCH)
    page.evaluate(OPEN, [served[1], "place", {}])
    page.wait_for_selector(FULL, timeout=60_000)
    return page


def shot(page, selector=".viewer-stage"):
    png = page.locator(selector).first.screenshot()
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def like(picture, colour, within=60):
    return (np.abs(picture - np.array(colour)) < within).all(-1)


def press(page, *keys):
    page.locator(".viewer-stage").first.focus()
    for key in keys:
        page.keyboard.press(key)


def where(page):
    return page.locator(".viewer-foot .where").first.inner_text()


def shown(page, index):
    page.wait_for_selector(f".pane.axial canvas[data-shown='{index}']")


def labels_of(page, served):
    """The label map as the service gives it: (column, row, slice)."""
    address, found = served
    body = page.request.get(f"{address}/api/v1/assessments/{found}/artifacts/labels.nii.gz").body()
    return nib.Nifti1Image.from_bytes(gzip.decompress(body))


def extent(mask, box_mm):
    """Where a mask lies in its picture, as parts of the picture: left, right, top, bottom."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    high, wide = box_mm
    return columns[0] / wide, (columns[-1] + 1) / wide, rows[0] / high, (rows[-1] + 1) / high


def parts_of_picture(page, pixels, selector=".pane.axial"):
    """The same of pixels on the screen; the picture is 160 × 144 mm, as large as its pane fits."""
    high, wide = pixels.shape
    per_mm = min(wide / 160, high / 144)
    left, top = (wide - 160 * per_mm) / 2, (high - 144 * per_mm) / 2
    rows, columns = np.flatnonzero(pixels.any(1)), np.flatnonzero(pixels.any(0))
    return (
        (columns[0] - left) / (160 * per_mm),
        (columns[-1] + 1 - left) / (160 * per_mm),
        (rows[0] - top) / (144 * per_mm),
        (rows[-1] + 1 - top) / (144 * per_mm),
    )


def place_of(stage, voxel):
    """Where the middle of a voxel (row, column) of the axial plane stands when that fills it."""
    per_mm = min(stage["width"] / 160, stage["height"] / 144)
    row, column = voxel
    x = stage["width"] / 2 + ((column + 0.5) * 1.25 - 80) * per_mm
    return x, stage["height"] / 2 + ((row + 0.5) * 1.5 - 72) * per_mm


def test_the_first_slice_is_the_one_with_the_most_lesion_and_comes_without_a_volume(
    pictures, known
):
    _, labels = known
    most = int((labels >= 3).sum((1, 2)).argmax())
    shown(pictures, most)
    assert where(pictures).startswith(f"Axial {most + 1} of 40")
    assert pictures.get_attribute(".viewer-stage", "data-resolution") == "pictures"


def test_a_rendered_overlay_lies_where_the_label_map_says(pictures, served):
    press(pictures, "v")  # axial alone
    pictures.evaluate("() => window.viewers.place.goToSlice(28)")
    shown(pictures, 28)
    label = np.asarray(labels_of(pictures, served).dataobj)[:, :, 28].T
    found = parts_of_picture(pictures, like(shot(pictures), LESION))
    # One voxel is 1/128 of the width; outlines are drawn inside the region.
    assert found == pytest.approx(extent(label >= 3, (96, 128)), abs=0.012)
    assert found[1] < 0.5  # the patient's right is on the left


def test_letters_tell_the_sides_of_every_plane(pictures):
    for plane, sides in (("axial", "ALPR"), ("coronal", "SLIR"), ("sagittal", "SPIA")):
        letters = pictures.locator(f".annotations .letter[data-plane={plane}]")
        places = [letters.nth(number).bounding_box() for number in range(4)]
        assert "".join(letters.all_text_contents()) == sides
        top, right, bottom, left = places
        assert top["y"] < right["y"] < bottom["y"]
        assert left["x"] < top["x"] < right["x"]


def test_scrolling_reaches_every_slice_and_tells_it(pictures):
    press(pictures, "v", "Home")
    shown(pictures, 0)
    pictures.evaluate("() => { window.slices.length = 0; }")
    seen = {pictures.evaluate(PIXELS)}
    for index in range(1, 40):
        press(pictures, "ArrowDown")
        shown(pictures, index)
        seen.add(pictures.evaluate(PIXELS))
    press(pictures, "ArrowDown")  # there is no further one
    assert pictures.evaluate("() => window.slices") == list(range(1, 40))
    # Every slice has a bright mark of its own, 1.25 mm further to the left of the patient.
    assert len(seen) == 40
    press(pictures, "Home", "PageDown", "End")
    shown(pictures, 39)


def over(page, selector=".pane.axial", at=(0.5, 0.5)):
    """The pointer rests on a part of a pane."""
    pane = page.locator(selector).bounding_box()
    page.mouse.move(pane["x"] + pane["width"] * at[0], pane["y"] + pane["height"] * at[1])


def test_the_wheel_scrolls_the_plane_under_the_pointer(pictures):
    over(pictures, ".pane.coronal")
    before = int(pictures.get_attribute(".pane.coronal canvas", "data-shown"))
    pictures.mouse.wheel(0, 100)
    pictures.wait_for_selector(f".pane.coronal canvas[data-shown='{before + 1}']")
    assert where(pictures).startswith("Coronal")


@pytest.mark.parametrize("notch_px", [53, 100, 120, 240])
def test_every_slice_is_reached_by_the_wheel_whatever_a_notch_is(pictures, notch_px):
    press(pictures, "v", "Home")
    shown(pictures, 0)
    pictures.evaluate("() => { window.slices.length = 0; }")
    over(pictures)
    for _ in range(8):
        pictures.mouse.wheel(0, notch_px)
        settled(pictures)
    pictures.mouse.wheel(0, -notch_px)
    settled(pictures)
    assert pictures.evaluate("() => window.slices") == [1, 2, 3, 4, 5, 6, 7, 8, 7]


def test_the_small_turns_of_a_touch_pad_add_up_to_a_slice(pictures):
    press(pictures, "v", "Home")
    shown(pictures, 0)
    over(pictures)
    for _ in range(9):  # 90 px: one slice for each 50
        pictures.mouse.wheel(0, 10)
        settled(pictures)
    assert where(pictures).startswith("Axial 2 of 40")
    pictures.mouse.wheel(0, 10)
    shown(pictures, 2)


def test_window_keys_and_a_drag_change_the_picture(pictures):
    press(pictures, "v", "o")
    settled(pictures)
    stage = pictures.locator(".viewer-stage").bounding_box()
    x, y = (round(at) for at in place_of(stage, (48, 36)))
    lung = shot(pictures)[y, x]
    press(pictures, "2")
    settled(pictures)
    # Lung of −800 HU: (−800+1350)/1500 of white in the lung window, 93; black from −160 HU up.
    assert lung == pytest.approx((93, 93, 93), abs=3)
    assert shot(pictures)[y, x].max() <= 3
    pictures.mouse.move(stage["x"] + 300, stage["y"] + 300)
    pictures.mouse.down(button="right")
    pictures.mouse.move(stage["x"] + 350, stage["y"] + 290)
    pictures.mouse.up(button="right")
    # 50 pixels to the right widen by 4 HU each, 10 upward lower the centre by 2 HU each.
    inputs = pictures.locator(".viewer-bar input[type=number]")
    assert (inputs.nth(0).input_value(), inputs.nth(1).input_value()) == ("20", "600")


def test_overlay_style_and_opacity_follow_keys(pictures):
    press(pictures, "v", "o")
    settled(pictures)
    assert not like(shot(pictures), LESION).any()
    press(pictures, "o")
    settled(pictures)
    outline = like(shot(pictures), LESION).sum()
    press(pictures, "c", *["+"] * 6)
    settled(pictures)
    assert like(shot(pictures), LESION).sum() > 3 * outline > 0


def test_a_jump_to_the_largest_lesion_lands_on_it(pictures, known):
    _, labels = known
    press(pictures, "Home", "l")
    centre = [round(float(at.mean())) for at in np.nonzero(labels == 4)]
    shown(pictures, centre[0])
    for plane, index in (("coronal", centre[1]), ("sagittal", centre[2])):
        pictures.wait_for_selector(f".pane.{plane} canvas[data-shown='{index}']")
    assert pictures.inner_text(".viewer-bar output").startswith("1 of 2")
    press(pictures, "n")
    shown(pictures, 12)  # the small one's middle


def test_zones_and_millimetres_lead_to_their_places(pictures, known):
    _, labels = known
    pictures.evaluate("() => window.viewers.place.goToZone('left-lower')")
    # The left lung takes slices 8 to 35; the middle of its lower third is 8 + 27 × 5/6 = 30.5.
    shown(pictures, 30)
    pictures.wait_for_selector(".pane.sagittal canvas[data-shown='92']")  # its middle column
    assert labels[30, 48, 92] == 1
    # Slices go down from z 0 in steps of 2 mm.
    pictures.evaluate("() => window.viewers.place.goToMm([50, 60, -22])")
    shown(pictures, 11)


def distance_told(page):
    """Of a line 30 mm to the right and 40 mm down, drawn over the axial plane."""
    page.click("[data-act='layout.axial']")
    press(page, "m")
    stage = page.locator(".viewer-stage").bounding_box()
    per_mm = min(stage["width"] / 160, stage["height"] / 144)
    x, y = stage["x"] + 500, stage["y"] + 200
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30 * per_mm, y + 40 * per_mm)
    page.mouse.up()
    settled(page)
    told = page.locator(".annotations text.distance").text_content()
    press(page, "m", "r")
    return float(told.removesuffix(" mm"))


def test_a_distance_is_told_in_mm(pictures):
    assert distance_told(pictures) == pytest.approx(50, abs=0.5)  # 3, 4, 5


def test_hu_is_told_under_the_pointer(pictures):
    stage = pictures.locator(".viewer-stage").bounding_box()
    pane = pictures.locator(".pane.axial").bounding_box()
    pictures.mouse.move(stage["x"] + 5, pane["y"] + pane["height"] / 2)
    pictures.mouse.move(pane["x"] + pane["width"] / 2, pane["y"] + pane["height"] / 2)
    pictures.wait_for_selector(".viewer-foot .under:has-text('40 HU')")  # between the lungs


def test_hu_is_that_of_the_slice_that_the_wheel_or_a_key_brought(pictures, known):
    hu, _ = known
    pictures.click("[data-act='layout.axial']")
    pictures.evaluate("() => window.viewers.place.goToSlice(28)")
    shown(pictures, 28)
    stage = pictures.locator(".viewer-stage").bounding_box()
    x, y = place_of(stage, (64, 34))  # in the large lesion, which ends at slice 34
    pictures.mouse.move(stage["x"] + x, stage["y"] + y)
    told = pictures.locator(".viewer-foot .under")
    expect(told).to_have_text("−300 HU")
    press(pictures, *["ArrowDown"] * 7)
    shown(pictures, 35)
    assert hu[35, 64, 34] == -800
    expect(told).to_have_text("−800 HU")
    pictures.mouse.wheel(0, -100)
    expect(told).to_have_text("−300 HU")


def test_hu_that_comes_late_is_not_told_of_another_place(pictures):
    waiting = []
    pictures.route("**/hu?*", lambda route: waiting.append(route))
    over(pictures)
    told = pictures.locator(".viewer-foot .under")
    until(pictures, lambda: len(waiting) == 1)
    pictures.mouse.move(2, 2)  # out of the images
    settled(pictures)
    with pictures.expect_response("**/hu?*"):
        waiting[0].continue_()
    settled(pictures)
    assert told.inner_text() == ""


def test_keys_alone_tell_the_hu_at_the_cross(pictures):
    press(pictures, "l")  # to the middle of the large lesion
    told = pictures.locator(".viewer-foot .under")
    expect(told).to_have_text("At the cross −300 HU")
    press(pictures, "v")
    settled(pictures)
    assert pictures.locator(".annotations .cross").count() == 4  # its place is seen here, too
    over(pictures)
    expect(told).to_have_text("40 HU")  # the pointer's voxel goes before it


# --- what is asked of the service ------------------------------------------------------------


def held(page):
    """Slices asked for from now on, none of which is answered."""
    asked = []
    page.route("**/slices/*.webp?*", lambda route: asked.append(route))
    return asked


def index_of(route):
    return int(route.request.url.split("/slices/")[1].split(".")[0])


def test_slices_that_were_scrolled_past_are_given_up_and_the_newest_is_asked_for(pictures):
    press(pictures, "v", "Home")
    shown(pictures, 0)
    quiet(pictures)
    given_up = []
    pictures.on("requestfailed", lambda request: given_up.append(request))
    asked = held(pictures)
    began = time.monotonic()
    press(pictures, "2")  # another window: nothing of it is here yet
    until(pictures, lambda: asked)
    for _ in range(12):
        press(pictures, "PageDown", "ArrowUp")
        pictures.wait_for_timeout(15)
    pictures.evaluate(TWO_FRAMES)

    def under_way():
        return [route for route in asked if route.request not in given_up]

    # The oldest, since who scrolls on sees some on the way, and the newest: of 40 slices the last
    # but one, where the leaps of ten end.
    until(pictures, lambda: [index_of(route) for route in under_way()] == [0, 38])
    assert where(pictures).split()[1] == "39"
    patience = (time.monotonic() - began) / 0.08
    assert len(asked) <= 3 + patience  # of 25 places: what is overtaken at once is never sent
    pictures.unroute("**/slices/*.webp?*")
    for route in under_way():
        route.continue_()
    shown(pictures, 38)


def test_nothing_is_asked_ahead_while_something_is_dragged(pictures):
    press(pictures, "v")
    quiet(pictures)
    index = int(where(pictures).split()[1]) - 1
    asked = []
    pictures.on("request", lambda request: asked.append(request.url))
    over(pictures)
    pictures.mouse.down(button="right")
    for step in range(1, 9):
        over(pictures, at=(0.5 + step / 100, 0.5))
        settled(pictures)
    slices = [url for url in asked if "/slices/" in url]
    assert len(slices) >= 3  # each with a window of its own
    assert {url.split("/slices/")[1].split(".")[0] for url in slices} == {str(index)}
    with pictures.expect_request(f"**/slices/{index + 1}.webp?*"):
        pictures.mouse.up(button="right")


def test_without_webgl2_what_needs_it_says_so(pictures):
    pictures.click("[data-act='layout.render']")
    pictures.wait_for_selector(".viewer-foot .notice:has-text('WebGL 2')")
    assert pictures.evaluate("() => window.viewers.place.painting.start()") is False
    assert pictures.evaluate("() => typeof window.niivue") == "undefined"


def test_linked_viewers_scroll_together_in_mm(pictures, served):
    pictures.evaluate(OPEN, [served[1], "beside", {"second": True}])
    pictures.wait_for_selector("#beside .pane.axial canvas[data-shown]")
    pictures.evaluate("() => { window.unlink = viewers.place.linkWith(viewers.beside); }")
    pictures.evaluate("() => viewers.place.goToSlice(7)")
    pictures.wait_for_selector("#beside .pane.axial canvas[data-shown='7']")
    pictures.evaluate("() => viewers.beside.goToSlice(20)")
    pictures.wait_for_selector("#place .pane.axial canvas[data-shown='20']")
    pictures.evaluate("() => { unlink(); viewers.place.goToSlice(3); }")
    pictures.wait_for_selector("#place .pane.axial canvas[data-shown='3']")
    assert pictures.get_attribute("#beside .pane.axial canvas", "data-shown") == "20"


def test_a_volume_of_half_resolution_bridges_the_time_to_the_whole(volume):
    assert volume.evaluate("() => window.resolutions") == ["pictures", "preview", "full"]


def test_the_volume_tells_hu_and_distances_like_the_slices(volume, known):
    hu, _ = known
    volume.click("[data-act='layout.axial']")
    volume.evaluate("() => window.viewers.place.goToSlice(28)")
    settled(volume)
    stage = volume.locator(".viewer-stage").bounding_box()
    # Lesion, lung of the left side, mediastinum, and the mark that slice 28 alone has there.
    for row, column in ((64, 34), (48, 92), (48, 64), (89, 69)):
        x, y = place_of(stage, (row, column))
        volume.mouse.move(stage["x"] + x, stage["y"] + y)
        value = f"{hu[28, row, column]:,} HU".replace("-", "−")
        expect(volume.locator(".viewer-foot .under")).to_have_text(value)
    assert distance_told(volume) == pytest.approx(50, abs=0.5)


def test_letters_and_cross_follow_the_volume_to_another_size(volume):
    volume.click("[data-act='layout.planes']")
    drawn = "() => document.querySelector('.annotations').innerHTML"
    # As when the bar of the brush appears; of the window's own size NiiVue hears in time.
    high = "(px) => { document.getElementById('place').style.height = `${px}px`; }"
    volume.evaluate(high, 500)
    settled(volume)
    volume.wait_for_timeout(200)
    followed = volume.evaluate(drawn)
    press(volume, "o", "o")  # drawn anew
    settled(volume)
    again = volume.evaluate(drawn)
    volume.evaluate(high, 620)
    settled(volume)
    assert followed == again != volume.evaluate(drawn)


def test_the_volumes_overlay_lies_where_the_label_map_says(volume, served):
    volume.click("[data-act='layout.axial']")
    volume.evaluate("() => window.viewers.place.goToSlice(28)")
    settled(volume)
    label = np.asarray(labels_of(volume, served).dataobj)[:, :, 28].T
    found = parts_of_picture(volume, like(shot(volume), LESION))
    assert found == pytest.approx(extent(label >= 3, (96, 128)), abs=0.012)
    lungs = parts_of_picture(volume, like(shot(volume), LUNG) | like(shot(volume), LESION))
    assert lungs == pytest.approx(extent(label > 0, (96, 128)), abs=0.012)


def test_the_volume_stands_where_the_rendered_slice_stood(volume, pictures):
    for page in (volume, pictures):
        page.click("[data-act='layout.axial']")
        page.evaluate("() => window.viewers.place.goToSlice(20)")
        press(page, "o")
    shown(pictures, 20)
    settled(volume)
    settled(pictures)
    one, other = shot(volume), shot(pictures)
    press(volume, "o")
    # Interpolation differs at edges by less than a voxel, which is 4 pixels wide here.
    assert (np.abs(one - other).max(-1) > 40).mean() < 0.02


def paint(page, slice_index, voxel, tool="lesion"):
    """A dab of 5.5 mm on a voxel (row, column) of an axial slice."""
    page.click("[data-act='layout.axial']")
    assert page.evaluate("() => window.viewers.place.painting.start()") is True
    paint_more(page, slice_index, voxel, tool)


def paint_more(page, slice_index, voxel, tool):
    """The same where painting has begun."""
    page.evaluate("(index) => window.viewers.place.goToSlice(index)", slice_index)
    page.evaluate("(tool) => window.viewers.place.painting.tool(tool, 5.5)", tool)
    settled(page)
    stage = page.locator(".viewer-stage").bounding_box()
    x, y = place_of(stage, voxel)
    page.mouse.move(stage["x"] + x, stage["y"] + y)
    page.mouse.down()
    page.mouse.up()
    settled(page)


def classes(known):
    """The labels as a correction has them: 0 background, 1 lung, 2 lesion."""
    _, labels = known
    return np.select([labels >= 3, labels > 0], [2, 1], 0).astype(np.uint8)


def disc(row, column):
    rows, columns = np.indices((96, 128))
    return ((rows - row) * 1.5) ** 2 + ((columns - column) * 1.25) ** 2 <= 5.5**2


@pytest.fixture(scope="module")
def painted(known):
    """Classes before, and after a disc of 5.5 mm around voxel (20, 40, 105): lung and beyond it.

    The voxels' distances next to its rim are 5.22 and 5.83 mm, so that no part of a pixel decides.
    """
    before = classes(known)
    after = before.copy()
    after[20][disc(40, 105)] = 2
    assert (before[20][after[20] == 2] == 0).any()
    assert (before[20][after[20] == 2] == 1).any()
    return before, after


def test_a_painted_disc_is_what_is_saved(volume, served, painted):
    before, after = painted
    paint(volume, 20, (40, 105))
    saved = saved_labels(volume)
    assert np.array_equal(np.asarray(saved.dataobj).T, after)
    assert np.array_equal(saved.affine, labels_of(volume, served).affine)
    assert saved.get_data_dtype() == np.uint8
    assert like(shot(volume), LESION).any()
    changed = volume.evaluate("() => window.viewers.place.painting.changed()")
    ml = np.prod(SPACING_MM) / 1000
    assert changed["voxels"] == (after != before).sum()
    assert changed["lesion_ml"] == pytest.approx(((after == 2).sum() - (before == 2).sum()) * ml)
    assert changed["lung_ml"] == pytest.approx(((after > 0).sum() - (before > 0).sum()) * ml)


def test_what_was_painted_can_be_taken_back_and_done_again(volume, painted):
    before, after = painted
    volume.evaluate("() => window.viewers.place.painting.undo()")
    assert volume.evaluate("() => window.viewers.place.painting.changed().voxels") == 0
    assert np.array_equal(np.asarray(saved_labels(volume).dataobj).T, before)
    volume.evaluate("() => window.viewers.place.painting.redo()")
    assert np.array_equal(np.asarray(saved_labels(volume).dataobj).T, after)
    volume.evaluate("() => window.viewers.place.painting.stop()")
    settled(volume)
    assert not like(shot(volume), LESION).any()  # slice 20 has no lesion of its own here


def test_lung_is_painted_and_a_lesion_is_erased(volume, known):
    before = classes(known)
    after = before.copy()
    after[20][disc(20, 64)] = 1  # in the mediastinum
    after[28][disc(64, 34)] = 0  # in the middle of the large lesion
    assert (before[20][disc(20, 64)] == 0).all()
    assert (before[28][disc(64, 34)] == 2).all()
    paint(volume, 20, (20, 64), "lung")
    paint_more(volume, 28, (64, 34), "erase")
    saved = np.asarray(saved_labels(volume).dataobj).T
    changed = volume.evaluate("() => window.viewers.place.painting.changed()")
    volume.evaluate("() => window.viewers.place.painting.stop()")
    assert np.array_equal(saved, after)
    ml, dab = np.prod(SPACING_MM) / 1000, int(disc(64, 34).sum())
    assert changed["lesion_ml"] == pytest.approx(-dab * ml)
    assert changed["lung_ml"] == pytest.approx((int(disc(20, 64).sum()) - dab) * ml)


def test_a_preview_that_comes_late_leaves_what_is_painted_alone(blank, served, painted):
    page = blank()
    page.evaluate("() => { window.requestIdleCallback = (act) => { window.later = act; }; }")
    page.evaluate(OPEN, [served[1], "place", {}])
    page.wait_for_function("() => window.later")
    starting = page.evaluate_handle("() => ({ able: viewers.place.painting.start() })")
    page.evaluate("() => window.later()")  # while the whole volume is on its way
    assert page.evaluate("(starting) => starting.able", starting) is True
    paint(page, 20, (40, 105))
    page.wait_for_timeout(1500)
    assert np.array_equal(np.asarray(saved_labels(page).dataobj).T, painted[1])


def saved_labels(page):
    text = page.evaluate(
        """async () => {
          const blob = await window.viewers.place.painting.labels();
          return btoa(Array.from(new Uint8Array(await blob.arrayBuffer()), (byte) =>
            String.fromCharCode(byte)).join(''));
        }"""
    )
    return nib.Nifti1Image.from_bytes(gzip.decompress(base64.b64decode(text)))


def test_three_dimensions_show_the_lesions_through_the_lungs(volume):
    volume.click("[data-act='layout.render']")
    settled(volume)
    picture = shot(volume)
    volume.click("[data-act='layout.planes']")
    red, green, blue = picture[..., 0], picture[..., 1], picture[..., 2]
    assert ((blue > 60) & (blue > red + 30)).sum() > 5000  # the veil of the lungs
    orange = (red > blue + 40) & (red > 90) & (red > green)
    assert orange.sum() > 300


def test_a_lost_graphics_context_leaves_the_rendered_slices(blank, served):
    page = blank()
    page.evaluate(OPEN, [served[1], "place", {}])
    page.wait_for_selector(".viewer-stage[data-surface='volume']", timeout=60_000)
    page.evaluate(
        "() => document.querySelector('.volume-canvas').getContext('webgl2')"
        ".getExtension('WEBGL_lose_context').loseContext()"
    )
    page.wait_for_selector(".viewer-stage[data-surface='pictures']")
    page.wait_for_selector(".viewer-foot .notice:has-text('graphics')")
    press(page, "Home")
    shown(page, 0)
