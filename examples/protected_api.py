"""An API of your own, in one process with Watchword's users: every check asks the database.

    .venv/bin/python examples/protected_api.py

starts it at http://127.0.0.1:8001, on the data of the Watchword that your settings name. `watchword serve` may run
beside it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from container import Container, EmbeddedPostgres, Settings, load
from core.users.model import User
from entrypoints.http.protect import Protect
from entrypoints.http.refusals import refusal_handlers


def create_app(settings: Settings) -> Starlette:
    container = Container(settings=settings)
    protect = Protect(container.current_user())

    async def public(_request: Request) -> Response:
        return JSONResponse({"hello": "anybody"})

    @protect.require_user
    async def profile(_request: Request, user: User) -> Response:
        return JSONResponse({"hello": user.username})

    @protect.require_role("admin", "project_owner")
    async def projects(_request: Request, user: User) -> Response:
        return JSONResponse({"projects": [], "for": user.username})

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await container.store().open()
        yield
        await container.store().close()

    return Starlette(
        routes=[Route("/", public), Route("/profile", profile), Route("/projects", projects)],
        exception_handlers=refusal_handlers,
        lifespan=lifespan,
    )


def main() -> None:
    settings = load()
    if settings.embedded:
        account, binaries = settings.postgres_account, settings.postgres_binaries
        with EmbeddedPostgres(settings.data_dir, role="serve", account=account, binaries=binaries) as dsn:
            uvicorn.run(create_app(attrs.evolve(settings, database_url=dsn)), port=8001)
    else:
        uvicorn.run(create_app(settings), port=8001)


if __name__ == "__main__":
    main()
