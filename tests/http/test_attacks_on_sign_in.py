"""Attacks by applications that registered themselves, on the people who sign in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.http.clients import opened
from tests.http.registering import Newcomer, assert_refused, register
from tests.http.signing_in import ACCOUNT, Browser, in_memory, read, told
from tests.http.support import Watched

TRUSTED = "https://calendar.example.com/cb"
EVIL = "https://evil.example.net/cb"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with in_memory(tmp_path_factory.mktemp("data"), registration="open") as server:
        yield server


@pytest.fixture
def alice(live: Watched) -> Browser:
    return Browser(live).signed_in()


def test_consent_to_answers_to_one_host_is_none_to_answers_to_another(live: Watched, alice: Browser) -> None:
    """It would name the host of somebody whom people trust first, and then its own."""
    attacker = Newcomer.of(live, redirect_uris=[TRUSTED, EVIL], client_name="Calendar")
    app = attacker.app()
    shown = alice.open(app.url(scope="openid email", redirect_uri=TRUSTED))
    assert "calendar.example.com" in read(shown).text
    assert "code" in told(alice.press(shown, "allow"))
    assert "code" in told(alice.open(app.url(scope="openid email", redirect_uri=TRUSTED))), "that was remembered"
    shown = alice.open(app.url(scope="openid", redirect_uri=EVIL))
    assert "evil.example.net" in read(shown).text
    assert "You allowed this before" not in read(shown).text
    assert "code" in told(alice.press(shown, "allow"))
    # What is allowed there is no more than what was said there.
    assert read(alice.open(app.url(scope="openid email", redirect_uri=EVIL))).heading == "Allow access?"
    assert told(alice.open(app.url(scope="openid email", redirect_uri=EVIL, prompt="none")))["error"] == (
        "consent_required"
    )


def test_nor_after_a_change_of_the_registration(live: Watched, alice: Browser) -> None:
    attacker = Newcomer.of(live, redirect_uris=[TRUSTED])
    assert "code" in told(alice.agree(alice.open(attacker.app().url())))
    assert attacker.put(redirect_uris=[EVIL]).status_code == 200
    assert read(alice.open(attacker.app().url(redirect_uri=EVIL))).heading == "Allow access?"


def test_what_was_allowed_for_several_hosts_is_one_connection(live: Watched, alice: Browser) -> None:
    attacker = Newcomer.of(live, redirect_uris=[TRUSTED, EVIL], client_name="In two places")
    for uri in (TRUSTED, EVIL):
        assert "code" in told(alice.agree(alice.open(attacker.app().url(scope="openid email", redirect_uri=uri))))
    page = alice.account()
    assert page.text.count("Disconnect In two places") == 1
    assert "calendar.example.com" not in page.text
    alice.change("/apps/end", holding={"client_id": attacker.client_id})
    for uri in (TRUSTED, EVIL):
        assert read(alice.open(attacker.app().url(redirect_uri=uri))).heading == "Allow access?"
    assert "In two places" not in read(alice.open(ACCOUNT)).text


def test_no_sid_tells_pairwise_clients_that_their_users_are_one(live: Watched, alice: Browser) -> None:
    """Nor does it change within a session, of which it is the name (OpenID Connect Session Management §3)."""
    told_to = []
    for host in ("one.example.com", "one.example.com", "two.example.com"):
        app = Newcomer.of(live, redirect_uris=[f"https://{host}/cb"], subject_type="pairwise").app()
        claims = opened(app.tokens(alice)["id_token"])
        told_to.append((claims["sub"], claims["sid"]))
    assert told_to[0] == told_to[1]
    assert told_to[0][0] != told_to[2][0]
    assert told_to[0][1] != told_to[2][1]
    public = opened(Newcomer.of(live).app().tokens(alice)["id_token"])["sid"]
    assert public not in {sid for _, sid in told_to}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.0.0.1:4000"])
def test_this_machine_is_nobodys_sector(live: Watched, host: str) -> None:
    """Every native application has a redirect URI there: all would know a person by one name."""
    said = {"redirect_uris": [f"http://{host}/cb"], "application_type": "native", "subject_type": "pairwise"}
    assert_refused(register(live, said), "invalid_client_metadata", "sector_identifier_uri")


def test_no_name_is_blank(live: Watched) -> None:
    """Or the page that asks would name nobody."""
    said = {"redirect_uris": [TRUSTED], "client_name": " "}
    assert_refused(register(live, said), "invalid_client_metadata", "name")
