"""Endpoints that want to know who is there: yours and Watchword's own.

    protect = Protect(container.current_user())

    @protect.require_user
    async def me(request: Request, user: User) -> Response: ...

    @protect.require_role("admin", "project_owner")
    async def projects(request: Request, user: User) -> Response: ...

An application of your own registers `entrypoints.http.refusals.refusal_handlers` as its exception handlers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Generic, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from core.access.check_role import CheckRole
from core.access.model import Bearer
from core.protocol.refusals import InvalidToken, TokenMissing
from core.protocol.secret import Secret

B = TypeVar("B", bound=Bearer)

Endpoint = Callable[[Request], Awaitable[Response]]


class Protect(Generic[B]):
    """`recognise` turns a token into whoever bears it: `CurrentUser` asks the store, `VerifyToken` the token alone."""

    def __init__(self, recognise: Callable[[Secret], Awaitable[B]]) -> None:
        self._recognise = recognise

    def require_user(self, endpoint: Callable[[Request, B], Awaitable[Response]]) -> Endpoint:
        """Call the endpoint with whoever is there. Otherwise 401."""

        @wraps(endpoint)
        async def protected(request: Request) -> Response:
            return await endpoint(request, await self._recognise(bearer_token(request)))

        return protected

    def require_role(self, *any_of: str) -> Callable[[Callable[[Request, B], Awaitable[Response]]], Endpoint]:
        """As `require_user`, and 403 for whoever has none of these roles."""
        check = CheckRole(any_of)

        def protector(endpoint: Callable[[Request, B], Awaitable[Response]]) -> Endpoint:
            @self.require_user
            @wraps(endpoint)
            async def protected(request: Request, bearer: B) -> Response:
                return await endpoint(request, check(bearer))

            return protected

        return protector


def bearer_token(request: Request) -> Secret:
    """RFC 6750 §2.1, the only way that is offered. Raises `TokenMissing`, `InvalidToken`."""
    sent = request.headers.getlist("authorization")
    if len(sent) > 1:
        raise InvalidToken("several Authorization headers")
    scheme, _, token = (sent[0] if sent else "").partition(" ")
    if scheme.lower() != "bearer":
        raise TokenMissing
    return Secret(token.strip(" "))
