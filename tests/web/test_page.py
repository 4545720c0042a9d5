"""The page keeps to its content policy and finds all it needs here."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import opacimeter.web
from opacimeter.api import Bounds, Services, build
from opacimeter.language import LANGUAGES, texts
from opacimeter.store import Store
from tests.fakes import FakeQueue, FakeSlices, fake_find

STATIC = Path(opacimeter.web.__file__).parent / "static"
SCRIPTS = [path for path in sorted(STATIC.rglob("*.js")) if "vendor" not in path.parts]


@pytest.fixture
def client(tmp_path):
    store = Store(tmp_path / "data")
    app = build(Services(store, FakeQueue().submit, fake_find, FakeSlices, Bounds(), "0.1.0"))
    opacimeter.web.install(app)
    with TestClient(app) as opened:
        yield opened
    store.close()


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


def test_the_page_says_what_it_is_for_its_version_and_its_languages(client):
    text = client.get("/").text
    assert "Research use only. Not a medical device." in text
    assert "opacimeter 0.1.0" in text
    for tag, name in LANGUAGES.items():
        assert f'<option value="{tag}" lang="{tag}">{name}</option>' in text


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
    assert len(files) >= 5
    for address in files:
        assert client.get(address).status_code == 200, address


def test_what_never_changes_between_versions_is_kept_by_the_browser(client):
    """But asked for each time: a new version of the service is seen at once."""
    for address in ("/static/page.js", "/static/page.css", "/language/en.json"):
        answer = client.get(address)
        assert answer.headers["cache-control"] == "no-cache"
        again = client.get(address, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("tag", LANGUAGES)
def test_the_texts_of_a_language_are_served_whole(client, tag):
    assert client.get(f"/language/{tag}.json").json() == dict(texts(tag))


def test_a_language_that_is_not_there_is_not_found(client):
    for tag in ("de", "..%2fen", "EN"):
        answer = client.get(f"/language/{tag}.json")
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(STATIC)))
def test_a_script_puts_no_strangers_text_in_as_markup(path):
    script = path.read_text("utf-8")
    for unsafe in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert unsafe not in script


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(STATIC)))
def test_a_script_is_served_and_imports_only_what_is_there(client, path):
    assert client.get(f"/static/{path.relative_to(STATIC)}").status_code == 200
    for address in re.findall(r'(?:from |import\()"([^"]+)"', path.read_text("utf-8")):
        assert (path.parent / address).is_file(), address


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(STATIC)))
def test_a_script_is_short_enough_to_be_read_at_once_and_says_what_it_is(path):
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) <= 300
    assert lines[0].startswith(("//", "/*"))


def test_the_page_weighs_less_than_5_mb_without_images(client):
    """Scripts, styles and texts of one language together."""
    served = [path for path in STATIC.rglob("*") if path.suffix in {".js", ".css", ".svg"}]
    weight = sum(path.stat().st_size for path in served)
    weight += len(client.get("/").content) + len(client.get("/language/zh-CN.json").content)
    assert weight < 5_000_000
