"""Cross-origin requests (pure ASGI): for what apps in a browser call, from any origin, and never with credentials."""

from __future__ import annotations

from collections.abc import Collection

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

SECONDS = 600  # that a browser may remember a preflight's answer


class Cors:
    """At `paths`, and below those that end in /. Everywhere else nothing is answered to other origins, as if this
    were not here.
    """

    def __init__(self, app: ASGIApp, *, paths: Collection[str]) -> None:
        self._app = app
        self._paths = frozenset(paths)
        self._below = tuple(path for path in paths if path.endswith("/"))
        self._shared = _open_to_all(app, "GET", "POST")
        self._managed = _open_to_all(app, "GET", "PUT", "DELETE")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http" and _is_affected(scope):
            if scope["path"] in self._paths:
                app = self._shared
            elif scope["path"].startswith(self._below):
                app = self._managed
        await app(scope, receive, send)


def _open_to_all(app: ASGIApp, *methods: str) -> ASGIApp:
    return CORSMiddleware(
        app,
        allow_origins=["*"],
        allow_methods=methods,
        # The last one is what clients of MCP send along, also to us.
        allow_headers=["Authorization", "Content-Type", "MCP-Protocol-Version"],
        expose_headers=["WWW-Authenticate", "Retry-After", "X-Request-ID"],
        max_age=SECONDS,
    )


def _is_affected(scope: Scope) -> bool:
    """What caches may keep is told apart by its origin (`Vary`), also where it was asked for without one."""
    return scope["method"] == "GET" or any(name == b"origin" for name, _ in scope["headers"])
