"""RFC 7662, OAuth 2.0 Token Introspection."""

from __future__ import annotations

import pytest

from core.clients.model import AuthMethod
from tests.http.clients import (
    INTROSPECT,
    Registered,
    Timed,
    accepted,
    add_resource,
    assert_error,
    assert_no_client,
    opened,
    post,
    register,
    token_of,
)
from tests.http.support import ISSUER, Forge, Watched
from tests.support import SetClock

API = "https://api.example.com/v1"
OTHER = "https://api.example.com/v2"
INACTIVE = {"active": False}


@pytest.fixture(scope="module")
def live(timed: Timed) -> Timed:
    return timed


@pytest.fixture(scope="module")
def app(live: Watched) -> Registered:
    for identifier in (API, OTHER):
        add_resource(live, identifier, "read", "write")
    return register(
        live,
        "app",
        grants=("password", "refresh_token", "client_credentials"),
        scopes=("read", "write"),
        resources=(API, OTHER),
    )


@pytest.fixture(scope="module")
def api(live: Watched, app: Registered) -> Registered:
    """The resource server, which asks for nothing itself."""
    assert app
    return register(live, "the-api", grants=(), serves=(API,))


def test_section_2_1_the_token_is_required_in_a_post(api: Registered) -> None:
    """ "The protected resource calls the introspection endpoint using an HTTP POST [RFC7231] request with parameters
    sent as "application/x-www-form-urlencoded" data". The token is "REQUIRED".
    """
    assert_error(api.post(INTROSPECT, {}), 400, "invalid_request")
    assert_error(api.post(INTROSPECT, {"token": ""}), 400, "invalid_request")
    with api.live.client() as client:
        assert client.get(INTROSPECT).status_code == 405


def test_section_2_1_some_authorization_is_required(api: Registered, app: Registered) -> None:
    """ "To prevent token scanning attacks, the endpoint MUST also require some form of authorization to access this
    endpoint, such as client authentication". A bearer token is none here, not even the right one.
    """
    live, token = api.live, app.token(resource=API)
    assert_no_client(post(live, INTROSPECT, {"token": token}))
    assert_no_client(post(live, INTROSPECT, {"token": token, "client_id": "the-api"}))
    answer = post(live, INTROSPECT, {"token": token}, {"Authorization": f"Bearer {token}"})
    assert_no_client(answer)


def test_section_2_1_a_public_client_proves_nothing_and_learns_nothing(live: Watched) -> None:
    """Section 2.1, as above: a name that anybody may write is no authorization."""
    public = register(live, "public", method=AuthMethod.NONE, grants=("password",))
    token = public.log_in("resource-owner")["access_token"]
    assert_no_client(public.post(INTROSPECT, {"token": token}))


@pytest.mark.parametrize("method", [one for one in AuthMethod if one is not AuthMethod.NONE])
def test_section_2_1_every_method_of_a_confidential_client(live: Watched, method: AuthMethod) -> None:
    """Section 2.1: "client authentication as described in OAuth 2.0"."""
    client = register(live, f"asks-by-{method}".replace("_", "-"), method=method)
    assert client.sees(client.token())


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense", ""])
def test_section_2_1_a_hint_is_a_hint(app: Registered, hint: str) -> None:
    """ "If the server is unable to locate the token using the given hint, it MUST extend its search across all of its
    supported token types."
    """
    body = app.log_in("resource-owner")
    assert app.introspect(body["access_token"], token_type_hint=hint)["active"] is True
    assert app.introspect(body["refresh_token"], token_type_hint=hint)["active"] is True


def test_section_2_2_what_is_said_of_a_users_access_token(api: Registered, app: Registered) -> None:
    """ "active REQUIRED. Boolean indicator ...", and what is "OPTIONAL", in the words of the token."""
    token = app.log_in("resource-owner", scope="read", resource=API)["access_token"]
    claims = opened(token)
    assert api.introspect(token) == {
        "active": True,
        "iss": ISSUER,
        "sub": "resource-owner",
        "username": "resource-owner",
        "aud": API,
        "scope": "read",
        "client_id": "app",
        "token_type": "Bearer",
        "roles": [],
        **{name: claims[name] for name in ("exp", "iat", "jti")},
    }


def test_section_2_2_what_is_said_of_a_clients_access_token(api: Registered, app: Registered) -> None:
    """Section 2.2: "username" is of a resource owner, and nobody is one here."""
    told = api.introspect(app.token(resource=[API, OTHER]))
    assert (told["sub"], told["client_id"], told["aud"]) == ("app", "app", [API, OTHER])
    assert not {"username", "roles"} & told.keys()


def test_section_2_2_what_is_said_of_a_refresh_token(app: Registered) -> None:
    """Section 2.2 is for refresh tokens too; to their own client. An introspection is no use of a token."""
    token = app.log_in("resource-owner", scope="read")["refresh_token"]
    told = app.introspect(token)
    assert (told["active"], told["sub"], told["username"]) == (True, "resource-owner", "resource-owner")
    assert (told["client_id"], told["scope"], told["iss"], told["aud"]) == ("app", "read", ISSUER, [ISSUER])
    assert told["exp"] - told["iat"] == 30 * 86400
    assert app.refresh(token).status_code == 200


def test_section_2_2_the_answer_is_json_and_never_stored(api: Registered) -> None:
    """ "The server responds with a JSON object [RFC7159] in "application/json" format". What it says may change."""
    answer = api.post(INTROSPECT, {"token": "x"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"


def test_section_2_2_nothing_but_inactive_is_said_of_what_is_not_live(
    api: Registered, app: Registered, forge: Forge, clock: SetClock
) -> None:
    """ "Note that to avoid disclosing too much of the authorization server's state to a third party, the authorization
    server SHOULD NOT include any additional information about an inactive token, including why the token is inactive."
    """
    now = int(clock.now().timestamp())

    def forged(username: str = "resource-owner", header: dict[str, object] | None = None, **changes: object) -> str:
        return forge.token(username, header, **{"aud": API, "iat": now, "exp": now + 60, **changes})

    revoked = app.token(resource=API)
    app.revoke(revoked)
    for token in (
        revoked,
        "nonsense",
        "x" * 20000,
        "wwr_" + "A" * 86,
        forged(exp=now),
        forged(nbf=now + 1),
        forged(iss="https://elsewhere.example"),
        forged(header={"typ": "JWT"}),
        forged("nobody"),
        forged(client_id="no-such-client"),
        forged()[:-4] + "AAAA",
    ):
        assert api.introspect(token) == INACTIVE
    assert api.sees(forged())


def test_section_2_2_a_protected_resource_learns_only_of_tokens_for_itself(
    live: Watched, api: Registered, app: Registered
) -> None:
    """ "If the introspection call is properly authorized but the token is not active, does not exist on this server, or
    the protected resource is not allowed to introspect this particular token, then the authorization server MUST return
    an introspection response with the "active" field set to "false"."
    """
    body = app.log_in("resource-owner", resource=OTHER)
    for token in (body["access_token"], body["refresh_token"], app.token(), live.token("resource-owner")):
        assert api.introspect(token) == INACTIVE
    both = app.log_in("resource-owner", resource=[API, OTHER])
    assert api.sees(both["access_token"])
    assert api.introspect(both["refresh_token"]) == INACTIVE


def test_section_2_2_a_client_learns_of_its_own_tokens(live: Watched, app: Registered) -> None:
    """Section 2.2, as above: a client is allowed its own, and neither its user's others nor another client's."""
    other = register(live, "other", grants=("client_credentials", "password", "refresh_token"))
    own = app.log_in("resource-owner")
    assert app.sees(own["access_token"])
    assert app.sees(own["refresh_token"])
    for token in (own["access_token"], own["refresh_token"], app.token()):
        assert other.introspect(token) == INACTIVE


def test_section_2_3_wrong_credentials_are_an_error(api: Registered) -> None:
    """ "If the protected resource uses OAuth 2.0 client credentials to authenticate to the introspection endpoint and
    its credentials are invalid, the authorization server responds with an HTTP 401 (Unauthorized) as described in
    Section 5.2 of OAuth 2.0 [RFC6749]."
    """
    answer = api.post(INTROSPECT, {"token": "x"}, secret="wrong")
    assert_error(answer, 401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")


def test_section_4_all_applicable_checks_are_made(live: Watched, api: Registered, app: Registered) -> None:
    """ "the authorization server MUST perform all applicable checks against a token's state." Of its user, its client
    and its grant, too.
    """
    user = live.add_user("going")
    body = app.log_in("going", resource=API)
    renewed = app.refresh(body["refresh_token"])
    access = token_of(renewed)
    assert api.sees(access)
    live.run(live.container.update_user()(user.id, is_active=False))
    assert api.introspect(access) == INACTIVE
    assert app.introspect(renewed.json()["refresh_token"]) == INACTIVE

    body = app.log_in("resource-owner", resource=API)
    app.revoke(body["refresh_token"])
    assert api.introspect(body["access_token"]) == INACTIVE
    assert app.introspect(body["refresh_token"]) == INACTIVE

    idle = register(live, "idle", scopes=("read",), resources=(API,))
    token = idle.token(resource=API)
    assert api.sees(token)
    live.run(live.container.update_client()("idle", is_active=False))
    assert api.introspect(token) == INACTIVE
    live.run(live.container.update_client()("idle", is_active=True))
    assert api.introspect(token) == INACTIVE
    assert api.sees(idle.token(resource=API))


def test_section_4_whether_a_token_has_expired_is_determined(live: Watched, clock: SetClock) -> None:
    """ "If the token can expire, the authorization server MUST determine whether or not the token has expired." """
    client = register(live, "expiring", grants=("client_credentials", "password", "refresh_token"))
    token = client.token()
    clock.forward(minutes=30, seconds=-1)
    assert client.sees(token)
    clock.forward(seconds=1)
    assert client.introspect(token) == INACTIVE
    refresh = client.log_in("resource-owner")["refresh_token"]
    clock.forward(days=30, seconds=-1)
    assert client.sees(refresh)
    clock.forward(seconds=1)
    assert client.introspect(refresh) == INACTIVE


def test_section_4_a_refresh_token_that_was_exchanged_is_live_no_longer_than_it_could_be_used(
    live: Watched, clock: SetClock
) -> None:
    """Section 4: what introspection says is what the token endpoint would do, and asking changes nothing."""
    client = register(live, "rotating", grants=("password", "refresh_token"))
    first = client.log_in("resource-owner")
    second = client.refresh(first["refresh_token"]).json()
    assert client.sees(first["refresh_token"])
    clock.forward(seconds=30)
    assert client.introspect(first["refresh_token"]) == INACTIVE
    assert client.sees(second["refresh_token"])
    assert accepted(live, second["access_token"])
