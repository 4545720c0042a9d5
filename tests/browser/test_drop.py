"""Studies that come in over the page: real files, a real Chromium, a service with its worker."""

import io
import zipfile

import pydicom
import pytest
from playwright.sync_api import expect
from pydicom.uid import MRImageStorage, generate_uid

from tests.conftest import ROOT
from tests.phantoms import SLICES

PHANTOM = ROOT / "dicom_samples" / "phantom-001"
FIRST = PHANTOM / "0001.dcm"


def choose(page, path):
    """By the buttons: a folder, or files."""
    inputs = page.locator("#drop input[type=file]")
    (inputs.first if path.is_dir() else inputs.last).set_input_files(path)


def drag(page, *paths):
    """As the operating system does it: entered, moved, let go over the middle of the page."""
    expect(page.locator("#curtain")).to_be_attached()  # the page takes drops from then on
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    place = {"x": 640, "y": 500, "data": data}
    for kind in ("dragEnter", "dragOver"):
        session.send("Input.dispatchDragEvent", {"type": kind, **place})
    expect(page.get_by_text("Let go to send the study")).to_be_visible()
    session.send("Input.dispatchDragEvent", {"type": "drop", **place})
    expect(page.get_by_text("Let go to send the study")).to_be_hidden()


def slowed(page, *, bytes_per_second):
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    conditions = {"offline": False, "latency": 0, "downloadThroughput": -1}
    session.send(
        "Network.emulateNetworkConditions", conditions | {"uploadThroughput": bytes_per_second}
    )


def made(source=FIRST, **changes):
    """A slice of the phantom as a study of its own, with other values."""
    dataset = pydicom.dcmread(source)
    dataset.StudyInstanceUID, dataset.SOPInstanceUID = generate_uid(), generate_uid()
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    out = io.BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def zipped(name, content):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, content)
    return out.getvalue()


def nested(depth):
    content = FIRST.read_bytes()
    for level in range(depth):
        content = zipped("0001.dcm" if level == 0 else "inner.zip", content)
    return content


@pytest.mark.slow
def test_a_folder_is_sent_assessed_and_its_numbers_are_those_of_the_service(page, service):
    slowed(page, bytes_per_second=1_000_000)  # 108 files, 7 MB
    choose(page, PHANTOM)
    entry = page.locator(".sending")
    expect(entry).to_contain_text("phantom-001")
    expect(entry.locator(".line")).to_contain_text(" of 108 files, ")
    bar = entry.get_by_role("progressbar", name="Upload")
    page.wait_for_function("bar => bar.value > 0.1 && bar.value < 1", arg=bar.element_handle())
    page.wait_for_url("**/#/assessments/*", timeout=60_000)
    expect(entry).to_have_count(0)

    identity = page.url.rsplit("/", 1)[1]
    page.get_by_role("link", name="Worklist").click()
    row = page.locator(f'#list tbody[data-id="{identity}"]')
    expect(row).to_contain_text("Complete", timeout=120_000)
    summary = service.get(f"/api/v1/assessments/{identity}").json()["summary"]
    expect(row.locator(".percent")).to_have_text(f"{summary['lesion_percent']:.1f}")
    expect(row.locator("td.ml")).to_have_text(f"{summary['lesion_ml']:,.0f}")


def test_a_folder_dragged_onto_the_page_is_walked_to_its_end(open_page, tmp_path):
    """A browser tells a hundred entries at a time: 2,000 files in folders within the folder."""
    page = open_page(allowed=("422",))
    for number in range(2000):
        path = tmp_path / "study" / f"series-{number % 3}" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"no DICOM, {number}")
    drag(page, tmp_path / "study")
    entry = page.locator(".sending")
    expect(entry).to_contain_text("None of the 2000 files is a DICOM image.", timeout=120_000)
    entry.get_by_role("button", name="Dismiss").click()
    expect(entry).to_have_count(0)


def test_several_studies_in_one_drop_become_several_assessments(page, tmp_path):
    for number in range(2):
        (tmp_path / f"{number}.dcm").write_bytes(made())
    drag(page, *sorted(tmp_path.iterdir()))
    entry = page.locator(".sending")
    expect(entry).to_contain_text("2 studies received.")
    expect(entry.get_by_role("link")).to_have_count(2)
    for link in entry.get_by_role("link").all():
        address = link.get_attribute("href").removeprefix("#/assessments/")
        expect(page.locator(f'#list tbody[data-id="{address}"]')).to_have_count(1)
    expect(page.locator("#worklist")).to_be_visible()  # which of the two should be opened?


def test_a_broken_line_is_told_and_the_rest_is_sent_when_it_is_back(open_page, tmp_path):
    page = open_page(allowed=("ERR_CONNECTION_RESET",))
    study, uid = tmp_path / "study", generate_uid()
    study.mkdir()
    for number in range(24):  # 24 files of more than 1 MB: more than one piece of 16 MiB
        (study / f"{number:02d}.dcm").write_bytes(made(StudyInstanceUID=uid) + bytes(1 << 20))
    offsets = []

    def sent(request):
        if "/content?" in request.url:
            offsets.append(int(request.url.rsplit("=", 1)[1]))

    page.on("request", sent)
    page.route("**/content?offset=16777216", lambda route: route.abort("connectionreset"))
    choose(page, study)
    entry = page.locator(".sending")
    expect(entry).to_contain_text("The service does not answer.", timeout=30_000)
    # A file has 1,048,576 + 64,400 bytes or so: the first piece of 16 MiB holds 15 of the 24 whole.
    expect(entry).to_contain_text("9 files are still missing; what was sent is kept.")
    page.unroute("**/content?offset=16777216")
    expect(entry).to_contain_text("The service does not answer.")
    entry.get_by_role("button", name="Try now").click()
    page.wait_for_url("**/#/assessments/*", timeout=60_000)
    assert set(offsets) == {0, 16 << 20}
    assert offsets.count(0) == 1


def test_leaving_the_page_while_it_sends_is_asked_about(page, tmp_path):
    slowed(page, bytes_per_second=500_000)
    (tmp_path / "a.dcm").write_bytes(made() + bytes(4 << 20))
    choose(page, tmp_path / "a.dcm")
    entry = page.locator(".sending")
    expect(entry.get_by_role("button", name="Stop")).to_be_visible()
    page.get_by_role("combobox", name="Language").focus()  # browsers ask only after some use
    page.keyboard.press("Escape")
    with page.expect_event("dialog") as asked:
        page.evaluate("() => void setTimeout(() => location.reload())")
    assert asked.value.type == "beforeunload"
    asked.value.dismiss()
    entry.get_by_role("button", name="Stop").click()
    expect(entry).to_have_count(0)


def test_wrong_drops_each_get_their_own_sentence_and_the_page_goes_on(open_page, tmp_path):
    page = open_page(allowed=("422",))
    message = page.locator("#message")
    (tmp_path / "empty").mkdir()
    files = {
        "report.pdf": (b"%PDF-1.7 \n" * 30, "report.pdf is a PDF document"),
        "nothing.zip": (b"", "The zip nothing.zip is empty (0 bytes)"),
        "shot.png": (b"\x89PNG\r\n" * 30, "shot.png is a picture without Hounsfield units"),
    }
    drag(page, tmp_path / "empty")
    expect(message).to_contain_text("There is no file in it.")
    for name, (content, sentence) in files.items():
        (tmp_path / name).write_bytes(content)
        choose(page, tmp_path / name)
        expect(message).to_contain_text(sentence)

    (tmp_path / "deep.zip").write_bytes(nested(5))
    choose(page, tmp_path / "deep.zip")
    expect(page.locator(".sending")).to_contain_text("archives nested more than 3 deep")
    (tmp_path / "notes.txt").write_text("no images")
    choose(page, tmp_path / "notes.txt")
    expect(page.locator(".sending").last).to_contain_text("The file is no DICOM image.")


def test_an_mr_study_and_a_truncated_slice_are_filed_and_say_why_they_have_no_numbers(
    page, tmp_path
):
    uid = generate_uid()
    for source in SLICES:
        (tmp_path / source.name).write_bytes(made(source, StudyInstanceUID=uid))
    cut = tmp_path / FIRST.name
    cut.write_bytes(cut.read_bytes()[:-5000])
    mr = tmp_path / "mr.dcm"
    mr.write_bytes(made(SOPClassUID=MRImageStorage, Modality="MR"))
    drag(page, tmp_path)
    expect(page.locator(".sending")).to_contain_text("2 studies received.")
    for sentence in ("no CT images, only MR", "ends within its pixels"):
        why = page.locator("#list .why").filter(has_text=sentence).first
        expect(why).to_be_visible(timeout=60_000)
