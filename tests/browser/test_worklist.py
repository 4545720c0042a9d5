"""The worklist in a real Chromium, before a real service whose rows were made by hand."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from opacimeter.checks import Check
from opacimeter.record import assessment_id
from opacimeter.store import Incoming, IncomingFile, Status, Store
from tests.browser.viewed import until
from tests.fakes import MODEL, result_documents, text_document
from tests.serving import Service

NAMES = (
    "Doe^Jane",
    "Wang^XiaoDong=王^小东",
    "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "Müller^Jürgen",
)
THICK = Check("thick-slices", "The slices are 8.0 mm thick.", {"thickness_mm": 8.0})
NO_CT = Check("no-ct", "The study holds no CT images.", {})
ROWS = 30
OPENED = (27, 28)  # have documents: writing them takes longer than all else


def fill(store, folder):
    """Study 1.2.n of patient Pn: every tenth failed, the one after it no CT, the last at work."""
    for number in range(ROWS):
        path = folder / str(number)
        path.write_bytes(str(number).encode())
        study = Incoming(
            f"1.2.{number}",
            [IncomingFile(path, f"1.2.{number}.1")],
            patient={"id": f"P{number:03d}", "name": NAMES[number % 4]},
            study={
                "date": f"2026-01-{1 + number % 28:02d}",
                "description": "CT chest",
                "accession": f"A{number}",
            },
        )
        receipt = store.arrivals.receive(study)
        run = store.runs.begin(receipt.job, attempts=3, model=MODEL)
        if number == ROWS - 1:
            run.progress("segment", 0.25)
            yield run
        elif number % 10 == 0:
            run.end(Status.FAILED, "An internal error (ValueError) ended the assessment; Retry it.")
        elif number % 10 == 1:
            run.reject((), checks=(NO_CT,))
        else:
            summary = {
                "lesion_ml": number * 40.0,
                "lesion_percent": number * 1.0,
                "ct_ss": {"grade": 2},
            }
            checks = (THICK,) if number % 4 == 3 else ()
            run.keep(
                documents(run.record) if number in OPENED else (), checks=checks, summary=summary
            )


def documents(record):
    table = text_document("measurements.csv", f"study_uid\n{record.study_uid}\n", "text/csv")
    return (*result_documents(record), table)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A service without workers; `run` is the one that is at work."""
    folder = tmp_path_factory.mktemp("worklist")
    store = Store(folder / "data")
    store.heartbeats.beat("worker-0", model=MODEL)
    started = Service(folder, OPACIMETER_WORKERS="0", OPACIMETER_HEARTBEAT_LIMIT_S="3600")
    (folder / "in").mkdir()
    started.run = next(iter(list(fill(store, folder / "in"))))
    started.start(seconds=180)
    started.address = f"http://127.0.0.1:{started.port}"
    yield started
    assert started.stop() == 0
    store.close()


@pytest.fixture
def service(filled):
    return filled


def row_of(page, number):
    return page.locator(f'#list tbody[data-id="{assessment_id(f"1.2.{number}")}"]')


def patients(page):
    return page.locator("#list .id").all_inner_texts()


def ids(*numbers):
    return [f"P{number:03d}" for number in numbers]


def test_the_newest_come_first_and_a_row_says_all_at_a_glance(page):
    expect(page.locator("#list tbody")).to_have_count(30)
    assert patients(page)[:3] == ids(29, 28, 27)
    complete = row_of(page, 25)  # 25 percent, 25 · 40 = 1,000 ml
    for text in ("Wang, XiaoDong", "王小东", "2026-01-26", "CT chest", "Complete", "25.0", "1,000"):
        expect(complete).to_contain_text(text)
    expect(page.locator(".total")).to_have_text("1–30 of 30")


def test_work_under_way_is_seen_to_go_on(page, filled):
    running = row_of(page, 29)
    expect(running).to_contain_text("Finding lungs and opacities 25 %")
    filled.run.progress("segment", 0.75)
    expect(running).to_contain_text("Finding lungs and opacities 75 %", timeout=5000)
    assert running.locator("progress").evaluate("bar => bar.value") == 0.75


def test_what_has_no_numbers_says_why_and_what_to_do(page):
    expect(row_of(page, 20).locator(".why")).to_contain_text("internal error")
    expect(row_of(page, 20).locator(".why")).to_contain_text("Retry it")
    rejected = row_of(page, 21).locator(".why")
    expect(rejected).to_contain_text("The study holds no CT images.")
    assert rejected.inner_text().rstrip(".").count(". ") >= 1  # a second sentence: what to do


def test_warnings_are_counted_and_told_on_focus(page):
    warned = row_of(page, 27)  # 27 = 4 · 6 + 3
    button = warned.get_by_role("button", name="1 warnings")
    expect(warned.get_by_role("tooltip")).to_be_hidden()
    button.hover()
    expect(warned.get_by_role("tooltip")).to_have_text("The slices are 8.0 mm thick.")
    button.click()
    expect(warned.locator(".details")).to_contain_text("The slices are 8.0 mm thick.")
    expect(warned.locator(".details")).to_contain_text("StudyInstanceUID 1.2.27")
    expect(button).to_be_focused()  # although the row was drawn anew


def test_heads_sort_and_say_so(page):
    head = page.get_by_role("columnheader", name="Opacity, %")
    expect(head).to_have_attribute("aria-sort", "none")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    expect(page.locator("#list .id").first).to_have_text("P028")  # 29 is at work: no percent yet
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    expect(page.locator("#list .percent").nth(0)).not_to_have_text("28.0")
    expect(head.get_by_role("button")).to_be_focused()


def test_the_search_and_the_filter_narrow_the_list(page):
    expect(page.locator("#list tbody")).to_have_count(30)
    page.keyboard.press("/")
    box = page.get_by_role("searchbox")
    expect(box).to_be_focused()
    box.type("müller p003")
    expect(page.locator("#list tbody")).to_have_count(1)
    assert patients(page) == ids(3)
    box.fill("nobody")
    expect(page.get_by_text("No assessment matches.")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(page.locator("#list tbody")).to_have_count(30)
    page.get_by_role("combobox", name="Status").select_option("failed")
    expect(page.locator(".total")).to_have_text("1–3 of 3")
    assert patients(page) == ids(20, 10, 0)


def test_pages_go_on_and_back(page):
    page.get_by_role("combobox", name="Rows").select_option("25")
    expect(page.locator("#list tbody")).to_have_count(25)
    page.get_by_role("button", name="Next page").click()
    expect(page.locator(".total")).to_have_text("26–30 of 30")
    assert patients(page) == ids(4, 3, 2, 1, 0)
    expect(page.get_by_role("button", name="Next page")).to_be_disabled()
    page.get_by_role("button", name="Previous page").click()
    expect(page.locator(".total")).to_have_text("1–25 of 30")


def test_nothing_can_be_selected_before_the_list_has_come(open_page):
    page = open_page("about:blank")
    waiting = []
    page.route("**/api/v1/assessments?*", lambda route: waiting.append(route))
    page.goto("/")
    every = page.get_by_role("checkbox", name="Select all")
    expect(every).to_be_disabled()
    until(page, lambda: waiting)
    waiting[0].continue_()
    every.check()
    expect(page.get_by_role("link", name="Download 30 as CSV")).to_be_visible()


def test_chosen_rows_are_downloaded_as_one_table(page):
    page.get_by_role("checkbox", name="Select all").check()
    expect(page.get_by_role("link", name="Download 30 as CSV")).to_be_visible()
    page.get_by_role("button", name="Clear the selection").click()
    for number in (28, 27):
        row_of(page, number).get_by_role("checkbox").check()
    link = page.get_by_role("link", name="Download 2 as CSV")
    asked = parse_qs(urlsplit(link.get_attribute("href")).query)
    assert asked == {"id": [str(assessment_id(f"1.2.{number}")) for number in (28, 27)]}
    with page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename == "measurements.csv"
    assert len(download.value.path().read_text().splitlines()) >= 3  # the head, and two rows


def many(total):
    """Answers the list with so many studies, 200 a page."""

    def answer(route):
        asked = parse_qs(urlsplit(route.request.url).query)
        first = int(asked.get("cursor", ["0"])[0])
        last = min(first + 200, total)
        rows = [
            {"id": f"study-{number}", "status": "complete", "created": "2026-01-01T00:00:00Z",
             "checks": [], "patient": {"id": str(number)}, "study": {}, "summary": {}}
            for number in range(first, last)
        ]  # fmt: skip
        cursor = str(last) if last < total else None
        route.fulfill(json={"assessments": rows, "cursor": cursor, "total": total})

    return answer


def test_more_rows_than_a_table_takes_are_said_in_words(open_page):
    page = open_page("about:blank")
    page.add_init_script("localStorage.setItem('opacimeter.rows', '200')")
    page.route("**/api/v1/assessments?*", many(600))
    page.goto("/")
    for number in range(3):
        expect(page.locator(f'#list tbody[data-id="study-{200 * number}"]')).to_have_count(1)
        page.get_by_role("checkbox", name="Select all").check()
        if number == 1:
            expect(page.get_by_role("link", name="Download 400 as CSV")).to_be_visible()
        if number < 2:
            page.get_by_role("button", name="Next page").click()
    said = page.locator(".selection")
    expect(said).to_contain_text("600 selected; one table takes 500 at most.")
    expect(said.get_by_role("link")).to_have_count(0)
    said.get_by_role("button", name="Clear the selection").click()
    expect(page.get_by_role("link", name="Download all as CSV")).to_be_visible()


def test_a_failure_is_told_in_the_readers_language(open_page):
    page = open_page(locale="zh-CN")
    expect(row_of(page, 20).locator(".why")).to_contain_text("评估因内部错误（ValueError）中止")


def test_everything_is_reached_by_keyboard(page):
    row_of(page, 28).locator("a.name").focus()
    page.keyboard.press("ArrowDown")
    expect(row_of(page, 27).locator("a.name")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    expect(row_of(page, 27).locator("a.name")).to_be_focused()


def test_the_language_is_the_browsers_and_can_be_switched_for_good(open_page):
    page = open_page(locale="zh-TW")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.get_by_role("heading", name="工作列表")).to_be_visible()
    expect(row_of(page, 25).locator("a.name")).to_have_text("王小东")
    left = re.findall(
        r"[A-Za-z]{4,}", page.locator("header, .tools, .paging, thead").all_inner_texts()[0]
    )
    assert set(left) <= {"opacimeter", "English"}
    page.get_by_role("combobox", name="语言").select_option("en")
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    expect(row_of(page, 25).locator("a.name")).to_have_text("Wang, XiaoDong")
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "en")


def brightness(colour):
    return sum(int(part) for part in re.findall(r"\d+", colour))


def test_light_and_dark_are_the_systems_and_can_be_switched_for_good(open_page):
    page = open_page(color_scheme="dark")
    ground = "() => getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_role("combobox", name="Appearance").select_option("light")
    light = page.evaluate(ground)
    assert brightness(light) > 600  # of 3 · 255
    assert brightness(dark) < 150
    page.reload()
    assert page.evaluate(ground) == light


def test_a_service_that_is_away_is_told_and_its_return_noticed(open_page):
    page = open_page(allowed=("ERR_CONNECTION_REFUSED", "ERR_FAILED"))
    expect(page.locator("#list tbody")).to_have_count(30)
    page.route("**/api/v1/assessments?*", lambda route: route.abort("connectionrefused"))
    expect(page.get_by_text("The service does not answer.")).to_be_visible(timeout=5000)
    expect(page.locator("#list tbody")).to_have_count(30)  # what was known stays to be read
    page.unroute("**/api/v1/assessments?*")
    expect(page.get_by_text("The service does not answer.")).to_have_count(0, timeout=8000)


def test_a_study_opens_by_its_uid_or_accession_number(open_page):
    for query in ("study=1.2.28", "accession=A28"):
        page = open_page(f"/?{query}", allowed=("500",))  # there are no images to show
        page.wait_for_url(f"**/#/assessments/{assessment_id('1.2.28')}")
        expect(page.locator("#worklist")).to_be_hidden()
    page = open_page("/?accession=none")
    expect(page.get_by_text("No study with the accession number none")).to_be_visible()
    expect(page.locator("#list tbody")).to_have_count(30)


def test_an_empty_worklist_says_what_to_do_first(open_page):
    page = open_page("about:blank")
    nothing = {"assessments": [], "cursor": None, "total": 0}
    page.route("**/api/v1/assessments?*", lambda route: route.fulfill(json=nothing))
    page.goto("/")
    expect(page.get_by_role("heading", name="No study has been assessed yet")).to_be_visible()
    expect(page.get_by_text("or choose its folder above")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_axe_finds_no_serious_violation(open_page, scheme, locale):
    page = open_page(color_scheme=scheme, locale=locale)
    expect(page.locator("#list tbody")).to_have_count(30)
    page.locator(".warned button").first.click()
    found = Axe().run(page).response["violations"]
    grave = [
        (each["id"], each["nodes"][0]["html"])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    assert grave == []


def test_nothing_sticks_out_at_the_smallest_screen(page):
    expect(page.locator("#list tbody")).to_have_count(30)
    width = page.evaluate("() => document.documentElement.scrollWidth")
    assert width <= 1280


def test_deleting_asks_first(page):
    page.get_by_role("searchbox").fill("P002")
    expect(page.locator("#list tbody")).to_have_count(1)
    remove = row_of(page, 2).get_by_role("button", name="Delete Yamada, Tarou")
    remove.click()
    dialog = page.get_by_role("dialog", name="Delete this assessment?")
    expect(dialog).to_contain_text("Yamada, Tarou / 山田太郎, 2026-01-03")
    expect(dialog.get_by_role("button", name="Keep")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(row_of(page, 2)).to_be_visible()
    remove.click()
    dialog.get_by_role("button", name="Delete").click()
    expect(row_of(page, 2)).to_have_count(0)
