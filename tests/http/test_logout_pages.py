"""Signing out where an application asks for it: what the person sees, and what cannot be done to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest
from psycopg.types.json import Jsonb

from core.protocol.secret import Secret
from tests.http.clients import JWKS
from tests.http.signing_in import (
    ACCOUNT,
    LOGOUT,
    SHARED,
    SIGN_IN,
    App,
    Browser,
    add_app,
    assert_page,
    in_memory,
    read,
    told,
)
from tests.http.support import Watched, eventually, watching
from tests.support import settings_for

BYE = "https://app.example.com/bye"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with in_memory(tmp_path_factory.mktemp("data")) as server:
        yield server


@pytest.fixture(scope="module")
def app(live: Watched) -> App:
    return add_app(live, "app", name="The App", post_logout_redirect_uris=(BYE,))


@pytest.fixture
def alice(live: Watched) -> Browser:
    return Browser(live).signed_in()


def url(**parameters: str) -> str:
    return f"{LOGOUT}?{urlencode(parameters)}"


def test_the_question(app: App, alice: Browser) -> None:
    page = read(alice.open(url(client_id="app", post_logout_redirect_uri=BYE, state="s")))
    assert page.heading == "Sign out?"
    assert "The App asks to sign you out." in page.text
    assert "alice" in page.text
    form = page.form("signout")
    assert page.asks_for() == {"signout", "stay"}
    assert form.fields.keys() == {"csrf", "client_id", "post_logout_redirect_uri", "state"}


def test_staying(app: App, alice: Browser) -> None:
    shown = alice.open(url(client_id="app", post_logout_redirect_uri=BYE))
    assert read(alice.press(shown, "stay")).heading == "Your account"


@pytest.mark.parametrize("choice", ["", None, "yes", "SIGNOUT"])
def test_no_choice_is_none(app: App, alice: Browser, choice: str | None) -> None:
    form = read(alice.open(url())).form("signout")
    alice.submit(form, choice=choice)
    assert alice.get(ACCOUNT).status_code == 200


def test_without_an_application(alice: Browser) -> None:
    page = read(alice.press(alice.open(LOGOUT), "signout"))
    assert page.heading == "You are signed out"
    assert [given["href"] for tag, given in page.tags if tag == "a"] == [SIGN_IN]
    assert alice.cookies == {}


def test_answered_twice(app: App, alice: Browser) -> None:
    """The second answer comes without the cookie, and ends nothing."""
    form = read(alice.open(url(client_id="app", post_logout_redirect_uri=BYE))).form("signout")
    kept = dict(alice.cookies)
    assert alice.submit(form, choice="signout").headers["location"] == BYE
    assert_page(alice.submit(form, choice="signout"), 403)
    alice.cookies = kept
    assert alice.submit(form, choice="signout").headers["location"] == BYE


def test_a_question_of_before_another_sign_in(app: App, alice: Browser) -> None:
    form = read(alice.open(url())).form("signout")
    alice.change("/signout")
    alice.signed_in()
    assert_page(alice.submit(form, choice="signout"), 403)
    assert alice.get(ACCOUNT).status_code == 200


def test_the_fields_of_the_question_are_checked_again(app: App, alice: Browser) -> None:
    form = read(alice.open(url(client_id="app", post_logout_redirect_uri=BYE))).form("signout")
    for changes in (
        {"post_logout_redirect_uri": "https://evil.example"},
        {"client_id": "nobody"},
        {"client_id": None},
    ):
        assert_page(alice.submit(form, choice="signout", **changes))
    assert alice.get(ACCOUNT).status_code == 200


def test_a_client_that_is_gone_is_nowhere_to_go(live: Watched, alice: Browser) -> None:
    gone = add_app(live, "gone", post_logout_redirect_uris=(BYE,))
    hint = gone.tokens(alice)["id_token"]
    live.run(live.container.update_client()("gone", is_active=False))
    page = assert_page(alice.get(url(id_token_hint=hint, post_logout_redirect_uri=BYE)))
    assert "Nobody was signed out." in page.text
    live.run(live.container.delete_client()("gone"))
    assert_page(alice.get(url(id_token_hint=hint, post_logout_redirect_uri=BYE)))
    assert read(alice.open(url(id_token_hint=hint))).heading == "Sign out?"
    assert alice.get(ACCOUNT).status_code == 200


def test_what_is_posted_by_an_application_is_carried_on_bit_by_bit(app: App, live: Watched) -> None:
    """Nothing but what is meant for us, and nothing of a body that cannot be read."""
    browser = Browser(live)
    answer = browser.send("POST", LOGOUT, {"state": "a&b=c", "x": "y", "csrf": ""})
    assert answer.headers["location"] == "/logout?state=a%26b%3Dc"
    assert "set-cookie" not in answer.headers
    for body in (b"a=%ff", b"a=%00", b"&".join(b"f%d=1" % n for n in range(101))):
        with live.client() as client:
            assert_page(
                client.post(LOGOUT, content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
            )


def test_an_image_on_another_site_signs_nobody_out(app: App, alice: Browser) -> None:
    """A GET without a hint asks; and a Lax cookie does not even come along."""
    for path in (LOGOUT, url(client_id="app"), f"{ACCOUNT}/signout", f"{ACCOUNT}/sessions/end-all"):
        alice.get(path)
    assert alice.get(ACCOUNT).status_code == 200


def test_a_request_that_waits_does_not_go_on_after_signing_out(app: App, alice: Browser) -> None:
    shown = alice.open(app.url(prompt="consent"))
    hint = app.tokens(alice)["id_token"]
    alice.get(url(id_token_hint=hint))
    assert_page(alice.press(shown, "allow"), 403)
    assert told(alice.get(app.url(prompt="none")))["error"] == "login_required"


def test_with_a_shared_secret_the_question_is_always_asked(tmp_path: Path) -> None:
    with in_memory(tmp_path, jwt_secret_key=Secret(SHARED), jwt_algorithm="HS256") as live:
        app = add_app(live, "app", post_logout_redirect_uris=(BYE,))
        browser = Browser(live)
        token = app.tokens(browser, scope="offline_access")["access_token"]
        for hint in (token, "x"):
            shown = browser.open(url(id_token_hint=hint, client_id="app", post_logout_redirect_uri=BYE))
            assert read(shown).heading == "Sign out?"
        assert browser.press(shown, "signout").headers["location"] == BYE


def test_on_another_worker(module_database_url: Secret, tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = settings_for(module_database_url, tmp_path_factory.mktemp("shared"))
    with watching(settings) as here, watching(settings) as there:
        here.add_user("alice")
        app, browser = add_app(here, "app", post_logout_redirect_uris=(BYE,)), Browser(here)
        tokens = app.tokens(browser)
        assert eventually(lambda: keys(here) == keys(there), within=5)  # the first ones are made while it starts
        browser.live = there
        answer = browser.get(url(id_token_hint=tokens["id_token"], post_logout_redirect_uri=BYE))
        assert answer.headers["location"] == BYE
        browser.live = here
        assert browser.get(ACCOUNT).status_code == 303
        assert app.refresh(tokens["refresh_token"]).status_code == 400


def keys(live: Watched) -> object:
    with live.client() as client:
        return client.get(JWKS).json()


def test_a_request_by_post_that_says_a_thing_twice_is_not_carried_on(app: App, alice: Browser) -> None:
    """What is left of it would be one of the two, and nobody could say any more that there was another."""
    with alice.live.client() as client:
        body = urlencode([("post_logout_redirect_uri", "https://evil.example/"), ("post_logout_redirect_uri", BYE)])
        answer = client.post(LOGOUT, content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert "post_logout_redirect_uri more than once" in assert_page(answer).text


def test_an_address_that_another_worker_registered_a_moment_ago_counts(database_url: Secret, tmp_path: Path) -> None:
    """What is remembered of a client is good for a yes, and for no no."""
    leaving = url(client_id="moved", post_logout_redirect_uri=BYE)
    with watching(settings_for(database_url, tmp_path)) as here:
        add_app(here, "moved")
        assert_page(Browser(here).get(leaving))
        with psycopg.connect(database_url.reveal(), autocommit=True) as elsewhere:
            members = Jsonb({"post_logout_redirect_uris": [BYE]})
            elsewhere.execute("UPDATE clients SET application = application || %s WHERE client_id = 'moved'", [members])
        assert Browser(here).get(leaving).headers["location"] == BYE
