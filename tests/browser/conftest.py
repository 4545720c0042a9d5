"""A real Chromium before a real service: started once, shared by all tests that need a browser."""

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.browser.viewed import wired
from tests.conftest import ROOT
from tests.serving import Service

MODEL = ROOT / "models" / "lung-lesion"
CANDIDATES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium():
    """Path of a Chromium; OPACIMETER_CHROMIUM names one that is not on the path."""
    found = os.environ.get("OPACIMETER_CHROMIUM") or next(
        filter(None, map(shutil.which, CANDIDATES)), None
    )
    if found is None:
        pytest.skip("no Chromium: install one, or name it by OPACIMETER_CHROMIUM")
    return found


@pytest.fixture(scope="session")
def browser(chromium):
    """Headless; without the sandbox, which root cannot have."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    """A service with the carried network; what one test leaves in it, another sees."""
    if not (MODEL / "models" / "model.onnx").exists():
        pytest.skip("the network's weights are absent: models/lung-lesion/models/model.onnx")
    started = Service(tmp_path_factory.mktemp("service"), OPACIMETER_MODEL=str(MODEL))
    started.start(seconds=180)
    started.address = f"http://127.0.0.1:{started.port}"
    yield started
    assert started.stop() == 0
    assert "Traceback" not in (started.folder / "log").read_text()


@pytest.fixture
def open_page(browser, service):
    """Opens pages: `open_page(locale="zh-CN", …)`; what the browser complains of fails the test."""
    contexts, complaints = [], []

    def open_one(address="/", *, allowed=(), **options):
        known = {
            "locale": "en-GB",
            "viewport": {"width": 1280, "height": 800},
            "base_url": service.address,
        }
        context = browser.new_context(**(known | options))
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))

        def heard(message):
            if message.type == "error" and not any(word in message.text for word in allowed):
                complaints.append(message.text)

        page.on("console", heard)
        page.goto(address)
        if address != "about:blank":
            wired(page)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(open_page):
    """The worklist in English at 1280×800, light."""
    return open_page(color_scheme="light")
