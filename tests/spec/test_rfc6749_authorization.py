"""RFC 6749, The OAuth 2.0 Authorization Framework: the authorization endpoint (§3.1) and its answers (§4.1.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from core.clients.model import AuthMethod
from tests.http.clients import assert_error
from tests.http.signing_in import (
    AUTHORIZE,
    CALLBACK,
    App,
    Browser,
    add_app,
    assert_page,
    assert_told,
    in_memory,
    in_memory_clocked,
    read,
    told,
    userinfo,
)
from tests.http.support import Watched


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


def test_section_3_1_the_resource_owner_is_authenticated_first(live: Watched, app: App) -> None:
    """ "The authorization server MUST first verify the identity of the resource owner." """
    page = read(Browser(live).open(app.url()))
    assert page.heading == "Sign in"
    assert "password" in page.form("signin").fields


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_section_3_1_get_is_supported_and_post_as_well(app: App, alice: Browser, method: str) -> None:
    """ "The authorization server MUST support the use of the HTTP "GET" method [RFC2616] for the authorization endpoint
    and MAY support the use of the "POST" method as well."
    """
    first = alice.get(app.url()) if method == "GET" else alice.send("POST", AUTHORIZE, app.parameters())
    assert "code" in told(alice.follow(first))


def test_section_3_1_parameters_without_a_value_are_as_if_left_out(app: App, alice: Browser) -> None:
    """ "Parameters sent without a value MUST be treated as if they were omitted from the request." """
    answer = alice.open(app.url(("prompt", ""), ("max_age", ""), ("request", ""), ("claims", ""), state=""))
    assert "state" not in told(answer)
    assert_told(alice.open(app.url(response_type="")), "invalid_request")


def test_section_3_1_unknown_parameters_are_ignored(app: App, alice: Browser) -> None:
    """ "The authorization server MUST ignore unrecognized request parameters." However often they come."""
    assert "code" in told(alice.open(app.url(("of_some_extension", "1"), ("of_some_extension", "2"))))


@pytest.mark.parametrize(
    "name", ["response_type", "scope", "state", "nonce", "prompt", "code_challenge", "code_challenge_method", "max_age"]
)
def test_section_3_1_no_parameter_comes_more_than_once(app: App, alice: Browser, name: str) -> None:
    """ "Request and response parameters MUST NOT be included more than once." An answer goes back, without a state that
    nobody can know.
    """
    value = app.parameters(nonce="n", prompt="consent", max_age="9")[name]
    answer = alice.open(app.url((name, value), nonce="n", prompt="consent", max_age="9"))
    assert_told(answer, "invalid_request", state=None if name == "state" else "a state")


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_section_3_1_a_client_or_redirect_uri_sent_twice_is_answered_with_a_page(
    app: App, alice: Browser, name: str
) -> None:
    """As above; which of the two would be the right one to answer to is unknown."""
    for other in (app.parameters()[name], "https://evil.example/"):
        assert f"{name} more than once" in assert_page(alice.open(app.url((name, other)))).text


def test_section_3_1_1_response_type_is_required(app: App, alice: Browser) -> None:
    """ "If an authorization request is missing the "response_type" parameter, or if the response type is not
    understood, the authorization server MUST return an error response as described in Section 4.1.2.1."
    """
    assert_told(alice.open(app.url(response_type=None)), "invalid_request")
    for kind in ("token", "id_token", "code token", "code id_token", "none", "CODE", "code code", "\x7f"):
        assert_told(alice.open(app.url(response_type=kind)), "unsupported_response_type")


def test_section_3_1_2_2_the_redirection_uri_keeps_its_query(live: Watched) -> None:
    """Section 3.1.2: "The endpoint URI MAY include an "application/x-www-form-urlencoded" formatted query component
    which MUST be retained when adding additional query parameters."
    """
    uri = "https://app.example.com/cb?tenant=1&x=%2f%C3%A9"
    app = add_app(live, "with-a-query", redirect_uris=[uri])
    answer = Browser(live)
    location = answer.agree(answer.open(app.url())).headers["location"]
    assert location.startswith(f"{uri}&code=")
    assert parse_qsl(urlsplit(location).query)[:2] == [("tenant", "1"), ("x", "/é")]


def test_section_3_1_2_3_one_of_several_has_to_be_named(live: Watched, app: App, alice: Browser) -> None:
    """ "If multiple redirection URIs have been registered, ... the client MUST include a redirection URI with the
    authorization request". The only one may be left out, but for OpenID Connect (Core §3.1.2.1).
    """
    several = add_app(live, "several", redirect_uris=[CALLBACK, "https://app.example.com/other"])
    assert_page(alice.open(several.url(redirect_uri=None, scope="profile")))
    assert_page(alice.open(app.url(redirect_uri=None)))
    answer = alice.agree(alice.open(app.url(redirect_uri=None, scope="read")))
    assert answer.headers["location"].startswith(CALLBACK)


def test_section_3_1_2_4_an_invalid_endpoint_is_told_to_the_person_alone(app: App, alice: Browser) -> None:
    """ "If an authorization request fails validation due to a missing, invalid, or mismatching redirection URI, the
    authorization server SHOULD inform the resource owner of the error and MUST NOT automatically redirect the
    user-agent to the invalid redirection URI."
    """
    page = assert_page(alice.open(app.url(redirect_uri="https://evil.example/cb")))
    assert "not registered" in page.text
    assert "evil.example" not in page.text


def test_section_3_3_the_scope_that_was_issued_is_told(app: App, alice: Browser) -> None:
    """ "If the issued access token scope is different from the one requested by the client, the authorization server
    MUST include the "scope" response parameter".
    """
    assert app.tokens(alice, scope="openid read")["scope"] == "openid read"
    assert app.tokens(alice, scope=None)["scope"] == "read"  # without a word, nothing is told of the person


def test_section_4_1_2_the_answer_is_a_code_with_the_state(app: App, alice: Browser) -> None:
    """ "code REQUIRED. ... state REQUIRED if the "state" parameter was present in the client authorization request. The
    exact value received from the client."
    """
    for state in ("x", "a b+c&d=e;f#g?h/%2F", "é漢😀", "<script>alert(1)</script>", "x\r\nSet-Cookie: a=b", "s" * 2048):
        answer = alice.get(app.url(state=state))
        found = told(answer)
        assert (found["state"], set(found)) == (state, {"code", "state", "iss"})
        assert answer.headers.get("set-cookie") is None
    assert told(alice.get(app.url(state=None))).keys() == {"code", "iss"}


def test_section_4_1_2_a_code_expires_shortly_after_it_is_issued(tmp_path: Path) -> None:
    """ "The authorization code MUST expire shortly after it is issued to mitigate the risk of leaks. A maximum
    authorization code lifetime of 10 minutes is RECOMMENDED." It is one here.
    """
    with in_memory_clocked(tmp_path) as live:
        app, browser = add_app(live, "app"), Browser(live)
        in_time, late = app.code(browser), app.code(browser)
        live.clock.forward(seconds=59.9)
        assert app.exchange(in_time).status_code == 200
        live.clock.forward(seconds=0.1)
        refused(app, late)


def test_section_4_1_2_a_second_use_is_denied_and_ends_what_the_first_one_gave(app: App, alice: Browser) -> None:
    """ "The client MUST NOT use the authorization code more than once. If an authorization code is used more than once,
    the authorization server MUST deny the request and SHOULD revoke (when possible) all tokens previously issued based
    on that authorization code."
    """
    code = app.code(alice)
    first = app.exchange(code).json()
    later = app.refresh(first["refresh_token"]).json()
    other = app.tokens(alice)
    refused(app, code)
    for token in (first["access_token"], later["access_token"]):
        assert userinfo(app.live, token).status_code == 401
    for token in (first["refresh_token"], later["refresh_token"]):
        assert_error(app.refresh(token), 400, "invalid_grant")
    assert userinfo(app.live, other["access_token"]).status_code == 200
    refused(app, code)


def test_section_4_1_2_a_code_is_bound_to_its_client(live: Watched, app: App, alice: Browser) -> None:
    """ "The authorization code is bound to the client identifier and redirection URI." Whoever else tries it learns
    nothing and spends nothing.
    """
    other = add_app(live, "other")
    code = app.code(alice)
    answer = other.exchange(code)
    assert_error(answer, 400, "invalid_grant")
    assert answer.json() == other.exchange("wwc_" + "A" * 64).json()
    assert app.exchange(code).status_code == 200


def test_section_4_1_2_another_client_that_tries_a_spent_code_ends_nothing(
    live: Watched, app: App, alice: Browser
) -> None:
    """As above: a code that leaked is no means to end the tokens of others."""
    other = add_app(live, "another")
    code = app.code(alice)
    token = app.exchange(code).json()["access_token"]
    refused(other, code)
    assert userinfo(live, token).status_code == 200


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": "openid unheard-of"}, "invalid_scope"),
        ({"scope": 'openid "quoted"'}, "invalid_scope"),
        ({"scope": "openid  profile"}, "invalid_scope"),
        ({"scope": " "}, "invalid_scope"),
        ({"scope": "é"}, "invalid_scope"),
        ({"scope": "x" * 2049}, "invalid_request"),
        ({"nonce": "x" * 2049}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "web_message"}, "invalid_request"),
        ({"resource": "https://unknown.example.com"}, "invalid_target"),
    ],
)
def test_section_4_1_2_1_what_is_wrong_is_told_to_the_client(
    app: App, alice: Browser, changes: dict[str, str], error: str
) -> None:
    """Section 4.1.2.1, and RFC 8707 §2 for the resource. No person is asked anything before."""
    answer = alice.get(app.url(**changes))
    assert_told(answer, error)
    assert_told(Browser(app.live).get(app.url(**changes)), error)
    description = dict(parse_qsl(urlsplit(answer.headers["location"]).query))["error_description"]
    assert re.fullmatch(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+", description)


def test_section_4_1_2_1_a_client_without_this_grant_is_unauthorized(live: Watched, alice: Browser) -> None:
    """ "unauthorized_client: The client is not authorized to request an authorization code using this method." """
    machine = add_app(live, "machine", method=AuthMethod.SECRET_BASIC, grants=("client_credentials",))
    assert_told(alice.get(machine.url(scope=None)), "unauthorized_client")


def test_section_4_1_2_1_access_denied(live: Watched, app: App) -> None:
    """ "access_denied: The resource owner or authorization server denied the request." On the first page or the
    second, and then the request is over.
    """
    for steps in (["cancel"], ["signin", "deny"]):
        browser = Browser(live)
        shown = browser.open(app.url(prompt="consent"))
        for step in steps:
            before = read(shown).form(step)
            typed = {"username": "alice", "password": "correct horse battery"} if step == "signin" else {}
            shown = browser.press(shown, step, **typed)
        assert_told(shown, "access_denied")
        assert_page(browser.submit(before, choice=steps[-1]))


@pytest.mark.parametrize("client_id", [None, "", "nobody", "NOBODY", "x" * 65, "<b>x</b>", "watchword", "é", "a/../b"])
def test_section_4_1_2_1_an_invalid_client_gets_a_page(app: App, alice: Browser, client_id: str | None) -> None:
    """ "If the request fails due to a missing, invalid, or mismatching redirection URI, or if the client identifier is
    missing or invalid, the authorization server SHOULD inform the resource owner of the error and MUST NOT
    automatically redirect the user-agent to the invalid redirection URI."
    """
    page = assert_page(alice.get(app.url(client_id=client_id)))
    assert "<b>" not in page.text


def test_section_4_1_2_1_a_client_that_was_switched_off_gets_a_page(live: Watched, alice: Browser) -> None:
    """As above: it is no client any more."""
    gone = add_app(live, "switched-off")
    waiting = Browser(live)
    shown = waiting.open(gone.url())
    code = gone.code(alice)
    live.run(live.container.update_client()("switched-off", is_active=False))
    assert_page(alice.get(gone.url()))
    assert_page(waiting.sign_in(shown, "alice"))
    assert_error(gone.exchange(code), 401, "invalid_client")


@pytest.mark.parametrize(
    "raw",
    [
        "scope=%",
        "scope=%zz",
        "state=%ff",
        "state=a%00b",
        "%00=x",
        "scope=%ed%a0%80",
        "&".join(f"p{n}=1" for n in range(101)),
        "x=" + "y" * 33_000,
    ],
)
def test_section_4_1_1_a_query_that_cannot_be_read_gets_a_page(app: App, alice: Browser, raw: str) -> None:
    """Section 4.1.1 and appendix B: the format is "application/x-www-form-urlencoded", in UTF-8. What is not may mean
    one thing here and another elsewhere, and so may the redirection URI beside it.
    """
    assert_page(alice.get(f"{app.url(state=None)}&{raw}"))
    answer = alice.send("POST", f"{AUTHORIZE}?{urlencode({'x': 'y'})}", {"client_id": "\0"})
    assert_page(answer)
