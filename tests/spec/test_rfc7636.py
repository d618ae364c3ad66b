"""RFC 7636, Proof Key for Code Exchange by OAuth Public Clients."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.clients.model import AuthMethod
from tests.http.clients import assert_error
from tests.http.signing_in import CHALLENGE, VERIFIER, App, Browser, add_app, assert_told, in_memory
from tests.http.support import Watched


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with in_memory(tmp_path_factory.mktemp("data")) as server:
        yield server


@pytest.fixture(scope="module", params=[AuthMethod.NONE, AuthMethod.SECRET_BASIC], ids=["public", "confidential"])
def app(request: pytest.FixtureRequest, live: Watched) -> App:
    method: AuthMethod = request.param
    return add_app(live, f"app-{method}".replace("_", "-"), method=method)


@pytest.fixture(scope="module")
def alice(live: Watched, app: App) -> Browser:
    browser = Browser(live)
    app.code(browser)
    return browser


def challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@pytest.mark.parametrize("verifier", ["a" * 43, "~" * 128, "-._~" * 20 + "Az09", VERIFIER])
def test_section_4_1_what_a_verifier_may_be(app: App, alice: Browser, verifier: str) -> None:
    """ "code-verifier = 43*128unreserved; unreserved = ALPHA / DIGIT / "-" / "." / "_" / "~" "."""
    code = app.code(alice, code_challenge=challenge(verifier))
    assert app.exchange(code, code_verifier=verifier).status_code == 200


@pytest.mark.parametrize(
    "verifier", ["a" * 42, "a" * 129, "a" * 42 + "é", "a" * 42 + " ", "a" * 42 + "=", "a" * 42 + "/"]
)
def test_section_4_1_what_no_verifier_may_be(app: App, alice: Browser, verifier: str) -> None:
    """As above. A challenge that fits it helps nothing."""
    code = app.code(alice, code_challenge=challenge(verifier))
    assert_error(app.exchange(code, code_verifier=verifier), 400, "invalid_grant")


@pytest.mark.parametrize(
    "given", ["", "x", "a" * 42, "a" * 44, "a" * 42 + "=", "a" * 42 + "+", "a" * 42 + ".", CHALLENGE + "\n", "é" * 43]
)
def test_section_4_2_what_no_challenge_may_be(app: App, alice: Browser, given: str) -> None:
    """ "code_challenge = BASE64URL-ENCODE(SHA256(ASCII(code_verifier)))": 43 characters, without padding."""
    assert_told(alice.open(app.url(code_challenge=given)), "invalid_request")


@pytest.mark.parametrize("method", [None, "", "plain", "s256", "S512", "S256 "])
def test_section_4_3_s256_alone(app: App, alice: Browser, method: str | None) -> None:
    """ "code_challenge_method OPTIONAL, defaults to "plain" if not present in the request." Section 4.2 has S256 for
    every client that can, and RFC 9700 §2.1.1 for all: "plain" proves nothing to whoever has seen the request.
    """
    assert_told(alice.open(app.url(code_challenge_method=method)), "invalid_request")


def test_section_4_3_a_method_without_a_challenge_is_a_mistake(app: App, alice: Browser) -> None:
    """Section 4.3: the method says how the challenge was made. Without one, the client believes what is not so."""
    assert_told(alice.open(app.url(code_challenge=None)), "invalid_request")


def test_section_4_4_1_a_challenge_is_required(app: App, alice: Browser) -> None:
    """ "If the server requires Proof Key for Code Exchange (PKCE) by OAuth public clients and the client does not send
    the "code_challenge" in the request, the authorization endpoint MUST return the authorization error response with
    the "error" value set to "invalid_request". The "error_description" or the response of "error_uri" SHOULD explain
    the nature of error". Confidential clients need one as well, unless somebody says otherwise.
    """
    answer = alice.open(app.url(code_challenge=None, code_challenge_method=None))
    assert_told(answer, "invalid_request")
    assert "PKCE" in answer.headers["location"]


@pytest.mark.parametrize(
    "verifier",
    [
        None,
        "",
        "not-the-verifier-not-the-verifier-not-the-verifier",
        VERIFIER[:-1] + "l",
        CHALLENGE,
        VERIFIER.swapcase(),
    ],
)
def test_section_4_6_the_verifier_must_fit(app: App, alice: Browser, verifier: str | None) -> None:
    """ "If the values are not equal, an error response indicating "invalid_grant" ... MUST be returned." Whoever has
    only the code has nothing, and cannot spend it.
    """
    code = app.code(alice)
    for _ in range(3):
        assert_error(app.exchange(code, code_verifier=verifier), 400, "invalid_grant")
    assert app.exchange(code).status_code == 200


def test_section_4_6_of_two_requests_each_has_its_own_verifier(app: App, alice: Browser) -> None:
    """Section 4.4: "the server MUST associate the "code_challenge" and "code_challenge_method" values with the
    authorization code so it can be verified later."
    """
    one, other = app.code(alice), app.code(alice, code_challenge=challenge("o" * 43))
    assert_error(app.exchange(one, code_verifier="o" * 43), 400, "invalid_grant")
    assert_error(app.exchange(other), 400, "invalid_grant")
    assert app.exchange(one).status_code == app.exchange(other, code_verifier="o" * 43).status_code == 200


def without(app: App, browser: Browser) -> str:
    return app.code(browser, code_challenge=None, code_challenge_method=None)


def test_section_5_a_client_may_be_let_off(live: Watched) -> None:
    """Section 5, for certified relying parties that send no challenge: by client, if it has a secret. RFC 9700 §2.1.1
    has the nonce in its place.
    """
    app = add_app(live, "without-pkce", method=AuthMethod.SECRET_BASIC, require_pkce=False)
    browser = Browser(live)
    assert app.exchange(without(app, browser), code_verifier=None).status_code == 200
    assert app.tokens(browser)  # and who sends one is held to it
    public = add_app(live, "public-without-pkce", require_pkce=False)
    answer = browser.open(public.url(code_challenge=None, code_challenge_method=None))
    assert_told(answer, "invalid_request")


def test_section_5_or_all_that_have_a_secret(tmp_path: Path) -> None:
    """As above, by WATCHWORD_REQUIRE_PKCE=public; a client's own word goes before."""
    with in_memory(tmp_path, require_pkce="public") as live:
        browser, secretive = Browser(live), add_app(live, "secretive", method=AuthMethod.SECRET_BASIC)
        assert secretive.exchange(without(secretive, browser), code_verifier=None).status_code == 200
        for app in (
            add_app(live, "public"),
            add_app(live, "strict", method=AuthMethod.SECRET_BASIC, require_pkce=True),
        ):
            answer = browser.open(app.url(code_challenge=None, code_challenge_method=None))
            assert_told(answer, "invalid_request")
