"""The page in a Chromium without a GPU: seconds to the first slice, a step through slices, weight.

On a noisy chest of 280×480×512 voxels, as a scanner would send it. Alone: `python -m
tests.benchmarks.browser`.
"""

import os
import shutil
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.viewed import assessed, chest, showing

REPEATS = 3
STEPS = 40
STATIC = Path(__file__).resolve().parents[2] / "service" / "opacimeter" / "web" / "static"
SLICE = ".pane.axial canvas[data-shown]"


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured.

    Attributes:
        cold_s: To the first slice of a result that nobody has looked at.
        warm_s: The same once its slices are unpacked, median.
        step_ms: From a key to the next slice on the screen, median.
        weight_mb: Scripts, styles and texts, without images.
    """

    cold_s: float
    warm_s: float
    step_ms: float
    weight_mb: float


def chromium() -> str | None:
    """Where a Chromium is, if there is one."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("OPACIMETER_CHROMIUM") or next(
        filter(None, map(shutil.which, names)), None
    )


def measure(program: str) -> Figures:
    """Start a service with one result and look at it."""
    hu, labels = (np.repeat(np.repeat(each.repeat(7, 0), 5, 1), 4, 2) for each in chest())
    noise = np.random.default_rng(1).integers(-30, 30, hu.shape, dtype=np.int16)
    with (
        tempfile.TemporaryDirectory() as folder,
        showing(Path(folder), assessed(hu + noise, labels)) as (address, found),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        # A browser that runs already, as a reader's does; each result is opened by a new visitor.
        browser.new_context().new_page().goto(address)
        opened = [
            first_slice(browser, f"{address}/?webgl=off#/assessments/{found}")
            for _ in range(REPEATS + 1)
        ]
        page = opened[-1][0]
        weight = sum(int(each["bytes"]) for each in page.evaluate(WEIGHT))
        seconds = [one for _, one in opened]
        figures = Figures(seconds[0], statistics.median(seconds[1:]), step_ms(page), weight / 1e6)
        browser.close()
    return figures


# Rendered slices and documents are images; all else is the page. NiiVue comes when it is wanted.
WEIGHT = """() => performance.getEntriesByType('resource')
  .filter(({ name }) => /\\/static\\/|\\/language\\//.test(name))
  .map(({ decodedBodySize: bytes }) => ({ bytes }))"""


def first_slice(browser: Browser, address: str) -> tuple[Page, float]:
    """A new page, and the seconds until its first slice is drawn."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    begun = time.perf_counter()
    page.goto(address)
    page.wait_for_selector(SLICE)
    return page, time.perf_counter() - begun


def step_ms(page: Page) -> float:
    """Median of steps at the pace of a reader, who looks before going on."""
    page.locator(".viewer-stage").focus()
    page.keyboard.press("Home")
    page.wait_for_timeout(500)
    times = page.evaluate(STEP, STEPS)
    return statistics.median(times)


# Timed in the page, for the remote control takes longer than the step.
STEP = """async (steps) => {
  const stage = document.querySelector('.viewer-stage');
  const canvas = stage.querySelector('.pane.axial canvas');
  const times = [];
  for (let step = 1; step <= steps; step++) {
    const begun = performance.now();
    stage.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowDown', bubbles: true }));
    while (canvas.dataset.shown !== String(step)) await new Promise(requestAnimationFrame);
    times.push(performance.now() - begun);
    await new Promise((done) => setTimeout(done, 200));
  }
  return times;
}"""


def table(figures: Figures) -> str:
    """The figures as Markdown."""
    niivue_mb = (STATIC / "vendor" / "niivue.umd.js").stat().st_size / 1e6
    return "\n".join(
        [
            "| page, Chromium without GPU, 280×480×512 | measured | aim |",
            "| --- | --- | --- |",
            f"| first slice, result never looked at | {figures.cold_s:.1f} s | 2 s |",
            f"| first slice, median of {REPEATS} | {figures.warm_s:.1f} s | 2 s |",
            f"| step through slices, median of {STEPS} | {figures.step_ms:.0f} ms | 150 ms |",
            f"| page without images | {figures.weight_mb:.2f} MB | 5 MB |",
            f"| with NiiVue | {figures.weight_mb + niivue_mb:.2f} MB | 5 MB |",
        ]
    )


def main() -> None:
    """Measure, where there is a browser."""
    program = chromium()
    print(table(measure(program)) if program else "No Chromium: the page was not measured.")  # noqa: T201


if __name__ == "__main__":
    main()
