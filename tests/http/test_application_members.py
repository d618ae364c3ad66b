"""What the admin API says of an application (RFC 7591 §2): each member by itself, and how one is taken away."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2 as httpx
import pytest

from tests.http.clients import CLIENTS
from tests.http.support import PROBLEM, Watched, record

CALLBACK = "https://app.example.com/cb"
# What may be taken away, and a value that it may have before.
OPTIONAL = {
    "userinfo_signed_response_alg": "ES256",
    "sector_identifier_uri": "https://app.example.com/sector",
    "default_max_age": 60,
    "initiate_login_uri": "https://app.example.com/start",
    "client_uri": "https://app.example.com/",
    "logo_uri": "https://app.example.com/logo.png",
    "tos_uri": "https://app.example.com/terms",
    "policy_uri": "https://app.example.com/privacy",
    "software_id": "an-app",
    "software_version": "1.2",
    "token_endpoint_auth_signing_alg": "ES256",
    "require_pkce": False,
}
PUBLIC_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "_RInzvA2TvdoHssG_DYocwRSdZGb1BXO7R8b1WcRokg",
    "y": "VaVO8cSNGxtzoFm88xSyBQfKPKRpygUuHIMqJcfGcjk",
}
LASTING = ["application_type", "redirect_uris", "id_token_signed_response_alg", "subject_type", "require_auth_time"]


@pytest.fixture
def admin(live: Watched) -> Iterator[httpx.Client]:
    with live.admin() as client:
        yield client


def create(admin: httpx.Client, client_id: str, **members: object) -> httpx.Response:
    answer = admin.post(CLIENTS, json={"client_id": client_id, "redirect_uris": [CALLBACK], **members})
    record.keep(answer.json().get("client_secret"))
    return answer


def test_members_are_shown_as_they_were_said(admin: httpx.Client) -> None:
    answer = create(admin, "said", **OPTIONAL)
    assert answer.status_code == 201, answer.text
    shown = admin.get(f"{CLIENTS}/said").json()
    assert OPTIONAL.items() <= shown.items()
    assert shown["redirect_uris"] == [CALLBACK]


@pytest.mark.parametrize("name", OPTIONAL)
def test_null_takes_a_member_away_and_leaves_the_others(admin: httpx.Client, name: str) -> None:
    client_id = f"without-{name}".replace("_", "-")
    assert create(admin, client_id, **OPTIONAL).status_code == 201
    answer = admin.patch(f"{CLIENTS}/{client_id}", json={name: None})
    assert answer.status_code == 200, answer.text
    rest = {other: value for other, value in OPTIONAL.items() if other != name}
    shown = admin.get(f"{CLIENTS}/{client_id}").json()
    assert name not in shown
    assert rest.items() <= shown.items()


def test_null_is_the_same_as_nothing_for_a_new_client(admin: httpx.Client) -> None:
    answer = create(admin, "nulls", **dict.fromkeys(OPTIONAL))
    assert answer.status_code == 201, answer.text
    assert not OPTIONAL.keys() & answer.json().keys()


def test_keys_go_over_to_an_address_and_back(admin: httpx.Client) -> None:
    by_key = {"token_endpoint_auth_method": "private_key_jwt", "grant_types": ["client_credentials"]}
    jwks, elsewhere = {"keys": [PUBLIC_KEY]}, "https://app.example.com/jwks"
    assert admin.post(CLIENTS, json={"client_id": "moving", "jwks": jwks, **by_key}).status_code == 201
    moved = admin.patch(f"{CLIENTS}/moving", json={"jwks_uri": elsewhere}).json()
    assert (moved.get("jwks"), moved.get("jwks_uri")) == (None, elsewhere)
    without = admin.patch(f"{CLIENTS}/moving", json={"jwks_uri": None}).json()
    assert [error["field"] for error in without["errors"]] == ["jwks"]
    back = admin.patch(f"{CLIENTS}/moving", json={"jwks": jwks, "jwks_uri": None}).json()
    assert (back.get("jwks"), back.get("jwks_uri")) == (jwks, None)


@pytest.mark.parametrize("name", LASTING)
def test_what_has_a_default_is_not_null(admin: httpx.Client, name: str) -> None:
    client_id = f"null-{name}".replace("_", "-")
    assert create(admin, client_id).status_code == 201
    answer = admin.patch(f"{CLIENTS}/{client_id}", json={name: None})
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert [error["field"] for error in answer.json()["errors"]] == [name]
