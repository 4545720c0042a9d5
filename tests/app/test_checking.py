"""Checks at start: each secret and certificate that the settings name is there and fits."""

import pytest

from opacimeter.app import backfill, peers
from opacimeter.app.checking import require_usable
from opacimeter.errors import Misconfigured
from opacimeter.settings import Settings
from tests.peers import certificates

WEB = {"name": "main", "kind": "dicomweb", "url": "https://pacs.example/dicom-web"}
DIMSE = {
    "name": "old",
    "kind": "dimse",
    "host": "10.0.0.9",
    "port": 104,
    "aet": "ARCHIVE",
    "tls": True,
}
HOOK = {"name": "ris", "url": "https://ris.example/hook"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("secrets-of-the-house")


@pytest.fixture(scope="module")
def made(folder):
    return certificates(folder, "one")


@pytest.fixture(scope="module")
def other(folder):
    return certificates(folder, "two")


def written(folder, name, content):
    (folder / name).write_bytes(content)
    return folder / name


def settings(pacs=(), webhooks=()):
    return Settings(pacs=tuple(pacs), webhooks=tuple(webhooks))


def faults(**named):
    """What is wrong with these settings, one a sentence."""
    with pytest.raises(Misconfigured) as told:
        require_usable(settings(**named))
    assert str(told.value).endswith(".")
    return str(told.value)[:-1].split("; ")


def test_settings_that_name_no_file_are_usable():
    require_usable(settings([WEB, DIMSE], [HOOK | {"secret": "sixteen letters!"}]))


def test_files_that_fit_together_are_usable(folder, made):
    token = written(folder, "token", b"hush\n")
    secret = written(folder, "secret", b"sixteen letters!\n")
    own = {"certificate": made.certificate, "key": made.key, "authorities": made.authority}
    require_usable(
        settings(
            [WEB | own | {"token_file": token, "password_file": token}, DIMSE | own],
            [HOOK | {"secret_file": secret, "authorities": made.authority}],
        )
    )


def test_every_fault_is_told_at_once_in_words_without_a_path(folder, made):
    absent = folder / "absent"
    empty = written(folder, "empty", b" \n")
    binary = written(folder, "binary", b"\xff\xfe\x00")
    short = written(folder, "short", b"fifteen letters\n")
    told = faults(
        pacs=[
            WEB | {"password_file": absent, "token_file": empty, "authorities": absent},
            DIMSE | {"certificate": made.certificate, "key": absent},
        ],
        webhooks=[
            HOOK | {"secret_file": short, "authorities": folder},
            HOOK | {"name": "log", "secret_file": binary},
        ],
    )
    assert told == [
        "OPACIMETER_PACS, main: password_file cannot be read (No such file or directory)",
        "OPACIMETER_PACS, main: token_file is empty",
        "OPACIMETER_PACS, main: authorities cannot be read (No such file or directory)",
        "OPACIMETER_PACS, old: key cannot be read (No such file or directory)",
        "OPACIMETER_WEBHOOKS, ris: secret_file holds 15 characters, and at least 16 are needed",
        "OPACIMETER_WEBHOOKS, ris: authorities cannot be read (Is a directory)",
        "OPACIMETER_WEBHOOKS, log: secret_file is no text",
    ]
    assert str(folder) not in " ".join(told)


def test_a_key_of_another_certificate_is_told(made, other):
    assert faults(pacs=[WEB | {"certificate": made.certificate, "key": other.key}]) == [
        "OPACIMETER_PACS, main: certificate, key: no certificates in PEM that fit together"
    ]


@pytest.mark.parametrize("content", [b"", b"no certificate", b"\xff\x00"])
@pytest.mark.parametrize("name", ["authorities", "certificate"])
def test_what_is_no_certificate_is_told(folder, name, content):
    file = written(folder, "no.pem", content)
    assert faults(pacs=[DIMSE | {name: file}]) == [
        f"OPACIMETER_PACS, old: {name}: no certificates in PEM that fit together"
    ]


def test_nothing_begins_with_settings_that_cannot_be_used(folder, tmp_path):
    """Neither a list of archives nor a database."""
    named = {"pacs": (WEB | {"token_file": folder / "absent"},), "data_dir": tmp_path / "data"}
    with pytest.raises(Misconfigured):
        peers(Settings(**named))
    with pytest.raises(Misconfigured):
        list(backfill(Settings(**named), "main", (None, None), dry_run=True))
    assert not (tmp_path / "data").exists()
