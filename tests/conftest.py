"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real images, through OPACIMETER_DATA; skips where it is absent."""
    folder = Path(os.environ.get("OPACIMETER_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("real images are absent: set OPACIMETER_DATA to their folder")
    return folder
