"""Authlib's client signs a person in, as its documentation shows it: code, PKCE, ID token, refresh."""

from __future__ import annotations

import time
from typing import Any

import httpx2 as httpx
import pytest
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuth2Client
from authlib.oidc.core import CodeIDToken, UserInfo
from joserfc import jwt
from joserfc.jwk import KeySet

from core.clients.model import AuthMethod
from tests.http.signing_in import CALLBACK, App, add_app
from tests.http.support import Watched
from tests.interop.support import discover_openid, signed_in_at
from tests.support import TLS

SCOPE = "openid profile email offline_access"


@pytest.fixture(scope="module")
def found(people: Watched) -> dict[str, Any]:
    return discover_openid(people.url)


def registered(live: Watched, client_id: str, method: AuthMethod, **members: Any) -> App:
    return add_app(
        live, client_id, method=method, scopes=SCOPE.split(), grants=("authorization_code", "refresh_token"), **members
    )


def library(app: App, found: dict[str, Any], **others: Any) -> dict[str, Any]:
    """What Authlib's clients are made of."""
    return {
        "client_id": app.client_id,
        "client_secret": app.secret or None,
        "token_endpoint_auth_method": str(app.method),
        "scope": SCOPE,
        "redirect_uri": CALLBACK,
        "code_challenge_method": "S256",
        "token_endpoint": found["token_endpoint"],
        "verify": TLS,
        **others,
    }


def checked(found: dict[str, Any], token: dict[str, Any], client_id: str, nonce: str | None) -> CodeIDToken:
    """The claims of an ID token, after every check that Authlib knows."""
    keys = KeySet.import_key_set(httpx.get(found["jwks_uri"], verify=TLS).json())
    signed = jwt.decode(token["id_token"], keys, algorithms=found["id_token_signing_alg_values_supported"])
    claims = CodeIDToken(
        signed.claims,
        signed.header,
        {"iss": {"values": [found["issuer"]]}, "aud": {"values": [client_id]}},
        {"nonce": nonce, "client_id": client_id, "access_token": token["access_token"], "max_age": 60},
    )
    claims.validate(leeway=0)
    return claims


@pytest.mark.parametrize(
    ("method", "algorithm"),
    [(AuthMethod.SECRET_BASIC, "RS256"), (AuthMethod.SECRET_POST, "ES256"), (AuthMethod.NONE, "RS256")],
)
async def test_a_person_signs_in_and_stays_so(
    people: Watched, found: dict[str, Any], method: AuthMethod, algorithm: str
) -> None:
    app = registered(people, f"authlib-{method}".replace("_", "-"), method, id_token_signed_response_alg=algorithm)
    verifier, nonce = generate_token(48), generate_token(20)
    async with AsyncOAuth2Client(**library(app, found)) as client:
        url, state = client.create_authorization_url(
            found["authorization_endpoint"], code_verifier=verifier, nonce=nonce, max_age=60
        )
        back = signed_in_at(people, url)
        first = await client.fetch_token(authorization_response=back, code_verifier=verifier, state=state)
        claims = checked(found, first, app.client_id, nonce)
        assert (claims["sub"], claims.header["alg"]) == ("alice", algorithm)
        told = UserInfo((await client.get(found["userinfo_endpoint"])).json())
        assert (told.sub, told.preferred_username, told.email) == ("alice", "alice", "alice@example.com")
        second = await client.refresh_token()
        assert second["refresh_token"] != first["refresh_token"]
        again = checked(found, second, app.client_id, nonce=None)
        assert (again["sub"], again["auth_time"]) == (claims["sub"], claims["auth_time"])


def test_the_synchronous_client_refreshes_by_itself_when_its_token_has_expired(
    people: Watched, found: dict[str, Any]
) -> None:
    app = registered(people, "authlib-sync", AuthMethod.SECRET_BASIC)
    kept: list[dict[str, Any]] = []
    with OAuth2Client(**library(app, found, update_token=lambda token, **_: kept.append(token))) as client:
        verifier = generate_token(48)
        url, _ = client.create_authorization_url(found["authorization_endpoint"], code_verifier=verifier)
        first = client.fetch_token(authorization_response=signed_in_at(people, url), code_verifier=verifier)
        client.token = {**first, "expires_at": int(time.time()) - 1}
        assert client.get(found["userinfo_endpoint"]).json()["sub"] == "alice"
        assert [token["access_token"] == first["access_token"] for token in kept] == [False]
        assert client.revoke_token(found["revocation_endpoint"], kept[0]["refresh_token"]).status_code == 200
        with pytest.raises(OAuthError, match="invalid_grant"):
            client.refresh_token()


async def test_another_verifier_gets_nothing(people: Watched, found: dict[str, Any]) -> None:
    app = registered(people, "authlib-verifier", AuthMethod.NONE)
    async with AsyncOAuth2Client(**library(app, found)) as client:
        url, _ = client.create_authorization_url(found["authorization_endpoint"], code_verifier=generate_token(48))
        back = signed_in_at(people, url)
        with pytest.raises(OAuthError, match="invalid_grant"):
            await client.fetch_token(authorization_response=back, code_verifier=generate_token(48))
