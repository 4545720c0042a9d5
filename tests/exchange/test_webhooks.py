"""A webhook's message over real HTTP: how it is signed, and what each answer means."""

import hashlib
import hmac
import socket
import ssl
from datetime import UTC, datetime, timedelta

import pytest

from opacimeter.errors import ArchiveRefused, ArchiveUnreachable
from opacimeter.exchange import Hook, Notice, Tls, notify
from opacimeter.exchange.webhooks import signature
from tests.peers import certificates
from tests.receiving import Reply, receiver

SECRET = "sixteen letters!"
NOTICE = Notice("6b0c", "complete", b'{"event": "complete"}')
NOW = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)  # 1,790,000,000 s after 1970 began


def tell(place, *, secret=SECRET, at=NOW, **about):
    notify(Hook("ris", place.url, secret, timeout_s=5.0, **about), NOTICE, at=at)


def vouched(message, secret):
    """Whether a message is the sender's, by the rule that the documents give to receivers."""
    timestamp = message.headers["opacimeter-timestamp"]
    signed = f"{timestamp}.".encode() + message.body
    own = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(message.headers["opacimeter-signature"], f"sha256={own}")


def test_the_signature_is_that_of_another_program():
    # printf '1790000000.{}' | openssl dgst -sha256 -hmac 'sixteen letters!'
    assert signature(SECRET, "1790000000", b"{}") == (
        "b826c6bfaab33c8127646dea09b1b08b84b6b0afa06a9676c2ae6aa3d7cadd6e"
    )


def test_a_message_is_what_the_documents_say_and_the_receiver_finds_it_signed():
    with receiver() as place:
        tell(place)
    (message,) = place.got
    assert (message.path, message.body) == ("/hook", NOTICE.body)
    told = {name: message.headers[name] for name in message.headers if "opacimeter" in name}
    assert told.keys() == {
        "opacimeter-event", "opacimeter-delivery", "opacimeter-timestamp", "opacimeter-signature",
    }  # fmt: skip
    assert told["opacimeter-event"] == "complete"
    assert told["opacimeter-delivery"] == "6b0c"
    assert told["opacimeter-timestamp"] == "1790000000"
    assert message.headers["content-type"] == "application/json"
    assert message.headers["user-agent"] == "opacimeter"
    assert vouched(message, SECRET)
    assert not vouched(message, "another secret!!")


def test_a_secret_of_any_letters_signs():
    with receiver() as place:
        tell(place, secret="Schlüssel zur Lunge 肺")
    assert vouched(place.got[0], "Schlüssel zur Lunge 肺")


def test_the_same_message_later_has_the_same_id_and_body_and_a_signature_of_its_own():
    with receiver() as place:
        tell(place)
        tell(place, at=NOW + timedelta(minutes=3))
    first, second = place.got
    assert first.body == second.body
    assert first.headers["opacimeter-delivery"] == second.headers["opacimeter-delivery"]
    assert second.headers["opacimeter-timestamp"] == "1790000180"
    assert first.headers["opacimeter-signature"] != second.headers["opacimeter-signature"]
    assert vouched(second, SECRET)


def test_the_address_is_taken_as_it_stands():
    with receiver() as place:
        place.url += "?key=1&to=a%20b"
        tell(place)
    assert place.got[0].path == "/hook?key=1&to=a%20b"


def test_a_secret_is_not_shown():
    assert SECRET not in repr(Hook("ris", "https://ris.example/", SECRET))


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_an_answer_of_2xx_means_that_the_receiver_has_it(status):
    with receiver(Reply(status)) as place:
        tell(place)
    assert len(place.got) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_receiver_that_cannot_now_is_asked_again_later(status):
    with (
        receiver(Reply(status)) as place,
        pytest.raises(ArchiveUnreachable, match=f"HTTP {status}") as told,
    ):
        tell(place)
    assert told.value.hop == "notify"
    assert len(place.got) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 413, 422])
def test_a_receiver_that_will_not_have_it_is_not_asked_again(status):
    with (
        receiver(Reply(status)) as place,
        pytest.raises(ArchiveRefused, match=f"HTTP {status}$") as told,
    ):
        tell(place)
    assert told.value.hop == "notify"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_refusal_and_nothing_goes_where_it_points(status):
    with (
        receiver() as elsewhere,
        receiver(Reply(status, {"Location": elsewhere.url})) as place,
        pytest.raises(ArchiveRefused, match="redirects are not followed"),
    ):
        tell(place)
    assert len(place.got) == 1
    assert elsewhere.got == []


def test_a_receiver_that_hangs_up_without_a_word_does_not_have_it():
    with receiver(Reply(0)) as place, pytest.raises(ArchiveUnreachable) as told:
        tell(place)
    assert told.value.hop == "notify"
    assert len(place.got) == 1


def test_a_receiver_that_is_away_is_told_by_its_hop():
    with receiver() as place:
        pass
    with pytest.raises(ArchiveUnreachable) as told:
        tell(place)
    assert told.value.hop == "connect"


def test_a_receiver_that_says_nothing_does_not_have_it():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hook = Hook("ris", f"http://127.0.0.1:{silent.getsockname()[1]}/", SECRET, timeout_s=0.2)
        with pytest.raises(ArchiveUnreachable, match="ReadTimeout") as told:
            notify(hook, NOTICE, at=NOW)
    assert told.value.hop == "notify"


@pytest.mark.parametrize("url", ["https://ris.example:port/", "ftp://ris.example/"])
def test_an_address_that_is_none_is_a_refusal_that_does_not_quote_it(url):
    with pytest.raises(ArchiveRefused) as told:
        notify(Hook("ris", url, SECRET), NOTICE, at=NOW)
    assert told.value.hop == "connect"
    assert "ris" not in str(told.value)


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    return certificates(tmp_path_factory.mktemp("hooks"), "known")


@pytest.fixture(scope="module")
def line(known):
    """TLS of a receiver whose authority is private."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(known.certificate, known.key)
    return made


def test_over_tls_a_private_authority_that_is_named_vouches_for_the_receiver(known, line):
    with receiver(line=line) as place:
        tell(place, tls=Tls(known.authority))
    assert vouched(place.got[0], SECRET)


@pytest.mark.parametrize("named", [False, True])
def test_over_tls_a_receiver_that_nobody_vouches_for_gets_nothing(named, line, tmp_path):
    authority = certificates(tmp_path, "strange").authority if named else None
    with (
        receiver(line=line) as place,
        pytest.raises(ArchiveUnreachable, match="its certificate is not trusted") as told,
    ):
        tell(place, tls=Tls(authority))
    assert told.value.hop == "connect"
    assert place.got == []
