"""OpenID Connect RP-Initiated Logout 1.0."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2 as httpx
import pytest

from core.clients.model import AuthMethod
from tests.http.clients import JWKS, Timed, assert_error, opened
from tests.http.signing_in import (
    ACCOUNT,
    LOGOUT,
    App,
    Browser,
    add_app,
    assert_page,
    in_memory,
    in_memory_clocked,
    read,
    told,
    userinfo,
)
from tests.http.support import ISSUER, eventually, unb64

BYE = "https://app.example.com/bye"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Timed]:
    with in_memory_clocked(tmp_path_factory.mktemp("data")) as server:
        server.add_user("bob")
        yield server


@pytest.fixture(scope="module")
def app(live: Timed) -> App:
    return add_app(live, "app", post_logout_redirect_uris=(BYE, "https://app.example.com/bye?x=1"))


@pytest.fixture
def alice(live: Timed) -> Browser:
    return Browser(live)


def logout(browser: Browser, **parameters: str) -> httpx.Response:
    return browser.get(f"{LOGOUT}?{urlencode(parameters)}")


def signed_in(browser: Browser) -> bool:
    return browser.get(ACCOUNT).status_code == 200


def kids(live: Timed) -> set[str]:
    """Of the keys that are published."""
    with live.client() as client:
        return {key["kid"] for key in client.get(JWKS).json()["keys"]}


def test_section_2_the_endpoint_is_announced(live: Timed) -> None:
    """Section 2.1: "end_session_endpoint REQUIRED. URL at the OP to which an RP can perform a redirect to request that
    the End-User be logged out at the OP."
    """
    with live.client() as client:
        assert client.get("/.well-known/openid-configuration").json()["end_session_endpoint"] == ISSUER + LOGOUT


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_section_2_get_and_post_are_supported(app: App, alice: Browser, method: str) -> None:
    """ "OpenID Providers MUST support the use of the HTTP GET and POST methods ... at the Logout Endpoint." A POST of
    another site comes without the cookie, and is carried on.
    """
    hint = app.tokens(alice)["id_token"]
    form = {"id_token_hint": hint, "post_logout_redirect_uri": BYE, "state": "s t&é"}
    if method == "GET":
        answer = logout(alice, **form)
    else:
        kept, alice.cookies = alice.cookies, {}
        first = alice.send("POST", LOGOUT, form, {"Origin": "https://app.example.com", "Sec-Fetch-Site": "cross-site"})
        alice.cookies = kept
        assert first.status_code == 303
        answer = alice.follow(first)
    assert answer.headers["location"].startswith(BYE + "?")
    assert parse_qsl(urlsplit(answer.headers["location"]).query) == [("state", "s t&é")]
    assert not signed_in(alice)


def test_section_2_with_a_hint_of_this_session_nobody_is_asked(app: App, alice: Browser) -> None:
    """ "id_token_hint RECOMMENDED. ID Token previously issued by the OP to the RP passed to the Logout Endpoint as a
    hint about the End-User's current authenticated session with the Client." Its cookie is gone as well.
    """
    answer = logout(alice, id_token_hint=app.tokens(alice)["id_token"])
    assert read(answer).heading == "You are signed out"
    assert alice.cookies == {}
    assert not signed_in(alice)


def test_section_2_a_hint_may_have_expired(app: App, live: Timed) -> None:
    """ "The OP SHOULD accept ID Tokens when the RP identified by the ID Token's aud claim and/or sid claim has a
    current session or had a recent session at the OP, even when the exp time has passed."
    """
    browser = Browser(live)
    hint = app.tokens(browser)["id_token"]
    live.clock.forward(hours=3)
    logout(browser, id_token_hint=hint)
    assert not signed_in(browser)


def test_section_2_a_hint_outlives_the_time_of_its_key(app: App, live: Timed) -> None:
    """As above: keys are followed by others, and are published for a day more, while sessions go on. A key that was
    withdrawn may be in other hands: what it signed says nothing.
    """
    browser = Browser(live)
    hint = app.tokens(browser)["id_token"]
    kid = json.loads(unb64(hint.split(".")[0]))["kid"]
    live.clock.forward(minutes=10)
    live.run(live.container.rotate_keys()(at_once=True))
    for _ in range(6):  # so that the session stays in use
        live.clock.forward(hours=5)
        assert signed_in(browser)
    assert eventually(lambda: kid not in kids(live), within=10)
    silently = app.url(prompt="none", id_token_hint=hint)
    assert "code=" in browser.get(silently).headers["location"]
    live.run(live.container.retire_key()(kid))
    assert eventually(lambda: "error=invalid_request" in browser.get(silently).headers["location"], within=10)
    assert read(logout(browser, id_token_hint=hint)).heading == "Sign out?"


def test_section_2_without_a_hint_the_person_is_asked(app: App, alice: Browser) -> None:
    """ "At the Logout Endpoint, the OP SHOULD ask the End-User whether to log out of the OP as well. Furthermore, the
    OP MUST ask the End-User this question if an id_token_hint was not provided or if the supplied ID Token does not
    belong to the current OP session with the RP and/or currently logged in End-User."
    """
    app.tokens(alice)
    for parameters in ({}, {"client_id": "app"}, {"client_id": "app", "post_logout_redirect_uri": BYE, "state": "x"}):
        answer = logout(alice, **parameters)
        assert read(answer).heading == "Sign out?"
        assert signed_in(alice)
    stay = alice.press(answer, "stay")
    assert read(stay).heading == "Your account"
    answer = alice.press(answer, "signout")
    assert answer.headers["location"] == f"{BYE}?state=x"
    assert not signed_in(alice)


def test_section_2_a_hint_of_another_session_is_a_question(app: App, live: Timed, alice: Browser) -> None:
    """As above: an application that knew somebody once, or somewhere else, cannot sign out whoever is there now."""
    elsewhere, bob = Browser(live), Browser(live)
    app.tokens(alice)
    for hint in (
        app.tokens(elsewhere)["id_token"],
        app.tokens(bob, "bob")["id_token"],
        app.tokens(alice)["access_token"],
        app.tokens(alice)["id_token"][:-4] + "AAAA",
        "x",
        "x" * 9000,
    ):
        assert read(logout(alice, id_token_hint=hint)).heading == "Sign out?"
        assert signed_in(alice)


def test_section_2_client_id_must_fit_the_hint(app: App, live: Timed, alice: Browser) -> None:
    """ "client_id OPTIONAL. ... When both client_id and id_token_hint are present, the OP MUST verify that the Client
    Identifier matches the one used when issuing the ID Token."
    """
    add_app(live, "other", post_logout_redirect_uris=("https://other.example.com/bye",))
    hint = app.tokens(alice)["id_token"]
    to = "https://other.example.com/bye"
    assert_page(logout(alice, id_token_hint=hint, client_id="other", post_logout_redirect_uri=to))
    assert signed_in(alice)
    logout(alice, id_token_hint=hint, client_id="app")
    assert not signed_in(alice)


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example",
        BYE + "/",
        BYE + "#x",
        BYE + "?x",
        BYE.upper(),
        "http://app.example.com/bye",
        "https://app.example.com:444/bye",
        "https://app.example.com/cb",
        "//app.example.com/bye",
        "javascript:alert(1)",
        BYE + "\r\nSet-Cookie: a=b",
        "x" * 5000,
    ],
)
def test_section_3_only_registered_addresses(app: App, alice: Browser, uri: str) -> None:
    """ "post_logout_redirect_uri ... The value MUST have been previously registered with the OP ... The OP MUST NOT
    perform post-logout redirection if the post_logout_redirect_uri value supplied does not exactly match one of the
    previously registered post_logout_redirect_uris values." Then nothing has ended either (§4).
    """
    hint = app.tokens(alice)["id_token"]
    assert_page(logout(alice, id_token_hint=hint, post_logout_redirect_uri=uri))
    assert_page(logout(alice, client_id="app", post_logout_redirect_uri=uri))
    assert_page(logout(Browser(app.live), client_id="app", post_logout_redirect_uri=uri))
    assert signed_in(alice)


def test_section_3_somebody_has_to_be_the_client(live: Timed, alice: Browser) -> None:
    """Section 3: "The OP also MUST NOT perform post-logout redirection when an id_token_hint is not supplied, unless
    the OP has other means of confirming the legitimacy of the post-logout redirection target": that is the client's id,
    and the question.
    """
    alice.signed_in()
    for parameters in ({}, {"client_id": "nobody"}, {"client_id": ""}, {"client_id": "<b>"}):
        assert_page(logout(alice, post_logout_redirect_uri=BYE, **parameters))
    assert signed_in(alice)


def test_section_3_a_query_of_the_address_is_kept(app: App, alice: Browser) -> None:
    """Section 2: state "is passed back to the RP using the state parameter" behind what is there already."""
    hint = app.tokens(alice)["id_token"]
    answer = logout(alice, id_token_hint=hint, post_logout_redirect_uri="https://app.example.com/bye?x=1", state="y")
    assert answer.headers["location"] == "https://app.example.com/bye?x=1&state=y"


def test_section_2_state_goes_back_as_it_came(app: App, live: Timed) -> None:
    """ "state OPTIONAL. Opaque value used by the RP to maintain state ... the OP passes this value back". Without one
    there is none.
    """
    for state in ("a b+c&d=e#f", "é\U0001f600", "x\r\nSet-Cookie: a=b", "<script>", "s" * 2048):
        answer = logout(Browser(live), client_id="app", post_logout_redirect_uri=BYE, state=state)
        assert dict(parse_qsl(urlsplit(answer.headers["location"]).query)) == {"state": state}
        assert answer.headers.get("set-cookie", "").count("=b") == 0
    answer = logout(Browser(live), client_id="app", post_logout_redirect_uri=BYE)
    assert answer.headers["location"] == BYE


def test_section_2_whoever_is_signed_out_already_goes_on(app: App, live: Timed) -> None:
    """Section 4: "If the ... End-User is not logged in at the OP", the outcome is what the application wants."""
    browser = Browser(live)
    hint = app.tokens(browser)["id_token"]
    logout(browser, id_token_hint=hint)
    again = logout(browser, id_token_hint=hint, post_logout_redirect_uri=BYE)
    assert again.headers["location"] == BYE
    assert read(logout(Browser(live))).heading == "You are signed out"


@pytest.mark.parametrize("name", ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"])
def test_section_4_repeated_parameters_get_a_page(app: App, alice: Browser, name: str) -> None:
    """Section 4: "The OP ... MUST validate that ... the request is valid. If validation fails, ... it MUST NOT perform
    post-logout redirection and the OP SHOULD inform the End-User of the error."
    """
    parameters = {
        "id_token_hint": app.tokens(alice)["id_token"],
        "client_id": "app",
        "post_logout_redirect_uri": BYE,
        "state": "s",
    }
    assert_page(alice.get(f"{LOGOUT}?{urlencode([*parameters.items(), (name, parameters[name])])}"))
    assert signed_in(alice)


def test_section_4_wishes_change_nothing(app: App, alice: Browser) -> None:
    """Section 2: logout_hint and ui_locales are hints, and parameters that nobody knows are ignored."""
    app.tokens(alice)
    answer = logout(alice, logout_hint="bob", ui_locales="xx de", what="ever")
    assert read(answer).heading == "Sign out?"


def test_section_2_tokens_without_offline_access_end_with_the_session(app: App, live: Timed) -> None:
    """The issue's rule: logging out "ends the session and the refresh tokens that were not granted offline_access"."""
    browser = Browser(live)
    online, offline = app.tokens(browser), app.tokens(browser, scope="openid offline_access")
    pending = app.code(browser)
    logout(browser, id_token_hint=online["id_token"])
    assert_error(app.refresh(online["refresh_token"]), 400, "invalid_grant")
    assert_error(app.exchange(pending), 400, "invalid_grant")
    assert app.refresh(offline["refresh_token"]).status_code == 200
    assert opened(offline["id_token"])["sid"] != ""
    assert userinfo(live, offline["access_token"]).status_code == 200


def test_section_2_other_sessions_of_the_same_person_stay(app: App, live: Timed, alice: Browser) -> None:
    """Section 2 is about the current session: that of one browser."""
    other = Browser(live)
    app.tokens(other)
    logout(alice, id_token_hint=app.tokens(alice)["id_token"])
    assert signed_in(other)
    assert "code" in told(other.open(app.url(prompt="none")))


def test_section_2_a_pairwise_client_can_sign_out_as_well(live: Timed, alice: Browser) -> None:
    """Core §8: its hint has another `sub`, and the same session."""
    app = add_app(live, "pairwise", method=AuthMethod.SECRET_BASIC, subject_type="pairwise")
    logout(alice, id_token_hint=app.tokens(alice)["id_token"])
    assert not signed_in(alice)


def test_section_6_nobody_can_be_signed_out_by_a_forged_answer(live: Timed, alice: Browser) -> None:
    """Section 6: "Logout requests without a valid id_token_hint value are a potential means of denial of service;
    therefore, OPs should obtain explicit confirmation from the End-User before acting upon them." The answer is a form
    of ours alone.
    """
    alice.signed_in()
    form = read(logout(alice)).form("signout")
    assert_page(alice.submit(form, choice="signout", csrf="x" * 43), 403)
    for nothing in ("", None):  # then it is an application's request, and that is a question
        assert read(alice.follow(alice.submit(form, choice="signout", csrf=nothing))).heading == "Sign out?"
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert_page(alice.submit(form, choice="signout", headers=headers))
    assert_page(Browser(live).signed_in().submit(form, choice="signout"), 403)
    assert signed_in(alice)


def test_section_2_behind_a_path(tmp_path: Path) -> None:
    """Section 2, for an issuer with a path: pages lead to pages below it."""
    issuer = "http://127.0.0.1:8000/tenant"
    with in_memory(tmp_path, issuer=issuer, audience=issuer) as live:
        answer = Browser(live).send("POST", LOGOUT, {"state": "x"})
        assert answer.headers["location"] == "/tenant/logout?state=x"
