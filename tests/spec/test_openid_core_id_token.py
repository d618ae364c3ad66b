"""OpenID Connect Core 1.0: the ID token (§2, §3.1.3), its claims on request (§5.5), offline access (§11), refreshing
(§12).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from core.clients.model import AuthMethod
from tests.http.clients import JWKS, Timed, assert_error, opened
from tests.http.signing_in import LOGOUT, App, Browser, add_app, in_memory_clocked, read, told, userinfo
from tests.http.support import ISSUER, REFUSED, unb64


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Timed]:
    with in_memory_clocked(tmp_path_factory.mktemp("data")) as server:
        yield server


@pytest.fixture(scope="module")
def app(live: Timed) -> App:
    return add_app(live, "app", method=AuthMethod.SECRET_POST)


@pytest.fixture
def browser(live: Timed) -> Browser:
    return Browser(live)


def verified(live: Timed, token: str, algorithm: str = "RS256") -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, by the keys that are published."""
    with live.client() as client:
        keys = KeySet.import_key_set(client.get(JWKS).json())
    decoded = jwt.decode(token, keys, algorithms=[algorithm])
    return dict(decoded.header), dict(decoded.claims)


def test_section_2_the_claims(app: App, browser: Browser, live: Timed) -> None:
    """Section 2, member by member: iss, sub, aud, exp, iat REQUIRED; auth_time, nonce, acr, amr, azp; and no more."""
    tokens = app.tokens(browser, nonce="the nonce")
    header, claims = verified(live, tokens["id_token"])
    now = int(live.clock.now().timestamp())
    sid = claims.pop("sid")
    assert claims == {
        "iss": ISSUER,
        "sub": "alice",
        "aud": "app",
        "azp": "app",
        "exp": now + 3600,
        "iat": now,
        "auth_time": now,
        "nonce": "the nonce",
        "acr": "1",
        "amr": ["pwd"],
        "at_hash": claims["at_hash"],
    }
    assert len(sid) == 36
    assert header.keys() == {"alg", "typ", "kid"}


def test_section_2_a_nonce_comes_only_when_one_was_sent(app: App, browser: Browser) -> None:
    """ "If present in the Authentication Request, Authorization Servers MUST include a nonce Claim in the ID Token with
    the Claim Value being the nonce value sent in the Authentication Request." Byte for byte.
    """
    assert "nonce" not in opened(app.tokens(browser)["id_token"])
    for nonce in (" ", "é\U0001f600", "a\nb", '{"a": "\\u0000"}', "n" * 2048):
        assert opened(app.tokens(browser, nonce=nonce)["id_token"])["nonce"] == nonce


@pytest.mark.parametrize(("algorithm", "length"), [("RS256", 256), ("ES256", 64)])
def test_section_2_it_is_signed_as_the_client_registered(
    live: Timed, browser: Browser, algorithm: str, length: int
) -> None:
    """ "ID Tokens MUST be signed using JWS ... MUST NOT use none as the alg value"; RS256 is the default (Registration
    §2, id_token_signed_response_alg).
    """
    app = add_app(live, f"app-{algorithm.lower()}", id_token_signed_response_alg=algorithm)
    token = app.tokens(browser)["id_token"]
    assert verified(live, token, algorithm)[0]["alg"] == algorithm
    assert len(unb64(token.split(".")[2])) == length


def test_section_2_auth_time_is_when_the_person_signed_in(app: App, live: Timed) -> None:
    """ "auth_time: Time when the End-User authentication occurred." Not when the token was made."""
    browser = Browser(live).signed_in()
    signed_in_at = int(live.clock.now().timestamp())
    live.clock.forward(minutes=10)
    claims = opened(app.tokens(browser, max_age="3600")["id_token"])
    assert (claims["auth_time"], claims["iat"]) == (signed_in_at, signed_in_at + 600)


def test_section_3_1_3_2_the_code_is_checked(app: App, browser: Browser) -> None:
    """ "Verify that the Authorization Code is valid. If possible, verify that the Authorization Code has not been
    previously used. Ensure that the redirect_uri parameter value is identical".
    """
    code = app.code(browser)
    assert_error(app.exchange(code, redirect_uri=None), 400, "invalid_grant")
    assert app.exchange(code).status_code == 200
    assert_error(app.exchange(code), 400, "invalid_grant")


def test_section_3_1_3_3_the_response(app: App, browser: Browser) -> None:
    """ "token_type ... The value MUST be Bearer"; Cache-Control: no-store; id_token "in addition to the response
    parameters specified by OAuth 2.0".
    """
    answer = app.exchange(app.code(browser))
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    assert answer.json()["token_type"].lower() == "bearer"  # RFC 6749 §5.1: "Value is case insensitive"
    assert answer.json().keys() == {"access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token"}


def test_section_3_1_3_6_at_hash(app: App, browser: Browser) -> None:
    """ "at_hash: Access Token hash value. Its value is the base64url encoding of the left-most half of the hash of the
    octets of the ASCII representation of the access_token value".
    """
    tokens = app.tokens(browser)
    half = hashlib.sha256(tokens["access_token"].encode("ascii")).digest()[:16]
    assert opened(tokens["id_token"])["at_hash"] == base64.urlsafe_b64encode(half).rstrip(b"=").decode()


def test_section_3_1_3_7_it_is_for_one_client(live: Timed, app: App, browser: Browser) -> None:
    """Section 3.1.3.7: the client checks that it is the audience, and the only one."""
    other = add_app(live, "other")
    for client in (app, other):
        claims = opened(client.tokens(browser)["id_token"])
        assert claims["aud"] == claims["azp"] == client.client_id


def test_section_2_an_id_token_is_no_access_token(app: App, browser: Browser) -> None:
    """Section 2, RFC 8725 §3.11: one kind of token is not taken for another, neither way."""
    tokens = app.tokens(browser)
    answer = userinfo(app.live, tokens["id_token"])
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith(REFUSED)
    assert_error(app.refresh(tokens["id_token"]), 400, "invalid_grant")
    assert_error(app.exchange(tokens["id_token"]), 400, "invalid_grant")


def test_section_5_5_claims_can_be_asked_for_in_the_id_token(app: App, browser: Browser) -> None:
    """ "id_token OPTIONAL. Requests that the listed individual Claims be returned in the ID Token." What is not known
    is left out, what nobody knows is passed over, and no claim of the token itself is overwritten.
    """
    wanted = {
        "id_token": {
            "email": None,
            "email_verified": {"essential": True},
            "preferred_username": {"value": "somebody else"},
            "phone_number": None,
            "auth_time": {"essential": True},
            "http://example.info/claims/groups": None,
            "sub": None,
            "iss": {"value": "https://evil.example"},
            "password_hash": None,
        }
    }
    claims = opened(app.tokens(browser, claims=json.dumps(wanted))["id_token"])
    assert claims["email"] == "alice@example.com"
    assert claims["email_verified"] is False
    assert claims["preferred_username"] == "alice"
    assert claims["iss"] == ISSUER
    assert not {"phone_number", "password_hash", "http://example.info/claims/groups"} & claims.keys()


def test_section_5_5_the_person_is_asked_for_them(live: Timed) -> None:
    """Section 3.1.2.4: no claim is released that nobody was asked for, however it is asked for."""
    app, browser = add_app(live, "curious"), Browser(live)
    app.code(browser)
    shown = browser.open(app.url(claims='{"id_token": {"email": null}}'))
    assert "Your e-mail address" in read(shown).text
    browser.press(shown, "allow")
    assert "code" in told(browser.open(app.url(claims='{"id_token": {"email": null}}')))


NO_CLAIMS = (
    "{", "[]", "1", '"x"', "null x", '{"id_token": []}', '{"id_token": {"sub": 1}}', "[" * 4000,
    '{"userinfo": {"sub": {"value": 1}}}', '{"id_token": {"acr": []}}',
)  # fmt: skip


@pytest.mark.parametrize("claims", NO_CLAIMS)
def test_section_5_5_what_is_no_claims_request(app: App, browser: Browser, claims: str) -> None:
    """ "The value is a JSON object listing the requested Claims." """
    answer = browser.get(app.url(claims=claims))
    assert told(answer)["error"] == "invalid_request"


def test_section_5_5_1_a_sub_that_is_asked_for_is_the_one_that_signs_in(app: App, live: Timed) -> None:
    """ "value OPTIONAL. Requests that the Claim be returned with a particular value. For instance the Claim request
    "sub": {"value": "248289761001"} can be used to specify that the request applies to the End-User with Subject
    Identifier 248289761001."
    """
    browser = Browser(live).signed_in()
    live.clock.forward(seconds=1)
    for member in ("id_token", "userinfo"):
        asked = {"claims": json.dumps({member: {"sub": {"value": "alice"}}})}
        assert "code" in told(browser.agree(browser.open(app.url(**asked))))
        asked = {"claims": json.dumps({member: {"sub": {"value": "bob"}}})}
        assert told(browser.open(app.url(prompt="none", **asked)))["error"] == "login_required"
        assert read(browser.open(app.url(**asked))).heading == "Sign in"


def test_section_11_offline_access_outlives_the_session(app: App, live: Timed) -> None:
    """ "offline_access: This scope value requests that an OAuth 2.0 Refresh Token be issued that can be used to obtain
    an Access Token that grants access to the End-User's UserInfo Endpoint even when the End-User is not present (not
    logged in)." Others end with the session.
    """
    browser = Browser(live)
    online = app.tokens(browser)["refresh_token"]
    offline = app.tokens(browser, scope="openid offline_access")
    assert offline["scope"] == "openid offline_access"
    online = app.refresh(online).json()["refresh_token"]
    browser.press(browser.open(LOGOUT), "signout")
    assert_error(app.refresh(online), 400, "invalid_grant")
    assert userinfo(live, app.refresh(offline["refresh_token"]).json()["access_token"]).status_code == 200


def test_section_11_it_is_asked_for_by_name(app: App, live: Timed) -> None:
    """ "the Authorization Server MUST ... ensure that the prompt parameter contains consent unless other conditions for
    processing the request permitting offline access ... are in place". The person is told, and once is enough.
    """
    browser = Browser(live)
    shown = browser.sign_in(browser.open(app.url(scope="openid offline_access", prompt="consent")), "alice")
    assert "Keep this access while you are away" in read(shown).text


def test_section_11_a_client_without_refresh_tokens_gets_none(live: Timed, browser: Browser) -> None:
    """ "The Authorization Server MUST ignore the offline_access request unless the Client is using a response_type
    value that would result in an Authorization Code being returned" - and may refresh at all.
    """
    app = add_app(live, "short", grants=("authorization_code",))
    tokens = app.tokens(browser, scope="openid offline_access")
    assert "refresh_token" not in tokens
    assert tokens["scope"] == "openid"


def test_section_12_2_a_refreshed_id_token_says_the_same(app: App, live: Timed) -> None:
    """ "its iss Claim Value MUST be the same as in the ID Token issued when the original authentication occurred, its
    sub Claim Value MUST be the same ..., its iat Claim MUST represent the time that the new ID Token is issued, its aud
    Claim Value MUST include the audience of the original ..., if the ID Token contains an auth_time Claim, its value
    MUST represent the time of the original authentication ..., it SHOULD NOT have a nonce Claim, ... its azp Claim
    Value MUST be the same".
    """
    first = app.tokens(Browser(live), nonce="n", scope="openid offline_access")
    live.clock.forward(hours=3)
    second = app.refresh(first["refresh_token"]).json()
    old, new = opened(first["id_token"]), opened(second["id_token"])
    for claim in ("iss", "sub", "aud", "azp", "auth_time", "sid", "acr", "amr"):
        assert old[claim] == new[claim]
    assert new["iat"] == old["iat"] + 3 * 3600
    assert "nonce" not in new
    assert new["at_hash"] != old["at_hash"]
    verified(live, second["id_token"])


def test_section_12_without_openid_there_is_no_id_token(app: App, live: Timed) -> None:
    """Section 12.2: "it MAY not contain an id_token". A refresh that asks for less gets less."""
    first = app.tokens(Browser(live), scope="openid email offline_access")
    second = app.refresh(first["refresh_token"], scope="email offline_access").json()
    assert "id_token" not in second
    assert userinfo(live, second["access_token"]).status_code == 403
    assert "id_token" in app.refresh(second["refresh_token"]).json()
