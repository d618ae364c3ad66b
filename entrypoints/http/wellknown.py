"""What anybody may ask: the public keys, and whether the server lives and can serve."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import frozen
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.keys.publish import PublishKeys

JWKS_SECONDS = 300  # how long others may keep the key set


@frozen
class Jwks:
    publish: PublishKeys

    async def __call__(self, _request: Request) -> Response:
        headers = {"Cache-Control": f"public, max-age={JWKS_SECONDS}"}
        return JSONResponse(dict(await self.publish()), headers=headers, media_type="application/jwk-set+json")


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
