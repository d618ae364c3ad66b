"""A token of one kind is never taken for one of another (RFC 8725 §2.7, "cross-JWT confusion")."""

from __future__ import annotations

import time

import httpx2 as httpx
import pytest

from core.clients.model import AuthMethod
from tests.http.clients import (
    CLIENTS,
    INTROSPECT,
    JWT_BEARER,
    REVOKE,
    Registered,
    accepted,
    add_resource,
    assert_error,
    assert_no_client,
    asserting,
    basic,
    opened,
    post,
    register,
)
from tests.http.support import ISSUER, ME, TOKEN, USERS, Forge, Watched, assert_refused, claims, me
from tests.support import PASSWORD

API = "https://api.example.com/v1"
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture(scope="module", autouse=True)
def owner(live: Watched) -> None:
    live.add_user("owner", roles=("admin",))
    add_resource(live, API, "read")


@pytest.fixture(scope="module")
def app(live: Watched) -> Registered:
    return register(
        live,
        "app",
        grants=("client_credentials", "password", "refresh_token"),
        scopes=("read",),
        resources=(API,),
        serves=(API,),
    )


@pytest.fixture(scope="module")
def signer(live: Watched) -> Registered:
    return register(live, "signer", method=AuthMethod.PRIVATE_KEY_JWT)


def test_a_refresh_token_is_no_bearer_token(app: Registered) -> None:
    assert_refused(me(app.live, app.log_in("owner")["refresh_token"]))


def test_an_access_token_is_no_refresh_token(app: Registered) -> None:
    for token in (app.log_in("owner")["access_token"], app.token(), app.live.token("owner")):
        assert_error(app.refresh(token), 400, "invalid_grant")


def test_a_client_assertion_is_neither_a_bearer_token_nor_one_to_refresh(signer: Registered, app: Registered) -> None:
    assertion = signer.assertion()
    assert_refused(me(signer.live, assertion))
    assert_error(app.refresh(assertion), 400, "invalid_grant")
    assert app.introspect(assertion) == {"active": False}
    assert signer.revoke(assertion).status_code == 200
    # Nor did any of this spend it.
    assert post(signer.live, TOKEN, {**GRANT, **asserting(assertion)}).status_code == 200


def test_a_client_assertion_with_the_claims_of_an_access_token_is_none(signer: Registered) -> None:
    """Even where it says of itself that it is one, under the name of the server's own key."""
    assert signer.keyholder
    with signer.live.client() as client:
        kid = client.get("/.well-known/jwks.json").json()["keys"][0]["kid"]
    for header in ({"typ": "at+jwt"}, {"typ": "at+jwt", "kid": kid}):
        assert_refused(me(signer.live, signer.keyholder.assertion(claims("owner"), header)))


def test_an_access_token_is_no_client_assertion(live: Watched, signer: Registered, forge: Forge) -> None:
    """Not even one that names the client, this server as audience, and an expiry that is near."""
    soon = int(time.time()) + 60
    for token in (
        signer.token(),
        forge.token("signer", iss="signer", client_id="signer", exp=soon),
        forge.token("signer", {"typ": "JWT"}, iss="signer", client_id="signer", exp=soon),
    ):
        assert_no_client(post(live, TOKEN, {**GRANT, **asserting(token)}))


def test_tokens_are_no_secrets_of_clients(app: Registered) -> None:
    body = app.log_in("owner")
    for token in (body["access_token"], body["refresh_token"], app.token()):
        assert_error(app.post(TOKEN, GRANT, secret=token), 401, "invalid_client")


def test_a_bearer_token_is_no_authentication_of_a_client(app: Registered) -> None:
    bearer = {"Authorization": f"Bearer {app.token()}"}
    for path in (TOKEN, REVOKE, INTROSPECT):
        answer = post(app.live, path, {**GRANT, "token": "x"}, bearer)
        assert_no_client(answer)


def test_a_secret_is_no_bearer_token(app: Registered) -> None:
    assert_refused(me(app.live, app.secret))
    with app.live.client() as client:
        answer = client.get(ME, headers={"Authorization": basic(app.client_id, app.secret)})
    assert answer.status_code == 401
    assert "error" not in answer.headers["www-authenticate"]  # RFC 6750 §3.1: no token was sent


def test_a_clients_own_token_is_no_users(app: Registered) -> None:
    """It is a good token, and there is nobody behind it whose account this could be."""
    token = app.token()
    assert app.sees(token)
    assert_refused(me(app.live, token))
    with app.live.client(token) as client:
        for path in (USERS, CLIENTS):
            assert_refused(client.get(path))
        assert_refused(client.put(f"{ME}/password", json={"current_password": "x", "new_password": PASSWORD}))


def test_a_clients_own_token_is_no_users_whatever_it_claims(app: Registered, forge: Forge) -> None:
    assert_refused(me(app.live, forge.token("app", client_id="app", roles=["admin"])))
    assert_refused(me(app.live, forge.token("app", client_id="watchword", roles=["admin"])))


def test_a_token_for_another_api_opens_nothing_here(app: Registered) -> None:
    """The user is an administrator, and the token is good at the API that it is for, and there alone (RFC 9068 §4)."""
    token = app.log_in("owner", resource=API)["access_token"]
    assert app.sees(token)
    assert opened(token)["aud"] == API
    assert_refused(me(app.live, token))
    with app.live.client(token) as client:
        assert_refused(client.get(USERS))
    assert accepted(app.live, app.log_in("owner", resource=[API, ISSUER])["access_token"])


@pytest.mark.parametrize("typ", [None, "JWT", "jwt", "id_token", "logout+jwt", "dpop+jwt", "token-introspection+jwt"])
def test_what_our_key_signed_as_something_else_is_no_access_token(
    live: Watched, app: Registered, forge: Forge, typ: str | None
) -> None:
    """An ID token, say, which has the same issuer, subject and key, and the client as its audience."""
    for audience in (ISSUER, "app", ["app", ISSUER]):
        token = forge.token("owner", {"typ": typ}, aud=audience, client_id="app", nonce="n", auth_time=1)
        assert_refused(me(live, token))
        assert app.introspect(token) == {"active": False}
        assert_error(app.refresh(token), 400, "invalid_grant")


def test_what_is_called_a_client_assertion_is_not_guessed_at(signer: Registered) -> None:
    """The type says how the assertion is to be read; another one is another profile (RFC 7521 §4.2)."""
    saml = JWT_BEARER.replace("jwt-bearer", "saml2-bearer")
    form = {**GRANT, "client_assertion": signer.assertion(), "client_assertion_type": saml}
    assert_error(post(signer.live, TOKEN, form), 400, "invalid_request")


def test_an_assertion_is_no_grant(signer: Registered) -> None:
    """RFC 7523 §2.1 has assertions as grants; there are none here, however they are sent."""
    form = {"assertion": signer.assertion(), "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}
    assert_error(post(signer.live, TOKEN, form), 400, "unsupported_grant_type")


@pytest.mark.parametrize("name", ["access_token", "refresh_token", "token", "assertion"])
def test_a_token_in_the_url_or_the_body_opens_nothing(live: Watched, name: str) -> None:
    """RFC 6750 §2.2 and §2.3 are not offered."""
    token = live.token("owner")
    with live.client() as client:
        answers: list[httpx.Response] = [
            client.get(ME, params={name: token}),
            client.request("GET", ME, data={name: token}),
        ]
    assert [answer.status_code for answer in answers] == [401, 401]
