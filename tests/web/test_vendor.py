"""Foreign scripts are the ones that were looked at, and their licences stand beside them."""

import hashlib
from pathlib import Path

import opacimeter.web

VENDOR = Path(opacimeter.web.__file__).parent / "static" / "vendor"
ROOT = Path(__file__).resolve().parents[2]
KNOWN = {
    # @niivue/niivue 0.69.0, dist/niivue.umd.js as published
    "niivue.umd.js": "47b896b77ec4a5be3ef1949c33ad393b6f45629921f326c279000bcf51bdb4af",
}


def test_foreign_scripts_are_as_they_were_published():
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDOR.glob("*.js")
    }
    assert found == KNOWN


def test_each_foreign_script_has_its_licence_and_stands_in_the_notice():
    notice = (ROOT / "NOTICE").read_text()
    for name in KNOWN:
        library = name.split(".")[0]
        assert "BSD 2-Clause License" in (VENDOR / f"{library}.LICENSE").read_text()
        assert library in notice.lower()
