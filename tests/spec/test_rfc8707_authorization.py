"""RFC 8707, Resource Indicators for OAuth 2.0, where a person takes part: at authorize, token and refresh."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.http.clients import add_resource, assert_error, opened, token_of
from tests.http.signing_in import App, Browser, add_app, assert_told, in_memory, read, told, userinfo
from tests.http.support import ISSUER, Watched

CALENDAR = "https://cal.example.com/"
CONTACTS = "https://contacts.example.com/app?x=1"
PAYROLL = "https://payroll.example.com"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with in_memory(tmp_path_factory.mktemp("data")) as server:
        add_resource(server, CALENDAR, "read", "calendar")
        add_resource(server, CONTACTS, "read", "contacts")
        add_resource(server, PAYROLL, "read")
        yield server


@pytest.fixture(scope="module")
def app(live: Watched) -> App:
    scopes = ("openid", "email", "offline_access", "read", "calendar", "contacts")
    return add_app(live, "app", scopes=scopes, resources=(CALENDAR, CONTACTS))


@pytest.fixture
def browser(live: Watched) -> Browser:
    return Browser(live)


BOTH = (("resource", CALENDAR), ("resource", CONTACTS))


def test_section_2_1_the_resource_is_that_of_the_token(app: App, browser: Browser) -> None:
    """ "When the "resource" parameter is used in an authorization request to the authorization endpoint, it indicates
    the identity of the protected resource(s) to which access is being requested."
    """
    tokens = app.tokens(browser, "alice", ("resource", CALENDAR), scope="read calendar")
    claims = opened(tokens["access_token"])
    assert (claims["aud"], claims["scope"], claims["sub"]) == (CALENDAR, "read calendar", "alice")
    assert userinfo(app.live, tokens["access_token"]).status_code == 401


def test_section_2_1_the_person_is_asked_for_each(app: App, browser: Browser) -> None:
    """Section 2.1: the person decides on access to each resource that is named."""
    shown = browser.sign_in(browser.open(app.url(*BOTH, scope="read")), "alice")
    page = read(shown).text
    assert CALENDAR in page
    assert CONTACTS in page


@pytest.mark.parametrize(
    "resource",
    [PAYROLL, "https://unknown.example.com", CALENDAR + "x", CALENDAR[:-1], "relative", CALENDAR + "#part", "é"],
)
def test_section_2_1_a_resource_that_is_not_for_the_client_is_an_invalid_target(
    app: App, browser: Browser, resource: str
) -> None:
    """ "invalid_target: The requested resource is invalid, missing, unknown, or malformed." """
    assert_told(browser.open(app.url(("resource", resource))), "invalid_target")
    assert_told(browser.open(app.url(("resource", CALENDAR), ("resource", resource))), "invalid_target")


def test_section_2_1_more_resources_than_anybody_needs(app: App, browser: Browser) -> None:
    """Section 2.1 sets no bound; a request must not cost more than it is worth."""
    many = [("resource", f"https://r{number}.example.com") for number in range(33)]
    assert_told(browser.open(app.url(*many)), "invalid_request")


def test_section_2_1_a_scope_that_none_of_the_resources_knows(app: App, browser: Browser) -> None:
    """RFC 6749 §3.3, at the authorization endpoint."""
    assert_told(browser.open(app.url(("resource", CALENDAR), scope="contacts")), "invalid_scope")


def test_section_2_2_the_token_request_may_name_some_of_them(app: App, browser: Browser) -> None:
    """Section 2.2: "In the "authorization_code" case where the requested resources are a subset of the set of resources
    approved by the resource owner, any refresh token ... is bound to the full original grant". So it is here.
    """
    code = app.code(browser, "alice", *BOTH, scope="read calendar contacts offline_access")
    first = app.exchange(code, resource=CALENDAR)
    assert (opened(token_of(first))["aud"], opened(token_of(first))["scope"]) == (
        CALENDAR,
        "read calendar offline_access",
    )
    second = app.refresh(first.json()["refresh_token"], resource=CONTACTS)
    assert opened(token_of(second))["aud"] == CONTACTS
    assert "calendar" not in opened(token_of(second))["scope"]
    third = app.refresh(second.json()["refresh_token"])
    assert opened(token_of(third))["aud"] == [CALENDAR, CONTACTS]


def test_section_2_2_nothing_that_was_not_allowed(app: App, browser: Browser) -> None:
    """As above: not at the token endpoint, nor at a refresh, and neither spends anything."""
    code = app.code(browser, "alice", ("resource", CALENDAR), scope="read offline_access")
    for resource in (CONTACTS, PAYROLL, ISSUER, [CALENDAR, CONTACTS]):
        assert_error(app.exchange(code, resource=resource), 400, "invalid_target")
    answer = app.exchange(code, resource=CALENDAR)
    token = answer.json()["refresh_token"]
    for resource in (CONTACTS, PAYROLL, ISSUER):
        assert_error(app.refresh(token, resource=resource), 400, "invalid_target")
    assert opened(token_of(app.refresh(token)))["aud"] == CALENDAR


def test_section_2_without_a_resource_it_is_the_default_one(app: App, browser: Browser) -> None:
    """Section 2.1, as for all grants."""
    assert opened(app.tokens(browser)["access_token"])["aud"] == ISSUER


def test_section_2_openid_goes_with_any_resource(app: App, browser: Browser) -> None:
    """Section 2.1: an ID token is for the client, whatever the access token is for; with Watchword named as well, the
    userinfo endpoint takes it.
    """
    named = (("resource", CALENDAR), ("resource", ISSUER))
    tokens = app.tokens(browser, "alice", *named, scope="openid email read")
    assert opened(tokens["id_token"])["aud"] == "app"
    assert userinfo(app.live, tokens["access_token"]).json()["email"] == "alice@example.com"
    alone = app.tokens(browser, "alice", ("resource", CALENDAR), scope="openid read")
    assert opened(alone["id_token"])["sub"] == "alice"


def test_section_3_another_resource_is_another_question(app: App, live: Watched) -> None:
    """Section 3 has tokens that cannot be taken from one resource to another. What was allowed at one was not allowed
    at another.
    """
    browser = Browser(live)
    app.code(browser, "alice", ("resource", CALENDAR), scope="read")
    live.add_user("bob")
    other = Browser(live)
    app.code(other, "bob", ("resource", CALENDAR), scope="read")
    assert "code" in told(other.open(app.url(("resource", CALENDAR), scope="read")))
    assert read(other.open(app.url(("resource", CONTACTS), scope="read"))).heading == "Allow access?"
    assert read(other.open(app.url(*BOTH, scope="read"))).heading == "Allow access?"
