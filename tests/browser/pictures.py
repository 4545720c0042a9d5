"""The pictures of the documents: `python -m tests.browser.pictures`, from the sample study alone.

A service of its own assesses the phantom at three dates, as one patient with a course, and a
Chromium photographs worklist and result into docs/images. No real patient is shown.
"""

import io
import tempfile
from pathlib import Path

import pydicom
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.benchmarks.browser import chromium
from tests.conftest import ROOT
from tests.fakes import wait_until
from tests.serving import Service
from training.phantom import Patient, Scan, spread, write_study

IMAGES = ROOT / "docs" / "images"
COLOURS = 256
SCAN = Scan(slices=72, rows=224, columns=224, spacing_mm=(4.0, 1.6, 1.6), thickness_mm=4.0)
# Days apart and lesions of the earlier studies; the last one is the sample study.
COURSE = (("20251204", 4, 2), ("20251218", 9, 3))


def earlier(folder: Path) -> list[Path]:
    """Earlier studies of the sample's patient, each in a folder."""
    sample = pydicom.dcmread(ROOT / "dicom_samples" / "phantom-001" / "0001.dcm")
    made = []
    for date, lesions, seed in COURSE:
        target = folder / date
        person = Patient(
            seed=seed, lesions=spread(lesions, seed=seed), id=sample.PatientID,
            name=str(sample.PatientName), birth_date=sample.PatientBirthDate,
            sex=sample.PatientSex,
        )  # fmt: skip
        write_study(target, person, SCAN)
        for path in target.iterdir():
            dataset = pydicom.dcmread(path)
            dataset.StudyDate = date
            dataset.save_as(path)
        made.append(target)
    return made


def assessed(service: Service, folder: Path) -> str:
    """Send a study and wait for its end; its id."""
    (study,) = service.send(sorted(folder.iterdir())).raise_for_status().json()["assessments"]
    wait_until(lambda: service.status(study["href"]) == "complete", seconds=300)
    return study["id"]


def photograph(page: Page, name: str) -> None:
    """The window as a picture of few colours, small enough to stand in a repository."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    few = picture.quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(IMAGES / f"{name}.png", optimize=True)


def main() -> None:
    """Make all pictures."""
    program = chromium()
    if program is None:
        raise SystemExit("No Chromium: install one, or name it by OPACIMETER_CHROMIUM.")
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        folder = Path(place)
        service = Service(folder, OPACIMETER_MODEL=str(ROOT / "models" / "lung-lesion"))
        service.start(seconds=180)
        try:
            studies = [*earlier(folder), ROOT / "dicom_samples" / "phantom-001"]
            last = [assessed(service, study) for study in studies][-1]
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            page = browser.new_page(
                viewport={"width": 1280, "height": 800}, locale="en-GB", color_scheme="light",
                base_url=f"http://127.0.0.1:{service.port}",
            )  # fmt: skip
            page.goto("/")
            page.wait_for_selector("#list tbody:nth-of-type(3)")
            photograph(page, "worklist")
            page.goto(f"/?webgl=off#/assessments/{last}")
            page.wait_for_selector(".trend-plot", state="attached")
            page.wait_for_timeout(2000)
            photograph(page, "result-page")
            browser.close()
        finally:
            service.stop()


if __name__ == "__main__":
    main()
