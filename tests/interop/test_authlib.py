"""Authlib's client, as its documentation shows it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey

from core.clients.model import AuthMethod
from tests.http.support import ME, Watched
from tests.interop.support import API, register
from tests.support import PASSWORD, TLS

Token = dict[str, Any]


def client(metadata: Mapping[str, Any], client_id: str, secret: object, **others: Any) -> AsyncOAuth2Client:
    """Authlib takes an endpoint by the name that it has in the metadata."""
    return AsyncOAuth2Client(client_id, secret, token_endpoint=metadata["token_endpoint"], verify=TLS, **others)


@pytest.mark.parametrize("method", [AuthMethod.SECRET_BASIC, AuthMethod.SECRET_POST])
async def test_a_service_gets_a_token_with_its_secret(
    live: Watched, metadata: dict[str, Any], method: AuthMethod
) -> None:
    secret = register(live, f"by-{method.replace('_', '-')}", "client_credentials", method=method)
    assert method in metadata["token_endpoint_auth_methods_supported"]
    async with client(
        metadata, f"by-{method.replace('_', '-')}", secret, token_endpoint_auth_method=str(method), scope="reports:read"
    ) as service:
        token = await service.fetch_token(resource=API)
        told = await service.introspect_token(metadata["introspection_endpoint"])
    assert token["scope"] == "reports:read"
    assert "refresh_token" not in token  # RFC 6749 §4.4.3
    assert told.json()["active"] is True
    assert told.json()["aud"] == API


def short_lived(metadata: Mapping[str, Any]) -> PrivateKeyJWT:
    """For one request. Left to itself Authlib signs for an hour, and claims that it is given keep their `jti`."""
    return PrivateKeyJWT(metadata["token_endpoint"], claims={"exp": int(time.time()) + 60}, alg="ES256")


async def test_a_service_gets_tokens_with_its_private_key(live: Watched, metadata: dict[str, Any]) -> None:
    key = ECKey.generate_key("P-256", private=True)
    jwks = {"keys": [key.as_dict(private=False)]}
    register(live, "by-key", "client_credentials", method=AuthMethod.PRIVATE_KEY_JWT, jwks=jwks)
    method = str(AuthMethod.PRIVATE_KEY_JWT)
    assert method in metadata["token_endpoint_auth_methods_supported"]
    assert "ES256" in metadata["token_endpoint_auth_signing_alg_values_supported"]
    async with client(metadata, "by-key", key, token_endpoint_auth_method=method) as service:
        service.register_client_auth_method(short_lived(metadata))
        token = await service.fetch_token()
        with pytest.raises(OAuthError, match="invalid_client"):
            await service.fetch_token()  # the same `jti`
        service.register_client_auth_method(short_lived(metadata))
        told = await service.introspect_token(metadata["introspection_endpoint"], token=token["access_token"])
    assert told.json()["client_id"] == "by-key"


async def test_a_token_that_expired_is_fetched_anew_without_a_word(live: Watched, metadata: dict[str, Any]) -> None:
    secret = register(live, "long-runner", "client_credentials")
    noted: list[Token] = []

    async def note(token: Token, access_token: str) -> None:
        noted.append(token)

    async with client(metadata, "long-runner", secret, update_token=note) as service:
        first = await service.fetch_token()
        service.token = {**first, "expires_at": int(time.time())}
        await service.get(live.url + ME)
    assert [token["access_token"] == first["access_token"] for token in noted] == [False]


async def test_a_user_stays_logged_in_by_refresh_tokens(live: Watched, metadata: dict[str, Any]) -> None:
    secret = register(live, "portal", "password", "refresh_token")
    kept: list[tuple[Token, str]] = []

    async def keep(token: Token, refresh_token: str) -> None:
        kept.append((token, refresh_token))

    async with client(metadata, "portal", secret, update_token=keep) as app:
        first = await app.fetch_token(username="alice", password=PASSWORD)
        for _ in range(3):
            before = app.token["refresh_token"]
            app.token = {**app.token, "expires_at": int(time.time())}
            assert (await app.get(live.url + ME)).json()["username"] == "alice"
            assert kept[-1][1] == before
            assert kept[-1][0]["refresh_token"] == app.token["refresh_token"] != before
    assert len(kept) == 3
    assert first["access_token"] not in {token["access_token"] for token, _ in kept}


async def test_many_workers_with_one_refresh_token_stay_together(live: Watched, metadata: dict[str, Any]) -> None:
    secret = register(live, "workers", "password", "refresh_token")
    async with client(metadata, "workers", secret) as app:
        first = await app.fetch_token(username="alice", password=PASSWORD)

        async def refreshed() -> Token:
            async with client(metadata, "workers", secret, token=dict(first)) as worker:
                token: Token = await worker.refresh_token()
                return token

        tokens = await asyncio.gather(*(refreshed() for _ in range(20)))
    assert len({token["refresh_token"] for token in tokens}) == 1


async def test_a_public_client_names_itself_and_needs_no_secret(live: Watched, metadata: dict[str, Any]) -> None:
    register(live, "desktop", "password", "refresh_token", method=AuthMethod.NONE)
    async with client(metadata, "desktop", None) as app:
        await app.fetch_token(username="alice", password=PASSWORD, scope="reports:read")
        token = await app.refresh_token()
        assert token["scope"] == "reports:read"
        assert (await app.revoke_token(metadata["revocation_endpoint"])).status_code == 200
        with pytest.raises(OAuthError, match="invalid_grant"):
            await app.refresh_token()


@pytest.mark.parametrize("hint", [None, "refresh_token", "access_token"])
async def test_what_is_revoked_is_no_longer_active(live: Watched, metadata: dict[str, Any], hint: str | None) -> None:
    client_id = f"leaver-{hint or 'plain'}".replace("_", "-")
    secret = register(live, client_id, "password", "refresh_token")
    async with client(metadata, client_id, secret) as app:
        token = await app.fetch_token(username="alice", password=PASSWORD)
        answer = await app.revoke_token(
            metadata["revocation_endpoint"], token=token["refresh_token"], token_type_hint=hint
        )
        assert answer.status_code == 200
        for text in (token["refresh_token"], token["access_token"]):
            told = await app.introspect_token(metadata["introspection_endpoint"], token=text)
            assert told.json() == {"active": False}
        with pytest.raises(OAuthError, match="invalid_grant"):
            await app.refresh_token()


async def test_an_api_asks_about_tokens_that_are_meant_for_it(live: Watched, metadata: dict[str, Any]) -> None:
    secret = register(live, "caller", "client_credentials")
    own = register(live, "the-api", serves=(API,))
    async with client(metadata, "caller", secret) as caller, client(metadata, "the-api", own) as api:
        for_the_api = await caller.fetch_token(resource=API, scope="reports:write")
        told = (
            await api.introspect_token(metadata["introspection_endpoint"], token=for_the_api["access_token"])
        ).json()
        for_others = await caller.fetch_token()
        hidden = await api.introspect_token(metadata["introspection_endpoint"], token=for_others["access_token"])
    assert told["active"] is True
    assert (told["client_id"], told["sub"], told["scope"]) == ("caller", "caller", "reports:write")
    assert hidden.json() == {"active": False}


async def test_a_refusal_arrives_by_its_name(live: Watched, metadata: dict[str, Any]) -> None:
    secret = register(live, "narrow", "client_credentials")
    async with client(metadata, "narrow", "wws_wrong") as stranger:
        with pytest.raises(OAuthError, match="invalid_client"):
            await stranger.fetch_token()
    async with client(metadata, "narrow", secret) as service:
        with pytest.raises(OAuthError, match="invalid_scope"):
            await service.fetch_token(scope="reports:delete")
        with pytest.raises(OAuthError, match="invalid_target"):
            await service.fetch_token(resource="https://api.example.com/v2")
        with pytest.raises(OAuthError, match="unauthorized_client"):
            await service.fetch_token(grant_type="password", username="alice", password=PASSWORD)
