"""What anybody may ask, and the paths and methods that are not there."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2 as httpx
import pytest
import yaml

from container import CONTRACT
from tests.http.support import ME, PROBLEM, TOKEN, USERS, Forge, Watched

NOBODY = f"{USERS}/00000000-0000-4000-8000-000000000000"


@pytest.fixture
def client(live: Watched) -> Iterator[httpx.Client]:
    with live.client() as client:
        yield client


def test_healthz_and_readyz(client: httpx.Client) -> None:
    for path, status in (("/healthz", "ok"), ("/readyz", "ready")):
        answer = client.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": status})
        assert answer.headers["cache-control"] == "no-store"


def test_the_key_set_holds_public_keys_and_nothing_private(client: httpx.Client, forge: Forge) -> None:
    answer = client.get("/.well-known/jwks.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/jwk-set+json"
    assert answer.headers["cache-control"].startswith("public, max-age=")
    keys = answer.json()["keys"]
    members = {"EC": {"crv", "x", "y"}, "RSA": {"n", "e"}}  # RSA keys are for ID tokens
    assert all(set(key) == {"kty", "kid", "use", "alg", *members[key["kty"]]} for key in keys)
    (signs,) = [key for key in keys if key["kid"] == forge.kid]
    assert (signs["kty"], signs["crv"], signs["use"], signs["alg"]) == ("EC", "P-256", "sig", "ES256")
    assert signs == dict(forge.public_jwk)


def test_the_contract_is_served_as_it_is_written(client: httpx.Client) -> None:
    answer = client.get("/openapi.yaml")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/yaml")
    assert answer.content == CONTRACT.read_bytes()
    assert yaml.safe_load(answer.text)["openapi"].startswith("3.1")


def test_the_docs_load_nothing_from_elsewhere(client: httpx.Client) -> None:
    answer = client.get("/docs")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "://" not in answer.text.replace("http://www.w3.org/", "")
    assert "script-src 'self'" in answer.headers["content-security-policy"]


def test_a_token_changes_nothing_where_none_is_needed(live: Watched) -> None:
    with live.client("a.bad.token") as client:
        for path in ("/healthz", "/readyz", "/.well-known/jwks.json", "/openapi.yaml", "/docs"):
            assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nowhere",
        "/api",
        "/api/v1",
        "/api/v2/users",
        "/API/v1/users",
        "/healthz/",
        f"{USERS}/",
        f"{ME}/",
        f"{TOKEN}/",
        f"{ME}/password/",
        f"{USERS}//me",
        f"{ME}%2Fpassword%2Fx",
        "/.well-known/",
        "/.well-known/openid-configurationx",
        "/docs/",
        "/docs/../openapi.yaml/x",
        "/docs/%2e%2e/%2e%2e/container.py",
        "/docs/init.js.map",
        "/.env",
        "/static/docs/index.html",
        f"{NOBODY}/roles",
        "/healthz%00",
        "/%E2%80%AE",
    ],
)
def test_a_path_that_is_not_there_is_404(live: Watched, path: str) -> None:
    with live.client() as client:
        for method in ("GET", "POST", "DELETE"):
            answer = client.request(method, path)
            assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)
            assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (TOKEN, {"POST"}),
        (ME, {"GET", "HEAD", "PATCH"}),
        (f"{ME}/password", {"PUT"}),
        (USERS, {"GET", "HEAD", "POST"}),
        (NOBODY, {"GET", "HEAD", "PATCH", "DELETE"}),
        ("/.well-known/jwks.json", {"GET", "HEAD"}),
        ("/healthz", {"GET", "HEAD"}),
        ("/readyz", {"GET", "HEAD"}),
        ("/openapi.yaml", {"GET", "HEAD"}),
        ("/docs", {"GET", "HEAD"}),
    ],
)
def test_another_method_is_405_and_allow_names_all_there_are(live: Watched, path: str, allowed: set[str]) -> None:
    methods = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"}
    with live.client() as client:
        for method in methods - allowed:
            answer = client.request(method, path)
            assert (answer.status_code, answer.headers["content-type"]) == (405, PROBLEM), method
            assert {name.strip() for name in answer.headers["allow"].split(",")} == allowed
        for method in allowed:
            assert client.request(method, path).status_code != 405


def test_a_method_cannot_be_overridden(live: Watched) -> None:
    user = live.add_user("overridden")
    with live.admin() as admin:
        headers = {"X-HTTP-Method-Override": "DELETE", "X-Method-Override": "DELETE"}
        admin.get(f"{USERS}/{user.id}", headers=headers, params={"_method": "DELETE"})
        assert admin.get(f"{USERS}/{user.id}").status_code == 200
