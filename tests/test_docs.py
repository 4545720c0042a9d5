"""The documents keep up with the code: what it offers stands in them.

One function below gives the words of one surface (routes, settings, …) and the document that must
name each. A new surface is one more function in `SURFACES`.
"""

import json
import re
from collections.abc import Iterator

import pytest
from typer.main import get_command

from opacimeter import cli
from opacimeter.api import Bounds, Services, build
from opacimeter.api.problems import KINDS
from opacimeter.checks import SEVERITY_OF_CODE
from opacimeter.findings import Quantity
from opacimeter.settings import Settings
from opacimeter.store import Status, Store
from tests.conftest import ROOT
from tests.fakes import FakeQueue, FakeSlices, fake_find

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def openapi(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("docs"))
    app = build(Services(store, FakeQueue().submit, fake_find, FakeSlices, Bounds(), "0.1.0"))
    yield app.openapi()
    store.close()


def routes(openapi) -> Iterator[str]:
    """Each as the document writes it: method and path."""
    for path, methods in openapi["paths"].items():
        for method in methods:
            yield f"`{method.upper()} {path}`"
    # What OpenAPI leaves out: figures, itself, and the page.
    yield from ("`GET /metrics`", "`GET /openapi.json`", "`GET /`")


def parameters(openapi) -> Iterator[str]:
    """Queries and headers by name."""
    for methods in openapi["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] in {"query", "header"}:
                    yield f"`{parameter['name']}`"


def states(_openapi) -> Iterator[str]:
    return (f"`{status.value}`" for status in Status)


def problems(_openapi) -> Iterator[str]:
    return (f"`{kind}`" for kind in KINDS)


def settings(_openapi) -> Iterator[str]:
    """Each line of the table: variable, default, meaning."""
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else _plain(field.default)
        yield f"| `OPACIMETER_{name.upper()}` | {default} | {field.description} |"


def quantities(_openapi) -> Iterator[str]:
    return (f"`{quantity.value}`" for quantity in Quantity)


def checks(_openapi) -> Iterator[str]:
    return (f"`{code}`" for code in SEVERITY_OF_CODE)


def commands(_openapi) -> Iterator[str]:
    """Commands, those of a group too, and their options."""
    waiting = [("opacimeter", get_command(cli.app))]
    while waiting:
        words, command = waiting.pop()
        yield f"`{words}"
        for parameter in command.params:
            yield from (option for option in parameter.opts if option.startswith("--"))
        inner = getattr(command, "commands", {})
        waiting += [(f"{words} {name}", each) for name, each in inner.items()]


def contract(_openapi) -> Iterator[str]:
    """Keys of the bundle's own metadata."""
    folder = ROOT / "models" / "lung-lesion" / "configs"
    own = json.loads((folder / "metadata.json").read_text())["opacimeter"]
    return (f"`{key}`" for key in own)


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{part}"' for part in value) + "]`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


SURFACES = {
    routes: "http-api.md",
    parameters: "http-api.md",
    states: "http-api.md",
    problems: "http-api.md",
    settings: "operations.md",
    quantities: "measurements.md",
    checks: "measurements.md",
    commands: "command-line.md",
    contract: "models.md",
}


@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.__name__)
def test_all_of_a_surface_stands_in_its_document(surface, openapi):
    text = (DOCS / SURFACES[surface]).read_text(encoding="utf-8")
    words = list(surface(openapi))
    assert len(words) > 3
    missing = [word for word in words if word.lower() not in text.lower()]
    assert not missing, f"docs/{SURFACES[surface]} does not tell of:\n" + "\n".join(missing)


def test_the_document_tells_of_no_route_that_is_gone(openapi):
    told = re.findall(
        r"^\| (`(?:GET|POST|PUT|DELETE) /[^`]*`)", (DOCS / "http-api.md").read_text(), re.M
    )
    assert set(told) == set(routes(openapi))


def test_the_document_tells_of_no_setting_that_is_gone():
    told = set(re.findall(r"OPACIMETER_([A-Z_]+)", (DOCS / "operations.md").read_text()))
    assert told == {name.upper() for name in Settings.model_fields}


def test_the_links_between_documents_lead_somewhere():
    for document in DOCS.rglob("*.md"):
        for address in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text("utf-8")):
            assert (document.parent / address).exists(), f"{document.name}: {address}"
