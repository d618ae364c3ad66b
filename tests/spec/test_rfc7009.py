"""RFC 7009, OAuth 2.0 Token Revocation."""

from __future__ import annotations

import httpx2 as httpx
import pytest

from core.clients.model import AuthMethod
from tests.http.clients import (
    REVOKE,
    Registered,
    accepted,
    add_resource,
    assert_error,
    assert_no_client,
    post,
    register,
    token_of,
)
from tests.http.support import Forge, Watched

API = "https://api.example.com/v1"


@pytest.fixture(scope="module")
def app(live: Watched) -> Registered:
    """A client of a user, and one whose own tokens are told of by introspection."""
    return register(live, "app", grants=("password", "refresh_token", "client_credentials"))


def assert_done(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.content) == (200, b""), answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_section_2_refresh_tokens_and_access_tokens_can_be_revoked(app: Registered) -> None:
    """ "Implementations MUST support the revocation of refresh tokens and SHOULD support the revocation of access
    tokens".
    """
    body = app.log_in("resource-owner")
    assert_done(app.revoke(body["access_token"]))
    assert not accepted(app.live, body["access_token"])
    renewed = app.refresh(body["refresh_token"])
    assert accepted(app.live, token_of(renewed))
    assert_done(app.revoke(renewed.json()["refresh_token"]))
    assert_error(app.refresh(renewed.json()["refresh_token"]), 400, "invalid_grant")


def test_section_2_1_the_token_is_required_in_a_post(app: Registered) -> None:
    """ "token REQUIRED. The token that the client wants to get revoked." By HTTP POST, in the body."""
    assert_error(app.post(REVOKE, {}), 400, "invalid_request")
    assert_error(app.post(REVOKE, {"token": ""}), 400, "invalid_request")
    with app.live.client() as client:
        assert client.get(REVOKE).status_code == 405
        answer = client.post(REVOKE, json={"token": "x"})
    assert_error(answer, 400, "invalid_request")


@pytest.mark.parametrize("method", list(AuthMethod))
def test_section_2_1_the_client_authenticates_by_its_method(live: Watched, method: AuthMethod) -> None:
    """ "The authorization server first validates the client credentials (in case of a confidential client) and then
    verifies whether the token was issued to the client making the revocation request."
    """
    client = register(live, f"revokes-by-{method}".replace("_", "-"), method=method, grants=("password",))
    token = client.log_in("resource-owner")["access_token"]
    wrong = {"client_id": client.client_id, "client_secret": "wrong", "token": token}
    assert_no_client(post(live, REVOKE, wrong))
    assert accepted(live, token)
    assert_done(client.revoke(token))
    assert not accepted(live, token)


def test_section_2_1_a_token_of_another_client_is_refused_and_lives_on(live: Watched, app: Registered) -> None:
    """ "If this validation fails, the request is refused and the client is informed of the error by the authorization
    server as described below."
    """
    other = register(live, "other", grants=("password", "refresh_token"))
    public = register(live, "other-public", method=AuthMethod.NONE, grants=("password", "refresh_token"))
    body = app.log_in("resource-owner")
    for client in (other, public):
        assert_error(client.revoke(body["refresh_token"]), 400, "invalid_grant")
        assert_error(client.revoke(body["access_token"]), 400, "invalid_grant")
    for token in (body["refresh_token"], body["access_token"]):
        assert_error(post(live, REVOKE, {"token": token}), 400, "invalid_grant")
    assert accepted(live, body["access_token"])
    assert app.refresh(body["refresh_token"]).status_code == 200


def test_section_2_1_a_token_that_no_client_was_given_needs_no_client(live: Watched, app: Registered) -> None:
    """Section 2.1 has credentials "in case of a confidential client"; whoever has a first-party token may end it."""
    token = live.token("resource-owner")
    assert_error(app.revoke(token), 400, "invalid_grant")
    assert_done(post(live, REVOKE, {"token": token}))
    assert not accepted(live, token)


def test_section_2_1_the_invalidation_takes_place_immediately(app: Registered) -> None:
    """ "The invalidation takes place immediately, and the token cannot be used again after the revocation." """
    token = app.token()
    assert app.sees(token)
    assert_done(app.revoke(token))
    assert app.introspect(token) == {"active": False}


def test_section_2_1_a_refresh_token_takes_the_access_tokens_of_its_grant_along(app: Registered) -> None:
    """ "If the particular token is a refresh token and the authorization server supports the revocation of access
    tokens, then the authorization server SHOULD also invalidate all access tokens based on the same authorization
    grant."
    """
    first = app.log_in("resource-owner")
    second = app.refresh(first["refresh_token"]).json()
    other = app.log_in("resource-owner")
    assert_done(app.revoke(second["refresh_token"]))
    assert not accepted(app.live, first["access_token"])
    assert not accepted(app.live, second["access_token"])
    assert accepted(app.live, other["access_token"])


def test_section_2_1_a_refresh_token_that_was_exchanged_before_still_names_its_grant(app: Registered) -> None:
    """Section 2.1: a client that logs out with an old token of its own means the grant, and nothing else."""
    first = app.log_in("resource-owner")
    second = app.refresh(first["refresh_token"]).json()
    assert_done(app.revoke(first["refresh_token"]))
    assert_error(app.refresh(second["refresh_token"]), 400, "invalid_grant")


def test_section_2_1_an_access_token_leaves_its_refresh_token_alone(app: Registered) -> None:
    """ "If the token passed to the request is an access token, the server MAY revoke the respective refresh token as
    well." It does not.
    """
    body = app.log_in("resource-owner")
    assert_done(app.revoke(body["access_token"]))
    assert app.refresh(body["refresh_token"]).status_code == 200


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "id_token", "", "é"])
def test_section_2_1_a_hint_is_a_hint(app: Registered, hint: str) -> None:
    """ "If the server is unable to locate the token using the given hint, it MUST extend its search across all of its
    supported token types." And section 2.2: "An invalid token type hint value is ignored by the authorization server
    and does not influence the revocation response."
    """
    body = app.log_in("resource-owner")
    assert_done(app.revoke(body["access_token"], token_type_hint=hint))
    assert not accepted(app.live, body["access_token"])
    assert_done(app.revoke(body["refresh_token"], token_type_hint=hint))
    assert_error(app.refresh(body["refresh_token"]), 400, "invalid_grant")


def test_section_2_2_an_invalid_token_is_no_error(app: Registered, forge: Forge) -> None:
    """ "The authorization server responds with HTTP status code 200 if the token has been revoked successfully or if
    the client submitted an invalid token. Note: invalid tokens do not cause an error response".
    """
    twice = app.token()
    for token in (
        twice,
        twice,
        "nonsense",
        "wwr_" + "A" * 86,
        "x" * 20000,
        "é\ud7ff",
        forge.token("resource-owner", exp=1),
        forge.token("resource-owner", client_id="app")[:-4] + "AAAA",
        forge.token("resource-owner", {"typ": "JWT"}),
    ):
        assert_done(app.revoke(token))
    assert_done(post(app.live, REVOKE, {"token": "nonsense"}))


def test_section_2_2_1_errors_are_those_of_rfc_6749(app: Registered) -> None:
    """ "The error presentation conforms to the definition in Section 5.2 of [RFC6749]." """
    headers, _ = app.proof(secret="wrong")
    answer = post(app.live, REVOKE, {"token": "x"}, headers)
    assert_error(answer, 401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")


def test_section_2_1_a_token_for_another_api_is_revoked_as_well(live: Watched) -> None:
    """Section 2.1 asks whom a token was issued to, and not what it is for."""
    add_resource(live, API, "read")
    client = register(live, "for-an-api", scopes=("read",), resources=(API,))
    reader = register(live, "the-api", serves=(API,))
    token = client.token(resource=API)
    assert reader.sees(token)
    assert_done(client.revoke(token))
    assert not reader.sees(token)
