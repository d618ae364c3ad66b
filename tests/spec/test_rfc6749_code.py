"""RFC 6749, The OAuth 2.0 Authorization Framework: token requests with a code (§4.1.3), and what threatens it (§10)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.clients.model import AuthMethod
from tests.http.clients import accepted, assert_error, opened, post
from tests.http.signing_in import (
    AUTHORIZE,
    CALLBACK,
    USERINFO,
    VERIFIER,
    App,
    Browser,
    add_app,
    assert_page,
    in_memory,
    read,
    told,
    userinfo,
)
from tests.http.support import ISSUER, TOKEN, Watched


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with in_memory(tmp_path_factory.mktemp("data")) as server:
        yield server


@pytest.fixture(scope="module")
def app(live: Watched) -> App:
    return add_app(live, "app", scopes=("openid", "profile", "read"))


@pytest.fixture(scope="module")
def confidential(live: Watched) -> App:
    return add_app(live, "confidential", method=AuthMethod.SECRET_BASIC)


@pytest.fixture(scope="module")
def alice(live: Watched, app: App) -> Browser:
    """Signed in, and has allowed the application all it asks for."""
    browser = Browser(live)
    app.code(browser, scope="openid read")
    return browser


def refused(app: App, code: str, **changes: str | None) -> None:
    assert_error(app.exchange(code, **changes), 400, "invalid_grant")


def test_section_4_1_3_the_redirection_uri_of_the_request_is_named_again(live: Watched, alice: Browser) -> None:
    """ "redirect_uri REQUIRED, if the "redirect_uri" parameter was included in the authorization request ..., and their
    values MUST be identical." A mistake spends nothing.
    """
    other = "https://app.example.com/other"
    app = add_app(live, "two-uris", redirect_uris=[CALLBACK, other])
    code = app.code(alice)
    for uri in (None, other, CALLBACK + "/", CALLBACK.upper(), "https://evil.example"):
        refused(app, code, redirect_uri=uri)
    assert app.exchange(code).status_code == 200


def test_section_4_1_3_a_redirection_uri_that_was_left_out_need_not_be_named(app: App, alice: Browser) -> None:
    """As above. One that is named must still be the one that was used."""
    code = app.code(alice, scope="read", redirect_uri=None)
    refused(app, code, redirect_uri="https://app.example.com/other")
    assert app.exchange(code, redirect_uri=None).status_code == 200


def test_section_4_1_3_a_confidential_client_authenticates(confidential: App, alice: Browser) -> None:
    """ "If the client type is confidential or the client was issued client credentials ..., the client MUST
    authenticate with the authorization server". A code alone is nothing, and stays good.
    """
    code = confidential.code(alice)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    assert_error(post(confidential.live, TOKEN, form), 401, "invalid_client")
    assert_error(post(confidential.live, TOKEN, {**form, "client_id": "confidential"}), 401, "invalid_client")
    wrong = confidential.post(TOKEN, form, secret="wws_wrong")
    assert_error(wrong, 401, "invalid_client")
    assert confidential.exchange(code).status_code == 200


@pytest.mark.parametrize("code", ["", "x", "wwc_", "wwc_" + "A" * 63, "wwc_" + "é" * 64, "wwc_" + "A" * 5000])
def test_section_4_1_3_what_is_no_code_is_refused(app: App, code: str) -> None:
    """ "code REQUIRED. The authorization code received from the authorization server." """
    assert_error(app.exchange(code), 400, "invalid_grant" if code else "invalid_request")


def test_section_4_1_2_of_many_at_once_one_is_the_first(app: App, alice: Browser) -> None:
    """Section 4.1.2: it is used once, and whoever comes second ends what the first one got."""
    code = app.code(alice)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: app.exchange(code), range(12)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 11}
    (first,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert userinfo(app.live, first["access_token"]).status_code == 401
    assert_error(app.refresh(first["refresh_token"]), 400, "invalid_grant")


def test_section_4_1_3_what_was_taken_from_the_client_meanwhile_is_not_given(live: Watched, alice: Browser) -> None:
    """Section 3.3: the scope of the token is what was granted and may still be had."""
    app = add_app(live, "shrinking", scopes=("openid", "email"))
    code = app.code(alice, scope="openid email")
    live.run(live.container.update_client()("shrinking", scopes=("openid",)))
    assert app.exchange(code).json()["scope"] == "openid"


def test_section_4_1_4_the_response(app: App, alice: Browser) -> None:
    """Section 4.1.4 and 5.1: an access token, "and optional refresh token", which nobody keeps on the way."""
    answer = app.exchange(app.code(alice, scope="read"))
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json().keys() == {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
    assert opened(answer.json()["access_token"])["sub"] == "alice"


def test_section_10_5_codes_are_never_sent_to_us_in_a_url(app: App, alice: Browser) -> None:
    """ "The transmission of authorization codes SHOULD be made over a secure channel". Not by a GET or in a query."""
    code = app.code(alice)
    with app.live.client() as client:
        assert client.get(f"{TOKEN}?code={code}").status_code == 405
        answer = client.post(f"{TOKEN}?code={code}", data={"grant_type": "authorization_code", "client_id": "app"})
    assert_error(answer, 400, "invalid_request")
    assert code not in answer.text


def test_section_10_10_codes_cannot_be_guessed(app: App, alice: Browser) -> None:
    """ "The probability of an attacker guessing generated tokens ... MUST be less than or equal to 2^(-128)". The
    part that names the grant is not what keeps it safe.
    """
    one, other = app.code(alice), app.code(alice)
    assert len(one) == len(other) == 68
    for mixed in (one[:25] + other[25:], one[:-1] + ("A" if one[-1] != "A" else "B")):
        refused(app, mixed)
    assert app.exchange(one).status_code == app.exchange(other).status_code == 200


def test_section_10_12_nobody_can_allow_an_application_in_the_name_of_another(live: Watched, app: App) -> None:
    """ "The authorization server MUST implement CSRF protection for its authorization endpoint and ensure that a
    malicious client cannot obtain authorization without the awareness and explicit consent of the resource owner."
    """
    victim, thief = Browser(live), Browser(live)
    shown = victim.sign_in(victim.open(app.url(prompt="consent")), "alice")
    form = read(shown).form("allow")
    assert_page(thief.signed_in().submit(form, choice="allow"), 403)
    for token in ("", None, "x" * 43, read(thief.open(app.url(prompt="consent"))).form("allow").fields["csrf"]):
        assert_page(victim.submit(form, choice="allow", csrf=token), 403)
    assert "code" in told(victim.press(shown, "allow"))


def test_section_10_13_no_page_is_shown_in_a_frame(live: Watched, app: App) -> None:
    """Section 10.13: frames are prevented by the header for new browsers, and by the one for old ones."""
    for answer in (Browser(live).open(app.url()), Browser(live).get(AUTHORIZE), Browser(live).get(app.url())):
        assert answer.headers["x-frame-options"] == "DENY"
        if answer.status_code != 303:
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_section_10_15_the_endpoint_is_no_open_redirector(app: App, alice: Browser) -> None:
    """ "Open redirectors can be used in phishing attacks". Nothing but a registered URI is ever gone to."""
    for name in ("redirect_uri", "next", "return_to", "post_logout_redirect_uri", "target"):
        for url in (
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
        ):
            answer = alice.get(app.url(**{name: url}))
            if answer.status_code == 303:
                assert answer.headers["location"].startswith((CALLBACK, "/consent?", "/signin?"))


def test_section_7_2_a_token_of_an_application_is_good_where_it_is_for(app: App, alice: Browser) -> None:
    """Section 7: the token is for the userinfo endpoint, and not for managing accounts, whoever has signed in."""
    token = app.tokens(alice)["access_token"]
    assert opened(token)["aud"] == ISSUER
    assert not accepted(app.live, token)
    with app.live.client(token) as client:
        assert client.get(USERINFO).status_code == 200
