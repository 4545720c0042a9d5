"""The page keeps to its content policy and finds all it needs here."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import opacimeter.web
from opacimeter.api import Bounds, Services, build
from opacimeter.checks import Severity
from opacimeter.findings import Region
from opacimeter.store import Status, Store
from tests.fakes import FakeQueue, FakeSlices, fake_find

STATIC = Path(opacimeter.web.__file__).parent / "static"


@pytest.fixture
def client(tmp_path):
    store = Store(tmp_path / "data")
    app = build(Services(store, FakeQueue().submit, fake_find, FakeSlices, Bounds(), "0.1.0"))
    opacimeter.web.install(app)
    with TestClient(app) as opened:
        yield opened
    store.close()


def scripts():
    return "\n".join(path.read_text() for path in sorted(STATIC.glob("*.js")))


class Page(HTMLParser):
    """Tags with their attributes, and text by tag."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.script = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] in {"script", "style"}:
            self.script += data.strip()


def test_the_page_says_what_it_is_for_and_its_version(client):
    text = client.get("/").text
    assert "Research use only" in text
    assert "opacimeter 0.1.0" in text


def test_the_page_loads_nothing_from_elsewhere_and_runs_nothing_inline(client):
    page = Page(client.get("/").text)
    assert page.script == ""
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        for name in ("src", "href"):
            address = attributes.get(name) or "/"
            assert address.startswith(("/", "#")), address
            assert not address.startswith("//"), address


def test_every_file_of_the_page_is_served(client):
    page = Page(client.get("/").text)
    found = [a.get("src") or a.get("href") for _, a in page.tags]
    files = [address for address in found if (address or "").startswith("/static/")]
    assert len(files) == 3
    for address in files:
        assert client.get(address).status_code == 200


def test_the_script_asks_for_elements_that_the_page_has(client):
    ids = {a["id"] for _, a in Page(client.get("/").text).tags if "id" in a}
    asked = set(re.findall(r'get\("([a-z-]+)"\)', scripts()))
    assert len(asked) > 25
    assert asked <= ids


def test_the_script_puts_no_strangers_text_in_as_markup():
    script = scripts()
    for unsafe in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert unsafe not in script


def test_every_control_can_be_named_by_a_screen_reader(client):
    page = Page(client.get("/").text)
    for tag, attributes in page.tags:
        if tag in {"progress", "ul"}:
            assert attributes.get("aria-label"), attributes
        if tag == "img":
            assert attributes.get("alt")


def test_every_part_of_the_script_is_served_and_imports_only_its_own(client):
    for path in STATIC.glob("*.js"):
        assert client.get(f"/static/{path.name}").status_code == 200
        for address in re.findall(r'from "([^"]+)"', path.read_text()):
            assert (STATIC / address).is_file(), address


def test_the_page_knows_every_state_step_region_and_severity():
    script = scripts()
    page = (STATIC.parent / "templates" / "page.html").read_text()
    for status in Status:
        assert f"{status.value}:" in script
    for region in Region:
        assert f'"{region.value}":' in script
    for severity in Severity:
        assert f"{severity.value}:" in script
    for step in ("read", "segment", "measure", "report"):
        assert f'data-step="{step}"' in page
