"""OpenID Connect Core 1.0: the userinfo endpoint (§5.3), claims by scope (§5.4) and by name (§5.5), pairwise subjects
(§8).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from core.clients.model import AuthMethod
from core.users.password import Password
from tests.http.clients import JWKS, assert_error, opened, register
from tests.http.signing_in import (
    USERINFO,
    App,
    Browser,
    add_app,
    deactivate,
    in_memory,
    known_to,
    read,
    told,
    userinfo,
)
from tests.http.support import FORM, ISSUER, REFUSED, Watched
from tests.support import PASSWORD

PROFILE: dict[str, object] = {
    "name": "Alice Example",
    "family_name": "Example",
    "given_name": "Alice",
    "middle_name": "B.",
    "nickname": "Ally",
    "profile": "https://alice.example/",
    "picture": "https://alice.example/me.png",
    "website": "https://alice.example/blog",
    "gender": "female",
    "birthdate": "1990-12-31",
    "zoneinfo": "Europe/Paris",
    "locale": "fr-FR",
    "phone_number": "+33 1 23 45 67 89",
    "address": {"street_address": "1 rue Exemple", "locality": "Paris", "country": "France"},
}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with in_memory(tmp_path_factory.mktemp("data")) as server:
        create = server.container.create_user()
        whole = create(
            username="whole", email="whole@example.com", password=Password.typed(PASSWORD), roles=("admin",),
            email_verified=True, profile=PROFILE,
        )  # fmt: skip
        server.run(whole)
        yield server


@pytest.fixture(scope="module")
def app(live: Watched) -> App:
    return add_app(live, "app")


@pytest.fixture
def browser(live: Watched) -> Browser:
    return Browser(live)


def told_of(app: App, browser: Browser, username: str = "whole", **asked: str) -> dict[str, Any]:
    return known_to(app.live, app.tokens(browser, username, **asked)["access_token"])


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_section_5_3_1_get_and_post_with_the_token_in_the_header(app: App, browser: Browser, method: str) -> None:
    """ "The UserInfo Endpoint MUST support the use of the HTTP GET and HTTP POST methods ... MUST accept Access Tokens
    as OAuth 2.0 Bearer Token Usage."
    """
    with app.live.client(app.tokens(browser)["access_token"]) as client:
        answer = client.request(method, USERINFO)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {"sub": "alice"}


def test_section_5_3_1_or_in_the_body_of_a_form(app: App, browser: Browser) -> None:
    """As above, by RFC 6750 §2.2; in one way at a time, and never in the URL (RFC 9700 §4.3.2)."""
    token = app.tokens(browser)["access_token"]
    with app.live.client() as client:
        assert client.post(USERINFO, data={"access_token": token}).json() == {"sub": "alice"}
        assert client.get(f"{USERINFO}?access_token={token}").status_code == 401
        assert client.post(f"{USERINFO}?access_token={token}").status_code == 401
        both = client.post(USERINFO, data={"access_token": token}, headers={"Authorization": f"Bearer {token}"})
        assert_error(both, 400, "invalid_request")
        twice = client.post(USERINFO, content=f"access_token={token}&access_token={token}", headers=FORM)
        assert_error(twice, 400, "invalid_request")
        assert client.post(USERINFO, data={"access_token": token + "x"}).status_code == 401
        assert client.post(USERINFO, data={"something": "else"}).status_code == 401


def test_section_5_3_1_apps_in_a_browser_may_ask(app: App, browser: Browser) -> None:
    """ "The UserInfo Endpoint SHOULD support the use of Cross-Origin Resource Sharing (CORS)"."""
    headers = {"Origin": "https://app.example.com", "Authorization": f"Bearer {app.tokens(browser)['access_token']}"}
    with app.live.client() as client:
        assert client.get(USERINFO, headers=headers).headers["access-control-allow-origin"] == "*"


def test_section_5_3_2_the_sub_is_that_of_the_id_token(app: App, browser: Browser) -> None:
    """ "The sub (subject) Claim MUST always be returned in the UserInfo Response." """
    tokens = app.tokens(browser)
    assert known_to(app.live, tokens["access_token"])["sub"] == opened(tokens["id_token"])["sub"]


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_section_5_3_2_it_may_be_signed(live: Watched, browser: Browser, algorithm: str) -> None:
    """ "The UserInfo Claims MUST be returned as the members of a JSON object unless a signed ... response was requested
    during Client Registration. ... If signed, the UserInfo Response MUST contain the Claims iss (issuer) and aud
    (audience) as members."
    """
    app = add_app(live, f"signed-{algorithm.lower()}", userinfo_signed_response_alg=algorithm)
    answer = userinfo(live, app.tokens(browser, scope="openid email")["access_token"])
    assert answer.headers["content-type"] == "application/jwt"
    with live.client() as client:
        keys = KeySet.import_key_set(client.get(JWKS).json())
    claims = jwt.decode(answer.text, keys, algorithms=[algorithm]).claims
    assert claims == {
        "sub": "alice",
        "iss": ISSUER,
        "aud": app.client_id,
        "email": "alice@example.com",
        "email_verified": False,
    }


def test_section_5_3_3_a_token_that_does_not_hold(app: App, browser: Browser) -> None:
    """ "When an error condition occurs, the UserInfo Endpoint returns an Error Response as defined in Section 3 of
    OAuth 2.0 Bearer Token Usage".
    """
    token = app.tokens(browser)["access_token"]
    for bad in ("x", token[:-4] + "AAAA", token + "x", ""):
        answer = userinfo(app.live, bad)
        assert answer.status_code == 401
    assert userinfo(app.live, "x").headers["www-authenticate"].startswith(REFUSED)


def test_section_5_3_1_only_what_openid_was_granted_for(app: App, live: Watched, browser: Browser) -> None:
    """Section 5.3: the token is one "obtained through OpenID Connect Authentication"."""
    answer = userinfo(live, app.tokens(browser, scope="email")["access_token"])
    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    assert 'scope="openid"' in answer.headers["www-authenticate"]
    assert userinfo(live, live.token("alice")).status_code == 403
    machine = register(live, "machine")
    assert userinfo(live, machine.token()).status_code == 403


def test_section_5_4_scopes_open_claims(app: App, browser: Browser) -> None:
    """ "profile: ... access to the End-User's default profile Claims, which are: name, family_name, given_name,
    middle_name, nickname, preferred_username, profile, picture, website, gender, birthdate, zoneinfo, locale, and
    updated_at. email: ... email and email_verified. address: ... phone: ... phone_number and phone_number_verified".
    """
    profile = {name: value for name, value in PROFILE.items() if name not in {"phone_number", "address"}}
    assert told_of(app, browser) == {"sub": "whole"}
    seen = told_of(app, browser, scope="openid profile")
    assert isinstance(seen.pop("updated_at"), int)
    assert seen == {"sub": "whole", "preferred_username": "whole", **profile}
    seen = told_of(app, browser, scope="openid email address phone")
    assert seen == {
        "sub": "whole",
        "email": "whole@example.com",
        "email_verified": True,
        "phone_number": PROFILE["phone_number"],
        "phone_number_verified": False,
        "address": PROFILE["address"],
    }


def test_section_5_3_2_what_is_not_known_is_left_out(app: App, browser: Browser) -> None:
    """ "If a Claim is not returned, that Claim Name SHOULD be omitted from the JSON object representing the Claims; it
    SHOULD NOT be present with a null or empty string value."
    """
    seen = told_of(app, browser, "alice", scope="openid profile email address phone")
    assert seen.keys() == {"sub", "preferred_username", "updated_at", "email", "email_verified"}


def test_section_5_3_nothing_but_the_standard_claims(app: App, browser: Browser) -> None:
    """Section 5.1: roles and whatever else is kept of a person is nobody's."""
    seen = told_of(app, browser, scope="openid profile email address phone offline_access")
    assert not {"roles", "is_active", "id", "password_hash"} & seen.keys()


def test_section_5_5_claims_by_name(app: App, live: Watched, browser: Browser) -> None:
    """ "userinfo OPTIONAL. Requests that the listed individual Claims be returned from the UserInfo Endpoint. If
    present, the object lists additional Claims to be returned". They are those of this token alone.
    """
    wanted = {"userinfo": {"given_name": None, "email": {"essential": True}, "picture": None, "unheard_of": None}}
    tokens = app.tokens(browser, "whole", claims=json.dumps(wanted), scope="openid address offline_access")
    seen = known_to(live, tokens["access_token"])
    assert seen == {
        "sub": "whole",
        "address": PROFILE["address"],
        "given_name": "Alice",
        "email": "whole@example.com",
        "picture": PROFILE["picture"],
    }
    later = app.refresh(tokens["refresh_token"]).json()
    assert known_to(live, later["access_token"]) == seen
    assert known_to(live, app.tokens(browser)["access_token"]) == {"sub": "whole"}


def test_section_5_3_it_is_told_as_it_is_now(app: App, live: Watched) -> None:
    """Section 5.3: claims are about the person, and not about what was so when the token was made."""
    user = live.add_user("changing")
    token = app.tokens(Browser(live), "changing", scope="openid email")["access_token"]
    live.run(live.container.update_user()(user.id, email="new@example.com"))
    assert known_to(live, token)["email"] == "new@example.com"
    deactivate(live, user)
    assert userinfo(live, token).status_code == 401


@pytest.fixture(scope="module")
def pairwise(live: Watched) -> App:
    return add_app(live, "pairwise", subject_type="pairwise", redirect_uris=["https://one.example.com/cb"])


def test_section_8_1_a_pairwise_sub_hides_the_user(pairwise: App, live: Watched, browser: Browser) -> None:
    """ "The Subject Identifier value MUST NOT be reversible by any party other than the OpenID Provider. Distinct
    Sector Identifier values MUST result in distinct Subject Identifier values. The algorithm used MUST be
    deterministic."
    """
    tokens = pairwise.tokens(browser)
    sub = opened(tokens["id_token"])["sub"]
    assert "alice" not in sub
    assert len(sub) <= 255
    assert sub.isascii()
    assert opened(tokens["access_token"])["sub"] == sub
    assert known_to(live, tokens["access_token"])["sub"] == sub
    again = pairwise.tokens(Browser(live))
    assert opened(again["id_token"])["sub"] == sub
    live.add_user("bob")
    assert opened(pairwise.tokens(Browser(live), "bob")["id_token"])["sub"] != sub
    elsewhere = add_app(live, "elsewhere", subject_type="pairwise", redirect_uris=["https://two.example.com/cb"])
    assert opened(elsewhere.tokens(browser)["id_token"])["sub"] != sub
    sibling = add_app(live, "sibling", subject_type="pairwise", redirect_uris=["https://one.example.com/other"])
    assert opened(sibling.tokens(browser)["id_token"])["sub"] == sub


def test_section_8_1_all_that_belongs_to_a_pairwise_client_works(pairwise: App, live: Watched) -> None:
    """As above: refreshing, hints, `claims` with a sub, introspection and the rest speak by that name."""
    browser = Browser(live)
    tokens = pairwise.tokens(browser, scope="openid offline_access")
    sub = opened(tokens["id_token"])["sub"]
    assert opened(pairwise.refresh(tokens["refresh_token"]).json()["id_token"])["sub"] == sub
    silent = {"prompt": "none", "id_token_hint": tokens["id_token"]}
    assert "code" in told(browser.open(pairwise.url(**silent)))
    wanted = json.dumps({"id_token": {"sub": {"value": sub}}})
    assert "code" in told(browser.open(pairwise.url(prompt="none", claims=wanted)))
    wanted = json.dumps({"id_token": {"sub": {"value": "alice"}}})
    assert told(browser.open(pairwise.url(prompt="none", claims=wanted)))["error"] == "login_required"


def test_section_8_1_the_person_is_told_so(pairwise: App, live: Watched) -> None:
    """Section 17.2: the person knows what the application learns."""
    shown = Browser(live)
    page = read(shown.sign_in(shown.open(pairwise.url(prompt="consent")), "alice"))
    assert "by a name that this application alone knows you by" in page.text


def test_section_8_a_confidential_introspecting_client_learns_no_other_name(live: Watched, pairwise: App) -> None:
    """Section 8: a pairwise client that introspects its own token finds the same `sub`, and no username."""
    app = add_app(
        live, "pairwise-secret", method=AuthMethod.SECRET_BASIC, subject_type="pairwise",
        redirect_uris=["https://one.example.com/x"],
    )  # fmt: skip
    tokens = app.tokens(Browser(live), scope="openid offline_access")
    for token in (tokens["access_token"], tokens["refresh_token"]):
        seen = app.introspect(token)
        assert seen["active"] is True
        assert seen["sub"] == opened(tokens["id_token"])["sub"]
        assert "alice" not in json.dumps(seen)
