"""requests-oauthlib, as its documentation shows it."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests
from oauthlib.oauth2 import BackendApplicationClient, InvalidGrantError, LegacyApplicationClient, OAuth2Error
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from core.clients.model import AuthMethod
from tests.http.support import ME, Watched
from tests.interop.support import API, register
from tests.support import PASSWORD


@pytest.fixture(autouse=True)
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """oauthlib wants TLS, which a proxy would bring."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


def test_a_service_gets_a_token_by_http_basic(live: Watched, metadata: dict[str, Any]) -> None:
    secret = register(live, "backend", "client_credentials")
    own = HTTPBasicAuth("backend", secret)
    with OAuth2Session(client=BackendApplicationClient("backend", scope=["reports:read"])) as session:
        token = session.fetch_token(metadata["token_endpoint"], auth=own, resource=API)
    told = requests.post(
        metadata["introspection_endpoint"], data={"token": token["access_token"]}, auth=own, timeout=10
    )
    assert token["scope"] == ["reports:read"]
    assert "refresh_token" not in token
    assert told.json()["aud"] == API


def test_a_service_gets_a_token_with_its_secret_in_the_body(live: Watched, metadata: dict[str, Any]) -> None:
    secret = register(live, "backend-post", "client_credentials", method=AuthMethod.SECRET_POST)
    with OAuth2Session(client=BackendApplicationClient("backend-post")) as session:
        token = session.fetch_token(metadata["token_endpoint"], client_secret=secret, include_client_id=True)
    assert token["scope"] == ["reports:read", "reports:write"]


@pytest.mark.parametrize("method", [AuthMethod.SECRET_BASIC, AuthMethod.SECRET_POST, AuthMethod.NONE])
def test_a_user_stays_logged_in_by_automatic_refresh(
    live: Watched, metadata: dict[str, Any], method: AuthMethod
) -> None:
    client_id = f"legacy-{method.replace('_', '-')}"
    secret = register(live, client_id, "password", "refresh_token", method=method)
    in_body: dict[str, str] = {"client_id": client_id, **({"client_secret": secret} if secret else {})}
    by_header = method is AuthMethod.SECRET_BASIC
    kept: list[dict[str, Any]] = []
    with OAuth2Session(
        client=LegacyApplicationClient(client_id),
        auto_refresh_url=metadata["token_endpoint"],
        auto_refresh_kwargs={} if by_header else in_body,
        token_updater=kept.append,
    ) as session:
        first = session.fetch_token(
            metadata["token_endpoint"],
            username="alice",
            password=PASSWORD,
            client_secret=secret or None,
            include_client_id=not by_header,
        )
        for _ in range(2):
            session.token = {**session.token, "expires_at": time.time() - 1}
            own: dict[str, Any] = {"client_id": client_id, "client_secret": secret} if by_header else {}
            assert session.request("GET", live.url + ME, **own).json()["username"] == "alice"
    told = {first["refresh_token"], *(token["refresh_token"] for token in kept)}
    assert len(kept) == 2
    assert len(told) == 3


def test_a_revoked_refresh_token_is_an_invalid_grant(live: Watched, metadata: dict[str, Any]) -> None:
    secret = register(live, "ends", "password", "refresh_token")
    own = HTTPBasicAuth("ends", secret)
    with OAuth2Session(client=LegacyApplicationClient("ends")) as session:
        token = session.fetch_token(metadata["token_endpoint"], username="alice", password=PASSWORD, auth=own)
        ended = {"token": token["refresh_token"]}
        answer = requests.post(metadata["revocation_endpoint"], data=ended, auth=own, timeout=10)
        assert answer.status_code == 200
        with pytest.raises(InvalidGrantError):
            session.refresh_token(metadata["token_endpoint"], auth=own)


@pytest.mark.parametrize(
    ("secret", "scope", "error"),
    [("wrong", None, "invalid_client"), (None, ["reports:delete"], "invalid_scope")],
)
def test_a_refusal_is_an_error_of_oauthlibs_own(
    live: Watched, metadata: dict[str, Any], secret: str | None, scope: list[object] | None, error: str
) -> None:
    client_id = error.replace("_", "-")
    right = register(live, client_id, "client_credentials")
    with (
        OAuth2Session(client=BackendApplicationClient(client_id, scope=scope)) as session,
        pytest.raises(OAuth2Error) as refused,
    ):
        session.fetch_token(metadata["token_endpoint"], client_secret=secret or right)
    assert refused.value.error == error
