"""The same checks in another process, which has the shared secret and no database.

    export JWT_SECRET_KEY=…            # the very one that Watchword has
    .venv/bin/python examples/shared_secret_api.py

starts it at http://127.0.0.1:8002. What counts is what the token says: a user who is deactivated, or loses a role,
keeps both here until the token expires. Whoever has the secret can also make tokens.
"""

from __future__ import annotations

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from container import Container, Settings, load
from core.tokens.model import AccessToken
from entrypoints.http.protect import Protect
from entrypoints.http.refusals import refusal_handlers


def create_app(settings: Settings) -> Starlette:
    if settings.jwt_secret_key is None:
        raise SystemExit("JWT_SECRET_KEY: expected the secret that Watchword signs with")
    protect = Protect(Container(settings=settings).verify_token())

    @protect.require_user
    async def profile(_request: Request, token: AccessToken) -> Response:
        return JSONResponse({"hello": token.username})

    @protect.require_role("admin", "project_owner")
    async def projects(_request: Request, token: AccessToken) -> Response:
        return JSONResponse({"projects": [], "for": token.username})

    return Starlette(
        routes=[Route("/profile", profile), Route("/projects", projects)], exception_handlers=refusal_handlers
    )


if __name__ == "__main__":
    uvicorn.run(create_app(load()), port=8002)
