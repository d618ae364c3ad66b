"""RFC 8252, OAuth 2.0 for Native Apps: what it asks of an authorization server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.http.clients import Timed, assert_error, clocked
from tests.http.registering import Newcomer, assert_refused, register
from tests.http.signing_in import App, Browser, assert_page, read, told
from tests.http.support import Watched
from tests.support import SetClock, settings_for

REFRESHING = ["authorization_code", "refresh_token"]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Timed]:
    with clocked(settings_for(None, tmp_path_factory.mktemp("data"), storage="memory", registration="open")) as server:
        server.add_user("alice")
        yield server


@pytest.fixture(autouse=True)
def clock(live: Timed) -> SetClock:
    live.clock.forward(days=1, seconds=1)
    return live.clock


def native(live: Watched, *uris: str) -> App:
    """A public client, as an app on somebody's machine is."""
    said = {"token_endpoint_auth_method": "none", "grant_types": REFRESHING, "redirect_uris": list(uris)}
    return Newcomer.of(live, **said).app()


def goes_to(app: App, live: Watched, uri: str) -> str:
    """Where a sign-in ends that began with this redirect URI; the code is good for a token there."""
    browser = Browser(live)
    answer = browser.agree(browser.open(app.url(redirect_uri=uri)))
    assert "code" in told(answer), answer.text
    location: str = answer.headers["location"]
    assert app.exchange(told(answer)["code"], redirect_uri=uri).status_code == 200
    return location


def test_section_8_1_public_clients_use_pkce(live: Watched) -> None:
    """ "Authorization servers SHOULD reject authorization requests from native apps that don't use PKCE by returning an
    error message".
    """
    app = native(live, "http://127.0.0.1/cb")
    answer = Browser(live).open(app.url(code_challenge=None, code_challenge_method=None))
    assert "error=invalid_request" in answer.headers["location"]


@pytest.mark.parametrize("uri", ["com.example.app:/oauth2redirect/example-provider", "com.example.app://callback"])
def test_section_7_1_private_use_schemes(live: Watched, uri: str) -> None:
    """ "To perform an OAuth 2.0 authorization request with a private-use URI scheme redirect, the native app launches
    the browser with a standard authorization request".
    """
    assert goes_to(native(live, uri), live, uri).startswith(f"{uri}?")


@pytest.mark.parametrize("uri", ["myapp:/cb", "app:/cb", "javascript:/x", "com.example.app:cb", "Com.example.app:/cb"])
def test_section_7_1_a_scheme_is_a_domain_name_in_reverse(live: Watched, uri: str) -> None:
    """Section 8.4: "At a minimum, any private-use URI scheme that doesn't contain a period character (".") SHOULD be
    rejected."
    """
    assert_refused(register(live, {"redirect_uris": [uri]}), "invalid_redirect_uri")


def test_section_7_2_claimed_https_uris(live: Watched) -> None:
    """To the server such a URI is like that of any web application: a native one registers it as well."""
    uri = "https://app.example.com/oauth2redirect"
    said = {"application_type": "native", "token_endpoint_auth_method": "none", "redirect_uris": [uri]}
    assert goes_to(Newcomer.of(live, **said).app(), live, uri).startswith(f"{uri}?")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_section_7_3_the_port_on_this_machine_is_the_apps_own_business(live: Watched, host: str) -> None:
    """ "The authorization server MUST allow any port to be specified at the time of the request for loopback IP
    redirect URIs, to accommodate clients that obtain an available ephemeral port from the operating system at the time
    of the request."
    """
    for registered in (f"http://{host}/cb", f"http://{host}:33418/cb"):
        app = native(live, registered)
        for port in ("", ":1024", ":51004", ":65535"):
            uri = f"http://{host}{port}/cb"
            assert goes_to(app, live, uri).startswith(f"{uri}?")


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:51004/other",
        "http://127.0.0.1:51004/cb?x=1",
        "http://127.0.0.1:51004/cb/",
        "http://127.0.0.1:51004/x/../cb",
        "http://127.0.0.1:51004/cb#x",
        "http://localhost:51004/cb",
        "http://[::1]:51004/cb",
        "http://127.0.0.2:51004/cb",
        "http://127.1:51004/cb",
        "http://2130706433:51004/cb",
        "https://127.0.0.1:51004/cb",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:51004@evil.example/cb",
        "http://127.0.0.1:51004.evil.example/cb",
        "http://127.0.0.1.evil.example:51004/cb",
        "http://user@127.0.0.1:51004/cb",
        "http://127.0.0.1\\@evil.example/cb",
    ],
)
def test_section_7_3_and_nothing_but_the_port_is(live: Watched, uri: str) -> None:
    app = native(live, "http://127.0.0.1/cb")
    assert_page(Browser(live).open(app.url(redirect_uri=uri)))


def test_section_7_3_a_code_is_redeemed_with_the_port_that_was_asked_for(live: Watched) -> None:
    app, browser = native(live, "http://127.0.0.1/cb"), Browser(live)
    code = app.code(browser, redirect_uri="http://127.0.0.1:51004/cb")
    assert_error(app.exchange(code, redirect_uri="http://127.0.0.1:51005/cb"), 400, "invalid_grant")
    assert_error(app.exchange(code, redirect_uri="http://127.0.0.1/cb"), 400, "invalid_grant")


def test_section_8_4_redirect_uris_are_registered_in_full(live: Watched) -> None:
    """ "Authorization servers MUST require clients to register their complete redirect URI (including the path
    component) and reject authorization requests that specify a redirect URI that doesn't exactly match the one that was
    registered".
    """
    app = native(live, "com.example.app:/cb", "https://app.example.com/cb")
    for uri in ("com.example.app:/", "com.example.app:/cb/x", "com.example.other:/cb", "https://app.example.com/"):
        assert_page(Browser(live).open(app.url(redirect_uri=uri)))


def test_section_8_6_a_person_is_asked_each_time_where_anybody_could_be_the_app(live: Watched) -> None:
    """ "the authorization server SHOULD NOT process authorization requests automatically without user consent or
    interaction, except when the identity of the client can be assured."
    """
    for uri, again in {
        "http://127.0.0.1/cb": True,
        "com.example.app:/cb": True,
        "https://app.example.com/cb": False,
    }.items():
        app, browser = native(live, uri), Browser(live)
        app.code(browser)
        shown = browser.open(app.url())
        assert (shown.status_code == 200) == again
        if again:
            assert "allow" in read(shown).asks_for()


def test_section_8_6_the_host_is_not_what_an_app_writes_behind_its_scheme(live: Watched) -> None:
    """What a person is shown of where the answer goes."""
    app, browser = native(live, "com.evil.app://accounts.example.com/cb"), Browser(live)
    shown = browser.sign_in(browser.open(app.url()), "alice")
    assert "com.evil.app:" in shown.text
    assert "accounts.example.com" not in read(shown).text
