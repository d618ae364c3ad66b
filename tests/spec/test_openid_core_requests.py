"""OpenID Connect Core 1.0: the authentication request and its answers (§3.1.2), request objects (§6), form post."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.http.clients import Timed, opened
from tests.http.signing_in import (
    AUTHORIZE,
    CALLBACK,
    App,
    Browser,
    add_app,
    assert_page,
    assert_told,
    in_memory_clocked,
    read,
    told,
)
from tests.http.support import ISSUER


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Timed]:
    with in_memory_clocked(tmp_path_factory.mktemp("data")) as server:
        server.add_user("bob")
        yield server


@pytest.fixture(scope="module")
def app(live: Timed) -> App:
    return add_app(live, "app")


@pytest.fixture
def alice(live: Timed, app: App) -> Browser:
    """Signed in a minute ago, and has allowed the application to know who she is."""
    browser = Browser(live)
    app.code(browser)
    live.clock.forward(minutes=1)
    return browser


def heading(browser: Browser, url: str) -> str:
    return read(browser.open(url)).heading


def auth_time(app: App, code: str) -> int:
    return int(opened(app.exchange(code).json()["id_token"])["auth_time"])


def test_section_3_1_2_1_get_and_post_are_supported(app: App, alice: Browser) -> None:
    """ "Authorization Servers MUST support the use of the HTTP GET and POST methods ... at the Authorization Endpoint."
    A form of another site comes without the cookie.
    """
    assert "code" in told(alice.get(app.url()))
    kept, alice.cookies = alice.cookies, {}
    first = alice.send("POST", AUTHORIZE, app.parameters(), {"Origin": "https://app.example.com"})
    assert first.headers.get("set-cookie") is None
    alice.cookies = kept
    assert "code" in told(alice.follow(first))


def test_section_3_1_2_1_without_openid_it_is_no_authentication_request(app: App, alice: Browser) -> None:
    """ "scope REQUIRED. OpenID Connect requests MUST contain the openid scope value. If the openid scope value is not
    present, the behavior is entirely unspecified." It is OAuth then, and tells nothing of the person.
    """
    tokens = app.tokens(alice, scope="profile email")
    assert "id_token" not in tokens
    assert "scope" not in tokens


def test_section_3_1_2_1_redirect_uri_is_required(app: App, alice: Browser) -> None:
    """ "redirect_uri REQUIRED." Even where there is only one."""
    assert_page(alice.open(app.url(redirect_uri=None)))


def test_section_3_1_2_1_prompt_none(app: App, alice: Browser, live: Timed) -> None:
    """ "none: The Authorization Server MUST NOT display any authentication or consent user interface pages. An error is
    returned if an End-User is not already Authenticated or the Client does not have pre-configured consent".
    """
    assert "code" in told(alice.get(app.url(prompt="none")))
    assert_told(Browser(live).get(app.url(prompt="none")), "login_required")
    assert_told(alice.get(app.url(prompt="none", scope="openid email")), "consent_required")
    assert_told(alice.get(app.url(prompt="none", max_age="59")), "login_required")
    posted = Browser(live)
    assert_told(posted.follow(posted.send("POST", AUTHORIZE, app.parameters(prompt="none"))), "login_required")


@pytest.mark.parametrize("other", ["login", "consent", "select_account", "none login consent"])
def test_section_3_1_2_1_prompt_none_stands_alone(app: App, alice: Browser, other: str) -> None:
    """ "If this parameter contains none with any other value, an error is returned." """
    assert_told(alice.get(app.url(prompt=f"none {other}")), "invalid_request")


@pytest.mark.parametrize("prompt", ["unheard-of", "login  consent", " login", "LOGIN", "login,consent"])
def test_section_3_1_2_1_prompts_that_nobody_knows(app: App, alice: Browser, prompt: str) -> None:
    """Section 3.1.2.1: the values are a "Space-delimited, case-sensitive list". What cannot be done is not passed over:
    it would be less than the client asked for.
    """
    assert_told(alice.get(app.url(prompt=prompt)), "invalid_request")


def test_section_3_1_2_1_prompt_login(app: App, alice: Browser, live: Timed) -> None:
    """ "login: The Authorization Server SHOULD prompt the End-User for reauthentication." One that is older than the
    request does not count, not even in a second tab.
    """
    before = auth_time(app, app.code(alice))
    shown = alice.open(app.url(prompt="login"))
    assert read(shown).heading == "Sign in again"
    around = alice.open(f"/consent?request={read(shown).form('signin').fields['request']}")
    assert read(around).heading == "Sign in again"
    live.clock.forward(seconds=10)
    answer = alice.sign_in(shown, "alice")
    assert auth_time(app, told(answer)["code"]) >= before + 70


def test_section_3_1_2_1_prompt_consent(app: App, alice: Browser) -> None:
    """ "consent: The Authorization Server SHOULD prompt the End-User for consent before returning information"."""
    shown = alice.open(app.url(prompt="consent"))
    assert read(shown).heading == "Allow access?"
    assert "You allowed this before." in read(shown).text
    assert "code" in told(alice.press(shown, "allow"))


def test_section_3_1_2_1_prompt_select_account(app: App, alice: Browser, live: Timed) -> None:
    """ "select_account: The Authorization Server SHOULD prompt the End-User to select a user account." """
    shown = alice.open(app.url(prompt="select_account"))
    assert read(shown).asks_for() == {"continue", "other", "cancel"}
    assert "code" in told(alice.press(shown, "continue"))
    shown = alice.press(alice.open(app.url(prompt="select_account")), "other")
    assert read(shown).heading == "Sign in"
    assert read(shown).form("signin").fields["username"] == ""
    answer = alice.agree(alice.sign_in(shown, "bob"))
    assert opened(app.exchange(told(answer)["code"]).json()["id_token"])["sub"] == "bob"
    live.clock.forward(seconds=1)
    assert_told(alice.press(alice.open(app.url(prompt="select_account")), "cancel"), "access_denied")


def test_section_3_1_2_1_prompts_together(app: App, alice: Browser) -> None:
    """Section 3.1.2.1: the list may have several. Who has just signed in has chosen an account by that."""
    shown = alice.open(app.url(prompt="login select_account consent"))
    assert read(shown).heading == "Sign in again"
    shown = alice.sign_in(shown, "alice")
    assert read(shown).heading == "Allow access?"
    assert "code" in told(alice.press(shown, "allow"))


def test_section_3_1_2_1_max_age(app: App, alice: Browser, live: Timed) -> None:
    """ "max_age: Maximum Authentication Age. ... If the elapsed time is greater than this value, the OP MUST attempt to
    actively re-authenticate the End-User. ... Note that max_age=0 is equivalent to prompt=login."
    """
    assert "code" in told(alice.open(app.url(max_age="60")))
    for age in ("59", "0", "00"):
        shown = alice.open(app.url(max_age=age))
        assert read(shown).heading.startswith("Sign in")
    signed_in_at = int(live.clock.now().timestamp())
    assert auth_time(app, told(alice.sign_in(shown, "alice"))["code"]) == signed_in_at


@pytest.mark.parametrize("age", ["-1", "1.5", "x", "１", "1e3", " 1", "99999999999", "9" * 400])
def test_section_3_1_2_1_what_is_no_max_age(app: App, alice: Browser, age: str) -> None:
    """As above: "the allowable elapsed time in seconds"."""
    assert_told(alice.get(app.url(max_age=age)), "invalid_request")


def test_section_3_1_2_1_a_client_may_have_a_max_age_of_its_own(live: Timed) -> None:
    """OpenID Connect Dynamic Client Registration §2, default_max_age: "The max_age request parameter overrides this
    default value."
    """
    app, browser = add_app(live, "hurried", default_max_age=30), Browser(live)
    app.code(browser)
    live.clock.forward(seconds=31)
    assert heading(browser, app.url()).startswith("Sign in")
    assert "code" in told(browser.open(app.url(max_age="60")))


def test_section_3_1_2_1_hints_and_wishes_are_no_errors(app: App, alice: Browser) -> None:
    """ui_locales: "An error SHOULD NOT result if some or all of the requested locales are not supported"; display,
    acr_values ("a Voluntary Claim"), claims_locales are wishes as well.
    """
    for name, value in (
        ("ui_locales", "tlh x-nonsense \U0001f600"),
        ("display", "popup"),
        ("display", "hologram"),
        ("acr_values", "urn:mace:incommon:iap:gold 1"),
        ("claims_locales", "de"),
        ("login_hint", "nobody@example.com"),
        ("id_token_hint_of_others", "x"),
    ):
        assert "code" in told(alice.open(app.url(**{name: value})))


def test_section_3_1_2_1_login_hint(app: App, live: Timed) -> None:
    """ "login_hint: Hint to the Authorization Server about the login identifier the End-User might use"."""
    for hint in ("alice", "Alice@Example.com", '"><script>alert(1)</script>', "x" * 2000):
        shown = read(Browser(live).open(app.url(login_hint=hint)))
        assert shown.form("signin").fields["username"] == hint[:64]
        assert "script" not in {tag for tag, _ in shown.tags}


def test_section_3_1_2_1_id_token_hint(app: App, alice: Browser, live: Timed) -> None:
    """ "id_token_hint: ... If the End-User identified by the ID Token is already logged in or is logged in as a result
    of the request ..., then the Authorization Server returns a positive response; otherwise, it MUST return an error,
    such as login_required." Also when it has expired.
    """
    tokens = app.tokens(alice)
    live.clock.forward(hours=2)
    hint = tokens["id_token"]
    assert "code" in told(alice.open(app.url(prompt="none", id_token_hint=hint)))
    bob = Browser(live)
    app.code(bob, "bob")
    live.clock.forward(seconds=1)
    assert_told(bob.open(app.url(prompt="none", id_token_hint=hint)), "login_required")
    shown = bob.open(app.url(id_token_hint=hint))
    assert read(shown).heading == "Sign in"
    assert_told(bob.sign_in(shown, "bob"), "login_required")
    live.clock.forward(seconds=1)
    assert "code" in told(bob.sign_in(bob.open(app.url(id_token_hint=hint)), "alice"))


def test_section_3_1_2_1_an_id_token_hint_is_one_of_ours_for_this_client(app: App, alice: Browser, live: Timed) -> None:
    """As above: "the ID Token previously issued by the Authorization Server being passed as a hint". An access token,
    or one whose signature does not hold, is none.
    """
    other = add_app(live, "other")
    tokens = app.tokens(alice)
    forged = tokens["id_token"].rpartition(".")[0] + "." + "A" * 342
    unsigned = "eyJhbGciOiJub25lIn0." + tokens["id_token"].split(".")[1] + "."
    for hint in (forged, unsigned, tokens["access_token"], "x", "a.b.c", "x" * 9000, other.tokens(alice)["id_token"]):
        assert_told(alice.get(app.url(id_token_hint=hint)), "invalid_request")


def test_section_3_1_2_3_a_request_must_be_protected_against_forgery(app: App, live: Timed) -> None:
    """ "When interacting with the End-User, the Authorization Server MUST employ appropriate measures against
    Cross-Site Request Forgery and Clickjacking".
    """
    browser = Browser(live)
    shown = browser.open(app.url())
    form = read(shown).form("signin")
    assert shown.headers["x-frame-options"] == "DENY"
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
    ):
        answer = browser.submit(form, username="alice", password="correct horse battery", headers=headers)
        assert_page(answer)
        assert "set-cookie" not in answer.headers


def test_section_3_1_2_4_consent_is_asked_and_remembered(live: Timed) -> None:
    """ "the Authorization Server MUST obtain an authorization decision before releasing information to the Relying
    Party. ... by establishing consent via conditions for processing the request or other means (for example, via
    previous administrative consent)".
    """
    app, browser = add_app(live, "new-here", name="New Here"), Browser(live)
    shown = browser.sign_in(browser.open(app.url(scope="openid email")), "alice")
    page = read(shown)
    assert page.heading == "Allow access?"
    assert "New Here" in page.text
    assert "Your e-mail address" in page.text
    assert "Your phone number" not in page.text
    browser.press(shown, "allow")
    assert "code" in told(browser.open(app.url(scope="openid email")))
    assert "code" in told(browser.open(app.url()))
    assert heading(browser, app.url(scope="openid email phone")) == "Allow access?"
    own = add_app(live, "our-own", first_party=True)
    assert "code" in told(browser.open(own.url(scope="openid email phone")))


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("request", "eyJhbGciOiJub25lIn0.e30.", "request_not_supported"),
        ("request_uri", "https://app.example.com/request.jwt", "request_uri_not_supported"),
        ("registration", '{"logo_uri": "https://x.example"}', "registration_not_supported"),
    ],
)
def test_section_3_1_2_6_what_is_not_supported_says_so(
    app: App, alice: Browser, name: str, value: str, error: str
) -> None:
    """Sections 3.1.2.6, 6.1 and 6.2: "Should an OP not support this parameter and an RP uses it, the OP MUST return the
    request_not_supported error", and the like for request_uri and registration.
    """
    assert_told(alice.get(app.url(**{name: value})), error)


def test_section_3_1_2_6_essential_acr_that_cannot_be_met(app: App, alice: Browser) -> None:
    """Section 5.5.1.1: "If this is an Essential Claim and the requirement cannot be met, then the Authorization Server
    MUST treat that outcome as a failed authentication attempt." The code is unmet_authentication_requirements.
    """
    wanted = {"id_token": {"acr": {"essential": True, "values": ["urn:gold"]}}}
    assert_told(alice.get(app.url(claims=json.dumps(wanted))), "unmet_authentication_requirements")
    wanted["id_token"]["acr"]["values"] = ["urn:gold", "1"]
    assert "code" in told(alice.get(app.url(claims=json.dumps(wanted))))
    assert "code" in told(alice.get(app.url(claims='{"id_token": {"acr": {"values": ["urn:gold"]}}}')))


def test_form_post_section_2_the_answer_is_a_form(app: App, alice: Browser) -> None:
    """OAuth 2.0 Form Post Response Mode §2: "the result parameters being encoded as HTML form values that are
    auto-submitted in the User Agent, and thus are transmitted via the HTTP POST method to the Client". The page is not
    kept, its script is a file of ours, and without one there is a button.
    """
    hostile = "\"><script>alert(1)</script>'&é\r\n"
    answer = alice.open(app.url(response_mode="form_post", state=hostile))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert "form-action 'self' https:" in answer.headers["content-security-policy"]
    page = read(answer)
    (form,) = page.forms
    assert (form.action, form.method) == (CALLBACK, "post")
    assert form.fields.keys() == {"code", "state", "iss"}
    assert form.fields["state"].replace("\r\n", "\n") == hostile.replace("\r\n", "\n")
    scripts = [given for tag, given in page.tags if tag == "script"]
    assert [given.keys() for given in scripts] == [{"src"}]
    assert "button" in {tag for tag, _ in page.tags}
    code = form.fields["code"]
    assert app.exchange(code).status_code == 200
    # and errors alike
    page = read(alice.open(app.url(response_mode="form_post", response_type="x")))
    assert page.forms[0].fields["error"] == "unsupported_response_type"
    assert page.forms[0].fields["iss"] == ISSUER


def test_multiple_response_types_section_2_1_query_is_the_default_and_no_fragment(app: App, alice: Browser) -> None:
    """OAuth 2.0 Multiple Response Type Encoding Practices §2.1: "query" for code. "fragment" is not offered."""
    for answer in (alice.get(app.url()), alice.get(app.url(response_mode="query"))):
        location = urlsplit(answer.headers["location"])
        assert location.fragment == ""
        assert "code" in dict(parse_qsl(location.query))
    assert_told(alice.get(app.url(response_mode="fragment")), "invalid_request")
