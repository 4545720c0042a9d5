"""The layout holds: doors, sizes, names."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "service" / "opacimeter"
MODULES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "training").rglob("*.py")])
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
NO_ROOM = {"utils", "helpers", "common", "core", "base", "misc", "manager"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_short_enough_to_be_read_at_once(path):
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_what_it_is(path):
    assert path.read_text().startswith('"""') or not path.read_text().strip()


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_a_door_and_everything_named_there_exists(room):
    door = importlib.import_module(f"opacimeter.{room}")
    assert door.__all__
    assert all(hasattr(door, name) for name in door.__all__)


def test_rooms_are_named_for_what_they_do():
    names = {path.stem for path in MODULES} | {path.parent.name for path in MODULES}
    assert names.isdisjoint(NO_ROOM)


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_are_entered_by_their_doors(room):
    inside = re.compile(rf"from opacimeter\.{room}\.\w+ import|import opacimeter\.{room}\.\w+")
    guilty = [
        name_of(path)
        for path in MODULES
        if PACKAGE / room not in path.parents and inside.search(path.read_text())
    ]
    assert guilty == []
