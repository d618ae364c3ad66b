"""What anybody may ask: the public keys, what is offered, and whether the server lives and can serve."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import unquote, urlsplit

from attrs import frozen
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.discovery import DescribeServer
from core.keys.publish import PublishKeys

JWKS_PATH = "/.well-known/jwks.json"
METADATA_PATH = "/.well-known/oauth-authorization-server"
OPENID_PATH = "/.well-known/openid-configuration"


def metadata_paths(issuer: str, *, openid: bool) -> list[str]:
    """RFC 8414 §3.1: the well-known part goes between the host of the issuer and its path, if it has one; by OpenID
    Connect Discovery §4 it comes behind the path, and clients of MCP try both.
    """
    path = unquote(urlsplit(issuer).path.removesuffix("/"))
    known = [METADATA_PATH, *([OPENID_PATH] if openid else [])]
    behind = [path + OPENID_PATH] if openid and path else []
    return [*known, *([one + path for one in known] if path else []), *behind]


@frozen
class Jwks:
    publish: PublishKeys
    cache_seconds: int  # how long others may keep the key set

    async def __call__(self, _request: Request) -> Response:
        headers = {"Cache-Control": f"public, max-age={self.cache_seconds}"}
        return JSONResponse(dict(await self.publish()), headers=headers, media_type="application/jwk-set+json")


@frozen
class Metadata:
    describe: DescribeServer
    paths: Mapping[str, str]
    cache_seconds: int

    async def __call__(self, _request: Request) -> Response:
        headers = {"Cache-Control": f"public, max-age={self.cache_seconds}"}
        return JSONResponse(await self.describe(self.paths), headers=headers)


async def healthz(_request: Request) -> Response:
    """The process answers. Asks nothing else of anybody."""
    return JSONResponse({"status": "ok"})


@frozen
class Readyz:
    ready: Callable[[], Awaitable[None]]

    async def __call__(self, _request: Request) -> Response:
        """Whatever is needed to serve is there; `Unavailable` becomes 503."""
        await self.ready()
        return JSONResponse({"status": "ready"})
