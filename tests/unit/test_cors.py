"""Other origins may call what apps in a browser call, without credentials, and nothing else."""

from __future__ import annotations

import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from entrypoints.http.cors import Cors
from entrypoints.http.routes import open_to_browsers
from tests.unit.asgi import Answer, call, chunks, scope

ISSUER = "https://auth.example.com/tenant"
AT_THE_ROOT = [
    "/api/v1/auth/token",
    "/api/v1/auth/revoke",
    "/api/v1/auth/par",
    "/api/v1/auth/userinfo",
    "/api/v1/auth/register",
    "/api/v1/auth/register/",  # and all that is below
    "/.well-known/jwks.json",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
]
FOR_THE_TENANT = [
    "/.well-known/oauth-authorization-server/tenant",
    "/.well-known/openid-configuration/tenant",
    "/tenant/.well-known/openid-configuration",
]
MANAGED = "/api/v1/auth/register/some-client"
SHARED = [*AT_THE_ROOT, *FOR_THE_TENANT, MANAGED]
OTHERS = [
    "/api/v1/auth/introspect",
    "/api/v1/auth/token/",
    "/api/v1/users",
    "/api/v1/users/me",
    "/api/v1/clients",
    "/docs",
    "/openapi.yaml",
    "/healthz",
    "/.well-known/oauth-authorization-server/other",
    "/authorize",
    "/signin",
    "/consent",
    "/account",
    "/logout",
    "/api/v1/auth/registered",
    "/",
]
ORIGIN = ("origin", "https://app.example.com")
PREFLIGHT = [ORIGIN, ("access-control-request-method", "POST"), ("access-control-request-headers", "authorization")]


async def app(sent: Scope, receive: Receive, send: Send) -> None:
    await Response("served", headers={"Retry-After": "1"})(sent, receive, send)


async def answer(path: str, method: str, *headers: tuple[str, str]) -> Answer:
    shared = Cors(app, paths=open_to_browsers(ISSUER))
    return await call(shared, scope(headers, method=method, path=path), chunks(b""))


def about_origins(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


def methods_at(path: str) -> set[str]:
    """A client manages its registration below a path that ends in /."""
    below = path.startswith("/api/v1/auth/register/") and path != "/api/v1/auth/register/"
    return {"GET", "PUT", "DELETE"} if below else {"GET", "POST"}


def test_what_is_shared_is_listed_in_full() -> None:
    assert open_to_browsers(ISSUER) == {*AT_THE_ROOT, *FOR_THE_TENANT}
    assert open_to_browsers("https://auth.example.com/") == set(AT_THE_ROOT)


@pytest.mark.parametrize("path", SHARED)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_is_shared_is_for_every_origin_and_for_no_credentials(path: str, method: str) -> None:
    shared = await answer(path, method, ORIGIN)
    assert (shared.status, shared.body) == (200, b"served")
    headers = about_origins(shared)
    assert headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in headers
    assert {"WWW-Authenticate", "Retry-After"} <= set(headers["access-control-expose-headers"].split(", "))


@pytest.mark.parametrize("path", SHARED)
async def test_cookies_change_nothing_of_that(path: str) -> None:
    shared = await answer(path, "GET", ORIGIN, ("cookie", "a=b"))
    assert "access-control-allow-credentials" not in shared.headers


@pytest.mark.parametrize("path", SHARED)
async def test_a_browser_that_asks_first_hears_what_it_may_send(path: str) -> None:
    asking = [
        (name, "PUT" if name.endswith("method") and "PUT" in methods_at(path) else value) for name, value in PREFLIGHT
    ]
    shared = await answer(path, "OPTIONS", *asking)
    assert shared.status == 200
    assert shared.body != b"served"
    headers = about_origins(shared)
    assert headers["access-control-allow-origin"] == "*"
    assert set(headers["access-control-allow-methods"].split(", ")) == methods_at(path)
    assert {"authorization", "content-type", "mcp-protocol-version"} <= set(
        headers["access-control-allow-headers"].lower().split(", ")
    )
    assert "access-control-allow-credentials" not in headers


@pytest.mark.parametrize("path", OTHERS)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_nothing_else_says_anything_to_other_origins(path: str, method: str) -> None:
    other = await answer(path, method, *PREFLIGHT)
    assert other.body == b"served"
    assert about_origins(other) == {}


@pytest.mark.parametrize("path", SHARED)
async def test_a_method_that_is_not_shared_is_not_allowed(path: str) -> None:
    for method in ("PATCH", "POST") if path == MANAGED else ("PATCH", "PUT", "DELETE"):
        asked = [ORIGIN, ("access-control-request-method", method)]
        assert (await answer(path, "OPTIONS", *asked)).status == 400


async def test_other_protocols_pass_untouched() -> None:
    seen: list[str] = []

    async def lifespan(sent: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(sent["type"])

    await call(Cors(lifespan, paths=["/"]), {"type": "lifespan"})
    assert seen == ["lifespan"]
