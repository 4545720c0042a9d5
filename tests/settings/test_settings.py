"""Settings: from the environment and a file, each name known, each value within its limits."""

import json
import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from opacimeter.settings import Settings, UnreadableConfig

WEB = {"name": "main", "kind": "dicomweb", "url": "https://pacs.example/dicom-web"}
DIMSE = {"name": "old", "kind": "dimse", "host": "10.0.0.9", "port": 104, "aet": "ARCHIVE"}
HOOK = {"name": "ris", "url": "https://ris.example/hook", "secret": "sixteen letters!"}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Sets variables of a bare environment."""
    for name in [name for name in os.environ if name.startswith("OPACIMETER_")]:
        monkeypatch.delenv(name)

    def put(**values):
        for name, value in values.items():
            text = value if isinstance(value, str) else json.dumps(value)
            monkeypatch.setenv(f"OPACIMETER_{name.upper()}", text)

    return put


@pytest.fixture
def file(tmp_path, environment):
    """Writes the file of settings, and names it in the environment."""

    def write(text):
        path = tmp_path / "settings.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        environment(config=str(path))
        return path

    return write


def wrong(**values):
    """Place and kind of each fault that these settings have."""
    with pytest.raises(ValidationError) as told:
        Settings(**values)
    return {(".".join(map(str, one["loc"])), one["type"]) for one in told.value.errors()}


def said(**values):
    with pytest.raises(ValidationError) as told:
        Settings(**values)
    return " ".join(one["msg"] for one in told.value.errors())


def test_an_operator_who_says_nothing_gets_a_service_that_only_this_machine_reaches():
    bare = Settings()
    assert (bare.host, bare.port, bare.allowed_origins) == ("127.0.0.1", 8000, ())
    assert (bare.pacs, bare.webhooks, bare.config) == ((), (), None)


FILE = """
data_dir = "/var/lib/opacimeter"
port = 9000
allowed_hosts = ["ct.example"]
quiet_period_s = 5
wanted_body_part = "chest|thorax"

[[pacs]]
name = "main"
kind = "dicomweb"
url = "https://pacs.example/dicom-web"
send = ["report"]
priors = true

[[webhooks]]
name = "ris"
url = "https://ris.example/hook"
secret = "sixteen letters!"
events = ["complete"]
"""


def test_a_file_says_what_the_environment_could(file):
    path = file(FILE)
    read = Settings()
    assert read.config == path
    assert (read.data_dir, read.port) == (Path("/var/lib/opacimeter"), 9000)
    assert (read.allowed_hosts, read.quiet_period_s) == (("ct.example",), 5.0)
    assert read.wanted_body_part.pattern == "chest|thorax"
    (pacs,), (hook,) = read.pacs, read.webhooks
    assert (pacs.name, pacs.send, pacs.priors) == ("main", ("report",), True)
    assert (hook.name, hook.events) == ("ris", ("complete",))
    assert hook.signing_secret() == "sixteen letters!"


def test_what_the_environment_says_goes_before_the_file(file, environment):
    file(FILE)
    environment(port="9100", allowed_hosts=["other.example"], pacs=[DIMSE])
    read = Settings()
    assert (read.port, read.allowed_hosts) == (9100, ("other.example",))
    # A list is taken from one place or the other, never from both.
    assert [each.name for each in read.pacs] == ["old"]
    assert [each.name for each in read.webhooks] == ["ris"]
    assert read.data_dir == Path("/var/lib/opacimeter")


def test_what_is_handed_over_goes_before_both(file, environment):
    file(FILE)
    environment(port="9100")
    assert Settings(port=9200).port == 9200


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("prot = 9000", "prot"),
        ("OPACIMETER_PORT = 9000", "OPACIMETER_PORT"),
        ('[server]\nport = 9000', "server"),
        ('[[pacs]]\nname = "a"\nkind = "dicomweb"\nurl = "http://a"\nuser_name = "x"',
         "pacs.0.user_name"),
        ('[[webhooks]]\nname = "a"\nurl = "http://a"\nsecret = "sixteen letters!"\nevent = 1',
         "webhooks.0.event"),
    ],
)  # fmt: skip
def test_a_name_in_the_file_that_is_no_setting_is_an_error(file, text, place):
    file(text)
    assert wrong() == {(place, "extra_forbidden")}


@pytest.mark.parametrize(
    ("text", "reason"), [("port = ", "no TOML"), (b"\xff\xfe\x00", "no TOML"), (None, "cannot be")]
)
def test_a_file_that_cannot_be_read_is_an_error_without_its_place(file, tmp_path, text, reason):
    file(text or "")
    if text is None:
        (tmp_path / "settings.toml").unlink()
    with pytest.raises(UnreadableConfig, match=reason) as told:
        Settings()
    assert str(tmp_path) not in str(told.value)


def test_a_folder_is_no_file(tmp_path, environment):
    environment(config=str(tmp_path))
    with pytest.raises(UnreadableConfig, match="directory"):
        Settings()


def test_a_secret_that_a_broken_file_holds_is_not_told(file):
    file('token = "hush-hush-hush" x')
    with pytest.raises(UnreadableConfig) as told:
        Settings()
    assert "hush" not in str(told.value)


@pytest.mark.parametrize(
    "values",
    [
        {"pacs": [WEB, DIMSE | {"name": "main"}]},
        {"webhooks": [HOOK, HOOK]},
        {"pacs": [WEB], "webhooks": [HOOK | {"name": "main"}]},
    ],
)
def test_archives_and_webhooks_have_each_a_name_of_its_own(values):
    """Deliveries tell of them by name alone."""
    assert "name of its own" in said(**values)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a:b", "é", "x" * 65])
def test_a_name_can_stand_in_an_address_and_in_a_log(name):
    assert wrong(pacs=[WEB | {"name": name}]) == {("pacs.0.name", "string_pattern_mismatch")}
    assert wrong(webhooks=[HOOK | {"name": name}]) == {
        ("webhooks.0.name", "string_pattern_mismatch")
    }


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ARCHIVE", "ARCHIVE"),
        (" PACS 1 ", "PACS 1"),
        ("a.b-c_d!", "a.b-c_d!"),
        ("X" * 16, "X" * 16),
    ],
)
def test_an_ae_title_is_what_the_standard_lets_it_be(written, meant):
    """Of the default repertoire, at most 16 of it; spaces around it mean nothing (PS3.5 6.2)."""
    (pacs,) = Settings(pacs=[DIMSE | {"aet": written, "calling": written}]).pacs
    assert (pacs.aet, pacs.calling) == (meant, meant)


@pytest.mark.parametrize("title", ["", "   ", "X" * 17, "A\\B", "A\nB", "ÄRZTE", "A\x7f", "AE\n"])
@pytest.mark.parametrize("field", ["aet", "calling"])
def test_an_ae_title_that_is_none_is_an_error(title, field):
    assert wrong(pacs=[DIMSE | {field: title}]) == {(f"pacs.0.{field}", "value_error")}


@pytest.mark.parametrize(
    ("pacs", "missing"),
    [
        ({"name": "a", "kind": "dicomweb"}, "url"),
        ({"name": "a", "kind": "dimse"}, "host, port, aet"),
        ({"name": "a", "kind": "dimse", "host": "h", "port": 104}, "aet"),
    ],
)
def test_an_archive_that_cannot_be_reached_by_what_is_told_is_an_error(pacs, missing):
    assert said(pacs=[pacs]).endswith(f"needs {missing}")


@pytest.mark.parametrize(
    ("pacs", "reason"),
    [
        (WEB | {"key": "key.pem"}, "a key needs the certificate that it belongs to"),
        (DIMSE | {"authorities": "ca.pem"}, "tls is off"),
        (DIMSE | {"certificate": "own.pem", "key": "key.pem"}, "tls is off"),
    ],
)
def test_certificates_that_would_secure_nothing_are_an_error(pacs, reason):
    assert said(pacs=[pacs]).endswith(reason)
    secured = pacs | {"certificate": "own.pem", "tls": True}
    assert Settings(pacs=[secured]).pacs[0].certificate == Path("own.pem")


@pytest.mark.parametrize(
    "origin",
    [
        "https://viewer.example",
        "http://localhost:3000",
        "http://[::1]:3000",
        "https://10.0.0.7:8443",
    ],
)
def test_an_origin_is_a_scheme_a_host_and_maybe_a_port(origin):
    assert Settings(allowed_origins=(origin,)).allowed_origins == (origin,)


@pytest.mark.parametrize(
    "origin",
    ["*", "https://*", "https://*.example", "null", "viewer.example", "https://viewer.example/",
     "https://Viewer.example", "ftp://viewer.example", "https://viewer.example/ohif", "",
     "https://viewer.example\n", "https://user@viewer.example", "https://a.example https://b"],
)  # fmt: skip
def test_an_origin_that_names_more_or_less_than_one_place_is_an_error(origin):
    """No wildcard: any page in a browser of the house could read patients' data."""
    assert wrong(allowed_origins=(origin,)) == {("allowed_origins.0", "string_pattern_mismatch")}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"secret": "fifteen letters"}, ("webhooks.0.secret", "too_short")),
        ({"secret": None}, ("webhooks.0", "value_error")),
        ({"events": []}, ("webhooks.0.events", "too_short")),
        ({"events": ["complete", "cancelled"]}, ("webhooks.0.events.1", "literal_error")),
        ({"url": "ftp://ris.example"}, ("webhooks.0.url", "string_pattern_mismatch")),
        ({"timeout_s": 0}, ("webhooks.0.timeout_s", "greater_than")),
    ],
)
def test_a_webhook_that_could_not_be_told_or_trusted_is_an_error(change, fault):
    assert wrong(webhooks=[HOOK | change]) == {fault}


@pytest.mark.parametrize("url", ["ct.example", "https:///x", "javascript:alert(1)"])
def test_a_public_address_is_one_that_a_browser_can_go_to(url):
    assert wrong(public_url=url) == {("public_url", "string_pattern_mismatch")}


@pytest.mark.parametrize(
    ("pacs", "hooks"), [([WEB | {"chest": "("}], []), ([WEB | {"send": ["everything"]}], [])]
)
def test_what_an_archive_cannot_be_asked_or_sent_is_an_error(pacs, hooks):
    assert len(wrong(pacs=pacs, webhooks=hooks)) == 1


def test_a_secret_is_shown_nowhere(environment):
    hidden = {"password": "hush-password", "token": "hush-token"}
    environment(pacs=[WEB | hidden], webhooks=[HOOK | {"secret": "hush-secret-hush"}])
    read = Settings()
    assert (read.pacs[0].secret("password"), read.pacs[0].secret("token")) == tuple(hidden.values())
    assert read.webhooks[0].signing_secret() == "hush-secret-hush"
    for shown in (repr(read), str(read), read.model_dump_json(), str(read.model_dump())):
        assert "hush" not in shown


def test_a_secret_may_lie_in_a_file_whose_last_line_ends(tmp_path):
    (tmp_path / "token").write_text("hush hush\n")
    (tmp_path / "secret").write_text("sixteen letters!\n")
    read = Settings(
        pacs=[WEB | {"token_file": tmp_path / "token", "token": "another"}],
        webhooks=[HOOK | {"secret": None, "secret_file": tmp_path / "secret"}],
    )
    assert read.pacs[0].secret("token") == "hush hush"
    assert read.pacs[0].secret("password") == ""
    assert read.webhooks[0].signing_secret() == "sixteen letters!"


def test_settings_do_not_change_while_the_service_runs():
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1
