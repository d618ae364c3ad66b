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
        self._shared = CORSMiddleware(
            app,
            allow_origins=["*"],
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "MCP-Protocol-Version"],
            expose_headers=["WWW-Authenticate", "Retry-After", "X-Request-ID"],
            max_age=SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        shared = scope["type"] == "http" and self._is_open(scope["path"]) and _is_affected(scope)
        await (self._shared if shared else self._app)(scope, receive, send)

    def _is_open(self, path: str) -> bool:
        return path in self._paths or path.startswith(self._below)


def _is_affected(scope: Scope) -> bool:
    """What caches may keep is told apart by its origin (`Vary`), also where it was asked for without one."""
    return scope["method"] == "GET" or any(name == b"origin" for name, _ in scope["headers"])
