"""The result panel: the API's numbers, ways to places, follow-up, review, correction, language."""

import io
import json
import re
from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from pypdf import PdfReader

from opacimeter.volume import OtherSeries
from tests.browser.viewed import assessed, chest, quiet, settled, showing, until

ANSWER = "#assessment .result"
# Most tests need no volume: the rendered slices do, and spare the software renderer's time.
WITHOUT_GPU = """
    const whole = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
      return kind.startsWith("webgl") ? null : whole.call(this, kind, ...rest);
    };
"""
# What a Chinese radiologist writes in Latin letters, and names that are names in every language.
LATIN = (
    r"opacimeter|DICOM|HTTP|API|PDF|CSV|JSON|NIfTI|PNG|SEG|SR|SHA-256|HU|CT|UID|SD|MIP|lung-lesion|"
    r"FHIR|ml|mm|cm²|kV|kB|MB|GB|s|g|z|doi\S*"
)


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """A service with one assessment; its address and the assessment's id."""
    with showing(tmp_path_factory.mktemp("result"), assessed(*chest())) as (address, identity):
        yield address, str(identity)


@pytest.fixture
def visit(browser, shown):
    """Opens the result; what the browser complains of fails the test."""
    contexts, complaints = [], []

    def visit_one(*, prepare=lambda page: None, allowed=(), gpu=False, **options):
        known = {"locale": "en-GB", "viewport": {"width": 1280, "height": 800}}
        context = browser.new_context(**(known | options))
        contexts.append(context)
        if not gpu:
            context.add_init_script(WITHOUT_GPU)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda told: heard(told, allowed))
        prepare(page)
        page.goto(f"{shown[0]}/#/assessments/{shown[1]}/versions/1")
        page.wait_for_selector(ANSWER)
        return page

    def heard(told, allowed):
        if told.type == "error" and not any(word in told.text for word in allowed):
            complaints.append(told.text)

    yield visit_one
    for context in contexts:
        context.close()
    assert complaints == []


def told(page, address):
    return page.request.get(address).json()


def result_of(page, shown):
    return told(page, f"{shown[0]}/api/v1/assessments/{shown[1]}?version=1")


def slice_shown(page):
    """Index of the slice that the viewer says it shows, as the profile marks it."""
    return int(page.get_attribute(".profile-slider", "aria-valuenow")) - 1


def wait_for_slice(page, low, high):
    page.wait_for_function(
        """([low, high]) => {
            const slider = document.querySelector(".profile-slider");
            const slice = Number(slider.getAttribute("aria-valuenow")) - 1;
            return low <= slice && slice <= high;
        }""",
        arg=[low, high],
        timeout=10_000,
    )


def switch(page, language):
    page.select_option("#language", language)
    expect(page.locator("html")).to_have_attribute("lang", language)


def score(page, name):
    return page.inner_text(f'[data-score="{name}"]')


def test_the_scores_shown_are_those_of_the_api(visit, shown):
    page = visit()
    summary = (result := result_of(page, shown))["summary"]
    assert score(page, "lesion_percent") == f"{summary['lesion_percent']:.1f} %"
    assert score(page, "lesion_ml") == f"{summary['lesion_ml']:,.1f} ml"
    assert score(page, "high_opacity") == f"{summary['high_opacity_percent']:.1f} %"
    assert score(page, "ct_ss") == f"{summary['ct_ss']['grade']} of 5"
    assert score(page, "volume_ml") == f"{result['regions']['lungs']['volume_ml']:,.0f} ml"


def test_the_table_has_each_region_with_the_numbers_of_the_api(visit, shown):
    page = visit()
    regions = result_of(page, shown)["regions"]
    rows = page.locator(".part-answer table.regions").first.locator("tbody tr")
    order = ["lungs", "right-lung", "right-upper", "right-middle", "right-lower"]
    order += ["left-lung", "left-upper", "left-middle", "left-lower"]
    digits = 1 if regions["lungs"]["lesion_ml"] < 100 else 0
    expected = [
        [
            f"{regions[name]['volume_ml']:,.0f}",
            f"{regions[name]['lesion_ml']:,.{digits}f}",
            f"{regions[name]['lesion_percent']:.1f}",
            f"{regions[name]['high_opacity_percent']:.1f}",
        ]
        for name in order
    ]
    assert [row.locator("td").all_inner_texts() for row in rows.all()] == expected


def test_a_zone_leads_to_its_slices(visit):
    # The right lung holds slices 4…35; its lower third begins at 4 + 2·32/3 = 25.3.
    page = visit()
    page.click(".zone-map [data-zone=right-upper]")
    wait_for_slice(page, 4, 15)
    page.click("table [data-zone=right-lower]")
    wait_for_slice(page, 25, 35)


def test_a_listed_opacity_leads_to_its_slices(visit, shown):
    page = visit()
    lesions = result_of(page, shown)["lesions"]
    rows = page.locator("table.lesions tbody tr")
    assert rows.count() == len(lesions)
    assert lesions[0]["volume_ml"] > lesions[1]["volume_ml"]
    for place in (1, 0):
        rows.nth(place).locator("button").click()
        wait_for_slice(page, *lesions[place]["slices"])


def test_the_profile_goes_to_the_slice_one_clicks_or_steps_to(visit, shown):
    page = visit()
    count = len(result_of(page, shown)["profile"])
    slider = page.locator(".profile-slider")
    slider.scroll_into_view_if_needed()
    box = page.locator("svg.profile").bounding_box()
    # The plot spans 44…472 of 480 units of width; a quarter of it is slice count/4.
    page.mouse.click(box["x"] + box["width"] * (44 + 428 / 4) / 480, box["y"] + box["height"] / 2)
    wait_for_slice(page, count // 4 - 1, count // 4)
    before = slice_shown(page)
    slider.press("ArrowRight")
    wait_for_slice(page, before + 1, before + 1)
    slider.press("End")
    wait_for_slice(page, count - 1, count - 1)
    assert f"{count} of {count}" in slider.get_attribute("aria-valuetext")


def test_a_panel_made_anew_marks_the_slice_in_view_and_the_old_one_hears_no_more(visit):
    page = visit()
    page.click(".zone-map [data-zone=right-upper]")
    wait_for_slice(page, 4, 15)
    seen = slice_shown(page)
    old = page.locator(".profile-slider").element_handle()
    switch(page, "zh-CN")
    assert slice_shown(page) == seen
    page.locator(".viewer-stage").press("ArrowDown")
    wait_for_slice(page, seen + 1, seen + 1)
    assert old.get_attribute("aria-valuenow") == str(seen + 1)  # counted from 1: as it was


# --- keyboard --------------------------------------------------------------------------------


def test_arrows_go_through_the_slices_at_once_wherever_nothing_else_uses_them(visit):
    page = visit()
    page.wait_for_selector(".pane.axial canvas[data-shown]")
    first = slice_shown(page)
    page.keyboard.press("ArrowDown")
    wait_for_slice(page, first + 1, first + 1)
    page.locator("#main").focus()  # where a result leaves the focus that was opened from the list
    page.keyboard.press("ArrowDown")
    wait_for_slice(page, first + 2, first + 2)
    page.locator(".zone-map button").first.focus()
    page.keyboard.press("Home")
    wait_for_slice(page, 0, 0)
    page.locator(".profile-slider").press("ArrowRight")  # has arrows of its own
    wait_for_slice(page, 1, 1)
    page.locator(".viewer-stage").press("ArrowDown")
    wait_for_slice(page, 2, 2)


def test_keys_that_a_field_a_list_or_a_dialog_uses_leave_the_slices_alone(visit):
    page = visit()
    page.wait_for_selector(".pane.axial canvas[data-shown]")
    first = slice_shown(page)
    page.locator("#theme").press("ArrowDown")
    page.locator(".result-panel").press("PageDown")  # scrolls
    page.click(".score.ct_ss .what")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    page.locator("#main").press("2")  # letters and digits belong to the viewer alone
    settled(page)
    assert slice_shown(page) == first
    window = page.locator("[data-act='window.mediastinum']")
    expect(window).to_have_attribute("aria-pressed", "false")
    page.locator(".viewer-stage").press("2")
    expect(window).to_have_attribute("aria-pressed", "true")


def test_the_histogram_has_a_bar_for_each_bin_and_a_table_of_the_same_numbers(visit, shown):
    page = visit()
    histogram = result_of(page, shown)["histogram"]
    for name in ("lungs", "lesion"):
        filled = sum(value > 0 for value in histogram[f"{name}_ml"])
        group = "lung" if name == "lungs" else name
        assert page.locator(f"svg.histogram .{group} .bar").count() == filled
    assert "mean" in page.get_attribute("svg.histogram", "aria-label")
    page.locator(".part-density summary").click()
    cells = page.locator(".part-density tbody tr td:nth-child(2)").all_inner_texts()
    assert cells == [f"{value:,.1f}" for value in histogram["lungs_ml"]]


def test_the_paragraph_is_copied_and_names_no_disease(visit, shown):
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    page.locator(".part-paragraph button").click()
    page.wait_for_selector(".part-paragraph [role=status]:not(:empty)")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.inner_text(".part-paragraph .paragraph")
    summary = result_of(page, shown)["summary"]
    assert f"{summary['lesion_percent']:.1f} % of the lung" in copied
    assert "CT severity score" in copied
    assert "covid" not in copied.lower()


def test_a_definition_is_one_click_away_and_gives_the_focus_back(visit):
    page = visit()
    page.click(".score.ct_ss .what")
    assert "75 % and above" in page.inner_text("dialog")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    assert page.evaluate("document.activeElement.className") == "what"


def test_the_numbers_stand_without_the_viewer(visit):
    page = visit(
        prepare=lambda page: page.route("**/viewer/viewer.js", lambda route: route.abort()),
        allowed=("Failed to load",),
    )
    page.wait_for_selector(".viewer-place [role=alert]")
    assert score(page, "ct_ss").endswith("of 5")
    assert page.locator(".zone-map .zone").count() == 6


# --- versions: review, correction ------------------------------------------------------------


def reviewed(page, state, *, author, reason):
    page.click(f".actions .review-{state}")
    page.fill("dialog [name=author]", author)
    page.fill("dialog [name=reason]", reason)
    page.click("dialog [type=submit]")


def test_a_review_is_kept_and_shown_and_the_name_is_remembered(visit, shown):
    page = visit()
    reviewed(page, "rejected", author="Dr. Li", reason="vessels were taken for opacity")
    page.wait_for_selector(".chip.review.rejected")
    assert "Dr. Li" in page.inner_text(".chip.review")
    kept = result_of(page, shown)["review"]
    assert (kept["state"], kept["author"]) == ("rejected", "Dr. Li")
    page.click(".actions .review-accepted")
    assert page.input_value("dialog [name=author]") == "Dr. Li"
    page.fill("dialog [name=reason]", "seen again: right")
    page.click("dialog [type=submit]")
    page.wait_for_selector(".chip.review.accepted")
    assert result_of(page, shown)["review"]["state"] == "accepted"


def refuse(route):
    """As the service does what a state does not allow any more."""
    route.fulfill(status=409, json={"type": "urn:opacimeter:conflict", "status": 409})


def test_a_refusal_is_shown_in_the_dialog_and_nothing_typed_is_lost(visit):
    page = visit(prepare=lambda page: page.route("**/review?*", refuse), allowed=("409",))
    reviewed(page, "accepted", author="Dr. Li", reason="right")
    page.wait_for_selector("dialog [role=alert]:not(:empty)")
    assert page.input_value("dialog [name=reason]") == "right"


def paint(page):
    """A stroke of the brush in the middle of the axial plane."""
    page.click(".actions .correct")
    page.wait_for_selector(".paint-bar .save:enabled", timeout=40_000)
    stage = page.locator(".viewer-stage").bounding_box()
    x, y = stage["x"] + stage["width"] * 0.28, stage["y"] + stage["height"] * 0.5
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 20, y + 10, steps=4)
    page.mouse.up()
    page.wait_for_function(
        "() => !document.querySelector('.paint-bar .amount').textContent.includes('Nothing')"
    )


def test_a_correction_is_painted_saved_and_followed_and_is_not_lost_by_leaving(visit, shown):
    page = visit(gpu=True)
    paint(page)
    assert "ml" in page.inner_text(".paint-bar .amount")
    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.click("#to-worklist")
    assert asked == ["What was painted is not saved and will be lost."]
    assert page.is_visible(".paint-bar")
    page.click(".paint-bar .undo")
    page.wait_for_function(
        "() => document.querySelector('.paint-bar .amount').textContent.includes('Nothing')"
    )
    page.click(".paint-bar .redo")
    assert "Nothing" not in page.inner_text(".paint-bar .amount")
    page.click(".paint-bar .save")
    page.fill("dialog [name=author]", "Dr. Li")
    page.fill("dialog [name=reason]", "an opacity was missed")
    page.click("dialog [type=submit]")
    page.wait_for_url("**/versions/2")
    page.wait_for_selector(".work")
    versions = told(page, f"{shown[0]}/api/v1/assessments/{shown[1]}/versions")["versions"]
    made = {"of": 1, "author": "Dr. Li", "reason": "an opacity was missed"}
    assert [each["correction"] for each in versions] == [None, made]


def test_the_brush_obeys_keys_and_its_bar_changes_language(visit):
    page = visit(gpu=True)
    paint(page)
    amount = page.locator(".paint-bar .amount")
    page.keyboard.press("Control+z")
    expect(amount).to_contain_text("Nothing")
    page.keyboard.press("Control+Shift+Z")
    expect(amount).not_to_contain_text("Nothing")
    page.locator(".viewer-bar input[type=number]").first.press("Control+z")  # its own
    expect(amount).not_to_contain_text("Nothing")
    switch(page, "zh-CN")
    bar = page.locator(".paint-bar")
    assert re.findall("[A-Za-z]{3,}", bar.inner_text()) == []
    expect(bar).to_have_attribute("aria-label", "修正轮廓")
    expect(amount).to_contain_text("病变")  # what was painted is still there
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("#to-worklist")


def test_back_asks_before_what_was_painted_is_lost_where_the_browser_tells_only_afterwards(visit):
    page = visit(
        gpu=True,
        prepare=lambda page: page.add_init_script(
            "Object.defineProperty(window, 'navigation', { value: undefined })"
        ),
    )
    address = page.url
    for part in ("#/", f"#{address.split('#')[1]}"):
        page.evaluate("(part) => { location.hash = part; }", part)
    page.wait_for_selector(".actions .correct")
    paint(page)
    with page.expect_event("dialog") as asked:
        page.evaluate("() => history.back()")
    assert asked.value.message == "What was painted is not saved and will be lost."
    asked.value.dismiss()
    page.wait_for_url(address)
    expect(page.locator(".paint-bar .amount")).not_to_contain_text("Nothing")
    page.once("dialog", lambda dialog: dialog.accept())
    page.evaluate("() => { location.hash = '#/'; }")
    expect(page.locator("#worklist")).to_be_visible()
    expect(page.locator(".paint-bar")).to_have_count(0)


# --- states ----------------------------------------------------------------------------------


def as_if(found, **changes):
    """Answers the assessment's own address with a changed result."""
    gone = {} if changes.get("status") == "complete" else {"summary": None, "regions": {}}

    def prepare(page):
        pattern = re.compile(rf"/assessments/{found}(\?.*)?$")

        def answer(route):
            body = route.fetch().json() | gone | changes
            route.fulfill(body=json.dumps(body), content_type="application/json")

        page.route(pattern, answer)

    return prepare


def test_a_rejected_study_says_why_and_what_to_do(visit, shown):
    message = "3 images are missing, between z = 1 and 4 mm. Please send the whole series."
    check = {"code": "slice-gap", "severity": "reject", "message": message}
    check["detail"] = {"missing": 3, "places": 1, "between_z_mm": [[1, 4]]}
    page = visit(prepare=as_if(shown[1], status="rejected", checks=[check]))
    assert message in page.inner_text(".ended")
    assert "Send the study again" in page.inner_text(".ended")
    assert page.inner_text(".actions") == "Assess again"


def test_a_failed_study_says_why_in_chinese_too(visit, shown):
    error = (
        "The assessment took longer than 900 s, the limit for one study, and was ended. "
        "Retry it when the machine is less busy, raise the limit, or report the study."
    )
    page = visit(prepare=as_if(shown[1], status="failed", error=error), locale="zh-CN")
    assert "900 s" in page.inner_text(".ended")
    assert "longer" not in page.inner_text(".ended")


INTERNAL = (
    "An internal error (ValueError) ended the assessment; the log tells where. Retry it, or report "
    "the study."
)
GIVEN_UP = (
    "The worker ended each time it began this, so it was given up. Retry it, or report the study."
)
GAPS = (
    "3 images are missing, between z = -12.5 and -15 mm; 2 and 4 mm. Please send the whole series.."
)
TOLD_IN_CHINESE = {
    INTERNAL: "评估因内部错误（ValueError）中止；日志中有记录。请重试，或上报该检查。",
    GIVEN_UP: "每次开始处理时进程都中断，因此已放弃。请重试，或上报该检查。",
    GAPS: "缺少 3 幅图像，位于 z = -12.5 与 -15 mm 之间；2 与 4 mm 之间。请发送完整序列。",
    "It holds no CT images (MR/KO).": "不含 CT 图像（MR/KO）。",
    "The images lie 12.0 mm apart; at most 10 mm. The series has 5 images over 60 mm; at least 10 "
    "over 100 mm are needed..": "层间距 12.0 mm，最大允许 10 mm。"
    "该序列共 5 幅图像，覆盖 60 mm；至少需要 10 幅、100 mm。",
    "The pixels cannot be decoded: transfer syntax 1.2.840.10008.1.2.4.70. Please send them "
    "uncompressed.": "像素数据无法解码：传输语法 1.2.840.10008.1.2.4.70。请发送未压缩的图像。",
    "It is the only series fit to measure. series 5 could not be used: too-thick, slice-gap.":
    "唯一适合测量的序列。序列 5 无法使用：层间距过大、缺层。",
}  # fmt: skip


def test_the_services_own_sentences_are_told_in_chinese(visit):
    page = visit(locale="zh-CN")
    translated = """async (sentences) => {
        const { translated } = await import("/static/result/words.js");
        return sentences.map(translated);
    }"""
    assert page.evaluate(translated, list(TOLD_IN_CHINESE)) == list(TOLD_IN_CHINESE.values())
    switch(page, "en")
    # A sentence that the service ended twice is ended once.
    assert page.evaluate(translated, [INTERNAL, GAPS]) == [INTERNAL, GAPS[:-1]]


def test_a_refused_cancellation_stays_to_be_read(visit, shown):
    asked = []
    page = visit(
        prepare=lambda page: (
            as_if(shown[1], status="running", step="segment")(page),
            page.route("**/events", lambda route: None),  # nothing is told of it
            page.route("**/cancel", refuse),
            page.on("request", lambda request: asked.append(request.url)),
        ),
        allowed=("409",),
    )
    expect(page.locator(".work")).to_be_visible()
    asked.clear()
    page.click(".actions button")
    until(page, lambda: any(url.endswith("?version=1") for url in asked))  # seen anew, and still
    told = page.locator(".trouble")
    expect(told).to_contain_text("Its state does not allow this any more.")
    switch(page, "zh-CN")
    expect(told).to_have_text("当前状态已不允许该操作，列表显示的是最新状态。")


def test_a_stream_that_is_refused_is_not_asked_for_again_at_once(visit, shown):
    refused = []

    def answer(route):
        refused.append(route.request.url)
        route.fulfill(status=503)

    page = visit(
        prepare=lambda page: (
            as_if(shown[1], status="running", step="segment")(page),
            page.route("**/events", answer),
        ),
        allowed=("503",),
    )
    expect(page.locator(".work")).to_be_visible()
    page.wait_for_timeout(1500)
    assert len(refused) == 1


def test_below_the_detection_limit_is_said_in_words(visit, shown):
    summary = {"lesion_ml": 0.5, "lesion_percent": 0.03, "ct_ss": {"grade": 1}}
    summary |= {"below_detection_limit": True, "detection_limit_percent": 0.07}
    page = visit(prepare=as_if(shown[1], status="complete", summary=summary))
    assert "cannot be told from none" in page.inner_text(".part-answer .message")
    assert "No pulmonary opacity above the detection limit" in page.inner_text(".paragraph")


def test_another_series_is_offered_with_the_reason_against_it(visit, shown):
    others = [{"uid": "1.2.3.5", "why_not": "Its slices are thicker."}]
    series = {"uid": "1.2.3.4", "slices": 40, "spacing_mm": [2, 1.5, 1.25], "others": others}
    page = visit(
        prepare=as_if(shown[1], status="complete", series=series),
        locale="zh-CN",
        allowed=("Failed to load",),
    )
    assert "层厚较厚。" in page.inner_text(".part-series")
    asked = []

    def refuse(route):
        asked.append(route.request.post_data_json)
        route.abort()

    page.route("**/series", refuse)
    page.click(".part-series button")
    page.wait_for_selector(".part-series [role=alert]:not(:empty)")
    assert asked == [{"series_uid": "1.2.3.5"}]


def test_another_series_is_chosen_on_the_page_and_becomes_a_version(browser, tmp_path):
    found = assessed(*chest())
    series = replace(found.volume.series, others=(OtherSeries("1.2.3.5", "It is a reformat."),))
    found = replace(found, volume=replace(found.volume, series=series))
    with showing(tmp_path, found) as (address, identity):
        page = browser.new_page(locale="en-GB")
        page.goto(f"{address}/?webgl=off#/assessments/{identity}")
        page.click(".part-series button")
        page.wait_for_url("**/versions/2")
        page.wait_for_selector(".work")
        listed = told(page, f"{address}/api/v1/assessments/{identity}/versions")["versions"]
        page.close()
    assert [each["series_uid"] for each in listed] == [None, "1.2.3.5"]


# --- follow-up -------------------------------------------------------------------------------


def followed(shown, **changes):
    study = {
        "id": shown[1], "version": 1, "status": "complete", "current": False, "mismatch": [],
        "lesion_ml": 20.0, "lesion_percent": 4.0, "interval_90_percent": [3.0, 6.0],
        "volume_ml": 500.0, "study": {"uid": "1.2.3", "date": "2026-01-01", "description": "CT"},
    }  # fmt: skip
    return study | changes


def with_follow_up(shown):
    """The same study as an earlier one, and one of another person under the same number."""
    dated = {"uid": "1.2.3", "date": "2026-02-01", "description": "CT"}
    now = followed(shown, current=True, study=dated, lesion_percent=8.0)
    body = {
        "studies": [followed(shown), now],
        "mismatched": [followed(shown, mismatch=["birth_date"])],
    }

    def prepare(page):
        page.route(
            "**/follow-up",
            lambda route: route.fulfill(body=json.dumps(body), content_type="application/json"),
        )

    return prepare


def test_the_course_is_plotted_and_another_persons_study_is_set_apart(visit, shown):
    page = visit(prepare=with_follow_up(shown))
    page.wait_for_selector("svg.trend-plot")
    assert page.locator("svg.trend-plot .point").count() == 2
    assert page.locator("svg.trend-plot .whisker").count() == 2
    page.check(".trend [value=lesion_ml]")
    assert page.locator("svg.trend-plot .whisker").count() == 0
    assert "date of birth differs" in page.inner_text(".mismatched")


def test_two_studies_scroll_together(visit, shown):
    page = visit(prepare=with_follow_up(shown))
    page.click(".part-follow-up td button")
    page.wait_for_selector(".result-images.second .viewer")
    assert page.locator(".result-body .viewer").count() == 2
    page.click(".result-images.second .caption button")
    assert page.locator(".result-body .viewer").count() == 1
    assert page.is_visible(".result-panel")


def compared(visit, shown, **options):
    """The result beside the study before it."""
    page = visit(prepare=with_follow_up(shown), **options)
    page.click(".part-follow-up td button")
    page.wait_for_selector(".second .pane.axial canvas[data-shown]")
    return page


def test_a_comparison_outlives_a_review_and_a_change_of_language(visit, shown):
    page = compared(visit, shown)
    page.locator(".viewer-stage").first.press("Home")
    review = {"state": "accepted", "author": "Dr. Li", "reason": "right"}
    page.route("**/review?*", lambda route: route.fulfill(json={"review": review}))
    reviewed(page, "accepted", author="Dr. Li", reason="right")
    page.wait_for_selector(".chip.review.accepted")
    switch(page, "zh-CN")
    captions = page.locator(".caption")
    assert captions.count() == 2
    assert re.findall("[A-Za-z]{3,}", " ".join(captions.all_inner_texts())) == []
    page.locator(".viewer-stage").first.press("PageDown")
    page.wait_for_selector(".second .pane.axial canvas[data-shown='10']")
    page.click(".caption .end")
    assert page.locator(".viewer").count() == 1
    assert page.locator(".caption").count() == 0
    assert page.is_visible(".result-panel")


def test_two_clicks_open_one_study_beside_the_other(visit, shown):
    page = visit(prepare=with_follow_up(shown))
    waiting = []
    page.wait_for_selector(".part-follow-up td button")
    page.route("**/assessments/*?version=1", lambda route: waiting.append(route))
    page.dblclick(".part-follow-up td button")
    until(page, lambda: len(waiting) == 2)
    for route in waiting:
        route.continue_()
    page.wait_for_selector(".second .pane.axial canvas[data-shown]")
    quiet(page)
    assert page.locator(".result-images.second").count() == 1
    assert page.locator(".viewer").count() == 2


def test_a_study_that_comes_after_the_page_was_left_is_not_opened(visit, shown):
    page = visit(prepare=with_follow_up(shown))
    page.wait_for_selector(".part-follow-up td button")
    waiting = []
    page.route("**/assessments/*?version=1", lambda route: waiting.append(route))
    page.click(".part-follow-up td button")
    until(page, lambda: waiting)
    page.click("#to-worklist")
    expect(page.locator("#worklist")).to_be_visible()
    for route in waiting:
        route.continue_()
    quiet(page)
    assert page.locator(".viewer").count() == 0


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "compared"])
def test_paper_shows_the_numbers_and_an_overview_in_place_of_the_viewer(visit, shown, beside):
    page = compared(visit, shown) if beside else visit(prepare=with_follow_up(shown))
    page.wait_for_selector("svg.trend-plot", state="attached")
    page.emulate_media(media="print")
    for selector in (".result-head .patient-name", '[data-score="ct_ss"]', ".regions", ".notice"):
        assert page.locator(selector).locator("visible=true").count() > 0, selector
    for selector in (".viewer", ".actions", ".contents", "#language", ".caption", ".what"):
        assert page.locator(selector).locator("visible=true").count() == 0, selector
    picture = page.locator(".on-paper img")
    expect(picture).to_be_visible()
    assert picture.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 2160
    printed = PdfReader(io.BytesIO(page.pdf(format="A4"))).pages
    text = "".join(sheet.extract_text() for sheet in printed)
    for number in (score(page, "lesion_percent"), score(page, "ct_ss")):
        assert number in text
    assert "Research use only" in text


def test_the_change_is_told_with_its_caveats(visit, shown):
    change = {"before": 10.0, "now": 20.0, "change": 10.0}
    lungs = dict.fromkeys(("volume_ml", "lesion_ml", "lesion_percent"), change)
    prior = {
        "id": shown[1], "version": 1, "days": 31, "within_interval": True,
        "study": {"date": "2026-01-01"}, "regions": {"lungs": lungs},
        "caveats": [{"code": "other-scanner", "detail": {"before": "A", "now": "B"}}],
    }  # fmt: skip
    page = visit(prepare=as_if(shown[1], status="complete", prior=prior))
    change_told = page.inner_text(".change")
    assert "+10 ml" in change_told
    assert "it may be none" in change_told
    assert "Another scanner (A, now B)" in change_told
    assert "31 days before" in page.inner_text(".paragraph")


# --- manners ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1280, 800), (3840, 2160)], ids=["laptop", "reading room"])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_all_of_a_result_is_at_hand_on_small_and_large_screens(visit, shown, size, locale):
    width, height = size
    page = visit(
        prepare=with_follow_up(shown), viewport={"width": width, "height": height}, locale=locale
    )
    page.wait_for_selector(".pane.axial canvas[data-shown]")
    for part in ("document.documentElement", "document.querySelector('.result-panel')"):
        assert page.evaluate(f"() => {part}.scrollWidth - {part}.clientWidth") <= 0, part
    assert page.evaluate("() => document.documentElement.scrollHeight") <= height
    controls = page.locator(".actions > *, .viewer-bar button, .viewer-bar select, .slice, #theme")
    boxes = [each.bounding_box() for each in controls.locator("visible=true").all()]
    assert len(boxes) > 20
    for box in boxes:
        assert 0 <= box["x"] <= box["x"] + box["width"] <= width
        assert 0 <= box["y"] <= box["y"] + box["height"] <= height
    stage = page.locator(".viewer-stage").bounding_box()
    assert stage["width"] > width / 2
    assert stage["height"] > height / 2


def test_the_chinese_page_has_no_english_left(visit):
    page = visit(locale="zh-CN")
    page.wait_for_selector(".part-versions table")
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    texts = page.evaluate(
        """() => {
            const inside = document.querySelectorAll(".result-head .label, .result-head .chip,"
                + ".result-head .state, .actions, .result-panel");
            return [...inside].flatMap((each) => each.innerText.split("\\n"));
        }"""
    )
    assert len(texts) > 60
    # The series' and the scanner's names are the scanner's, reasons are the radiologist's.
    own = page.evaluate("[...document.querySelectorAll('.facts dd')].map((each) => each.innerText)")
    texts = [re.sub(r"Dr\. Li|an opacity was missed", "", text) for text in texts]
    english = {
        word
        for text in texts
        if text not in own
        for word in re.findall(r"[A-Za-z][\w²./-]+", text)
        if not re.fullmatch(LATIN, word.strip(".-/"))
    }
    assert english == set()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_screen_reader_and_weak_eyes_find_no_serious_fault(visit, shown, scheme):
    page = visit(color_scheme=scheme, prepare=with_follow_up(shown))
    page.wait_for_selector("svg.trend-plot")
    page.wait_for_selector(".part-versions table")
    found = Axe().run(page, context=".result-head, .result-panel")
    grave = [
        (each["id"], [node["target"] for node in each["nodes"]][:3])
        for each in found.response["violations"]
        if each["impact"] in {"serious", "critical"}
    ]
    assert grave == []
