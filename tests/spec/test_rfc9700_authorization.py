"""RFC 9700, Best Current Practice for OAuth 2.0 Security, and OAuth 2.1, which has it as rules: the authorization
endpoint. The sections are those of RFC 9700.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from core.clients.model import AuthMethod
from tests.http.clients import METADATA, assert_error, opened
from tests.http.signing_in import (
    AUTHORIZE,
    CALLBACK,
    CHALLENGE,
    SIGN_IN,
    VERIFIER,
    App,
    Browser,
    add_app,
    assert_page,
    assert_told,
    in_memory,
    read,
    told,
    userinfo,
)
from tests.http.support import ISSUER, Watched
from tests.support import PASSWORD


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with in_memory(tmp_path_factory.mktemp("data")) as server:
        yield server


@pytest.fixture(scope="module")
def app(live: Watched) -> App:
    return add_app(live, "app")


@pytest.fixture(scope="module")
def without_pkce(live: Watched) -> App:
    """A certified relying party that sends no challenge."""
    return add_app(live, "without-pkce", method=AuthMethod.SECRET_BASIC, require_pkce=False)


@pytest.fixture
def browser(live: Watched) -> Browser:
    return Browser(live)


@pytest.mark.parametrize(
    "uri",
    [
        f"{CALLBACK}/",
        f"{CALLBACK}?x",
        f"{CALLBACK}/../cb",
        "https://app.example.com/CB",
        "https://APP.example.com/cb",
        "https://app.example.com.evil.example/cb",
        "https://app.example.com@evil.example/cb",
        "https://evil.example/https://app.example.com/cb",
        "http://app.example.com/cb",
        "https://*.example.com/cb",
        "https://app.example.com/cb*",
    ],
)
def test_section_2_1_redirect_uris_are_compared_exactly(app: App, browser: Browser, uri: str) -> None:
    """ "When comparing client redirection URIs against pre-registered URIs, authorization servers MUST utilize exact
    string matching except for port numbers in "localhost" redirection URIs of native apps".
    """
    assert_page(browser.open(app.url(redirect_uri=uri)))


def test_section_2_1_1_a_challenge_is_enforced_at_the_token_endpoint(app: App, browser: Browser) -> None:
    """ "Authorization servers MUST support PKCE [RFC7636]. If a client sends a valid PKCE "code_challenge" parameter in
    the authorization request, the authorization server MUST enforce the correct usage of "code_verifier" at the token
    endpoint."
    """
    code = app.code(browser)
    assert_error(app.exchange(code, code_verifier=None), 400, "invalid_grant")
    assert_error(app.exchange(code, code_verifier="v" * 43), 400, "invalid_grant")


def test_section_2_1_1_there_is_no_downgrade(without_pkce: App, browser: Browser) -> None:
    """ "Authorization servers MUST mitigate PKCE downgrade attacks by ensuring that a token request containing a
    "code_verifier" parameter is accepted only if a "code_challenge" parameter was present in the authorization
    request" (also §4.8.2). The refusal spends nothing.
    """
    code = without_pkce.code(browser, code_challenge=None, code_challenge_method=None)
    assert_error(without_pkce.exchange(code), 400, "invalid_grant")
    assert without_pkce.exchange(code, code_verifier=None).status_code == 200


def test_section_2_1_1_the_metadata_show_that_pkce_is_supported(live: Watched) -> None:
    """ "Authorization servers MUST provide a way to detect their support for PKCE. ... by publishing the element
    "code_challenge_methods_supported" in their authorization server metadata". And OAuth 2.1 knows no implicit grant.
    """
    with live.client() as client:
        document = client.get(METADATA).json()
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["response_types_supported"] == ["code"]
    assert "implicit" not in document["grant_types_supported"]


@pytest.mark.parametrize("kind", ["token", "id_token", "id_token token", "code token", "code id_token token"])
def test_section_2_1_2_no_tokens_from_the_authorization_endpoint(app: App, browser: Browser, kind: str) -> None:
    """ "clients SHOULD NOT use the implicit grant (response type "token") or other response types issuing access tokens
    in the authorization response". An answer to those goes into the query all the same, and never into a fragment.
    """
    answer = browser.open(app.url(response_type=kind, nonce="n"))
    assert_told(answer, "unsupported_response_type")
    assert urlsplit(answer.headers["location"]).fragment == ""


def test_section_2_6_no_answer_of_the_endpoint_is_for_other_origins(app: App, browser: Browser) -> None:
    """Section 2.6: CORS "MUST NOT be supported at the authorization endpoint, as the client does not access this
    endpoint directly; instead, the client redirects the user agent to it."
    """
    for path in (app.url(), SIGN_IN, "/consent", "/account", "/logout"):
        answer = browser.get(path, Origin="https://app.example.com")
        assert not [name for name in answer.headers if name.startswith("access-control-")]
    preflight = browser.send(
        "OPTIONS", AUTHORIZE, headers={"Origin": "https://x.example", "Access-Control-Request-Method": "GET"}
    )
    assert preflight.status_code == 405
    assert "access-control-allow-origin" not in preflight.headers


def test_section_4_1_3_a_fragment_does_not_survive_a_redirect(live: Watched, browser: Browser) -> None:
    """Section 4.1.1 has redirects that keep the fragment of an earlier URL. A registered URI has none, and none is
    taken.
    """
    app = add_app(live, "no-fragment")
    for uri in (f"{CALLBACK}#", f"{CALLBACK}#_=_", f"{CALLBACK}%23"):
        assert_page(browser.open(app.url(redirect_uri=uri)))


def test_section_4_2_4_referrers_tell_nothing(app: App, browser: Browser) -> None:
    """ "The page rendered as a result of the OAuth authorization response and the authorization endpoint SHOULD NOT
    include third-party resources or links to external sites. ... Suppress the Referer header by applying an appropriate
    Referrer Policy".
    """
    answers = [browser.open(app.url(prompt="consent")), browser.open(app.url(redirect_uri="x"))]
    answers.append(browser.sign_in(answers[0], "alice"))
    answers.append(browser.press(answers[-1], "allow"))
    for answer in answers:
        assert answer.headers["referrer-policy"] == "no-referrer"
        if answer.status_code != 303:
            tags = read(answer).tags
            loaded = [given.get("src") or given.get("href") for tag, given in tags if tag in {"img", "link", "script"}]
            assert all(url and url.startswith("/") and not url.startswith("//") for url in loaded)


def test_section_4_3_1_codes_in_the_history_of_a_browser_are_worth_nothing(app: App, browser: Browser) -> None:
    """Section 4.3.1: whoever finds a code in a history cannot use it again; and pages here are not kept at all."""
    answer = browser.agree(browser.open(app.url()))
    assert answer.headers["cache-control"] == "no-store"
    code = told(answer)["code"]
    app.exchange(code)
    assert_error(app.exchange(code), 400, "invalid_grant")


def test_section_4_4_2_an_answer_names_its_issuer(app: App, browser: Browser) -> None:
    """ "Mix-Up Defense via Issuer Identification: ... the authorization server's issuer identifier in the "iss"
    parameter (RFC 9207), or in an ID token". Both are one.
    """
    code = told(browser.agree(browser.open(app.url(nonce="n"))))
    assert code["iss"] == opened(app.exchange(code["code"]).json()["id_token"])["iss"] == ISSUER


def test_section_4_5_3_1_a_code_of_another_session_of_the_client_is_of_no_use(app: App, browser: Browser) -> None:
    """Section 4.5.3.1: an attacker who injects a stolen code into a session of their own with the client has another
    verifier there.
    """
    stolen = app.code(browser)
    own = "attackers-own-verifier-attackers-own-verifier"
    assert_error(app.exchange(stolen, code_verifier=own), 400, "invalid_grant")
    assert app.exchange(stolen).status_code == 200


def test_section_4_5_3_2_or_another_nonce(without_pkce: App, browser: Browser) -> None:
    """Section 4.5.3.2: the ID token has the very nonce of its request, which the client compares."""
    challenge: dict[str, Any] = {"code_challenge": None, "code_challenge_method": None}
    for nonce in ("one", "other", "é <b>&\" \\ '", "n" * 2048):
        tokens = without_pkce.exchange(without_pkce.code(browser, nonce=nonce, **challenge), code_verifier=None).json()
        assert opened(tokens["id_token"])["nonce"] == nonce


def test_section_4_7_1_state_is_given_back_as_it_came(app: App, browser: Browser) -> None:
    """Section 4.7.1: a client without PKCE or nonce relies on `state`. It goes back untouched, in errors as well."""
    browser.agree(browser.open(app.url()))
    for state in (" ", "+", "%2B", "a=b&c", "é", "\U0001f600", "'\"<>", "\t"):
        assert told(browser.open(app.url(state=state)))["state"] == state
        assert told(browser.open(app.url(state=state, response_type="x")))["state"] == state


def test_section_4_8_2_a_challenge_cannot_be_taken_out_on_the_way(app: App, browser: Browser) -> None:
    """Section 4.8: an attacker removes the challenge from the request of a client, to use a code without verifier."""
    assert_told(browser.open(app.url(code_challenge=None, code_challenge_method=None)), "invalid_request")
    assert_told(browser.open(app.url(code_challenge="", code_challenge_method="")), "invalid_request")


def test_section_4_8_2_nor_replaced_by_a_repeated_one(app: App, browser: Browser) -> None:
    """As above, with a second challenge."""
    assert_told(browser.open(app.url(("code_challenge", CHALLENGE))), "invalid_request")


@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_section_4_11_2_no_redirect_before_the_uri_is_known(app: App, browser: Browser, mode: str) -> None:
    """Section 4.11.2: nobody is sent to an invalid combination of client and redirect URI. Answers to mistakes go to
    registered addresses alone.
    """
    page = assert_page(
        browser.open(app.url(redirect_uri="https://evil.example", response_type="x", response_mode=mode))
    )
    assert page.forms == []


def test_section_4_12_a_password_is_posted_nowhere_else(app: App, browser: Browser) -> None:
    """ "If HTTP redirection is used to redirect the user agent after it has sent a form with credentials, the
    authorization server SHOULD use HTTP status code 303": 307 would post the password to the application.
    """
    form = read(browser.open(app.url(prompt="consent"))).form("signin")
    answer = browser.submit(form, username="alice", password=PASSWORD, choice="signin")
    assert answer.status_code == 303
    assert PASSWORD not in answer.headers["location"]
    answer = browser.submit(read(browser.follow(answer)).form("allow"), choice="allow")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(CALLBACK)
    answer = browser.follow(browser.send("POST", AUTHORIZE, app.parameters()))
    assert answer.status_code == 303


def test_section_4_14_2_refresh_tokens_of_a_sign_in_are_rotated(app: App, browser: Browser) -> None:
    """ "Authorization servers MUST utilize one of these methods to detect refresh token replay ... for public clients".
    The families that codes begin are as all others; the ID token is not renewed with less than it said.
    """
    first = app.tokens(browser)
    second = app.refresh(first["refresh_token"]).json()
    third = app.refresh(second["refresh_token"]).json()
    assert_error(app.refresh(first["refresh_token"]), 400, "invalid_grant")
    assert_error(app.refresh(third["refresh_token"]), 400, "invalid_grant")
    assert userinfo(app.live, third["access_token"]).status_code == 401


def test_section_4_16_clickjacking(app: App, browser: Browser) -> None:
    """ "Authorization servers MUST prevent clickjacking attacks. ... SHOULD use Content Security Policy (CSP) level 2
    or greater ... on the authorization endpoint and, if applicable, other endpoints used to authenticate the user and
    authorize the client".
    """
    shown = browser.open(app.url())
    pages = [shown, browser.sign_in(shown, "alice"), browser.open("/account"), browser.open("/logout")]
    for answer in pages:
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-frame-options"] == "DENY"


def test_section_4_18_messages_to_a_window_are_not_offered(app: App, browser: Browser) -> None:
    """Section 4.18: in-browser messages need receivers that are checked. There is no such response mode."""
    assert_told(browser.open(app.url(response_mode="web_message")), "invalid_request")
    assert "postMessage" not in browser.get("/assets/submit.js").text


def test_oauth_2_1_the_verifier_is_never_more_than_one(app: App, browser: Browser) -> None:
    """OAuth 2.1 §3.2.2: no parameter of a token request is repeated."""
    answer = app.exchange(app.code(browser), code_verifier=[VERIFIER, VERIFIER])
    assert_error(answer, 400, "invalid_request")
