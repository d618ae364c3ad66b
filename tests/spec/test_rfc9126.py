"""RFC 9126, OAuth 2.0 Pushed Authorization Requests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from core.clients.application import Application
from core.clients.model import AuthMethod
from tests.http.clients import METADATA, Keyholder, Timed, assert_error, asserting, post
from tests.http.signing_in import (
    AUTHORIZE,
    CALLBACK,
    PAR,
    App,
    Browser,
    add_app,
    assert_page,
    assert_told,
    in_memory,
    in_memory_clocked,
    read,
    told,
)
from tests.http.support import ISSUER, Watched


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Timed]:
    with in_memory_clocked(tmp_path_factory.mktemp("data")) as server:
        yield server


@pytest.fixture(
    scope="module",
    params=[AuthMethod.NONE, AuthMethod.SECRET_BASIC, AuthMethod.SECRET_POST],
    ids=["public", "basic", "post"],
)
def app(request: pytest.FixtureRequest, live: Watched) -> App:
    method: AuthMethod = request.param
    return add_app(live, f"app-{method}".replace("_", "-"), method=method)


def pushed(app: App, **changes: Any) -> str:
    answer = app.push(**changes)
    assert answer.status_code == 201, answer.text
    uri: str = answer.json()["request_uri"]
    return uri


def with_uri(app: App, uri: str, **more: str) -> str:
    return f"{AUTHORIZE}?{urlencode({'client_id': app.client_id, 'request_uri': uri, **more})}"


def test_section_2_1_the_endpoint_takes_forms_by_post(app: App) -> None:
    """ "The client sends the parameters that comprise an authorization request directly to the PAR endpoint ... using
    the "application/x-www-form-urlencoded" format".
    """
    with app.live.client() as client:
        assert client.get(PAR).status_code == 405
        assert_error(client.post(PAR, json=app.parameters()), 400, "invalid_request")
        assert_error(client.post(f"{PAR}?client_id=x", data=app.parameters()), 400, "invalid_request")


def test_section_2_1_the_client_authenticates_as_at_the_token_endpoint(live: Watched) -> None:
    """ "The rules for client authentication as defined in [RFC6749] for token endpoint requests, including the
    applicable authentication methods, apply for the PAR endpoint as well."
    """
    app = add_app(live, "secretive", method=AuthMethod.SECRET_BASIC)
    assert_error(post(live, PAR, app.parameters()), 401, "invalid_client")
    assert_error(app.post(PAR, app.parameters(), secret="wws_wrong"), 401, "invalid_client")
    assert_error(post(live, PAR, app.parameters(client_id=None)), 401, "invalid_client")
    assert_error(post(live, PAR, app.parameters(client_id="nobody")), 401, "invalid_client")


def test_section_2_1_an_assertion_may_be_for_the_issuer(live: Watched) -> None:
    """ "the authorization server MUST accept its issuer identifier, token endpoint URL, or pushed authorization request
    endpoint URL as values that identify it as an intended audience."
    """
    keyholder = Keyholder.new()
    live.run(
        live.container.create_client()(
            client_id="keyholder",
            auth_method=AuthMethod.PRIVATE_KEY_JWT,
            jwks=keyholder.jwks,
            application=Application(redirect_uris=(CALLBACK,)),
        )
    )
    app = App(live, "keyholder", AuthMethod.PRIVATE_KEY_JWT, "", keyholder)
    for audience in (ISSUER, f"{ISSUER}/api/v1/auth/token", f"{ISSUER}{PAR}"):
        form = {**app.parameters(), **asserting(app.assertion(aud=audience))}
        assert post(live, PAR, form).status_code == 201


def test_section_2_1_request_uri_is_not_pushed(app: App) -> None:
    """ "The "request_uri" authorization request parameter is one exception, and it MUST NOT be provided." """
    assert_error(app.push(request_uri="urn:ietf:params:oauth:request_uri:x"), 400, "invalid_request")
    assert_error(app.push(request_uri="https://app.example.com/request.jwt"), 400, "invalid_request")


def test_section_2_1_another_client_cannot_be_named(live: Watched, app: App) -> None:
    """Section 2.1: the request is the client's own. RFC 6749 §2.3."""
    add_app(live, f"other-{app.client_id}")
    answer = app.push(client_id=f"other-{app.client_id}")
    if app.method is AuthMethod.SECRET_BASIC:
        assert_error(answer, 400, "invalid_request")


def test_section_2_2_the_answer(app: App) -> None:
    """Section 2.2: 201, with `request_uri`, which "MUST contain some part generated using a cryptographically strong
    pseudorandom algorithm", and `expires_in`, in seconds.
    """
    answer = app.push()
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json().keys() == {"request_uri", "expires_in"}
    assert answer.json()["expires_in"] == 90
    uris = {pushed(app) for _ in range(20)}
    assert len(uris) == 20
    assert all(uri.startswith("urn:ietf:params:oauth:request_uri:") and len(uri) == 34 + 43 for uri in uris)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"redirect_uri": "https://evil.example"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"redirect_uri": CALLBACK + "#x"}, "invalid_request"),
        ({"scope": "openid unheard-of"}, "invalid_scope"),
        ({"scope": 'a"b'}, "invalid_scope"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"claims": "{"}, "invalid_request"),
        ({"resource": "https://unknown.example.com"}, "invalid_target"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"state": "s" * 2049}, "invalid_request"),
        ({"state": ["a", "b"]}, "invalid_request"),
    ],
)
def test_section_2_3_what_is_wrong_is_told_at_once(app: App, changes: dict[str, Any], error: str) -> None:
    """Section 2.1: "Validate the pushed request as it would an authorization request sent to the authorization
    endpoint." Section 2.3: it is answered as RFC 6749 §5.2 says.
    """
    assert_error(app.push(**changes), 400, error)


def test_section_2_3_a_large_request(app: App) -> None:
    """Section 2.3: a request that is too large is answered with 413."""
    assert app.push(claims="x" * 70_000).status_code == 413


def test_section_4_the_client_refers_to_what_it_pushed(app: App) -> None:
    """ "The client uses the "request_uri" value returned by the authorization server to build an authorization
    request". What else stands there counts for nothing.
    """
    browser = Browser(app.live)
    uri = pushed(app, state="what was pushed", scope="openid profile")
    more = {"state": "x", "redirect_uri": "https://evil.example", "scope": "address", "response_type": "token"}
    answer = browser.agree(browser.open(with_uri(app, uri, **more)))
    assert answer.headers["location"].startswith(CALLBACK)
    assert told(answer)["state"] == "what was pushed"
    assert app.exchange(told(answer)["code"]).json()["scope"] == "openid profile"


def test_section_4_a_request_uri_is_for_its_client_alone(live: Watched, app: App) -> None:
    """ "The request_uri value MUST be bound to the client that posted the authorization request" (§2.2)."""
    other = add_app(live, f"another-{app.client_id}")
    uri = pushed(app)
    assert_page(Browser(live).open(with_uri(other, uri)))
    for named in ("", "nobody"):
        assert_page(Browser(live).open(f"{AUTHORIZE}?{urlencode({'client_id': named, 'request_uri': pushed(app)})}"))


def test_section_4_by_post_as_well(app: App) -> None:
    """OpenID Connect Core §3.1.2.1 has GET and POST for every authorization request."""
    browser = Browser(app.live)
    first = browser.send("POST", AUTHORIZE, {"client_id": app.client_id, "request_uri": pushed(app)})
    assert "code" in told(browser.agree(browser.follow(first)))


def test_section_4_neither_parameter_is_sent_twice(live: Watched, app: App) -> None:
    """RFC 6749 §3.1: which of the two would count is anybody's guess."""
    url = with_uri(app, pushed(app))
    assert_page(Browser(live).open(f"{url}&client_id=other"))
    assert_page(Browser(live).open(f"{url}&request_uri={pushed(app)}"))
    twice = {"client_id": [app.client_id, "other"], "request_uri": pushed(app)}
    assert_page(Browser(live).send("POST", AUTHORIZE, twice))
    twice = {"client_id": app.client_id, "request_uri": [pushed(app), pushed(app)]}
    assert_told(Browser(live).send("POST", AUTHORIZE, twice), "invalid_request", state=None)


@pytest.mark.parametrize("uri", ["urn:ietf:params:oauth:request_uri:", "urn:ietf:params:oauth:request_uri:" + "A" * 43])
def test_section_4_what_was_never_pushed_gets_a_page(app: App, uri: str) -> None:
    """As above: without the request, nobody is known to whom it could be said."""
    assert_page(Browser(app.live).open(with_uri(app, uri)))


def test_section_4_other_request_uris_are_not_supported(app: App) -> None:
    """OpenID Connect Core §3.1.2.6: request_uri_not_supported; nothing is fetched from anywhere."""
    for uri in ("https://app.example.com/request.jwt", "http://127.0.0.1:1/", "file:///etc/passwd", "urn:other:x"):
        answer = Browser(app.live).open(app.url(request_uri=uri))
        assert_told(answer, "request_uri_not_supported")


def test_section_2_2_it_expires_soon(app: App, live: Timed) -> None:
    """Section 2.2: "expires_in" is short. An application may take so long, a person longer."""
    late, in_time, browser = pushed(app), pushed(app), Browser(live)
    shown = browser.open(with_uri(app, in_time))
    live.clock.forward(seconds=90)
    assert_page(Browser(live).open(with_uri(app, late)))
    live.clock.forward(minutes=20)
    assert "code" in told(browser.agree(shown))


def test_section_7_3_it_is_one_browsers(app: App) -> None:
    """ "An attacker could replay a request URI captured from a legitimate authorization request. In order to cope with
    such attacks, the authorization server SHOULD make the request URIs one-time use." The browser that came first may
    reload it.
    """
    first, second = Browser(app.live), Browser(app.live)
    url = with_uri(app, pushed(app))
    shown = first.open(url)
    assert_page(second.open(url))
    assert read(first.open(url)).heading == "Sign in"
    assert "code" in told(first.agree(shown))
    assert_page(first.open(url))
    assert_page(second.open(url))


def test_section_5_the_metadata(live: Watched) -> None:
    """Section 5: the endpoint, and whether it is the only way."""
    with live.client() as client:
        document = client.get(METADATA).json()
    assert document["pushed_authorization_request_endpoint"] == f"{ISSUER}{PAR}"
    assert document["require_pushed_authorization_requests"] is False


def test_section_5_all_may_be_required_to_push(tmp_path: Path) -> None:
    """Section 5, `require_pushed_authorization_requests`: the server accepts requests by PAR alone. By
    WATCHWORD_REQUIRE_PAR.
    """
    with in_memory(tmp_path, require_par=True) as live:
        app, browser = add_app(live, "app"), Browser(live)
        with live.client() as client:
            assert client.get(METADATA).json()["require_pushed_authorization_requests"] is True
        assert_told(browser.open(app.url()), "invalid_request")
        assert "code" in told(browser.agree(browser.open(with_uri(app, pushed(app)))))


def test_section_6_or_one_client(live: Watched) -> None:
    """Section 6, the same member of a client's metadata: "the only means of initiating an authorization request the
    client is allowed to use is PAR".
    """
    app = add_app(live, "has-to-push", require_pushed_authorization_requests=True)
    browser = Browser(live)
    assert_told(browser.open(app.url()), "invalid_request")
    assert_told(browser.follow(browser.send("POST", AUTHORIZE, app.parameters())), "invalid_request")
    assert "code" in told(browser.agree(browser.open(with_uri(app, pushed(app)))))
