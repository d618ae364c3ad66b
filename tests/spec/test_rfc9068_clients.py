"""RFC 9068, JWT Profile for OAuth 2.0 Access Tokens: those of clients that act for themselves."""

from __future__ import annotations

import json

import httpx2 as httpx
import pytest

from core.clients.model import AuthMethod
from tests.http.clients import JWKS, Registered, add_resource, opened, register
from tests.http.support import ISSUER, Forge, Watched, unb64

API = "https://api.example.com/v1"


@pytest.fixture(scope="module")
def service(live: Watched) -> Registered:
    add_resource(live, API, "read")
    return register(live, "service", scopes=("read", "write"), resources=(API,))


def test_section_2_1_header(service: Registered, forge: Forge) -> None:
    """ "JWT access tokens MUST include this media type in the "typ" header parameter to explicitly declare that the JWT
    represents an access token complying with this profile."
    """
    header = json.loads(unb64(service.token().split(".")[0]))
    assert header == {"alg": "ES256", "typ": "at+jwt", "kid": forge.kid}
    with service.live.client() as client:
        assert forge.kid in {key["kid"] for key in client.get(JWKS).json()["keys"]}


def test_section_2_2_the_claims(service: Registered) -> None:
    """iss, exp, aud, sub, client_id, iat and jti are "REQUIRED"."""
    found = opened(service.token(scope="read"))
    assert set(found) == {"iss", "exp", "aud", "sub", "client_id", "iat", "jti", "scope"}
    assert (found["iss"], found["aud"], found["scope"]) == (ISSUER, ISSUER, "read")


def test_section_2_2_sub_is_the_client_where_nobody_else_is_involved(service: Registered) -> None:
    """ "In cases of access tokens obtained through grants where no resource owner is involved, such as the client
    credentials grant, the value of "sub" SHOULD correspond to an identifier the authorization server uses to indicate
    the client application."
    """
    found = opened(service.token())
    assert (found["sub"], found["client_id"]) == ("service", "service")


def test_section_2_2_sub_is_the_user_where_one_is_involved(live: Watched) -> None:
    """ "In cases of access tokens obtained through grants where a resource owner is involved, ... the value of "sub"
    SHOULD correspond to the subject identifier of the resource owner."
    """
    client = register(live, "on-behalf", method=AuthMethod.NONE, grants=("password",))
    found = opened(client.log_in("resource-owner")["access_token"])
    assert (found["sub"], found["client_id"]) == ("resource-owner", "on-behalf")


def test_section_2_2_every_token_has_an_id_of_its_own(service: Registered) -> None:
    """RFC 7519 §4.1.7, which section 2.2 takes over: a "jti" is assigned so that no two are the same."""
    assert len({opened(service.token())["jti"] for _ in range(5)}) == 5


def test_section_2_2_3_scope_is_there_when_there_is_one(service: Registered, live: Watched) -> None:
    """ "If an authorization request includes a scope parameter, the corresponding issued JWT access token SHOULD
    include a "scope" claim".
    """
    assert opened(service.token())["scope"] == "read write"
    assert "scope" not in opened(register(live, "without-scopes").token())


def test_section_2_2_3_1_a_client_has_no_roles(service: Registered) -> None:
    """Section 2.2.3.1 has roles for the subject's authorization; they are given to users here, never to clients."""
    assert "roles" not in opened(service.token(resource=API))


def test_section_3_the_audience_is_the_resource_or_the_default(service: Registered) -> None:
    """ "If the request includes a "resource" parameter (as defined in [RFC8707]), the resulting JWT access token "aud"
    claim SHOULD have the same value as the "resource" parameter in the request. If the request does not include a
    "resource" parameter, the authorization server MUST use a default resource indicator in the "aud" claim."
    """
    assert opened(service.token(resource=API))["aud"] == API
    assert opened(service.token())["aud"] == ISSUER


def test_section_5_a_client_and_a_user_never_share_a_subject(live: Watched) -> None:
    """Section 5: a client is not to get a "sub" that confuses it with a resource owner. No name is given out twice, in
    whatever order, and not even after its bearer is gone.
    """

    def client(admin: httpx.Client, name: str) -> int:
        return admin.post("/api/v1/clients", json={"client_id": name}).status_code

    def user(admin: httpx.Client, name: str) -> int:
        body = {"username": name, "email": f"{name}@example.com", "password": "a long password"}
        return admin.post("/api/v1/users", json=body).status_code

    with live.admin() as admin:
        assert [client(admin, "name-one"), user(admin, "name-one")] == [201, 409]
        assert [user(admin, "name-two"), client(admin, "name-two")] == [201, 409]
        admin.delete("/api/v1/clients/name-one")
        assert [user(admin, "name-one"), client(admin, "name-one")] == [409, 409]
        users = {each["username"]: each["id"] for each in admin.get("/api/v1/users").json()["users"]}
        admin.delete(f"/api/v1/users/{users['name-two']}")
        assert [client(admin, "name-two"), user(admin, "name-two")] == [409, 409]
        # Nor can anybody be Watchword itself, which is the client of first-party tokens.
        assert client(admin, "watchword") == 422
